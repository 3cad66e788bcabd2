"""Runs: a list of them, one with all it holds, its steps a page at a time, what its steps made."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse
from psycopg import AsyncConnection
from pydantic_core import from_json, to_json
from redis.exceptions import RedisError

from api.access import CallerDep, ProjectId
from api.answers import Responses, answered_with
from api.answers.runs import FoundRunPage, Run, RunPage, StepPage, WholeStep
from api.errors import NOT_KEPT
from api.filters import Filters, KnownParameters
from api.finding import decode_position, encode_position, find_runs
from api.pages import (
    FEW_ROWS,
    PAGE_BYTES_MAX,
    Limit,
    Offset,
    PageCursor,
    decode_cursor,
    encode_cursor,
    json_response,
    not_ours,
    page,
    rows,
    rows_up_to,
)
from api.routing import ReadRoute
from api.state import AppState, State
from db import queries, trace
from db.run_list import RunFilter, Sort
from events.exceptions import InvalidQuery, NotFound
from events.ids import is_run_id, is_step_id
from events.stream import epoch_key, id_order, shard_of, stream_key

router = APIRouter(route_class=ReadRoute, prefix="/v1", tags=["read"], dependencies=[KnownParameters])

WAIT_MAX_SECONDS = 60
WAIT_POLL_SECONDS = 0.02
STEPS_WITH_RUN_MAX = 5000
"""Steps that come with their run; the rest of a longer one is paged."""
LONG_RUN_STEPS = 2000
FIRST_INDEX = -(2**31)

Wait = Annotated[
    float, Query(ge=0, le=WAIT_MAX_SECONDS, description="Seconds to wait for what was accepted before this request.")
]
Payloads = Annotated[bool, Query(description="Whether input, output, error, attributes and artifacts' content come along.")]
Fields = Annotated[str | None, Query(max_length=1000, description="Only these fields of a step, with commas between them.")]

_ARTIFACT: Responses = {
    200: {
        "description": "The artifact, or where it is.",
        "content": {
            "application/json": {"schema": {"description": "What the step made; `url` alone if it is somewhere else."}},
            "text/plain": {"schema": {"type": "string"}},
        },
    },
    307: {"description": "It is somewhere else."},
}


@router.get("/runs", responses=answered_with(FoundRunPage))
async def get_runs(
    state: State,
    project_id: ProjectId,
    wanted: Filters,
    sort: Sort = Sort.TIME,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: PageCursor = None,
) -> Response:
    """Runs without their payloads, the latest (or longest, dearest, largest) first."""
    after = decode_position(sort, cursor) if cursor else None
    found = await find_runs(state, project_id, wanted, sort=sort, limit=limit, offset=offset, after=after)
    next_cursor = encode_position(sort, found[-1].position) if len(found) == limit else None
    return page([run.json for run in found], next_cursor, **await _search_lag(state, wanted, sort))


async def _search_lag(state: AppState, wanted: RunFilter, sort: Sort) -> dict[str, float]:
    """How far the search index is behind, where the answer rests on it."""
    if sort is Sort.TIME and wanted.q is None and not wanted.terms and not wanted.has_ranges:
        return {}
    lag = await rows(state, queries.SEARCH_LAG, {})
    return {"searchLagSeconds": round(lag[0][0], 3) if lag else 0.0}


@router.get("/users/{user_id}/runs", responses=answered_with(RunPage))
async def get_user_runs(
    user_id: int, state: State, project_id: ProjectId, limit: Limit = 50, offset: Offset = 0, cursor: PageCursor = None
) -> Response:
    """A user's runs, the latest first."""
    if not 0 < user_id < 2**31:
        raise NotFound(f"There is no user {user_id}.")
    after = decode_position(Sort.TIME, cursor) if cursor else None
    found = await find_runs(state, project_id, RunFilter(user_id=user_id), limit=limit, offset=offset, after=after)
    return page([run.json for run in found], encode_position(Sort.TIME, found[-1].position) if len(found) == limit else None)


@router.get("/runs/{run_id}", responses=answered_with(Run))
async def get_run(
    run_id: str,
    state: State,
    project_id: ProjectId,
    wait: Wait = 0,
    payloads: Payloads = True,
    steps: Annotated[bool, Query(description="Whether its steps come along.")] = True,
) -> Response:
    """A run with its steps, artifacts and metrics. With `wait` it holds all that was accepted before the request.

    A run of very many or very large steps comes with the first of them, and `nextStepsCursor` says where the others begin.
    """
    identity = _run_identity(run_id)
    deadline = time.monotonic() + wait
    if wait:
        await _wait_for_drain(state, identity.hex, deadline)
    key = {"project_id": project_id, "run_id": identity}
    while not (found := await rows(state, trace.get_run(payloads=payloads), key)):
        if time.monotonic() >= deadline:
            raise _no_run(identity)
        await asyncio.sleep(WAIT_POLL_SECONDS)
    text, day, step_count = found[0]
    run = _Run({**key, "day": day}, step_count)
    metrics = await rows(state, trace.LIST_METRICS, run.key)
    text = f'{text[:-1]}, "metrics" : {metrics[0][0]}}}'
    if not steps:
        return json_response(text.encode())
    items, next_cursor = await _steps(state, run, _step_fields(None), payloads=payloads, limit=STEPS_WITH_RUN_MAX)
    listed = ",".join(items)
    return json_response(f'{text[:-1]}, "steps" : [{listed}], "nextStepsCursor" : {to_json(next_cursor).decode()}}}'.encode())


@router.get("/runs/{run_id}/steps", responses=answered_with(StepPage))
async def get_steps(
    run_id: str,
    state: State,
    project_id: ProjectId,
    fields: Fields = None,
    payloads: Payloads = True,
    limit: Limit = 100,
    cursor: PageCursor = None,
) -> Response:
    """A run's steps in order of their index, a page at a time."""
    run = await _find_run(state, project_id, _run_identity(run_id))
    found, next_cursor = await _steps(state, run, _step_fields(fields), payloads=payloads, limit=limit, cursor=cursor)
    return page(found, next_cursor)


@router.get("/runs/{run_id}/steps/{step_id}", responses=answered_with(WholeStep))
async def get_step(run_id: str, step_id: str, state: State, project_id: ProjectId) -> Response:
    """One step with its payloads and artifacts."""
    identity = _run_identity(run_id)
    if not is_step_id(step_id):
        raise NotFound(f"{step_id!r} is not the id of a step: that is 16 hex digits.")
    number = int.from_bytes(bytes.fromhex(step_id), "big", signed=True)
    run = await _find_run(state, project_id, identity)
    found = await rows(state, trace.get_step(), {**run.key, "step_id": number})
    if not found:
        raise NotFound(f"Run {identity} has no step {step_id}.")
    return json_response(found[0][0].encode())


@router.get("/runs/{run_id}/artifacts/{artifact_id}", responses=_ARTIFACT)
async def get_artifact(run_id: str, artifact_id: str, state: State, caller: CallerDep) -> Response:
    """An artifact to save: text as it is, other content as JSON; one that is somewhere else redirects there.

    Whoever shows a key gets the `url` instead: many clients show it to wherever they are redirected.
    """
    identity = _run_identity(run_id)
    if not is_run_id(artifact_id):
        raise NotFound(f"{artifact_id!r} is not the id of an artifact: that is a UUID.")
    key = {"project_id": caller.project.id, "run_id": identity, "artifact_id": UUID(artifact_id)}
    found = await rows(state, queries.GET_ARTIFACT, key)
    if not found:
        raise NotFound(f"Run {identity} has no artifact {artifact_id}.")
    _, url, content = found[0]
    if content is None and url is not None:
        if not url.lower().startswith(("http://", "https://")):
            raise NotFound(f"The artifact is at {url[:200]!r}, where a browser cannot go.")
        return RedirectResponse(url, 307, NOT_KEPT) if caller.key is None else json_response(to_json({"url": url}))
    body, kind, suffix = content or "null", "application/json", "json"
    if body.startswith('"'):
        body, kind, suffix = from_json(body), "text/plain", "txt"
    # What an agent wrote is for saving, not for a browser to run as a page of ours.
    headers = {
        **NOT_KEPT,
        "Content-Disposition": f'attachment; filename="{UUID(artifact_id)}.{suffix}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(body.encode(), media_type=kind, headers=headers)


def _run_identity(run_id: str) -> UUID:
    if not is_run_id(run_id):
        raise NotFound(f"{run_id!r} is not the id of a run: that is a UUID or 32 hex digits.")
    return UUID(run_id)


def _no_run(identity: UUID) -> NotFound:
    return NotFound(f"There is no run {identity}. If it was only just sent, ask with ?wait=5.")


def _step_fields(fields: str | None) -> list[str]:
    if fields is None:
        return list(trace.STEP_FIELDS)
    names = [name.strip() for name in fields.split(",")]
    unknown = [name for name in names if name not in trace.STEP_FIELDS]
    if unknown:
        raise InvalidQuery(f"A step has no field {unknown[0][:50]!r}; it has {', '.join(trace.STEP_FIELDS)}.")
    return names


@dataclass(slots=True, frozen=True)
class _Run:
    key: dict[str, Any]
    """project_id, run_id, day"""
    step_count: int


async def _find_run(state: AppState, project_id: int, identity: UUID) -> _Run:
    key = {"project_id": project_id, "run_id": identity}
    found = await rows(state, queries.FIND_RUN, key)
    if not found:
        raise _no_run(identity)
    return _Run({**key, "day": found[0][0]}, found[0][1])


async def _steps(
    state: AppState, run: _Run, fields: list[str], *, payloads: bool, limit: int, cursor: str | None = None
) -> tuple[list[str], str | None]:
    """A page of steps as JSON texts, and the cursor of the next one. Large steps make it shorter than `limit`."""
    index, step_id = _step_position(cursor) if cursor else (FIRST_INDEX, -(2**63))
    values = {**run.key, "after_index": index, "after_id": step_id, "limit": limit}
    statement = trace.list_steps(fields, payloads=payloads)
    async with state.pool.connection() as connection, _reading(connection, run):
        if payloads and min(limit, run.step_count) > FEW_ROWS and not trace.LARGE.isdisjoint(fields):
            found, is_whole = await rows_up_to(connection, statement, values, PAGE_BYTES_MAX)
        else:
            found, is_whole = await (await connection.execute(statement, values)).fetchall(), True
    is_last = is_whole and (len(found) < limit or (cursor is None and run.step_count <= len(found)))
    return [text for _, _, text in found], None if is_last else encode_cursor(*found[-1][:2])


@asynccontextmanager
async def _reading(connection: AsyncConnection[Any], run: _Run) -> AsyncIterator[None]:
    """Settings for a long run, which only a transaction keeps to itself; most runs need neither."""
    if run.step_count <= LONG_RUN_STEPS:
        yield
        return
    async with connection.transaction():
        await connection.execute(queries.READ_BY_PAGE)
        yield


def _step_position(cursor: str) -> tuple[int, int]:
    index, step_id = decode_cursor(cursor, 2)
    if type(index) is not int or type(step_id) is not int or not -(2**31) <= index < 2**31 or not -(2**63) <= step_id < 2**63:
        raise not_ours()
    return index, step_id


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
        cursor = await rows(state, queries.CURSOR_OF_SHARD, {"shard": shard})
        if cursor and cursor[0][0] == (epoch or b"").decode() and id_order(cursor[0][1]) >= target:
            return
        await asyncio.sleep(WAIT_POLL_SECONDS)
