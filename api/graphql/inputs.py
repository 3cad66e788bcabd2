"""The filter of runs: the one of `GET /v1/runs`, as an input."""

from dataclasses import replace
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

from api.filters import DURATION_MS_MAX, Q_CHARS_MAX, VALUES_MAX, agent_ids, refuse_empty, refuse_nul, scaled
from api.graphql.context import Context
from api.graphql.limits import FIRST_MAX
from api.graphql.scalars import Moment, Uuid
from api.graphql.types import RunStatus
from db import run_list
from events.exceptions import InvalidQuery
from events.limits import COST_USD_MAX, NAME_CHARS_MAX


@strawberry.enum(description="By what runs are sorted, the largest first.")
class RunSort(Enum):
    TIME = run_list.Sort.TIME
    DURATION = run_list.Sort.DURATION
    COST = run_list.Sort.COST
    STEPS = run_list.Sort.STEPS


@strawberry.enum
class Comparison(Enum):
    EQ = "="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@strawberry.input(description="A run has a metric of this name; with `comparison` and `value`, one whose value is so.")
class MetricFilter:
    name: str
    comparison: Comparison | None = None
    value: float | None = None


@strawberry.input(description="All that is given must hold.")
class RunFilter:
    ids: list[Uuid] | None = None
    agent_ids: list[int] | None = None
    agent_name: str | None = None
    agent_version: str | None = None
    status: list[RunStatus] | None = strawberry.field(default=None, description="One of these.")
    user_id: int | None = None
    session_id: str | None = None
    from_: Moment | None = strawberry.field(default=None, name="from", description="Started then or later.")
    to: Moment | None = strawberry.field(default=None, description="Started before.")
    min_duration_ms: float | None = None
    max_duration_ms: float | None = None
    min_cost_usd: float | None = None
    max_cost_usd: float | None = None
    has_error: bool | None = strawberry.field(default=None, description="Of the run or of one of its steps.")
    stale: bool | None = strawberry.field(default=None, description="It was closed because it said nothing, or is about to be.")
    tools: list[str] | None = strawberry.field(default=None, description="Has a step of each.")
    models: list[str] | None = strawberry.field(default=None, description="Has a step of each.")
    tags: list[str] | None = strawberry.field(default=None, description="Each a `name`, or `key=value`.")
    metrics: list[MetricFilter] | None = None
    q: str | None = strawberry.field(default=None, description='Words in input, output or errors; "a phrase", or, -not.')


async def run_filter(context: Context, given: RunFilter | None) -> run_list.RunFilter:
    """Raises InvalidQuery for what `GET /v1/runs` would not take either."""
    if given is None:
        return run_list.RunFilter()
    _check(given)
    metrics = tuple(_metric(metric) for metric in given.metrics or ())
    wanted = run_list.RunFilter(
        ids=None if given.ids is None else tuple(UUID(run_id) for run_id in given.ids),
        statuses=tuple(dict.fromkeys(status.value for status in given.status or ())),
        user_id=given.user_id,
        session_id=given.session_id,
        started_from=moment_of(given.from_),
        started_before=moment_of(given.to),
        duration_min=scaled(given.min_duration_ms, 1000),
        duration_max=scaled(given.max_duration_ms, 1000),
        cost_min=scaled(given.min_cost_usd, 1e9),
        cost_max=scaled(given.max_cost_usd, 1e9),
        has_error=given.has_error,
        stale=given.stale,
        tools=tuple(dict.fromkeys(given.tools or ())),
        models=tuple(dict.fromkeys(given.models or ())),
        tags=tuple(dict.fromkeys(given.tags or ())),
        metrics=metrics,
        q=given.q,
    )
    refuse_nul(wanted)
    refuse_empty(wanted)
    if given.status == []:
        wanted = replace(wanted, ids=())  # one of none
    agents = await agents_of(context, given.agent_ids, given.agent_name, given.agent_version)
    return replace(wanted, agent_ids=agents)


async def agents_of(context: Context, ids: list[int] | None, name: str | None, version: str | None) -> tuple[int, ...] | None:
    """As `api.filters.agent_ids`. Raises InvalidQuery for ids that no agent can have."""
    if ids is not None and len(ids) > VALUES_MAX:
        raise InvalidQuery(f"`agentIds` holds {len(ids)} values; at most {VALUES_MAX} go into it.")
    for agent_id in ids or ():
        _check_id("agentIds", agent_id)  # below are those that stand for several agents
    return await context.ask(lambda: agent_ids(context.state, context.project_id, ids, name, version))


def _check_id(name: str, given: int) -> None:
    if given < 1:
        raise InvalidQuery(f"`{name}` holds {given}; ids are from 1 on.")


def _check(given: RunFilter) -> None:
    if given.user_id is not None:
        _check_id("userId", given.user_id)
    for name, many, most in (
        ("ids", given.ids, FIRST_MAX),
        ("tools", given.tools, VALUES_MAX),
        ("models", given.models, VALUES_MAX),
        ("tags", given.tags, VALUES_MAX),
        ("metrics", given.metrics, VALUES_MAX),
    ):
        if many is not None and len(many) > most:
            raise InvalidQuery(f"`{name}` holds {len(many)} values; at most {most} go into it.")
    names = [given.session_id, *(given.tools or ()), *(given.models or ()), *(given.tags or ())]
    for text in (*names, *(metric.name for metric in given.metrics or ())):
        if text is not None and not 0 < len(text) <= NAME_CHARS_MAX:
            raise InvalidQuery(f"A name has 1 to {NAME_CHARS_MAX} characters, which {text[:50]!r} has not.")
    if given.q is not None and not (given.q.strip() and len(given.q) <= Q_CHARS_MAX):
        raise InvalidQuery(f"`q` has 1 to {Q_CHARS_MAX} characters, and words among them.")
    for name, value, highest in (
        ("minDurationMs", given.min_duration_ms, DURATION_MS_MAX),
        ("maxDurationMs", given.max_duration_ms, DURATION_MS_MAX),
        ("minCostUsd", given.min_cost_usd, 10**5 * COST_USD_MAX),
        ("maxCostUsd", given.max_cost_usd, 10**5 * COST_USD_MAX),
    ):
        if value is not None and not 0 <= value <= highest:
            raise InvalidQuery(f"`{name}` is not from 0 to {highest:,}.")


def _metric(given: MetricFilter) -> run_list.MetricFilter:
    if given.comparison is None and given.value is None:
        return run_list.MetricFilter(given.name)
    if given.comparison is None or given.value is None:
        raise InvalidQuery(f"The metric {given.name[:50]!r} has one of `comparison` and `value`: give both or neither.")
    return run_list.MetricFilter(given.name, given.comparison.value, given.value)


def moment_of(text: Moment | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
