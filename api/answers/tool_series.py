"""The figures of one tool over time."""

from datetime import datetime

from pydantic import Field

from api.answers import Answer
from api.answers.figures import BucketDurations, FiguresWindow
from api.tool_kpis import ToolBucket


class ToolTimeseriesBucket(Answer):
    """Of a bucket of time."""

    start: datetime
    calls: int
    failures: int
    failure_rate: float | None
    duration_ms: BucketDurations
    input_tokens: int
    output_tokens: int
    cost_usd: float


class ToolTimeseries(Answer):
    """Of each bucket of a window, empty ones too."""

    window: FiguresWindow
    tool_name: str | None = Field(description="`null`: steps without a tool.")
    bucket: ToolBucket
    buckets: list[ToolTimeseriesBucket]
