"""The jobs that a worker runs, and the list that says so."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import redis
from rq.job import Job

from db.partitions import ensure_partitions as make_partitions
from db.pipeline import Connection, prepare_session
from db.urls import psycopg_url
from events import jobs
from events.settings import Settings
from events.stream import ShardStream
from worker.drain import Drain, drain_until_idle
from worker.fold import fold
from worker.search import index_slice
from worker.simulate import run_slice

logger = logging.getLogger(__name__)


NO_SHARD = -1
"""Who is no drain."""


@dataclass(slots=True)
class Context:
    """What jobs work with: made once for each worker process."""

    settings: Settings
    redis: "redis.Redis"
    stopping: Callable[[], bool] = lambda: False
    drains: dict[int, Drain] = field(default_factory=dict)

    def connect(self) -> Connection:
        url = self.settings.database_url
        if url is None:
            raise ValueError("DATABASE_URL is not set; a worker has no database of its own")
        return psycopg.connect(psycopg_url(url.get_secret_value()), autocommit=True, connect_timeout=5)

    def drain_of(self, shard: int) -> Drain:
        """One for each shard, so that its connection and what it learned stay from job to job."""
        if shard not in self.drains:
            batch_events = self.settings.drain_batch_events
            self.drains[shard] = Drain(ShardStream(self.redis, shard), self.connect, batch_events=batch_events)
        return self.drains[shard]

    def close(self) -> None:
        for open_drain in self.drains.values():
            open_drain.close()


def drain(context: Context, shard: int) -> None:
    """Drains one shard until it stays empty."""
    settings = context.settings
    waiting = jobs.queue(context.redis)
    more = drain_until_idle(
        context.drain_of(shard),
        ShardStream(context.redis, shard),
        interval_seconds=settings.drain_interval_seconds,
        linger_seconds=settings.drain_linger_seconds,
        budget_seconds=settings.drain_budget_seconds,
        others_wait=lambda: bool(waiting.count),
        stopping=context.stopping,
    )
    if more:
        jobs.ring(context.redis, shard)


def ensure_partitions(context: Context) -> None:
    """Makes the partitions of the coming days."""
    with context.connect() as connection:
        make_partitions(connection, context.settings.partitions_ahead_days)


def tidy(context: Context) -> None:
    """Folds and indexes what a drain left behind that was killed or had no time."""
    deadline = time.monotonic() + context.settings.drain_budget_seconds
    waiting = jobs.queue(context.redis)
    with context.connect() as connection:
        prepare_session(connection)
        fold(connection, wait=True)
        stream = ShardStream(context.redis, NO_SHARD)
        while indexed := index_slice(connection):
            stream.tell_indexed(indexed)
            if waiting.count or stream.others_are_busy() or context.stopping() or time.monotonic() >= deadline:
                break


def simulate(context: Context, simulation_id: str, first: int) -> None:
    """Sends the next slice of a simulation's runs."""
    run_slice(context.redis, context.settings, simulation_id, first, context.stopping)


ALLOWED: dict[str, Callable[..., None]] = {
    jobs.DRAIN: drain,
    jobs.SIMULATE: simulate,
    jobs.ENSURE_PARTITIONS: ensure_partitions,
    jobs.TIDY: tidy,
}


class NotAllowedError(Exception):
    """The job names a function that workers do not run."""


class AllowedJob(Job):
    """A job that runs a function of `ALLOWED` and nothing else, whatever was put on the queue."""

    context: Context

    @property
    def func(self) -> Callable[..., None]:
        function = ALLOWED.get(self.func_name or "")
        if function is None or self.instance:
            raise NotAllowedError(f"{self.func_name} is not on the list of jobs")
        return lambda *arguments: function(self.context, *arguments)

    success_callback = failure_callback = stopped_callback = property(lambda _: None)

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """None are sent: the queue does not decide whom we call."""


def bound_job_class(context: Context) -> type[AllowedJob]:
    """RQ makes jobs from their class alone; so the class carries the context."""
    return type("BoundJob", (AllowedJob,), {"context": context})
