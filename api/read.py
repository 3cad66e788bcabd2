"""The read routes. Answers are JSON built by Postgres and passed through as bytes."""

import asyncio
import base64
import binascii
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic_core import from_json, to_json
from redis.exceptions import RedisError

from api.state import AppState, ProjectId, State
from db import queries
from db.run_list import RunFilter, list_runs
from events.exceptions import InvalidQuery, NotFound
from events.ids import is_run_id
from events.records import RunStatus
from events.stream import epoch_key, id_order, shard_of, stream_key

router = APIRouter(prefix="/v1", tags=["read"])

WAIT_MAX_SECONDS = 60
WAIT_POLL_SECONDS = 0.02
PAGE_MAX = 1000

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Items a page.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Items to pass over; `cursor` is quicker.")]
PageCursor = Annotated[str | None, Query(description="`nextCursor` of the page before.")]
AgentFilter = Annotated[int | None, Query(alias="agentId", ge=1, lt=2**31)]
StatusFilter = Annotated[list[RunStatus] | None, Query(description="May be given more than once.")]
Wait = Annotated[
    float, Query(ge=0, le=WAIT_MAX_SECONDS, description="Seconds to wait for what was accepted before this request.")
]


def _json(text: bytes) -> Response:
    return Response(text, media_type="application/json")


async def _rows(state: AppState, statement: Any, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    async with state.pool.connection() as connection:
        return await (await connection.execute(statement, values)).fetchall()


def _page(items: Sequence[str], next_cursor: str | None) -> Response:
    listed = ",".join(items)
    return _json(b'{"items":[' + listed.encode() + b'],"nextCursor":' + to_json(next_cursor) + b"}")


def encode_cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(to_json(values)).decode().rstrip("=")


def decode_cursor(cursor: str) -> list[Any]:
    """Raises InvalidQuery if it is not one of ours."""
    try:
        values = from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise InvalidQuery("`cursor` is not one that this API gave out.") from None
    if not isinstance(values, list):
        raise InvalidQuery("`cursor` is not one that this API gave out.")
    return values


@router.get("/runs/{run_id}")
async def get_run(run_id: str, state: State, project_id: ProjectId, wait: Wait = 0) -> Response:
    """A run with its steps, artifacts and metrics. With `wait` it holds all that was accepted before the request."""
    if not is_run_id(run_id):
        raise NotFound(f"{run_id!r} is not the id of a run: that is a UUID or 32 hex digits.")
    identity = UUID(run_id)
    deadline = time.monotonic() + wait
    if wait:
        await _wait_for_drain(state, identity.hex, deadline)
    while True:
        rows = await _rows(state, queries.GET_RUN, {"project_id": project_id, "run_id": identity})
        if rows:
            return _json(rows[0][0].encode())
        if time.monotonic() >= deadline:
            raise NotFound(f"There is no run {identity}. If it was only just sent, ask with ?wait=5.")
        await asyncio.sleep(WAIT_POLL_SECONDS)


async def _wait_for_drain(state: AppState, run_id: str, deadline: float) -> None:
    """Waits until what now stands in the run's shard is in the database, so that one reads one's own writes."""
    shard = shard_of(run_id, state.settings.shards)
    try:
        pipeline = state.redis.pipeline(transaction=False)
        pipeline.hget(epoch_key(shard), "id")
        pipeline.xrevrange(stream_key(shard), count=1)
        epoch, newest = await pipeline.execute()
    except (RedisError, OSError, TimeoutError):
        return  # the queue does not tell: then the answer is what the database has
    if not newest:
        return
    target = id_order(newest[0][0].decode())
    while time.monotonic() < deadline:
        rows = await _rows(state, queries.CURSOR_OF_SHARD, {"shard": shard})
        if rows and rows[0][0] == (epoch or b"").decode() and id_order(rows[0][1]) >= target:
            return
        await asyncio.sleep(WAIT_POLL_SECONDS)


@router.get("/runs")
async def get_runs(
    state: State,
    project_id: ProjectId,
    agent_id: AgentFilter = None,
    status: StatusFilter = None,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: PageCursor = None,
) -> Response:
    """Runs, the latest start first."""
    wanted = RunFilter(agent_id, tuple(status or ()), _run_position(cursor) if cursor else None)
    rows = await _rows(state, *list_runs(project_id, wanted, limit=limit, offset=offset))
    last = rows[-1] if len(rows) == limit else None
    return _page([row[2] for row in rows], encode_cursor(last[0].isoformat(), str(last[1])) if last else None)


def _run_position(cursor: str) -> tuple[datetime, UUID]:
    try:
        started_at, run_id = decode_cursor(cursor)
        return datetime.fromisoformat(started_at), UUID(run_id)
    except (ValueError, TypeError, AttributeError):
        raise InvalidQuery("`cursor` is not one that this API gave out.") from None


@router.get("/agents")
async def get_agents(
    state: State, project_id: ProjectId, limit: Limit = 50, offset: Offset = 0, cursor: PageCursor = None
) -> Response:
    """The agents of the project, in order of their registration."""
    after = decode_cursor(cursor) if cursor else [0]
    if len(after) != 1 or not isinstance(after[0], int):
        raise InvalidQuery("`cursor` is not one that this API gave out.")
    rows = await _rows(
        state, queries.LIST_AGENTS, {"project_id": project_id, "after": after[0], "limit": limit, "offset": offset}
    )
    return _page([row[1] for row in rows], encode_cursor(rows[-1][0]) if len(rows) == limit else None)
