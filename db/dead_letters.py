"""Dead letters: events that could not be stored, kept with their reason until somebody has them stored or drops them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from db import queries
from db.pipeline import Connection, columns_of

REASON_CHARS_MAX = 2000


@dataclass(slots=True, frozen=True)
class Bounds:
    """What is kept of each project."""

    letters: int
    bytes: int


@dataclass(slots=True, frozen=True)
class Letter:
    project_id: int
    shard: int
    entry_id: str
    code: str
    """SQLSTATE, or the name of the error's class."""
    reason: str
    run_id: UUID | None
    record: bytes
    """The event as it stood in the stream."""


@dataclass(slots=True, frozen=True)
class Selection:
    """Which letters are meant; None: any."""

    project_id: int | None = None
    code: str | None = None
    id: int | None = None

    @property
    def values(self) -> dict[str, int | str | None]:
        return {"project_id": self.project_id, "code": self.code, "id": self.id}


@dataclass(slots=True, frozen=True)
class Count:
    """Letters of one project and code."""

    project: str
    """Its slug."""
    code: str
    kept: int
    bytes: int
    """Of those that are kept."""
    buried: int
    """Ever."""
    dropped: int
    """Of them, those that the bounds did not let be kept."""
    last_hour: int
    usual: float
    """An hour of the day before."""

    def described(self) -> dict[str, object]:
        return {
            "code": self.code,
            "kept": self.kept,
            "bytes": self.bytes,
            "buried": self.buried,
            "dropped": self.dropped,
            "lastHour": self.last_hour,
        }


RISING_FROM = 10
RISING_TIMES = 3


def are_rising(counts: Sequence[Count]) -> bool:
    """Whether many more were buried in the last hour than in a usual one."""
    last_hour = sum(count.last_hour for count in counts)
    return last_hour >= RISING_FROM and last_hour > RISING_TIMES * sum(count.usual for count in counts)


_COLUMNS = ("project_ids", "shards", "entry_ids", "codes", "reasons", "run_ids", "records")


def bury(connection: Connection, letters: Sequence[Letter], bounds: Bounds) -> int:
    """Keeps and counts letters. Returns how many were not kept."""
    rows = [
        (one.project_id, one.shard, one.entry_id, one.code, one.reason[:REASON_CHARS_MAX], one.run_id, one.record)
        for one in letters
    ]
    values = {**columns_of(rows, _COLUMNS), "letters_max": bounds.letters, "bytes_max": bounds.bytes}
    row = connection.execute(queries.BURY, values).fetchone()
    return 0 if row is None else int(row[0])


def count(connection: Connection, project_id: int | None = None) -> list[Count]:
    return [Count(*row) for row in connection.execute(queries.COUNT_DEAD_LETTERS, {"project_id": project_id})]


def find_unstorable(connection: Connection, payloads: Sequence[tuple[int, str]]) -> dict[int, tuple[str, str]]:
    """Of numbered JSON texts those that Postgres cannot hold: code and reason by number."""
    values = columns_of(payloads, ("numbers", "payloads"))
    return {number: (code, reason) for number, code, reason in connection.execute(queries.FIND_UNSTORABLE, values)}
