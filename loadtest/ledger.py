"""What Locust's users keep of each request, for the report and for the check in the database.

Each process of Locust writes files of its own into the folder that LOADTEST_LEDGER names; without it nothing is kept.

- `requests-PID.tsv`: a line a request, see `Entry`.
- `acknowledged-PID.tsv`, `unknown-PID.tsv`: rows of events that were acknowledged, and of such that may be stored or not, as
  their request got no answer. Lines of text-format COPY: run id, step id (NULL in a run's own row), whether it is finished.
- `marks-PID.jsonl`: when phases began and ended, and what happened in them.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

VARIABLE = "LOADTEST_LEDGER"
REQUESTS, ACKNOWLEDGED, UNKNOWN, MARKS = "requests", "acknowledged", "unknown", "marks"
BUFFER_BYTES = 1 << 16
BEGAN, ENDED, USERS, REFUSED, UNSENT = "began", "ended", "users", "refused", "unsent"
"""What a mark tells of its phase: its begin, its end, a change of its users, its first refusal; and of one user how many steps
were due and not sent at the end."""
STOPPED, CONTINUED = "stopped", "continued"
"""And when the stack's workers were stopped, and let go on."""
REFUSED_STATUSES = (429, 503)
NOT_TAKEN_CODES = ("overloaded", "rate_limited", "too_many_connections", "busy")
"""Of refusals that say that nothing was taken; after others, such as a queue that did not answer in time, it may have been."""


class Entry(NamedTuple):
    """One request. Times are of `time.time`."""

    phase: str
    name: str
    due_at: float
    """When it was to be sent; the same as `sent_at` where users pace themselves by the answers."""
    sent_at: float
    seconds: float
    """From `sent_at` to the whole answer."""
    status: int
    """0 if there was no answer."""
    code: str
    """That of an error's body."""
    retry_after_seconds: float
    """0 if the answer does not say."""
    events: int

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300 and self.status != 207  # 207: some events were refused

    @property
    def refused(self) -> bool:
        return self.status in REFUSED_STATUSES

    @property
    def latency_seconds(self) -> float:
        """From when it was due."""
        return self.sent_at - self.due_at + self.seconds

    def line(self) -> bytes:
        values = (self.phase, self.name, f"{self.due_at:.6f}", f"{self.sent_at:.6f}", f"{self.seconds:.6f}")
        return "\t".join((*values, str(self.status), self.code, f"{self.retry_after_seconds:g}", f"{self.events}\n")).encode()

    @classmethod
    def of(cls, line: str) -> Self:
        phase, name, due_at, sent_at, seconds, status, code, retry_after, events = line.rstrip("\n").split("\t")
        times = float(due_at), float(sent_at), float(seconds)
        return cls(phase, name, *times, int(status), code, float(retry_after), int(events))


class Mark(NamedTuple):
    what: str
    phase: str
    at: float
    value: float


def run_row(run_id: str, *, finished: bool) -> bytes:
    return f"{run_id}\t\\N\t{'t' if finished else 'f'}\n".encode()


def step_row(run_id: str, step_id: str, *, finished: bool) -> bytes:
    number = int.from_bytes(bytes.fromhex(step_id), "big", signed=True)
    return f"{run_id}\t{number}\t{'t' if finished else 'f'}\n".encode()


class Ledger:
    """Opens its files at the first write, as a process of Locust forks after it has loaded the users."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self.phase = ""
        """Of the users that start now."""
        self._refused_phases: set[str] = set()
        self._files: dict[str, IO[bytes]] = {}

    @classmethod
    def of_environment(cls) -> Self:
        return cls(Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)

    def note(self, entry: Entry, rows: bytes) -> None:
        if self._directory is None:
            return
        self._file(REQUESTS).write(entry.line())
        if entry.accepted:
            self._file(ACKNOWLEDGED).write(rows)
        elif entry.status == 0 or (entry.status >= 500 and entry.code not in NOT_TAKEN_CODES):
            self._file(UNKNOWN).write(rows)
        if entry.refused and entry.phase not in self._refused_phases:
            self._refused_phases.add(entry.phase)
            self.mark(REFUSED, phase=entry.phase)

    def mark(self, what: str, value: float = 0.0, phase: str | None = None) -> None:
        """Written at once, so that another process can follow."""
        if self._directory is None:
            return
        phase = self.phase if phase is None else phase
        file = self._file(MARKS)
        file.write(json.dumps({"what": what, "phase": phase, "at": time.time(), "value": value}).encode() + b"\n")
        file.flush()

    def flush(self) -> None:
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _file(self, kind: str) -> IO[bytes]:
        if kind not in self._files:
            if self._directory is None:
                raise ValueError("nothing is kept")
            self._directory.mkdir(parents=True, exist_ok=True)
            path = self._directory / f"{kind}-{os.getpid()}.{'jsonl' if kind == MARKS else 'tsv'}"
            self._files[kind] = path.open("ab", buffering=BUFFER_BYTES)
        return self._files[kind]


def entries(directory: Path) -> Iterator[Entry]:
    """Of all processes."""
    for path in sorted(directory.glob(f"{REQUESTS}-*.tsv")):
        with path.open() as file:
            yield from map(Entry.of, file)


def marks(directory: Path) -> list[Mark]:
    """Of all processes, in the order of time; a line that is being written meanwhile is left out."""
    found: list[Mark] = []
    for path in directory.glob(f"{MARKS}-*.jsonl"):
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                values: dict[str, Any] = json.loads(line)
                found.append(Mark(**values))
    return sorted(found, key=lambda mark: mark.at)


def row_files(directory: Path, kind: str) -> list[Path]:
    """The files of rows that are `acknowledged` or `unknown`."""
    return sorted(directory.glob(f"{kind}-*.tsv"))
