"""Deletions on request, of a run, a session's or a user's runs: asked for and followed here, done by workers."""

import logging
from typing import Annotated
from uuid import UUID

import psycopg
from fastapi import APIRouter, Path, Response
from psycopg_pool import PoolTimeout
from pydantic_core import to_json

from api.access import Caller, CallerDep, ProjectId
from api.answers import answered_with
from api.answers.upkeep import Deletion, DeletionPage, DeletionRequest
from api.errors import NOT_KEPT
from api.filters import KnownParameters
from api.pages import Limit, PageCursor, decode_cursor, encode_cursor, json_response, not_ours, page, rows
from api.routing import AdminRoute
from api.state import AppState, State
from db import queries
from events.exceptions import NotFound
from events.ids import is_run_id
from events.instrumentation import DATABASE_BYTES, DELETIONS_FAILED, DELETIONS_OPEN, DISK_BUDGET_BYTES
from events.limits import NAME_CHARS_MAX

router = APIRouter(route_class=AdminRoute, prefix="/v1", tags=["deletions"], dependencies=[KnownParameters])

logger = logging.getLogger(__name__)

FIGURES_TIMEOUT_SECONDS = 1.0

LAST = UUID(int=2**128 - 1)

SessionId = Annotated[str, Path(max_length=NAME_CHARS_MAX)]


@router.delete("/runs/{run_id}", status_code=202, responses=answered_with(DeletionRequest, 202))
async def delete_run(run_id: str, state: State, caller: CallerDep) -> Response:
    """Deletes a run with all that it holds: answers at once, and `url` tells when it is done."""
    if not is_run_id(run_id):
        raise NotFound(f"{run_id!r} is not the id of a run: that is a UUID or 32 hex digits.")
    return await _ask(state, caller, "run", str(UUID(run_id)))


@router.delete("/sessions/{session_id:path}", status_code=202, responses=answered_with(DeletionRequest, 202))
async def delete_session(session_id: SessionId, state: State, caller: CallerDep) -> Response:
    """The same of all runs of a session."""
    if "\0" in session_id:
        raise NotFound("There is no such session.")
    return await _ask(state, caller, "session", session_id)


@router.delete("/users/{user_id}/data", status_code=202, responses=answered_with(DeletionRequest, 202))
async def delete_user_data(user_id: int, state: State, caller: CallerDep) -> Response:
    """The same of all runs of a user; the user stays."""
    if not 0 < user_id < 2**31:
        raise NotFound(f"There is no user {user_id}.")
    return await _ask(state, caller, "user", str(user_id))


@router.get("/deletions", responses=answered_with(DeletionPage))
async def get_deletions(state: State, project_id: ProjectId, limit: Limit = 50, cursor: PageCursor = None) -> Response:
    """The project's deletions, the latest first; also those that its retention asked for."""
    before = _decode(cursor) if cursor else LAST
    found = await rows(state, queries.LIST_DELETIONS, {"project_id": project_id, "before": before, "limit": limit})
    return page([text for _, text in found], encode_cursor(str(found[-1][0])) if len(found) == limit else None)


@router.get("/deletions/{deletion_id}", responses=answered_with(Deletion))
async def get_deletion(deletion_id: str, state: State, project_id: ProjectId) -> Response:
    """Whether a deletion is PENDING, RUNNING or DONE, and what it removed so far."""
    found = (
        await rows(state, queries.GET_DELETION, {"project_id": project_id, "id": UUID(deletion_id)})
        if is_run_id(deletion_id)
        else []
    )
    if not found:
        raise NotFound(f"There is no deletion {deletion_id}.")
    return json_response(found[0][0].encode())


async def _ask(state: AppState, caller: Caller, kind: str, subject: str) -> Response:
    """Whether there is such a thing is not looked at: what is not there and what is another project's are answered alike."""
    values = {"project_id": caller.project.id, "kind": kind, "subject": subject, "requested_by": caller.name}
    [(deletion_id,)] = await rows(state, queries.REQUEST_DELETION, values)
    body = {"id": str(deletion_id), "kind": kind, "url": f"/v1/deletions/{deletion_id}"}
    return Response(to_json(body), 202, NOT_KEPT, "application/json")


async def refresh_figures(state: AppState) -> None:
    """Brings up to date what `/metrics` says. While the database is away the figures stay as they were."""
    try:
        async with state.pool.connection(timeout=FIGURES_TIMEOUT_SECONDS) as connection:
            found = await (await connection.execute(queries.DELETION_FIGURES)).fetchall()
    except (psycopg.Error, PoolTimeout) as error:
        logger.warning("the figures of deletions stay as they were: %s", error)
        return
    for gauge, value in zip((DELETIONS_OPEN, DELETIONS_FAILED, DATABASE_BYTES), found[0], strict=True):
        gauge.set(value)
    DISK_BUDGET_BYTES.set(state.settings.disk_budget_bytes)


def _decode(cursor: str) -> UUID:
    [text] = decode_cursor(cursor, 1)
    if not isinstance(text, str) or not is_run_id(text):
        raise not_ours()
    return UUID(text)
