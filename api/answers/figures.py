"""The figures of runs and steps."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from api.answers import Answer
from api.tool_kpis import Subject
from api.windows import Grain


class CoveredWindow(Answer):
    """Whole minutes or hours."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to", description="Not included.")
    grain: Grain


class FiguresWindow(Answer):
    """What was asked for, and what the figures are of."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to", description="Not included.")
    covered: CoveredWindow


class Average(Answer):
    """Of durations in milliseconds; `null` if there are none."""

    avg: float | None


class BucketDurations(Average):
    """Of a bucket of time."""

    p50: float | None
    p95: float | None


class Durations(BucketDurations):
    """Of a window."""

    p99: float | None


class Percentiles(Answer):
    """Of durations in milliseconds; `null` if there are none."""

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class RunsByStatus(Answer):
    """How many runs are in each status."""

    pending: int = Field(alias="PENDING")
    running: int = Field(alias="RUNNING")
    success: int = Field(alias="SUCCESS")
    failed: int = Field(alias="FAILED")
    cancelled: int = Field(alias="CANCELLED")


class _RunFigures(Answer):
    runs: int
    runs_by_status: RunsByStatus
    in_flight: int
    success_rate: float | None = Field(description="Of the runs that have ended.")
    steps: int
    steps_per_run: float | None
    step_errors: int
    step_error_rate: float | None
    step_duration_ms: Average
    input_tokens: int
    output_tokens: int
    cost_usd: float


class WindowFigures(_RunFigures):
    """Of a window before."""

    window: FiguresWindow
    duration_ms: Durations


class AgentFigures(_RunFigures):
    """Of an agent."""

    id: int | None = Field(description="`null`: it is not known yet.")
    name: str | None
    version: str | None
    duration_ms: Average


class FiguresSummary(WindowFigures):
    """Of a window, of the one before, and of each agent."""

    previous: WindowFigures
    agents: list[AgentFigures] = Field(description="Most runs first.")
    agents_left_out: int


class FiguresBucket(_RunFigures):
    """Of a bucket of time."""

    start: datetime
    duration_ms: BucketDurations


class FiguresTimeseries(Answer):
    """Of each bucket of a window, empty ones too."""

    window: FiguresWindow
    bucket: Grain
    buckets: list[FiguresBucket]


class _StepFigures(Answer):
    calls: int
    failures: int
    failure_rate: float
    input_tokens: int
    output_tokens: int
    cost_usd: float


class ToolFigures(_StepFigures):
    """Of a tool."""

    tool_name: str | None = Field(description="`null`: steps without a tool.")
    duration_ms: Durations


class CommonError(Answer):
    """Errors that differ in numbers, ids and quoted text only."""

    subject: Subject
    tool_name: str | None
    message: str
    count: int
    sample_run_id: UUID | None


class ToolsFigures(Answer):
    """Of tools, and the commonest errors."""

    window: FiguresWindow
    tools: list[ToolFigures]
    tools_left_out: int
    top_failing: list[ToolFigures]
    errors: list[CommonError]


class ModelFigures(_StepFigures):
    """Of a model."""

    model: str
    duration_ms: Average


class ModelsFigures(Answer):
    """Of models, the one with most calls first."""

    window: FiguresWindow
    models: list[ModelFigures]
    models_left_out: int


class LatencyBucket(Answer):
    """How many took from `fromMs` to less than `toMs`."""

    from_ms: float
    to_ms: float
    count: int


class Latency(Answer):
    """A histogram of durations; empty buckets are left out."""

    window: FiguresWindow
    subject: Subject
    tool_name: str | None
    total: int
    duration_ms: Percentiles
    buckets: list[LatencyBucket]
