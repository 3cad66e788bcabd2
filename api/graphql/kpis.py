"""KPIs as types. Their values are the answers of `api.kpis` and `api.tool_kpis`, whose keys are the fields' names."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import strawberry

from api import kpis, tool_kpis
from api.graphql.connections import First
from api.graphql.context import Info
from api.graphql.fields import described
from api.graphql.limits import FIRST_DEFAULT
from api.graphql.scalars import BigInt, Moment, Uuid
from api.rollups import Agents
from api.tool_kpis import Subject, ToolSort
from api.windows import Grain, Window
from events.exceptions import InvalidQuery
from events.limits import NAME_CHARS_MAX

TOP_MAX = 100
"""Of the tools that fail most, and of the commonest errors."""

strawberry.enum(Grain, name="KpiGrain", description="Minutes, hours and days of UTC.")
strawberry.enum(ToolSort, name="KpiToolSort", description="The largest first.")
strawberry.enum(Subject, name="KpiSubject", description="Whose durations.")


@strawberry.type
class KpiCovered:
    from_: Moment = strawberry.field(name="from")
    to: Moment
    grain: str = strawberry.field(description="Of the finest roll-up that answered.")


@strawberry.type
class KpiWindow:
    from_: Moment = strawberry.field(name="from")
    to: Moment
    covered: KpiCovered = strawberry.field(description="What the figures are of: whole minutes, or whole hours.")


@strawberry.type(description="Milliseconds; null where nothing was timed.")
class KpiMean:
    avg: float | None


@strawberry.type(description="Milliseconds; percentiles are at most 1 % off.")
class KpiBucketDurations(KpiMean):
    p50: float | None
    p95: float | None


@strawberry.type(description="Milliseconds; percentiles are at most 1 % off.")
class KpiDurations(KpiBucketDurations):
    p99: float | None


@strawberry.type(description="Milliseconds; at most 1 % off.")
class KpiPercentiles:
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


@strawberry.type
class KpiRunsByStatus:
    PENDING: BigInt
    RUNNING: BigInt
    SUCCESS: BigInt
    FAILED: BigInt
    CANCELLED: BigInt


@strawberry.type
class KpiFigures:
    runs: BigInt = strawberry.field(description="That started in the window.")
    runs_by_status: KpiRunsByStatus
    in_flight: BigInt
    success_rate: float | None = strawberry.field(description="Of runs that ended, from 0 to 1.")
    steps: BigInt
    steps_per_run: float | None
    step_errors: BigInt
    step_error_rate: float | None
    step_duration_ms: KpiMean
    input_tokens: BigInt
    output_tokens: BigInt
    cost_usd: float


@strawberry.type
class KpiPrevious(KpiFigures):
    window: KpiWindow
    duration_ms: KpiDurations = strawberry.field(description="Of runs.")


@strawberry.type
class KpiAgent(KpiFigures):
    id: int | None = strawberry.field(description="Null for runs whose agent is not known yet.")
    name: str | None
    version: str | None
    duration_ms: KpiMean = strawberry.field(description="Of runs.")


@strawberry.type
class KpiSummary(KpiFigures):
    window: KpiWindow
    duration_ms: KpiDurations = strawberry.field(description="Of runs.")
    previous: KpiPrevious = strawberry.field(description="The same of the window before.")
    agents: list[KpiAgent]
    agents_left_out: int


@strawberry.type
class KpiBucket(KpiFigures):
    start: Moment
    duration_ms: KpiBucketDurations = strawberry.field(description="Of runs.")


@strawberry.type
class KpiTimeseries:
    window: KpiWindow
    bucket: str
    buckets: list[KpiBucket] = strawberry.field(description="Also those in which nothing happened.")


@strawberry.type
class KpiCalls:
    calls: BigInt
    failures: BigInt
    failure_rate: float | None
    input_tokens: BigInt
    output_tokens: BigInt
    cost_usd: float


@strawberry.type
class KpiTool(KpiCalls):
    tool_name: str | None = strawberry.field(description="Null for steps without a tool.")
    duration_ms: KpiDurations


@strawberry.type
class KpiModel(KpiCalls):
    model: str
    duration_ms: KpiMean


@strawberry.type
class KpiError:
    subject: str = strawberry.field(description="`run` or `step`.")
    tool_name: str | None
    message: str = strawberry.field(description="Numbers, ids and quoted text folded away.")
    count: BigInt
    sample_run_id: Uuid | None


@strawberry.type
class KpiTools:
    window: KpiWindow
    tools: list[KpiTool]
    tools_left_out: int
    top_failing: list[KpiTool]
    errors: list[KpiError]


@strawberry.type
class KpiModels:
    window: KpiWindow
    models: list[KpiModel]
    models_left_out: int


@strawberry.type
class KpiBin:
    from_ms: float
    to_ms: float
    count: BigInt


@strawberry.type
class KpiLatency:
    window: KpiWindow
    subject: str
    tool_name: str | None
    total: BigInt
    duration_ms: KpiPercentiles
    buckets: list[KpiBin]


@strawberry.type(description="Figures of a window of time, from the roll-ups: about half a second behind the runs themselves.")
class Kpis:
    agents: strawberry.Private[Agents]
    window: strawberry.Private[Window]

    @strawberry.field
    async def summary(self, info: Info) -> KpiSummary:
        return cast("KpiSummary", await self._ask(info, kpis.summary))

    @strawberry.field
    async def timeseries(self, info: Info, bucket: Grain | None = None) -> KpiTimeseries:
        return cast("KpiTimeseries", await self._ask(info, kpis.timeseries, bucket=bucket))

    @described("`first` tools, as many of those that fail most and of the commonest errors.")
    async def tools(self, info: Info, sort: ToolSort = ToolSort.SLOWEST, first: First = FIRST_DEFAULT) -> KpiTools:
        top = min(first, TOP_MAX)
        return cast("KpiTools", await self._ask(info, tool_kpis.tools, sort=sort, limit=first, top=top, errors=top))

    @strawberry.field
    async def models(self, info: Info, first: First = FIRST_DEFAULT) -> KpiModels:
        return cast("KpiModels", await self._ask(info, tool_kpis.models, limit=first))

    @described("The histogram of durations: of runs, of steps, or of the steps of one tool.")
    async def latency(self, info: Info, subject: Subject = Subject.RUN, tool: str | None = None) -> KpiLatency:
        if tool is not None and (len(tool) > NAME_CHARS_MAX or "\0" in tool):
            raise InvalidQuery(f"`tool` is no name: those have up to {NAME_CHARS_MAX} characters, and NUL is none.")
        return cast("KpiLatency", await self._ask(info, tool_kpis.latency, subject=subject, tool=tool))

    async def _ask(self, info: Info, asked: Callable[..., Awaitable[dict[str, Any]]], **more: Any) -> dict[str, Any]:
        context = info.context
        return await context.ask(lambda: asked(context.state, context.project_id, self.agents, self.window, **more))
