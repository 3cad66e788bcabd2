"""The simulation job: appends one slice of runs and asks for the next, so that drains get their turn in between."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar, cast

import redis
from pydantic import TypeAdapter

from events import jobs, simulation_progress
from events.backlog import Backlog, measure
from events.connections import async_redis_connection
from events.ids import IdMint
from events.models import EventIn, RunEvent, StepEvent
from events.payloads import PayloadEncoder
from events.records import Record
from events.settings import Settings
from events.simulation import Event, Simulation
from events.simulation_progress import Progress
from events.stream import append_now, entries_of

logger = logging.getLogger(__name__)

SLICE_RUNS_MAX = 200
SLICE_EVENTS = 2_500
"""After so many events a slice ends early: long runs must not make large slices."""
PAUSE_SECONDS = 0.5
RETRY_SECONDS = 30.0
"""How long a queue that is away or full is tried again."""

_T = TypeVar("_T")

_events: TypeAdapter[list[RunEvent | StepEvent]] = TypeAdapter(list[EventIn])


def run_slice(
    connection: "redis.Redis", settings: Settings, simulation_id: str, first: int, stopping: Callable[[], bool]
) -> None:
    """Sends the runs from number `first` on; unless it is the end, the rest is a job of its own.

    Does nothing if the simulation is no longer known, or not at this place: then another job has it.
    """
    key = simulation_progress.key(simulation_id)
    progress = Progress.from_hash(cast("dict[bytes, bytes]", connection.hgetall(key)))
    if progress is None or progress.status != "RUNNING" or progress.runs_sent != first:
        logger.warning("simulation %s is not at run %d, so this job has nothing to do", simulation_id, first)
        return
    try:
        if not stopping():  # else the same slice is asked for again
            if _backlog_is_high(settings):
                _let_others_work(connection)
            else:
                _send(connection, settings, progress, stopping)
    except Exception as error:
        progress.status, progress.error = "FAILED", f"{type(error).__name__}: {error}"
        _save(connection, key, progress)
        raise
    if progress.runs_sent >= progress.runs:
        progress.status = "DONE"
    _retry(lambda: _save(connection, key, progress), stopping)
    if progress.status == "RUNNING":
        _retry(lambda: jobs.enqueue(connection, jobs.SIMULATE, simulation_id, progress.runs_sent), stopping)


def _send(connection: "redis.Redis", settings: Settings, progress: Progress, stopping: Callable[[], bool]) -> None:
    """Appends a slice and moves `progress` on. A slice that is sent again has the same ids, so it counts once."""
    simulation = Simulation(progress.seed, progress.error_rate, progress.steps)
    now = datetime.now(UTC)
    events: list[Event] = []
    number = progress.runs_sent
    last = min(progress.runs, number + SLICE_RUNS_MAX)
    while number < last and len(events) < SLICE_EVENTS:
        events += simulation.run(number, now).events
        number += 1
    entries = entries_of(progress.project_id, _records(events, settings), settings.shards)
    for shard in _retry(lambda: append_now(connection, entries, settings.shards), stopping):
        try:
            jobs.ring(connection, shard)
        except redis.RedisError as error:
            logger.warning("shard %d: the bell could not be rung, the sweep will: %s", shard, error)
    progress.runs_sent = number
    progress.events_sent += len(events)


def _retry(action: Callable[[], _T], stopping: Callable[[], bool]) -> _T:
    """Does it again while the queue is away or full.

    Raises:
        redis.RedisError: for too long, or the worker has to stop.
    """
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            return action()
        except redis.RedisError as error:
            if stopping() or time.monotonic() > deadline:
                raise
            logger.warning("a simulation waits for the queue: %s", error)
            time.sleep(PAUSE_SECONDS)


def _records(events: list[Event], settings: Settings) -> list[Record]:
    """The way that events of the public API go."""
    mint, payloads = IdMint(), PayloadEncoder(settings.field_bytes_max)
    return [event.to_record(mint, payloads) for event in _events.validate_python(events)]


def _save(connection: "redis.Redis", key: str, progress: Progress) -> None:
    pipeline = connection.pipeline(transaction=True)
    pipeline.hset(key, mapping=progress.to_hash())
    pipeline.expire(key, simulation_progress.TTL_SECONDS)
    pipeline.execute()


def _backlog_is_high(settings: Settings) -> bool:
    """Whether more than the low-water mark waits: a simulation leaves the room above it to those who need it."""
    try:
        backlog = asyncio.run(_backlog(settings))
    except redis.RedisError as error:
        logger.warning("a simulation could not measure the backlog and waits: %s", error)
        return True
    return backlog.events > settings.backlog_low_events or backlog.bytes > settings.backlog_low_bytes


async def _backlog(settings: Settings) -> Backlog:
    connection = async_redis_connection(settings)
    try:
        return await measure(connection, settings.shards)
    finally:
        await connection.aclose()


def _let_others_work(connection: "redis.Redis") -> None:
    # Jobs that wait are drains, which is what a high backlog needs: this worker is free for them at once.
    if not jobs.queue(connection).count:
        time.sleep(PAUSE_SECONDS)
