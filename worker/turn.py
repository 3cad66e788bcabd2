"""A worker's turn at a shard: it drains until there is nothing left to do, or others want the worker."""

import logging
import random
import time
from collections.abc import Callable

import psycopg
import redis
from redis.exceptions import OutOfMemoryError

from events.stream import ShardStream
from worker.drain import Drain, Outcome

logger = logging.getLogger(__name__)

TRANSIENT = (psycopg.Error, redis.RedisError, OSError)

BACKOFF_FIRST_SECONDS = 0.1
BACKOFF_MAX_SECONDS = 2.0

TURN_SECONDS = 0.1
"""How long a drain keeps a worker that other shards wait for: changing over costs RQ some milliseconds."""

REST_SHARE = 2.0
"""How long, in times of what it took, a drain rests after a batch that is not full. A small batch costs nearly as much as a
large one: where CPU is short, batches take longer, and fewer and larger ones leave more of it to others."""

REST_MAX_SECONDS = 0.5
"""And no longer: a batch that waited for a lock says nothing of the CPU, and a bell that nobody refreshes falls silent."""


class Backoff:
    """Growing waits with jitter between tries."""

    def __init__(self) -> None:
        self._seconds = BACKOFF_FIRST_SECONDS

    def next_seconds(self) -> float:
        seconds, self._seconds = self._seconds, min(2 * self._seconds, BACKOFF_MAX_SECONDS)
        return seconds * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._seconds = BACKOFF_FIRST_SECONDS


def drain_until_idle(
    drain: Drain,
    stream: ShardStream,
    *,
    interval_seconds: float,
    linger_seconds: float,
    budget_seconds: float,
    others_wait: Callable[[], bool],
    stopping: Callable[[], bool],
) -> bool:
    """Drains a shard until it stays empty, another job wants the worker, or the budget is spent.

    After a batch that is not full more can gather until `interval_seconds` after its start, or longer (`REST_SHARE`).
    Returns True if the caller holds the bell and must ring again, as there is more to do.
    """
    deadline = time.monotonic() + budget_seconds
    turn_ends = time.monotonic() + TURN_SECONDS
    idle_since: float | None = None
    backoff = Backoff()
    while time.monotonic() < deadline and not stopping():
        started = time.monotonic()
        try:
            _hold_bell(stream)
            outcome = drain.step()
            if outcome is Outcome.BUSY:
                return False
            if outcome is Outcome.EMPTY:
                idle_since = idle_since or started
                if started - idle_since >= linger_seconds or others_wait():
                    break
                stream.wait(drain.position, min(0.2, linger_seconds))
                continue
            if outcome is Outcome.TIDIED:
                if others_wait():
                    break
                continue
            idle_since = None
            backoff.reset()
        except TRANSIENT as error:
            pause = backoff.next_seconds()
            logger.warning("shard %d: trying again in %.1f s: %s", stream.shard, pause, error)
            time.sleep(pause)
            continue
        if time.monotonic() >= turn_ends and others_wait():
            break
        if outcome is Outcome.STORED:
            # Upkeep counts as rest: what took long was not the batch.
            seconds = seconds_between(interval_seconds, drain.batch_seconds)
            time.sleep(max(0.0, started + seconds - time.monotonic()))
    _finish(drain, stream)
    return _leave(stream)


def seconds_between(interval_seconds: float, batch_seconds: float) -> float:
    """From the start of a batch that was not full to the start of the next one."""
    return max(interval_seconds, batch_seconds + min(REST_SHARE * batch_seconds, REST_MAX_SECONDS))


def _finish(drain: Drain, stream: ShardStream) -> None:
    try:
        drain.finish()
    except TRANSIENT as error:
        logger.warning("shard %d: the roll-ups wait for the next fold: %s", stream.shard, error)
        drain.close()


def _leave(stream: ShardStream) -> bool:
    """Lets go of the bell and looks once more, so that no wake-up is lost."""
    stream.release_bell()
    try:
        return not stream.is_empty() and stream.take_bell()
    except OutOfMemoryError:
        return False  # the sweep rings once there is room


def _hold_bell(stream: ShardStream) -> None:
    try:
        stream.hold_bell()
    except OutOfMemoryError:
        pass  # no room for a bell: all the more reason to drain, which makes room
