"""Events into records: the same for those that pydantic read (`events/models.py`) and plain ones (`events/plain_events.py`)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from events.ids import IdMint
from events.payloads import PayloadEncoder
from events.records import ABSENT, AgentRef, Artifact, Metric, RunRecord, StepRecord

if TYPE_CHECKING:
    from events.models import ArtifactIn, MetricIn, RunFields, StepFields
    from events.plain_events import PlainArtifact, PlainMetric, PlainRunFields, PlainStepFields

NANO = 10**9

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def run_record(fields: "RunFields | PlainRunFields", run_id: str, mint: IdMint, payloads: PayloadEncoder) -> RunRecord:
    agent = fields.agent
    return RunRecord(
        id=run_id,
        agent=AgentRef(agent.name, agent.version) if agent else None,
        agent_id=fields.agent_id,
        user_id=fields.user_id,
        session_id=fields.session_id,
        name=fields.name,
        status=fields.status,
        input=_payload(fields.input, payloads),
        output=_payload(fields.output, payloads),
        error=_payload(fields.error, payloads),
        started_at=_microseconds(fields.started_at),
        finished_at=_microseconds(fields.finished_at),
        tags=_payload(fields.tags, payloads),
        attributes=_payload(fields.attributes, payloads),
        metrics=_metrics(fields.metrics, mint, payloads) if fields.metrics else [],
    )


def step_record(
    fields: "StepFields | PlainStepFields", run_id: str, step_id: str, mint: IdMint, payloads: PayloadEncoder
) -> StepRecord:
    return StepRecord(
        run_id=run_id,
        id=step_id,
        parent_id=fields.parent_id,
        index=fields.index,
        tool_name=fields.tool_name,
        name=fields.name,
        kind=fields.kind,
        model=fields.model,
        input=_payload(fields.input, payloads),
        output=_payload(fields.output, payloads),
        error=_payload(fields.error, payloads),
        attributes=_payload(fields.attributes, payloads),
        started_at=_microseconds(fields.started_at),
        finished_at=_microseconds(fields.finished_at),
        input_tokens=fields.input_tokens,
        output_tokens=fields.output_tokens,
        cost_nano_usd=None if fields.cost_usd is None else round(fields.cost_usd * NANO),
        artifacts=_artifacts(fields.artifacts, mint, payloads) if fields.artifacts else [],
    )


def _metrics(items: "Sequence[MetricIn | PlainMetric]", mint: IdMint, payloads: PayloadEncoder) -> list[Metric]:
    return [
        Metric(item.id.hex if item.id else mint.part_id(), item.name, item.value, _payload(item.tags, payloads))
        for item in items
    ]


def _artifacts(items: "Sequence[ArtifactIn | PlainArtifact]", mint: IdMint, payloads: PayloadEncoder) -> list[Artifact]:
    return [
        Artifact(item.id.hex if item.id else mint.part_id(), item.type, item.url, _payload(item.content, payloads))
        for item in items
    ]


def _payload(value: Any, payloads: PayloadEncoder) -> msgspec.Raw:
    if value is None or value is ABSENT:
        return ABSENT
    return payloads.keep(value) if type(value) is msgspec.Raw else payloads.encode(value)


def _microseconds(value: datetime | None) -> int | None:
    return None if value is None else (value - _EPOCH) // _MICROSECOND
