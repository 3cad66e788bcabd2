"""Whether the process lives, whether what it needs answers, and what it counted."""

import asyncio
from typing import Any

import psycopg
from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from psycopg_pool import PoolTimeout
from pydantic_core import to_json
from redis.exceptions import RedisError

from api import dead_letters, deletions
from api.answers import answered_with
from api.answers.upkeep import Health, Readiness
from api.routing import MetricsRoute, PublicRoute
from api.state import AppState, State
from db import queries
from events.exposition import exposition

router = APIRouter(tags=["health"], route_class=PublicRoute)
figures_router = APIRouter(tags=["health"], route_class=MetricsRoute)

CHECK_SECONDS = 2.0


@router.get("/healthz", responses=answered_with(Health))
async def get_health() -> Response:
    """The process serves."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get(
    "/readyz",
    responses=answered_with(Readiness) | {503: {"description": "One of them does not.", "model": Readiness}},
)
async def get_readiness(state: State) -> Response:
    """200 if Postgres and Redis answer, else 503 that says which does not."""
    database, queue = await asyncio.gather(_database(state), _queue(state))
    ready = database == queue == "ok"
    body: dict[str, Any] = {"status": "ok" if ready else "unavailable", "postgres": database, "redis": queue}
    return Response(to_json(body), 200 if ready else 503, media_type="application/json")


@figures_router.get("/metrics", response_class=PlainTextResponse)
async def get_metrics(state: State) -> Response:
    """Counters and gauges of the API, and what workers buried and have to remove, in Prometheus' text format."""
    await asyncio.gather(dead_letters.refresh_figures(state), deletions.refresh_figures(state))
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)


async def _database(state: AppState) -> str:
    try:
        async with state.pool.connection(timeout=CHECK_SECONDS) as connection:
            await connection.execute(queries.PING)
    except (psycopg.Error, PoolTimeout):
        return "does not answer"
    return "ok"


async def _queue(state: AppState) -> str:
    try:
        await state.redis.ping()
    except (RedisError, OSError, TimeoutError):
        return "does not answer"
    return "ok"
