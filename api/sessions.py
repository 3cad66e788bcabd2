"""Sessions, which are runs that belong together, and agents."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from api.access import ProjectId
from api.answers import answered_with
from api.answers.runs import AgentPage, RunPage, SessionPage
from api.filters import KnownParameters
from api.finding import decode_position, encode_position
from api.pages import Limit, Offset, PageCursor, decode_cursor, encode_cursor, not_ours, page, rows, run_rows
from api.routing import ReadRoute
from api.state import State
from db import queries
from db.run_list import Position, Sort
from events.exceptions import NotFound
from events.limits import NAME_CHARS_MAX

router = APIRouter(route_class=ReadRoute, prefix="/v1", tags=["read"], dependencies=[KnownParameters])

LAST = Position(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))
FIRST = Position(datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))

SessionId = Annotated[str, Path(max_length=NAME_CHARS_MAX)]


@router.get("/sessions", responses=answered_with(SessionPage))
async def get_sessions(state: State, project_id: ProjectId, limit: Limit = 50, cursor: PageCursor = None) -> Response:
    """Sessions, each with what its runs amount to; the one with the latest run first."""
    after = decode_position(Sort.TIME, cursor) if cursor else LAST
    values = {"project_id": project_id, "after": after.value, "after_id": after.id, "limit": limit}
    found = await rows(state, queries.LIST_SESSIONS, values)
    last = Position(*found[-1][:2]) if len(found) == limit else None
    return page([text for _, _, text in found], encode_position(Sort.TIME, last) if last else None)


@router.get("/sessions/{session_id:path}/runs", responses=answered_with(RunPage))
async def get_session_runs(
    session_id: SessionId, state: State, project_id: ProjectId, limit: Limit = 50, cursor: PageCursor = None
) -> Response:
    """The runs of a session in the order in which they began."""
    if "\0" in session_id:
        raise NotFound("There is no such session.")
    after = decode_position(Sort.TIME, cursor) if cursor else FIRST
    values = {"project_id": project_id, "session_id": session_id, "after": after.value, "after_id": after.id, "limit": limit}
    found = await run_rows(state, queries.SESSION_RUNS, values, limit)
    if not found and cursor is None:
        raise NotFound(f"There is no session {session_id!r}.")
    last = Position(*found[-1][:2]) if len(found) == limit else None
    return page([text for _, _, text in found], encode_position(Sort.TIME, last) if last else None)


@router.get("/agents", responses=answered_with(AgentPage))
async def get_agents(
    state: State, project_id: ProjectId, limit: Limit = 50, offset: Offset = 0, cursor: PageCursor = None
) -> Response:
    """The agents of the project, in order of their registration."""
    after = decode_cursor(cursor, 1)[0] if cursor else 0
    if type(after) is not int or not 0 <= after < 2**31:
        raise not_ours()
    values = {"project_id": project_id, "after": after, "limit": limit, "offset": offset}
    found = await rows(state, queries.LIST_AGENTS, values)
    return page([text for _, text in found], encode_cursor(found[-1][0]) if len(found) == limit else None)
