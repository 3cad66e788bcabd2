"""Runs and what they hold, sessions and agents."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.answers import Answer, Page, may_lack
from events.models import StepKind
from events.records import RunStatus

StepId = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
Tags = list[Any] | dict[str, Any] | None

_WITH_PAYLOADS = "Not with `payloads=false`."


class RunSummary(Answer):
    """A run as lists show it."""

    id: UUID
    agent_id: int | None
    agent_name: str | None
    agent_version: str | None
    user_id: int | None
    session_id: str | None
    name: str | None
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    duration_ms: float | None
    step_count: int
    error_count: int = Field(description="Steps that failed.")
    input_tokens: int
    output_tokens: int
    cost_usd: float
    tags: Tags
    last_event_at: datetime
    stale: bool


class RunPage(Page[RunSummary]):
    """Runs."""


class FoundRunPage(RunPage):
    """Runs that filters let through."""

    search_lag_seconds: float = may_lack(
        description="How far the search index is behind; only where the answer rests on it.", ge=0
    )


class Artifact(Answer):
    """What a step made: it has a `url` or `content`."""

    id: UUID
    type: str
    url: str | None
    content: Any = may_lack(description=_WITH_PAYLOADS)
    created_at: datetime


class Step(Answer):
    """A step of a run. With `fields` it has these only."""

    id: StepId
    run_id: UUID
    parent_id: StepId | None
    index: int
    tool_name: str | None
    name: str | None
    kind: StepKind | None
    model: str | None
    status: Literal["RUNNING", "SUCCESS", "FAILED"]
    input: Any = may_lack(description=_WITH_PAYLOADS)
    output: Any = may_lack(description=_WITH_PAYLOADS)
    error: Any = may_lack(description=_WITH_PAYLOADS)
    attributes: dict[str, Any] | None = may_lack(description=_WITH_PAYLOADS)
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    artifacts: list[Artifact]


class WholeStep(Step):
    """A step with all it has."""

    input: Any
    output: Any
    error: Any
    attributes: dict[str, Any] | None


class StepPage(Page[Step]):
    """Steps of a run, in order of their index."""


class RunMetric(Answer):
    """A named number of a run."""

    id: UUID
    name: str
    value: float
    tags: dict[str, Any] | None
    created_at: datetime


class RunAgent(Answer):
    """The agent of a run."""

    id: int
    name: str
    version: str


class Run(Answer):
    """A run with all that it holds."""

    id: UUID
    agent_id: int | None
    agent: RunAgent | None
    user_id: int | None
    session_id: str | None
    name: str | None
    status: RunStatus
    input: Any = may_lack(description=_WITH_PAYLOADS)
    output: Any = may_lack(description=_WITH_PAYLOADS)
    error: Any = may_lack(description=_WITH_PAYLOADS)
    attributes: dict[str, Any] | None = may_lack(description=_WITH_PAYLOADS)
    started_at: datetime
    finished_at: datetime | None
    duration_ms: float | None
    tags: Tags
    accepted_at: datetime
    last_event_at: datetime
    stale: bool
    step_count: int
    error_count: int = Field(description="Steps that failed.")
    input_tokens: int
    output_tokens: int
    cost_usd: float
    metrics: list[RunMetric]
    steps: list[Step] = may_lack(description="Not with `steps=false`.")
    next_steps_cursor: str | None = may_lack(
        description="`cursor` of the steps that are not here; `null` if all are. Not with `steps=false`."
    )


class Session(Answer):
    """What the runs of a session amount to."""

    id: str
    user_id: int | None
    run_count: int
    failed_count: int
    first_started_at: datetime
    last_started_at: datetime
    last_run_id: UUID
    step_count: int
    error_count: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class SessionPage(Page[Session]):
    """Sessions, the one with the latest run first."""


class Agent(Answer):
    """An agent that is registered."""

    id: int
    name: str
    version: str
    created_at: datetime


class AgentPage(Page[Agent]):
    """Agents in order of their registration."""
