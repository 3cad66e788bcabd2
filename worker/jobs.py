"""The jobs that a worker runs, and the list that says so."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import redis
from rq.job import Job

from db import queries
from db.dead_letters import Bounds
from db.partitions import ensure_partitions as make_partitions
from db.pipeline import Connection, prepare_session
from db.urls import psycopg_url
from events import jobs
from events.figures import Figures
from events.settings import JOB_TIMEOUT_SECONDS, Settings
from events.stream import ShardStream
from worker import dead_letters, deletions, removal, retention, stale
from worker.drain import Drain
from worker.fold import fold
from worker.search import index_slice
from worker.simulate import run_slice
from worker.turn import drain_until_idle

logger = logging.getLogger(__name__)


NO_SHARD = -1
"""Who is no drain."""

APPLICATION_NAME = "agentguide worker"
SILENCE_SECONDS = 20
"""How long a worker that has a shard's cursor locked may say nothing: after that it was stopped, or its machine is gone."""
_SESSION = {
    "idle_in_transaction_session_timeout": f"{SILENCE_SECONDS}s",
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Both ends ask whether the other one still lives: a lock or a wait of a connection that is gone ends in seconds."""

BUSY_REMOVAL_SECONDS = 0.2
"""How long a removal keeps a worker that others wait for, or while drains have all they can do."""
BUSY_REMOVAL_PAUSE_SECONDS = 1.0
IDLE_REMOVAL_PAUSE_SECONDS = 3.0
"""When it looks again if there was nothing to do."""

STALE_PAUSE_SECONDS = 15.0
"""How long after a pass over the open runs the next one begins."""


@dataclass(slots=True)
class Context:
    """What jobs work with: made once for each worker process."""

    settings: Settings
    redis: "redis.Redis"
    stopping: Callable[[], bool] = lambda: False
    drains: dict[int, Drain] = field(default_factory=dict)
    figures: Figures = field(default_factory=Figures)

    def connect(self) -> Connection:
        url = self.settings.database_url
        if url is None:
            raise ValueError("DATABASE_URL is not set; a worker has no database of its own")
        return psycopg.connect(
            psycopg_url(url.get_secret_value()),
            autocommit=True,
            connect_timeout=5,
            application_name=APPLICATION_NAME,
            options=" ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=10_000,
        )

    def drain_of(self, shard: int) -> Drain:
        """One for each shard, so that its connection and what it learned stay from job to job."""
        if shard not in self.drains:
            settings = self.settings
            self.drains[shard] = Drain(
                ShardStream(self.redis, shard),
                self.connect,
                batch_events=settings.drain_batch_events,
                letters=Bounds(settings.dead_letters_max, settings.dead_letters_bytes_max),
                figures=self.figures,
            )
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
        _end_silent(connection)
        prepare_session(connection)
        fold(connection, wait=True)
        stream = ShardStream(context.redis, NO_SHARD)
        while indexed := index_slice(connection):
            stream.tell_indexed(indexed)
            if waiting.count or stream.others_are_busy() or context.stopping() or time.monotonic() >= deadline:
                break


def plan_retention(context: Context) -> None:
    """Asks for the days to go that are not kept any more."""
    with context.connect() as connection:
        retention.ask_for(connection, retention.make_plan(connection, context.settings))
        retention.drop_old_letters(connection, context.settings)


def remove(context: Context) -> None:
    """Does some of the deletions that were asked for, and says when to go on."""
    pause = IDLE_REMOVAL_PAUSE_SECONDS
    waiting = jobs.queue(context.redis)
    stream = ShardStream(context.redis, NO_SHARD)
    began = slice_began = time.monotonic()

    def may_go_on() -> bool:
        nonlocal slice_began
        busy = bool(waiting.count) or stream.others_are_busy()
        if not busy:
            time.sleep(time.monotonic() - slice_began)  # half of the time is for others
        slice_began = time.monotonic()
        seconds = BUSY_REMOVAL_SECONDS if busy else context.settings.drain_budget_seconds
        return slice_began < began + seconds and not context.stopping()

    try:
        with context.connect() as connection:
            removal.prepare(connection)
            if deletions.is_alone(connection) and deletions.take_turn(
                connection, context.redis, context.settings.shards, may_go_on=may_go_on
            ):
                pause = BUSY_REMOVAL_PAUSE_SECONDS
    finally:
        context.redis.set(jobs.REMOVAL_KEY, 1, px=int(pause * 1000))


def _end_silent(connection: Connection) -> None:
    """Ends sessions of workers that hold locks and have fallen silent; Postgres' own limit does not reach one amid a COPY."""
    ended = connection.execute(queries.END_SILENT, {"name": APPLICATION_NAME, "seconds": SILENCE_SECONDS}).fetchall()
    if ended:
        logger.warning("ended %d sessions of workers that had said nothing for %d s", len(ended), SILENCE_SECONDS)


def simulate(context: Context, simulation_id: str, first: int) -> None:
    """Sends the next slice of a simulation's runs."""
    run_slice(context.redis, context.settings, simulation_id, first, context.stopping)


def replay(context: Context, project_id: int, after: int) -> None:
    """Goes on with a project's replay of dead letters."""
    budget_seconds = context.settings.drain_budget_seconds
    dead_letters.run_job(
        context.redis, context.connect, project_id, after, budget_seconds=budget_seconds, stopping=context.stopping
    )


def close_stale(context: Context, *place: Any) -> None:
    """Closes runs that have been silent for too long, from a place of a pass on; the rest of the pass is a job of its own."""
    rest: stale.Place | None = None
    try:
        with context.connect() as connection:
            rest = stale.close_stale(
                context.redis, connection, context.settings, place or stale.START, stopping=context.stopping
            )
    finally:
        seconds = STALE_PAUSE_SECONDS if rest is None else JOB_TIMEOUT_SECONDS
        context.redis.set(jobs.STALE_KEY, 1, px=int(seconds * 1000))
    if rest is not None:
        jobs.enqueue(context.redis, jobs.CLOSE_STALE, *rest)


ALLOWED: dict[str, Callable[..., None]] = {
    jobs.DRAIN: drain,
    jobs.SIMULATE: simulate,
    jobs.ENSURE_PARTITIONS: ensure_partitions,
    jobs.TIDY: tidy,
    jobs.PLAN_RETENTION: plan_retention,
    jobs.REMOVE: remove,
    jobs.REPLAY: replay,
    jobs.CLOSE_STALE: close_stale,
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
