"""The routes of the KPIs."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from api import kpis, tool_kpis, user_kpis
from api.access import ProjectId
from api.answers import answered_with
from api.answers.figures import FiguresSummary, FiguresTimeseries, Latency, ModelsFigures, ToolsFigures
from api.answers.tool_series import ToolTimeseries
from api.answers.user_figures import UsersFigures
from api.filters import VALUES_MAX, agent_ids
from api.pages import json_response
from api.rollups import Agents
from api.routing import ReadRoute
from api.state import AppState, State
from api.tool_kpis import Subject, ToolBucket, ToolSort
from api.windows import Grain, Window, asked_window
from events.exceptions import InvalidQuery
from events.limits import NAME_CHARS_MAX
from events.models import Moment, Name

router = APIRouter(route_class=ReadRoute, prefix="/v1/metrics", tags=["metrics"])

_Limit = Annotated[int, Field(ge=1, le=tool_kpis.TOOLS_MAX)]
_Top = Annotated[int, Field(ge=0, le=100)]
_Version = Annotated[str, Field(max_length=NAME_CHARS_MAX)]


class Asked(BaseModel):
    """What all KPIs can be asked for. A parameter that is misspelt is refused: without it the answer would be another."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    agent_id: list[Annotated[int, Field(ge=1, lt=2**31)]] | None = Field(None, max_length=VALUES_MAX)
    agent_name: Name | None = None
    agent_version: _Version | None = None
    start: Moment | None = Field(None, alias="from", description="Without it, 24 hours before `to`.")
    end: Moment | None = Field(None, alias="to", description="Without it, now.")

    @property
    def window(self) -> Window:
        return asked_window(self.start, self.end)

    async def agents(self, state: AppState, project_id: int) -> Agents:
        return await agent_ids(state, project_id, self.agent_id, self.agent_name, self.agent_version)


class AskedTimeseries(Asked):
    bucket: Grain | None = Field(None, description="Without it, what fits the window.")


class AskedTools(Asked):
    sort: ToolSort = ToolSort.SLOWEST
    limit: _Limit = 50
    top: Annotated[_Top, Field(description="Tools in `topFailing`.")] = 5
    errors: Annotated[_Top, Field(description="Error messages in `errors`.")] = 10


class AskedToolTimeseries(Asked):
    tool: Annotated[str, Field(max_length=NAME_CHARS_MAX, description="Its steps; empty for steps without a tool.")]
    bucket: ToolBucket | None = Field(None, description="Without it, what fits the window.")


class AskedUsers(Asked):
    limit: Annotated[int, Field(ge=1, le=user_kpis.USERS_MAX)] = 50


class AskedModels(Asked):
    limit: _Limit = 50


class AskedLatency(Asked):
    subject: Subject | None = None
    tool: Annotated[str, Field(max_length=NAME_CHARS_MAX)] | None = Field(
        None, description="Its steps only; empty for steps without a tool."
    )


@router.get("/summary", responses=answered_with(FiguresSummary))
async def get_summary(state: State, project_id: ProjectId, asked: Annotated[Asked, Query()]) -> Response:
    """Runs, success, durations, steps, errors, tokens and cost; the same of the window before, and of each agent."""
    window = asked.window
    return _json(await kpis.summary(state, project_id, await asked.agents(state, project_id), window))


@router.get("/timeseries", responses=answered_with(FiguresTimeseries))
async def get_timeseries(state: State, project_id: ProjectId, asked: Annotated[AskedTimeseries, Query()]) -> Response:
    """The figures of the summary by minute, hour or day."""
    window = asked.window
    agents = await asked.agents(state, project_id)
    return _json(await kpis.timeseries(state, project_id, agents, window, asked.bucket))


@router.get("/tools", responses=answered_with(ToolsFigures))
async def get_tools(state: State, project_id: ProjectId, asked: Annotated[AskedTools, Query()]) -> Response:
    """Calls, failures and durations of each tool, and the commonest errors."""
    window = asked.window
    agents = await asked.agents(state, project_id)
    return _json(
        await tool_kpis.tools(
            state, project_id, agents, window, sort=asked.sort, limit=asked.limit, top=asked.top, errors=asked.errors
        )
    )


@router.get("/tools/timeseries", responses=answered_with(ToolTimeseries))
async def get_tool_timeseries(state: State, project_id: ProjectId, asked: Annotated[AskedToolTimeseries, Query()]) -> Response:
    """The figures of one tool by hour or day."""
    window = asked.window
    _refuse_nul(asked.tool)
    agents = await asked.agents(state, project_id)
    return _json(await tool_kpis.tool_timeseries(state, project_id, agents, window, asked.tool, asked.bucket))


@router.get("/users", responses=answered_with(UsersFigures))
async def get_user_figures(state: State, project_id: ProjectId, asked: Annotated[AskedUsers, Query()]) -> Response:
    """Runs, failures, sessions, tokens and cost of each user."""
    window = asked.window
    agents = await asked.agents(state, project_id)
    return _json(await user_kpis.users(state, project_id, agents, window, limit=asked.limit))


@router.get("/models", responses=answered_with(ModelsFigures))
async def get_models(state: State, project_id: ProjectId, asked: Annotated[AskedModels, Query()]) -> Response:
    """Calls, failures, tokens and cost of each model."""
    window = asked.window
    agents = await asked.agents(state, project_id)
    return _json(await tool_kpis.models(state, project_id, agents, window, limit=asked.limit))


@router.get("/latency", responses=answered_with(Latency))
async def get_latency(state: State, project_id: ProjectId, asked: Annotated[AskedLatency, Query()]) -> Response:
    """The histogram of the durations of runs, of steps, or of one tool's steps."""
    window = asked.window
    if asked.tool is not None and asked.subject is Subject.RUN:
        raise InvalidQuery("`tool` is of steps: leave out `subject`, or make it `step`.")
    _refuse_nul(asked.tool or "")
    agents = await asked.agents(state, project_id)
    subject = asked.subject or Subject.RUN
    return _json(await tool_kpis.latency(state, project_id, agents, window, subject=subject, tool=asked.tool))


def _refuse_nul(tool: str) -> None:
    if "\0" in tool:
        raise InvalidQuery("`tool` holds the character NUL, which no name does.")


def _json(answer: Mapping[str, Any]) -> Response:
    return json_response(to_json(answer))
