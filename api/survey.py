"""How far the pipeline is: what the queue holds that the database does not, who drains it, and what waits behind the rows."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from redis.exceptions import RedisError

from api.pages import rows
from api.state import AppState
from db import queries
from events import waiting, workers
from events.exceptions import QueueUnavailable
from events.figures_window import read_unfolded
from events.waiting import Drained, Waiting
from events.workers import Worker

FRESH_SECONDS = 2.0
"""A busy drain stores within some hundred milliseconds, and a doorbell that was lost is rung again after one second."""
FIGURES_FRESH_SECONDS = 5.0
"""A busy drain folds every two seconds, and a fold of many batches takes its time, too."""
STALLED_SECONDS = 15.0
"""Longer than a job may keep a worker from a shard (its budget is ten seconds), and than it takes to start one anew."""


@dataclass(slots=True, frozen=True)
class Queue:
    """What Redis tells."""

    shards: list[Waiting]
    workers: list[Worker]
    unfolded_seconds: float
    lost: frozenset[str] = field(default_factory=frozenset)
    """Names of workers that have been silent for too long."""


@dataclass(slots=True, frozen=True)
class Survey:
    checked_at: datetime
    queue: Queue | None
    """None: Redis does not answer."""
    figures_lag_seconds: float
    search_lag_seconds: float

    @property
    def lag_seconds(self) -> float | None:
        return None if self.queue is None else waiting.lag_seconds(self.queue.shards)

    @property
    def backlog_events(self) -> int | None:
        return None if self.queue is None else sum(shard.events for shard in self.queue.shards)

    @property
    def state(self) -> str:
        """`fresh`, `behind`, `stalled` or `unknown`."""
        if self.queue is None:
            return "unknown"
        works = any(worker.name not in self.queue.lost for worker in self.queue.workers)
        if any(_is_stalled(shard, works) for shard in self.queue.shards):
            return "stalled"
        oldest = waiting.lag_seconds(self.queue.shards)
        return "behind" if oldest >= FRESH_SECONDS or self.figures_lag_seconds >= FIGURES_FRESH_SECONDS else "fresh"


def _is_stalled(shard: Waiting, works: bool) -> bool:
    """Whether events wait and nothing is stored: for long, or for a while where there is nobody to do it."""
    bound = STALLED_SECONDS if works else FRESH_SECONDS
    oldest, idle = shard.oldest_seconds, shard.idle_seconds
    return oldest is not None and oldest >= bound and (idle is None or idle >= bound)


async def survey(state: AppState) -> Survey:
    """As of the last second.

    Raises:
        psycopg.Error, PoolTimeout: the database does not answer.
    """
    return await state.momentary.get("survey", lambda: _look(state))


async def full_survey(state: AppState) -> tuple[Survey, Queue]:
    """The same for who needs all of it.

    Raises:
        QueueUnavailable: Redis does not answer.
    """
    found = await survey(state)
    if found.queue is None:
        raise QueueUnavailable("The queue does not answer.", retry_after=1)
    return found, found.queue


async def _look(state: AppState) -> Survey:
    # The database first: what it has not stored by now, and is asked for below, waited at this moment.
    cursors = [Drained(*row) for row in await rows(state, queries.LIST_DRAINED, {})]
    is_folded = (await rows(state, queries.IS_FOLDED, {}))[0][0]
    search = await rows(state, queries.SEARCH_LAG, {})
    queue = await _ask_queue(state, cursors)
    # Sums that wait are at least as old as the last batch; how much older, only drains know.
    last_batch = min((cursor.idle_seconds for cursor in cursors), default=0.0)
    unfolded = 0.0 if is_folded else max(last_batch, queue.unfolded_seconds if queue else 0.0)
    return Survey(datetime.now(UTC), queue, round(unfolded, 3), round(search[0][0], 3) if search else 0.0)


async def _ask_queue(state: AppState, cursors: list[Drained]) -> Queue | None:
    try:
        async with asyncio.timeout(state.settings.redis_timeout_seconds):
            shards = await waiting.look(state.redis, cursors, state.settings.shards)
            found = await workers.list_workers(state.redis)
            seconds, _ = await state.redis.time()
            unfolded = await read_unfolded(state.redis)
    except (RedisError, OSError, TimeoutError):
        return None  # which is what the answer says; the log has it from the gate
    return Queue(shards, found, unfolded, frozenset(worker.name for worker in found if worker.is_lost(seconds)))
