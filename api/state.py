"""What an app holds while it serves: made in its lifespan, reached through `Annotated` dependencies."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, cast

import redis
import redis.asyncio
from fastapi import Depends, Request
from psycopg_pool import AsyncConnectionPool

from api.authenticator import Authenticator
from api.hub import Hub
from api.lookups import Lookups
from api.momentary import Momentary
from api.passwords import Passwords
from api.slots import Slots
from db.urls import psycopg_url
from events import jobs
from events.appender import Appender, stop
from events.backlog import BacklogGate
from events.connections import async_redis_connection, redis_connection
from events.figures import Figures
from events.figures_writing import keep_writing, write_async
from events.payloads import PayloadEncoder
from events.rate_limits import RateLimiter
from events.settings import Settings

logger = logging.getLogger(__name__)

READ_CONNECTIONS = 8
LOOKUP_CONNECTIONS = 3
"""For who may come in, and whether what an event names exists: whoever reads much does not hold up what is sent."""
EXPORTS_MAX = 2
"""Exports that a process runs at once; each keeps a connection of the pool for as long as it takes."""
USER_FIGURES_MAX = 2
"""Figures of users that a process counts at once: in a large project for seconds, each with a connection of the pool."""
QUERY_THREADS = 2
"""More would only wait for each other: the work is Python's."""
QUERIES_MAX = 20
"""GraphQL queries that run or wait for a thread."""


@dataclass(slots=True)
class AppState:
    settings: Settings
    pool: AsyncConnectionPool
    redis: "redis.asyncio.Redis"
    appender: Appender
    gate: BacklogGate
    lookups: Lookups
    payloads: PayloadEncoder
    plain_payloads: PayloadEncoder
    """For bodies that are plain (`events/plain_json.py`)."""
    hub: Hub
    authenticator: Authenticator
    limiter: RateLimiter
    momentary: Momentary = field(default_factory=Momentary)
    passwords: Passwords = field(default_factory=Passwords)
    exports: Slots = field(default_factory=lambda: Slots("exports", EXPORTS_MAX))
    queries: Slots = field(default_factory=lambda: Slots("GraphQL queries", QUERIES_MAX))
    user_figures: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(USER_FIGURES_MAX))
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(QUERY_THREADS, "graphql"))
    """Where GraphQL queries run; each takes at most one connection of the pool."""


@asynccontextmanager
async def open_state(settings: Settings) -> AsyncIterator[AppState]:
    """Connections and background tasks of one API process. Servers that are away are not waited for."""
    pool = _pool(settings, READ_CONNECTIONS)
    connection = async_redis_connection(settings)
    bells = Bells(redis_connection(settings))
    appender = Appender(connection, settings.shards, bells.ring)
    gate = BacklogGate(settings, connection, appender)
    lookup_pool = _pool(settings, LOOKUP_CONNECTIONS)
    for opened in (pool, lookup_pool):
        await opened.open(wait=False)
    await gate.look()
    authenticator = Authenticator(settings, lookup_pool)
    figures = Figures()
    background = (appender.run(), gate.run(), authenticator.run(), keep_writing(connection, figures))
    tasks = [asyncio.create_task(work) for work in background]
    hub = Hub(settings, connection)
    encoders = (PayloadEncoder(settings.field_bytes_max), PayloadEncoder(settings.field_bytes_max, plain=True))
    lookups, limiter = Lookups(lookup_pool), RateLimiter(connection, settings)
    state = AppState(settings, pool, connection, appender, gate, lookups, *encoders, hub, authenticator, limiter)
    try:
        yield state
    finally:
        await hub.close()
        state.threads.shutdown(wait=False, cancel_futures=True)
        state.passwords.close()
        for task in tasks:
            await stop(task)
        await limiter.close()
        await write_async(connection, figures)
        await bells.finish()
        await connection.aclose()
        await authenticator.close()
        for opened in (pool, lookup_pool):
            await opened.close()


def _pool(settings: Settings, size: int) -> AsyncConnectionPool:
    if settings.database_url is None:
        raise ValueError("DATABASE_URL is not set; the API has no database of its own")
    return AsyncConnectionPool(
        psycopg_url(settings.database_url.get_secret_value()),
        min_size=1,
        max_size=size,
        timeout=settings.read_timeout_seconds,
        open=False,
        check=AsyncConnectionPool.check_connection,
        reconnect_timeout=2.0,
        kwargs={"autocommit": True, "connect_timeout": 2, "options": _options(settings)},
    )


def _options(settings: Settings) -> str:
    options = {
        "timezone": "UTC",
        "statement_timeout": int(settings.read_timeout_seconds * 1000),
        # An answer takes milliseconds: neither a compiler nor a helper process is worth its start.
        "jit": "off",
        "max_parallel_workers_per_gather": 0,
        # How many runs a filter lets through is not the same for any two values: a plan for all of them suits none.
        "plan_cache_mode": "force_custom_plan",
        "agentguide.stale_after_seconds": settings.stale_after_seconds,
    }
    return " ".join(f"-c {name}={value}" for name, value in options.items())


class Bells:
    """Enqueues drains in a thread: RQ's client blocks, and the event loop has requests to serve."""

    def __init__(self, connection: "redis.Redis") -> None:
        self._redis = connection
        self._tasks: set[asyncio.Task[None]] = set()

    def ring(self, shard: int) -> None:
        task = asyncio.create_task(self._ring(shard))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ring(self, shard: int) -> None:
        try:
            await asyncio.to_thread(jobs.ring, self._redis, shard)
        except redis.RedisError as error:
            logger.warning("shard %d: the bell could not be rung, the sweep will: %s", shard, error)

    async def finish(self) -> None:
        await asyncio.gather(*self._tasks)
        self._redis.close()


def state_of(request: Request) -> AppState:
    return cast("AppState", request.app.state.agentguide)


async def _state(request: Request) -> AppState:
    return state_of(request)


State = Annotated[AppState, Depends(_state)]
