"""Values that filters of runs can take, by their first characters: for whoever types one."""

from enum import StrEnum
from typing import Annotated, LiteralString

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json

from api.access import ProjectId
from api.answers import answered_with
from api.answers.values import Values
from api.filters import KnownParameters
from api.pages import json_response, rows
from api.routing import ReadRoute
from api.state import State
from db import queries
from events.exceptions import InvalidQuery
from events.limits import NAME_CHARS_MAX

router = APIRouter(route_class=ReadRoute, prefix="/v1", tags=["read"], dependencies=[KnownParameters])

VALUES_MAX = 100
WALK_MAX = 1000
"""Values that are looked at where some that begin otherwise lie between those that are wanted; it takes some milliseconds."""


class Field(StrEnum):
    """What has values."""

    TOOL = "tool"
    MODEL = "model"
    TAG = "tag"
    METRIC = "metric"
    SESSION = "session"
    AGENT = "agent"


_STATEMENTS: dict[Field, LiteralString] = {Field.SESSION: queries.WALK_SESSIONS, Field.AGENT: queries.WALK_AGENTS}
"""Of what is not a term of the search index."""


@router.get("/runs/values", responses=answered_with(Values))
async def get_values(
    state: State,
    project_id: ProjectId,
    field: Field,
    prefix: Annotated[str, Query(max_length=NAME_CHARS_MAX, description="As it is written, capitals too.")] = "",
    limit: Annotated[int, Query(ge=1, le=VALUES_MAX)] = 20,
) -> Response:
    """Values of one filter of runs that begin so, in alphabetical order."""
    if "\0" in prefix:
        raise InvalidQuery("`prefix` holds the character NUL, which nothing that is stored does.")
    statement = _STATEMENTS.get(field, queries.WALK_TERMS)
    kind = "" if field in _STATEMENTS else f"{field}:"
    asked = {"project_id": project_id, "kind": kind, "prefix": kind + prefix, "limit": limit, "walk_max": WALK_MAX}
    return json_response(to_json({"items": [value for (value,) in await rows(state, statement, asked)]}))
