"""A watch over a running stack: what waits, what is stored, and what each process uses, sampled beside a load."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, cast

import redis

from loadtest import database, stack
from loadtest.database import Connection
from loadtest.stack import Stack

ANY_EPOCH = "agentguide:{*}:epoch"
END_SECONDS_MAX = 30.0
POSTGRES_CHILDREN = "postgres' children"
"""Their number changes, their name here does not."""

Also = Callable[[Connection], Mapping[str, float]]


@dataclass(frozen=True)
class Sample:
    """One look. Parts are named as `loadtest.stack` names them."""

    at_seconds: float
    """Since the watch began."""
    backlog_events: int
    """Accepted, and not drained yet."""
    drained_events: int
    """In the database, since it was made."""
    redis_bytes: int
    """What Redis uses of its own count; its process has more."""
    database_bytes: int
    dead_rows: int
    """Of all tables, as Postgres' statistics estimate it."""
    memory_bytes: dict[str, int]
    """Resident, by part. Postgres' children are one part: the sum of their shares of what they have in common."""
    cpu_seconds: dict[str, float]
    """Used so far, by part; see `loadtest.stack.cpu_seconds`."""
    also: Mapping[str, float] = field(default_factory=dict)
    """What the watch was asked to look at besides."""


class Watch:
    """Samples in a thread, with connections of its own, from `with` until its end; there it takes a last sample.

    What goes wrong in the thread ends the sampling, and is raised at the end of `with`, unless that ends with an error already.
    """

    def __init__(self, running: Stack, every_seconds: float = 1.0, also: Also | None = None) -> None:
        self.samples: list[Sample] = []
        self.began = 0.0
        """By `time.perf_counter`."""
        self._running = running
        self._every_seconds = every_seconds
        self._also = also
        self._error: Exception | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self.began = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join(END_SECONDS_MAX)
        if kind is not None:
            return
        if self._error is not None:
            raise self._error
        if self._thread.is_alive():
            raise TimeoutError(f"the watch did not end within {END_SECONDS_MAX:.0f} s")

    def _run(self) -> None:
        try:
            url = self._running.redis_url
            with database.connected(self._running.database_url) as connection, redis.Redis.from_url(url) as queue:
                number = 0
                while not self._ending.wait(max(0.0, self.began + number * self._every_seconds - time.perf_counter())):
                    self.samples.append(self._look(connection, queue))
                    # One that took too long is not made up for by a burst of others.
                    number = max(number + 1, int((time.perf_counter() - self.began) / self._every_seconds))
                self.samples.append(self._look(connection, queue))
        except Exception as error:  # noqa: BLE001 - raised where the watch ends
            self._error = error

    def _look(self, connection: Connection, queue: "redis.Redis") -> Sample:
        at_seconds = time.perf_counter() - self.began
        database_bytes, dead_rows = database.size_and_dead_rows(connection)
        memory = cast("dict[str, int]", queue.info("memory"))
        return Sample(
            at_seconds=at_seconds,
            backlog_events=_backlog(queue),
            drained_events=database.drained_events(connection),
            redis_bytes=memory["used_memory"],
            database_bytes=database_bytes,
            dead_rows=dead_rows,
            memory_bytes=_memory(self._running),
            cpu_seconds=stack.cpu_seconds(self._running),
            also=self._also(connection) if self._also is not None else {},
        )


def _backlog(queue: "redis.Redis") -> int:
    """Events of all shards, as the API counts them."""
    events = 0
    for key in queue.scan_iter(ANY_EPOCH, count=10_000):
        appended, drained = cast("list[bytes | None]", queue.hmget(key, "events", "drained_events"))
        events += max(0, int(appended or 0) - int(drained or 0))
    return events


def _memory(running: Stack) -> dict[str, int]:
    return {POSTGRES_CHILDREN if item.part.startswith("postgres'") else item.part: item.now for item in stack.memory(running)}
