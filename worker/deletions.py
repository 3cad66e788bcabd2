"""The deletions that were asked for, and their doing: a run, a session, a user's data, a day that is not kept any more.

Each is a row, which is also its place in the queue, and is done in slices: a transaction removes some runs and counts them in
the row. A crash in the middle leaves whole slices, and the next turn goes on. Events that were accepted before the request
must not bring a run back, so a deletion begins once the drains have passed where the streams ended then.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString, cast
from uuid import UUID

import msgspec
import psycopg
import redis
from psycopg.types.json import Jsonb

from db import queries
from db.partitions import drop_day
from db.pipeline import Connection
from events.stream import epoch_key, id_order, stream_key
from worker import removal
from worker.fold import fold
from worker.scheduler import known_shards
from worker.state import RunKey

logger = logging.getLogger(__name__)

LISTED_RUNS = 5_000
"""How many are looked up at a time."""
SLICE_RUNS = 500
SLICE_STEPS = 2_500
"""A slice takes some 100 ms; a run with more is a slice of its own."""

COUNTED = ("runs", "steps", "artifacts", "metrics", "deadLetters")

RUN, SESSION, USER, RETENTION = "run", "session", "user", "retention"

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RUNS: dict[str, LiteralString] = {
    RUN: queries.RUN_TO_REMOVE,
    SESSION: queries.RUNS_OF_SESSION_TO_REMOVE,
    USER: queries.RUNS_OF_USER_TO_REMOVE,
    RETENTION: queries.RUNS_OF_DAY_TO_REMOVE,
}


class Positions(msgspec.Struct):
    """Where the streams ended when a deletion was first looked at."""

    at: int
    """Milliseconds since 1970, by the clock of the queue. Runs that began later are not meant."""
    ends: dict[str, tuple[str, str]]
    """By shard, of those that were not empty: epoch and last entry."""


@dataclass(slots=True)
class Deletion:
    """One that is to be done."""

    id: UUID
    project_id: int
    kind: str
    subject: str
    positions: Positions | None
    counts: Counter[str]

    @property
    def whole_day(self) -> bool:
        """A day of all projects: its partitions go."""
        return self.kind == RETENTION and self.project_id == removal.ALL_PROJECTS


def request(connection: Connection, project_id: int, kind: str, subject: str, requested_by: str) -> UUID:
    """Asks for a deletion. Returns its id."""
    values = {"project_id": project_id, "kind": kind, "subject": subject, "requested_by": requested_by}
    return cast("UUID", connection.execute(queries.REQUEST_DELETION, values).fetchall()[0][0])


def is_alone(connection: Connection) -> bool:
    """Takes the right to remove, for as long as the connection lives."""
    return bool(connection.execute(queries.TRY_REMOVAL_LOCK).fetchall()[0][0])


def take_turn(connection: Connection, queue: "redis.Redis | None", shards: int, *, may_go_on: Callable[[], bool]) -> bool:
    """Does some of what is to be done, for as long as it may; at least one slice. True if there is more that could be done now.

    Without a queue, which says what waits there, only days are removed.

    Raises:
        psycopg.OperationalError, redis.RedisError: a server does not answer; what was done so far is done.
    """
    if queue is not None:
        _note_ends(connection, queue, shards)
    for deletion in _open_deletions(connection):
        try:
            if not _may_begin(connection, queue, deletion):
                continue
            if not _work_on(connection, deletion, may_go_on):
                return True
        except psycopg.errors.LockNotAvailable as error:
            _put_off(connection, deletion, error)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            _put_off(connection, deletion, error)
    return False


def _note_ends(connection: Connection, queue: "redis.Redis", shards: int) -> None:
    """For those that were asked for since the last look: however long others take, what begins from now on is not meant."""
    asked = connection.execute(queries.LIST_NEW_DELETIONS).fetchall()
    if asked:
        positions = ends_of_streams(queue, known_shards(queue, shards))
        values = {"ids": [row[0] for row in asked], "positions": Jsonb(msgspec.to_builtins(positions))}
        connection.execute(queries.SET_POSITIONS, values)


def _open_deletions(connection: Connection) -> list[Deletion]:
    return [
        Deletion(
            *(deletion_id, project_id, kind, subject),
            positions=msgspec.convert(positions, Positions) if positions else None,
            counts=Counter(counts),
        )
        for deletion_id, project_id, kind, subject, positions, counts in connection.execute(queries.LIST_OPEN_DELETIONS)
    ]


def _put_off(connection: Connection, deletion: Deletion, error: psycopg.Error) -> None:
    """One that cannot go on keeps no other waiting. What the database says may quote a row: it stays out of log and table."""
    reason = f"{type(error).__name__} ({error.sqlstate}); it is tried again"
    logger.warning("deletion %s: %s", deletion.id, reason)
    connection.execute(queries.SET_ERROR, {"id": deletion.id, "error": reason})


def _may_begin(connection: Connection, queue: "redis.Redis | None", deletion: Deletion) -> bool:
    if deletion.kind == RETENTION:
        return True
    if queue is None or deletion.positions is None:
        return False
    return all(
        _is_passed(connection, queue, int(shard), epoch, entry_id)
        for shard, (epoch, entry_id) in deletion.positions.ends.items()
    )


def ends_of_streams(queue: "redis.Redis", shards: Sequence[int]) -> Positions:
    ends: dict[str, tuple[str, str]] = {}
    for shard in shards:
        epoch = cast("bytes | None", queue.hget(epoch_key(shard), "id"))
        last = cast("list[Any]", queue.xrevrange(stream_key(shard), count=1))
        if last:
            ends[str(shard)] = (epoch or b"").decode(), last[0][0].decode()
    seconds, microseconds = queue.time()
    # A stream does not go back in time with its server's clock.
    latest = max([id_order(entry_id)[0] for _, entry_id in ends.values()], default=0)
    return Positions(max(latest, seconds * 1000 + microseconds // 1000), ends)


def _is_passed(connection: Connection, queue: "redis.Redis", shard: int, epoch: str, entry_id: str) -> bool:
    cursor = connection.execute(queries.CURSOR_OF_SHARD, {"shard": shard}).fetchone()
    if cursor is not None and cursor[0] == epoch and id_order(cursor[1]) >= id_order(entry_id):
        return True
    return (cast("bytes | None", queue.hget(epoch_key(shard), "id")) or b"").decode() != epoch  # wiped: it will never come


def _work_on(connection: Connection, deletion: Deletion, may_go_on: Callable[[], bool]) -> bool:
    """True if it is done, or others hold what is left of it; False if the turn is over."""
    while listed := _runs(connection, deletion):
        before = deletion.counts["runs"]
        for keys in _slices(listed):
            _remove_slice(connection, deletion, keys)
            if not may_go_on():
                return False
        fold(connection)
        if deletion.counts["runs"] == before:
            return True
    _finish(connection, deletion)
    return True


def _runs(connection: Connection, deletion: Deletion) -> list[tuple[int, UUID, int]]:
    until = _UNIX_EPOCH + timedelta(milliseconds=deletion.positions.at) if deletion.positions else None
    values = {"project_id": deletion.project_id, "subject": deletion.subject, "until": until, "limit": LISTED_RUNS}
    return connection.execute(_RUNS[deletion.kind], values).fetchall()


def _slices(listed: Sequence[tuple[int, UUID, int]]) -> Iterator[list[RunKey]]:
    keys: list[RunKey] = []
    steps = 0
    for project_id, run_id, step_count in listed:
        if keys and (len(keys) == SLICE_RUNS or steps + step_count > SLICE_STEPS):
            yield keys
            keys, steps = [], 0
        keys.append((project_id, run_id.hex))
        steps += step_count
    yield keys


def _remove_slice(connection: Connection, deletion: Deletion, keys: Sequence[RunKey]) -> None:
    with connection.transaction():
        removed = removal.remove(connection, keys, parts_stay=deletion.whole_day)
        counts = deletion.counts + removed
        connection.execute(queries.SET_COUNTS, {"id": deletion.id, "counts": Jsonb(counts)})
    deletion.counts = counts


def _finish(connection: Connection, deletion: Deletion) -> None:
    if deletion.whole_day and not drop_day(connection, date.fromisoformat(deletion.subject)):
        return  # an old entry made a run of that day just now
    if deletion.kind != RETENTION:
        _remove_letters(connection, deletion)
        if _runs(connection, deletion):
            return  # a replay had one of the letters stored just before
    removal.sweep(connection, deletion.project_id)
    counts = {name: deletion.counts[name] for name in COUNTED}
    connection.execute(queries.FINISH_DELETION, {"id": deletion.id, "counts": Jsonb(counts)})
    logger.info("deletion %s is done: %s", deletion.id, counts)


def _remove_letters(connection: Connection, deletion: Deletion) -> None:
    with connection.transaction():
        values = {"project_id": deletion.project_id, "texts": _names_in_letters(deletion)}
        deletion.counts["deadLetters"] += connection.execute(queries.REMOVE_LETTERS_NAMING, values).rowcount
        connection.execute(queries.SET_COUNTS, {"id": deletion.id, "counts": Jsonb(deletion.counts)})


def _names_in_letters(deletion: Deletion) -> list[bytes]:
    """How records name what is deleted."""
    if deletion.kind == RUN:
        return [UUID(deletion.subject).hex.encode()]
    if deletion.kind == SESSION:
        return [b'"session_id":' + msgspec.json.encode(deletion.subject)]
    return [f'"user_id":{deletion.subject}{end}'.encode() for end in ",}"]
