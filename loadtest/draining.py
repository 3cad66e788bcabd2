"""A drain in a process of its own, on a stream that is filled beforehand and that nobody else drains."""

import json
import random
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import IO, cast

import redis

from events.ids import epoch_id
from events.stream import APPEND_SCRIPT, NewEntry, append_arguments, epoch_key
from loadtest import stack
from loadtest.display import Advance
from loadtest.stack import Stack

DRAIN_SHARD = 255
"""A stream that no worker of the stack drains, the sweep does not see, and the API does not fill."""
FILL_ENTRIES = 20
"""How many entries are appended at once."""
START_SECONDS_MAX = 60.0
DRAIN_SECONDS_MAX = 600.0
END_SECONDS_MAX = 10.0
LOOK_SECONDS = 0.5


class DrainError(Exception):
    """The drain did not start, failed, or did not end. The message says which."""


@dataclass(slots=True, frozen=True)
class Drained:
    """What it took to empty the stream."""

    events: int
    seconds: float
    cpu_seconds: float
    """Of the process itself; in the rest it waited for Postgres, Valkey, the disk, or a CPU."""

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


class Drainer:
    """A process that drains when it is told to, as often as one likes."""

    def __init__(self, process: "subprocess.Popen[str]", queue: "redis.Redis") -> None:
        self._process = process
        self._queue = queue
        self._append = queue.register_script(APPEND_SCRIPT)

    def fill(self, entries: Sequence[NewEntry]) -> None:
        """Appends entries durably, as the ingest API does."""
        for start in range(0, len(entries), FILL_ENTRIES):
            keys, arguments = append_arguments(DRAIN_SHARD, entries[start : start + FILL_ENTRIES], epoch_id(), DRAIN_SHARD + 1)
            self._append(keys=keys, args=arguments)

    def drain(self, events: int, advance: Advance) -> Drained:
        """Empties the stream, which holds that many events. `advance` gets how many of them are drained, now and then.

        Raises:
            DrainError: the process ended, took too long, or drained another number of events.
        """
        before = self._drained_events()
        stdin, stdout = pipes(self._process)
        with suppress(BrokenPipeError):  # it ended, which the empty line says
            stdin.write("go\n")
            stdin.flush()
        line = read_line(stdout, DRAIN_SECONDS_MAX, lambda: advance(self._drained_events() - before))
        if line is None:
            raise DrainError(f"The drain did not end within {DRAIN_SECONDS_MAX:.0f} s.")
        if not line:
            raise DrainError("The process that drains failed; its error stands above.")
        answer = json.loads(line)
        if answer["events"] != events:
            raise DrainError(f"{events} events were on the stream; {answer['events']:.0f} of them were drained.")
        return Drained(events, answer["seconds"], answer["cpuSeconds"])

    def _drained_events(self) -> int:
        value = cast("bytes | None", self._queue.hget(epoch_key(DRAIN_SHARD), "drained_events"))
        return int(value or 0)


@contextmanager
def draining(running: Stack) -> Iterator[Drainer]:
    """A process that is connected and warm; it ends with the context.

    Raises:
        DrainError: it does not start.
    """
    environment = stack.clean_environment() | {"DATABASE_URL": running.database_url, "REDIS_URL": running.redis_url}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "loadtest.drainer", str(DRAIN_SHARD)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; we end it
    )
    with process, redis.Redis.from_url(running.redis_url) as queue:
        try:
            if read_line(pipes(process)[1], START_SECONDS_MAX) != "ready\n":
                raise DrainError("The process that drains did not start; its error stands above.")
            yield Drainer(process, queue)
            pipes(process)[0].close()
            process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise DrainError("The process that drains did not end.") from None
        finally:
            process.kill()


def pipes(process: "subprocess.Popen[str]") -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process was started without pipes")
    return process.stdin, process.stdout


def read_line(pipe: IO[str], seconds: float, look: Callable[[], None] = lambda: None) -> str | None:
    """The next line, empty at the pipe's end; None if there is none in this time. `look` is called while it waits."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([pipe], [], [], LOOK_SECONDS)[0]:
            return pipe.readline()
        look()
    return None


class Stencil:
    """Entries that can be had again and again, each time with other runs at another time.

    To make events anew takes seconds for a hundred thousand; this takes a tenth of one. Ids of steps may stay, as they belong
    to their run.
    """

    _VARIES = re.compile(rb'"(?P<run_id>[0-9a-f]{32})"|(?<=_at":)(?P<microseconds>\d{16})')

    def __init__(self, entries: Sequence[NewEntry], seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._numbers: dict[bytes, int] = {}
        self._times: list[int | None] = []
        """By number: microseconds since 1970, or None for the id of a run."""
        self._cut = [(entry, *self._cut_up(entry.events)) for entry in entries]

    def _cut_up(self, events: bytes) -> tuple[list[bytes], list[int]]:
        """The text between what varies, and the number of each thing that does."""
        texts, numbers, end = [], [], 0
        for found in self._VARIES.finditer(events):
            if found[0] not in self._numbers:
                self._numbers[found[0]] = len(self._times)
                self._times.append(int(found["microseconds"]) if found["microseconds"] else None)
            texts.append(events[end : found.start()])
            numbers.append(self._numbers[found[0]])
            end = found.end()
        return [*texts, events[end:]], numbers

    def entries(self, later_by_seconds: float = 0.0) -> list[NewEntry]:
        """The same events with new, random runs, later than they were made, or earlier."""
        shift = round(later_by_seconds * 1e6)
        values = [
            b'"%s"' % self._random.randbytes(16).hex().encode() if time_ is None else b"%d" % (time_ + shift)
            for time_ in self._times
        ]
        return [
            replace(entry, events=_joined(texts, [values[number] for number in numbers])) for entry, texts, numbers in self._cut
        ]


def _joined(texts: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    pieces = [b""] * (len(texts) + len(values))
    pieces[::2], pieces[1::2] = texts, values
    return b"".join(pieces)
