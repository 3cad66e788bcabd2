"""The scheduler: each second it rings for shards that hold events while no bell is held, so that a lost job costs seconds of
delay and no data; and now and then it has partitions made, done what drains left undone, and removed what is not kept."""

import logging
import signal
import threading
import time
from collections.abc import Iterable

import redis

from events import jobs
from events.connections import redis_connection
from events.settings import JOB_TIMEOUT_SECONDS, Settings
from events.stream import ANY_STREAM, ShardStream, shard_numbers

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
PARTITIONS_SECONDS = 3600.0
"""How often partitions are made ahead, and days looked for that are not kept any more."""
TIDY_SECONDS = 10.0


def sweep(connection: "redis.Redis", shards: Iterable[int]) -> list[int]:
    """Rings for each shard that needs it and returns those."""
    rung = []
    for shard in shards:
        stream = ShardStream(connection, shard)
        if stream.is_empty():
            continue
        if stream.bell_is_lost():
            stream.release_bell()
        if stream.take_bell():
            jobs.ring(connection, shard)
            rung.append(shard)
    return rung


def known_shards(connection: "redis.Redis", shards: int) -> list[int]:
    """The shards in use, and those of a former, larger number that still have a stream."""
    return sorted({*range(shards), *shard_numbers(connection.scan_iter(ANY_STREAM, count=10_000))})


def ask_to_tidy(connection: "redis.Redis") -> bool:
    """Not while jobs wait: drains among them tidy by themselves, and where no worker runs, requests would pile up."""
    if jobs.queue(connection).count:
        return False
    jobs.enqueue(connection, jobs.TIDY)
    return True


def ask_to_remove(connection: "redis.Redis") -> bool:
    """Not while one waits or runs, or said that the next is not due."""
    if not _is_due(connection, jobs.REMOVAL_KEY):
        return False
    jobs.enqueue(connection, jobs.REMOVE)
    return True


def ask_to_close_stale(connection: "redis.Redis") -> bool:
    """Not while a pass is under way, or the next is not due."""
    if not _is_due(connection, jobs.STALE_KEY):
        return False
    jobs.enqueue(connection, jobs.CLOSE_STALE)
    return True


def _is_due(connection: "redis.Redis", key: str) -> bool:
    """Takes the key of a job, unless it is held. As with bells, the server's clock may have been set back meanwhile."""
    milliseconds = JOB_TIMEOUT_SECONDS * 1000
    if connection.pttl(key) > milliseconds:
        connection.delete(key)
    return bool(connection.set(key, 1, nx=True, px=milliseconds))


def run(settings: Settings) -> None:
    """Sweeps until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    connection = redis_connection(settings)
    partitions_due = tidy_due = 0.0
    shards: list[int] = []
    logger.info("the scheduler watches %d shards", settings.shards)
    while not stop.wait(SWEEP_SECONDS):
        try:
            shards = shards or known_shards(connection, settings.shards)
            sweep(connection, shards)
            if time.monotonic() >= partitions_due:
                jobs.enqueue(connection, jobs.ENSURE_PARTITIONS)
                jobs.enqueue(connection, jobs.PLAN_RETENTION)
                partitions_due = time.monotonic() + PARTITIONS_SECONDS
            if time.monotonic() >= tidy_due and ask_to_tidy(connection):
                tidy_due = time.monotonic() + TIDY_SECONDS
            ask_to_remove(connection)
            ask_to_close_stale(connection)
        except redis.RedisError as error:
            logger.warning("the sweep could not reach Redis and will try again: %s", error)
