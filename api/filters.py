"""Query parameters of lists of runs, as a filter. What is not on this list is refused by nobody's SQL: it is never there."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant

from api.access import ProjectId
from api.authenticator import PROJECT_PARAMETER
from api.pages import rows
from api.state import AppState, State
from db import queries
from db.run_list import MetricFilter, RunFilter
from events.exceptions import InvalidQuery
from events.limits import COST_USD_MAX, NAME_CHARS_MAX
from events.records import RunStatus

VALUES_MAX = 20
"""How often a parameter may be given that may be given more than once."""
IDS_MAX = 100
DURATION_MS_MAX = 10**13
Q_CHARS_MAX = 500

_METRIC = re.compile(r"(?P<name>[^<>=]+)(?:(?P<operator><=|>=|=|<|>)(?P<value>[-+0-9.eE]+))?")

_Id = Annotated[int, Query(ge=1, lt=2**31)]
_Name = Annotated[str | None, Query(min_length=1, max_length=NAME_CHARS_MAX)]
_Names = Annotated[list[Annotated[str, Query(min_length=1, max_length=NAME_CHARS_MAX)]] | None, Query(max_length=VALUES_MAX)]
_Milliseconds = Annotated[float | None, Query(ge=0, le=DURATION_MS_MAX)]
_Usd = Annotated[float | None, Query(ge=0, le=10**5 * COST_USD_MAX)]


async def refuse_unknown(request: Request) -> None:
    """A misspelt parameter would be no parameter, and its answer a lie."""
    known = _parameters(request.scope["route"].dependant) | {PROJECT_PARAMETER}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise InvalidQuery(f"There is no parameter `{unknown[0][:50]}`; there are: {', '.join(sorted(known))}.")


KnownParameters = Depends(refuse_unknown)
"""For a router: its routes take no others than they name."""


def _parameters(dependant: Dependant) -> set[str]:
    """Of a route, with all that it depends on."""
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*map(_parameters, dependant.dependencies))


async def run_filter(
    state: State,
    project_id: ProjectId,
    run_id: Annotated[
        list[UUID] | None, Query(alias="id", max_length=IDS_MAX, description="May be given more than once.")
    ] = None,
    agent_id: Annotated[list[_Id] | None, Query(alias="agentId", max_length=VALUES_MAX)] = None,
    agent_name: Annotated[_Name, Query(alias="agentName")] = None,
    agent_version: Annotated[str | None, Query(alias="agentVersion", max_length=NAME_CHARS_MAX)] = None,
    status: Annotated[list[RunStatus] | None, Query(max_length=VALUES_MAX, description="May be given more than once.")] = None,
    user_id: Annotated[int | None, Query(alias="userId", ge=1, lt=2**31)] = None,
    session_id: Annotated[_Name, Query(alias="sessionId")] = None,
    started_from: Annotated[datetime | None, Query(alias="from", description="Started then or later.")] = None,
    started_before: Annotated[datetime | None, Query(alias="to", description="Started before.")] = None,
    min_duration_ms: Annotated[_Milliseconds, Query(alias="minDurationMs")] = None,
    max_duration_ms: Annotated[_Milliseconds, Query(alias="maxDurationMs")] = None,
    min_cost_usd: Annotated[_Usd, Query(alias="minCostUsd")] = None,
    max_cost_usd: Annotated[_Usd, Query(alias="maxCostUsd")] = None,
    has_error: Annotated[bool | None, Query(alias="hasError", description="Of the run or of one of its steps.")] = None,
    stale: Annotated[bool | None, Query(description="It was closed because it said nothing, or is about to be.")] = None,
    tool: Annotated[_Names, Query(description="Has a step of it; given more than once, of each.")] = None,
    model: Annotated[_Names, Query(description="Has a step of it; given more than once, of each.")] = None,
    tag: Annotated[_Names, Query(description="`name`, or `key=value`.")] = None,
    metric: Annotated[_Names, Query(description="`name`, or `name>0.5` (=, <, <=, >, >=).")] = None,
    q: Annotated[
        str | None, Query(max_length=Q_CHARS_MAX, description='Words in input, output or errors; "a phrase", or, -not.')
    ] = None,
) -> RunFilter:
    if q is not None and not q.strip():
        raise InvalidQuery("`q` holds no word to look for.")
    wanted = RunFilter(
        statuses=tuple(dict.fromkeys(status or ())),
        user_id=user_id,
        session_id=session_id,
        started_from=in_range("from", started_from),
        started_before=in_range("to", started_before),
        duration_min=scaled(min_duration_ms, 1000),
        duration_max=scaled(max_duration_ms, 1000),
        cost_min=scaled(min_cost_usd, 1e9),
        cost_max=scaled(max_cost_usd, 1e9),
        has_error=has_error,
        stale=stale,
        tools=tuple(dict.fromkeys(tool or ())),
        models=tuple(dict.fromkeys(model or ())),
        tags=tuple(dict.fromkeys(tag or ())),
        metrics=tuple(_metric(text) for text in metric or ()),
        q=q,
        ids=None if run_id is None else tuple(dict.fromkeys(run_id)),
    )
    refuse_nul(wanted)
    refuse_empty(wanted)
    agents = await agent_ids(state, project_id, agent_id, agent_name, agent_version)
    return wanted if agents is None else replace(wanted, agent_ids=agents)


Filters = Annotated[RunFilter, Depends(run_filter)]


async def agent_ids(
    state: AppState, project_id: int, ids: list[int] | None, name: str | None, version: str | None
) -> tuple[int, ...] | None:
    """The agents that are asked for; None if all are. Those of a name or version that nobody has are none."""
    given = None if ids is None else tuple(dict.fromkeys(ids))
    if name is None and version is None:
        return given
    if "\0" in (name or "") + (version or ""):
        return ()
    values = {"project_id": project_id, "name": name, "version": version}
    named = [agent_id for (agent_id,) in await rows(state, queries.FIND_AGENT_IDS, values)]
    return tuple(agent_id for agent_id in named if given is None or agent_id in given)


def refuse_nul(wanted: RunFilter) -> None:
    texts = [wanted.session_id, wanted.q, *wanted.terms]
    if any(text is not None and "\0" in text for text in texts):
        raise InvalidQuery("A parameter holds the character NUL, which nothing that is stored does.")


def refuse_empty(wanted: RunFilter) -> None:
    """As windows of figures, which nobody asks for who did not mix them up."""
    if wanted.started_from and wanted.started_before and wanted.started_from >= wanted.started_before:
        raise InvalidQuery(
            f"`from` ({wanted.started_from.isoformat()}) is not before `to` ({wanted.started_before.isoformat()})."
        )


def in_range(name: str, moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not 1970 <= moment.year < 2200:
        raise InvalidQuery(f"`{name}` is not of the years 1970 to 2199.")
    return moment


def scaled(value: float | None, factor: float) -> int | None:
    return None if value is None else round(value * factor)


def _metric(text: str) -> MetricFilter:
    match = _METRIC.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        value = match["value"]
        return MetricFilter(match["name"], match["operator"], float(value) if value else 0.0)
    except ValueError:
        raise InvalidQuery(f"`metric` {text[:50]!r} is neither a name nor a comparison such as score>0.5.") from None
