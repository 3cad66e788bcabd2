"""How fresh the data is, and what the pipeline does."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.answers import Answer


class Freshness(Answer):
    """Whether what was sent is in what one reads."""

    state: Literal["fresh", "behind", "stalled", "unknown"]
    lag_seconds: float | None = Field(description="The age of the oldest event that is not stored; `null`: not known.")
    backlog_events: int | None = Field(description="Events that are not stored; `null`: not known.")
    figures_lag_seconds: float = Field(description="How far the roll-ups are behind the rows.")
    search_lag_seconds: float = Field(description="How far the search index is behind the rows.")
    dead_letters: int = Field(description="Kept ones of the caller's project.")
    checked_at: datetime


class Lag(Answer):
    """Milliseconds from an event's acceptance to its commit; `null` without events."""

    p50: float | None
    p99: float | None


class PipelineBucket(Answer):
    """Ten seconds."""

    start: datetime
    accepted: int
    stored: int
    dead_letters: int
    refused: int = Field(description="Requests, not events.")
    lag_ms: Lag


class ShardBacklog(Answer):
    """What waits in a shard."""

    shard: int
    events: int
    bytes: int
    oldest_seconds: float | None = Field(description="`null`: nothing waits.")
    worker: str | None = Field(description="The name of the worker that drains it now.")


class PipelineBacklog(Answer):
    """What waits, and how much may wait before ingest answers 503."""

    events: int
    bytes: int
    events_max: int
    bytes_max: int
    shards: list[ShardBacklog]


class WorkerJob(Answer):
    """What a worker does."""

    name: str
    shard: int | None = Field(description="Of a drain.")
    started_at: datetime | None


class PipelineWorker(Answer):
    """A worker process."""

    name: str
    host: str
    pid: int
    state: Literal["idle", "busy", "suspended", "started"] = Field(description="What it said last.")
    lost: bool = Field(description="It has been silent for longer than its work explains: it was killed, or hangs.")
    job: WorkerJob | None
    started_at: datetime | None
    last_seen_at: datetime | None
    jobs_done: int
    jobs_failed: int


class RefusedRequests(Answer):
    """Requests that were answered with an error."""

    code: str
    count: int


class Pipeline(Answer):
    """What the pipeline of the whole server does, and did of late."""

    checked_at: datetime
    window_seconds: int
    rate_seconds: int = Field(description="What the rates and `lagMs` are of.")
    accepted_per_second: float
    stored_per_second: float
    lag_ms: Lag
    buckets: list[PipelineBucket]
    backlog: PipelineBacklog
    workers: list[PipelineWorker]
    refused: list[RefusedRequests]
    rejected_events: int
    payloads_cut: int
    redactions: int
