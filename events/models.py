"""The events as clients send them: the bodies of the ingest API, in camelCase. Each turns into a record.

Times are RFC 3339, one without an offset is UTC. A field that is absent or null leaves what is stored.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from events.event_records import run_record, step_record
from events.ids import ZERO_STEP, IdMint
from events.limits import COST_USD_MAX, INDEX_MAX, NAME_CHARS_MAX, PARTS_MAX, TOKENS_MAX
from events.payloads import PayloadEncoder
from events.records import Record, RunRecord, RunStatus, StepRecord

URL_CHARS_MAX = 8192

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR = 2200


def to_utc(value: datetime) -> datetime:
    """Raises ValueError if it is not of a year that can be stored."""
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    if not _EPOCH.year <= value.year < _LAST_YEAR or value < _EPOCH:
        raise ValueError(f"a time must lie between {_EPOCH.year} and {_LAST_YEAR}")
    return value


def _non_zero(value: str) -> str:
    if value == ZERO_STEP:
        raise ValueError("an id must not be all zeros")
    return value


def _real_run(value: UUID) -> UUID:
    if value.int == 0:
        raise ValueError("an id must not be all zeros")
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]
Moment = Annotated[datetime, AfterValidator(to_utc)]
RunId = Annotated[UUID, AfterValidator(_real_run)]
StepId = Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{16}$", to_lower=True), AfterValidator(_non_zero)]
StepKind = Literal["AGENT", "CHAIN", "TOOL", "LLM", "RETRIEVER", "EMBEDDING", "RERANKER", "GUARDRAIL", "EVALUATOR", "PROMPT"]
PARTS = Field(max_length=PARTS_MAX, fail_fast=True)
Tokens = Annotated[int, Field(ge=0, le=TOKENS_MAX)]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", allow_inf_nan=False)


class AgentIn(_Model):
    name: Name
    version: Annotated[str, StringConstraints(max_length=NAME_CHARS_MAX)] = ""


class MetricIn(_Model):
    """A named number. One with the id of an earlier one replaces it."""

    id: UUID | None = None
    name: Name
    value: float
    tags: dict[str, Any] | None = None


class ArtifactIn(_Model):
    """What a step produced: `url` or `content`. One with the id of an earlier one replaces it."""

    id: UUID | None = None
    type: Name
    url: Annotated[str, StringConstraints(min_length=1, max_length=URL_CHARS_MAX)] | None = None
    content: Any = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.url is None) == (self.content is None):
            raise ValueError("an artifact has either a url or content")
        return self


class RunFields(_Model):
    agent: AgentIn | None = None
    agent_id: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    user_id: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    session_id: Name | None = None
    name: Name | None = None
    status: RunStatus | None = None
    input: Any = None
    output: Any = None
    error: Any = None
    started_at: Moment | None = None
    finished_at: Moment | None = None
    tags: Annotated[list[Name], PARTS] | Annotated[dict[Name, Any], Field(max_length=PARTS_MAX)] | None = None
    attributes: dict[str, Any] | None = None
    metrics: Annotated[list[MetricIn], PARTS] | None = None

    @model_validator(mode="after")
    def _one_agent(self) -> Self:
        if self.agent is not None and self.agent_id is not None:
            raise ValueError("give agent or agentId, not both")
        return self

    def to_run(self, run_id: str, mint: IdMint, payloads: PayloadEncoder) -> RunRecord:
        return run_record(self, run_id, mint, payloads)


class RunCreate(RunFields):
    """Body of `POST /v1/runs`."""

    id: RunId | None = None

    @model_validator(mode="after")
    def _has_agent(self) -> Self:
        if self.agent is None and self.agent_id is None:
            raise ValueError("a run needs agentId or agent")
        return self


class RunPatch(RunFields):
    """Body of `PATCH /v1/runs/{runId}`."""


class RunEvent(RunFields):
    type: Literal["run"]
    id: RunId

    def to_record(self, mint: IdMint, payloads: PayloadEncoder) -> Record:
        return self.to_run(self.id.hex, mint, payloads)


class StepFields(_Model):
    parent_id: StepId | None = None
    index: Annotated[int, Field(ge=0, le=INDEX_MAX)] | None = None
    tool_name: Name | None = None
    name: Name | None = None
    kind: StepKind | None = None
    model: Name | None = None
    input: Any = None
    output: Any = None
    error: Any = None
    attributes: dict[str, Any] | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cost_usd: Annotated[float, Field(ge=0, le=COST_USD_MAX)] | None = None
    artifacts: Annotated[list[ArtifactIn], PARTS] | None = None

    def to_step(self, run_id: str, step_id: str, mint: IdMint, payloads: PayloadEncoder) -> StepRecord:
        return step_record(self, run_id, step_id, mint, payloads)


class StepCreate(StepFields):
    """Body of `POST /v1/runs/{runId}/steps`."""

    id: StepId | None = None
    tool_name: Name

    @model_validator(mode="after")
    def _not_own_parent(self) -> Self:
        return _refuse_own_parent(self, self.id)


class StepPatch(StepFields):
    """Body of `PATCH /v1/runs/{runId}/steps/{stepId}`."""


class StepEvent(StepFields):
    type: Literal["step"]
    run_id: RunId
    id: StepId | None = None

    @model_validator(mode="after")
    def _not_own_parent(self) -> Self:
        return _refuse_own_parent(self, self.id)

    def to_record(self, mint: IdMint, payloads: PayloadEncoder) -> Record:
        return self.to_step(self.run_id.hex, self.id or mint.step_id(), mint, payloads)


_S = TypeVar("_S", bound=StepFields)

EventIn = Annotated[RunEvent | StepEvent, Discriminator("type")]


def _refuse_own_parent(step: _S, step_id: str | None) -> _S:
    if step_id is not None and step.parent_id == step_id:
        raise ValueError("a step cannot be its own parent")
    return step
