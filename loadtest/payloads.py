"""Synthetic agent runs in each form that a measure sends.

All forms come from the same OTLP export, so that bare COPY, the drain and every ingest route move the very same steps. A run
is a root span and its children with OpenInference attributes, some 800 bytes a span in protobuf.
"""

import json
import random
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

from events import otlp
from events.payloads import PayloadEncoder
from events.records import Record, RunRecord, StepRecord

RUNS_AN_EXPORT = 10
SPANS_A_RUN = 10
EVENTS_A_BATCH = 200
FAILED_SHARE = 0.05
TOOL_SHARE = 0.6
PAYLOAD_BYTES_MAX = 1 << 20

_MILLISECOND_NS = 1_000_000
_HOUR_NS = 3_600_000 * _MILLISECOND_NS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOOLS = ("search", "browser", "calculator", "wiki", "llm.chat")
_PROSE = "the agent looks up what the climate record says about rainfall in the last decade and sums it up " * 6

COPY_COLUMNS = (
    *("project_id", "run_id", "day", "id", "index", "parent_id", "tool_name", "name", "kind", "model", "input", "output"),
    *("error", "attributes", "started_at", "finished_at", "input_tokens", "output_tokens"),
)
"""The columns of `steps` that `copy_rows` fills; the others have their defaults."""


class Synthesizer:
    """Makes exports. From the same `seed` come the same sizes in the same order; without one every use differs."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def export(self, runs: int = RUNS_AN_EXPORT, spans: int = SPANS_A_RUN) -> bytes:
        """An OTLP request in protobuf with `runs` traces of `spans` spans each, the root included."""
        request = ExportTraceServiceRequest()
        resource_spans = request.resource_spans.add()
        _set(resource_spans.resource.attributes, {"service.name": "bench-agent", "openinference.project.name": "bench"})
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = "bench"
        for _ in range(runs):
            self._add_run(scope_spans, spans)
        return bytes(request.SerializeToString())

    def records(self, runs: int) -> list[Record]:
        """The events of some runs as the ingest API makes them of an export: each root is a step and a run."""
        encoder = PayloadEncoder(PAYLOAD_BYTES_MAX)
        found: list[Record] = []
        for start in range(0, runs, RUNS_AN_EXPORT):
            body = self.export(min(RUNS_AN_EXPORT, runs - start))
            found += otlp.decode_protobuf(body, encoder, RUNS_AN_EXPORT * SPANS_A_RUN).records
        return found

    def _add_run(self, scope_spans: ScopeSpans, spans: int) -> None:
        random_ = self._random
        trace_id, root_id = random_.randbytes(16), random_.randbytes(8)
        start = time.time_ns() - random_.randrange(_HOUR_NS)
        root = scope_spans.spans.add(trace_id=trace_id, span_id=root_id, name="agent run", kind=Span.SPAN_KIND_INTERNAL)
        root.start_time_unix_nano, root.end_time_unix_nano = start, start + 3000 * _MILLISECOND_NS
        root.status.code = Status.STATUS_CODE_OK
        prompt, answer = self._text(42, 338), self._text(25, 300)
        attributes: dict[str, Any] = {"openinference.span.kind": "AGENT", "session.id": f"s{random_.randrange(500)}"}
        _set(root.attributes, attributes | _in_and_out({"prompt": prompt}, {"answer": answer}))
        for position in range(spans - 1):
            begin = start + position * 300 * _MILLISECOND_NS
            child = scope_spans.spans.add(trace_id=trace_id, span_id=random_.randbytes(8), parent_span_id=root_id)
            self._fill_child(child, begin)

    def _fill_child(self, span: Span, begin: int) -> None:
        random_ = self._random
        span.name, span.kind = random_.choice(_TOOLS), Span.SPAN_KIND_INTERNAL
        span.start_time_unix_nano = begin
        span.end_time_unix_nano = begin + random_.randint(10, 300) * _MILLISECOND_NS
        question = {"q": "climate data", "note": self._text(50, 400)}
        answer = {"results": [{"title": "a"}, {"title": "b", "text": self._text(20, 300)}]}
        attributes: dict[str, Any] = {
            "openinference.span.kind": "TOOL" if random_.random() < TOOL_SHARE else "LLM",
            "tool.name": "search",
            "llm.model_name": "gpt-4o",
            "llm.token_count.prompt": random_.randint(10, 4000),
            "llm.token_count.completion": random_.randint(10, 800),
        }
        _set(span.attributes, attributes | _in_and_out(question, answer))
        span.status.code = Status.STATUS_CODE_OK
        if random_.random() < FAILED_SHARE:
            span.status.code, span.status.message = Status.STATUS_CODE_ERROR, "TimeoutError: upstream"

    def _text(self, shortest: int, longest: int) -> str:
        return _PROSE[: self._random.randint(shortest, longest)]


def _in_and_out(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "input.value": json.dumps(question),
        "input.mime_type": "application/json",
        "output.value": json.dumps(answer),
        "output.mime_type": "application/json",
    }


def _set(target: Any, values: dict[str, str | int]) -> None:
    for name, value in values.items():
        any_value = AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value)
        target.append(KeyValue(key=name, value=any_value))


def steps_of(records: Iterable[Record]) -> list[StepRecord]:
    return [record for record in records if isinstance(record, StepRecord)]


def event_batches(records: Sequence[Record], events: int = EVENTS_A_BATCH) -> list[bytes]:
    """Bodies of `POST /v1/events`, each a JSON array of up to `events` events."""
    encoded = [msgspec.json.encode(_event(record)) for record in records]
    return [b"[" + b",".join(encoded[start : start + events]) + b"]" for start in range(0, len(encoded), events)]


def step_body(step: StepRecord, *, with_id: bool) -> bytes:
    """Body of `POST /v1/runs/{runId}/steps`; that wants a tool name, so a step without one gives its name."""
    body = _step_fields(step)
    body.setdefault("toolName", step.name or "step")
    return msgspec.json.encode({"id": step.id, **body} if with_id else body)


def _event(record: Record) -> dict[str, Any]:
    if isinstance(record, StepRecord):
        return {"type": "step", "runId": record.run_id, "id": record.id, **_step_fields(record)}
    if isinstance(record, RunRecord):
        return {"type": "run", "id": record.id, **_run_fields(record)}
    raise TypeError("no client sends this")


def _run_fields(run: RunRecord) -> dict[str, Any]:
    fields = {
        "agent": run.agent and {"name": run.agent.name, "version": run.agent.version},
        "sessionId": run.session_id,
        "name": run.name,
        "status": run.status,
        "input": run.input,
        "output": run.output,
        "error": run.error,
        "attributes": run.attributes,
        "startedAt": _rfc3339(run.started_at),
        "finishedAt": _rfc3339(run.finished_at),
    }
    return {name: value for name, value in fields.items() if value}


def _step_fields(step: StepRecord) -> dict[str, Any]:
    fields = {
        "parentId": step.parent_id,
        "toolName": step.tool_name,
        "name": step.name,
        "kind": step.kind,
        "model": step.model,
        "input": step.input,
        "output": step.output,
        "error": step.error,
        "attributes": step.attributes,
        "startedAt": _rfc3339(step.started_at),
        "finishedAt": _rfc3339(step.finished_at),
        "inputTokens": step.input_tokens,
        "outputTokens": step.output_tokens,
    }
    return {name: value for name, value in fields.items() if value}


def copy_rows(steps: Sequence[StepRecord], project_id: int) -> bytes:
    """The steps as lines of text-format COPY, in the order of COPY_COLUMNS."""
    today = datetime.now(UTC).date().isoformat()
    return b"".join(_copy_row(step, index, project_id, today) for index, step in enumerate(steps))


def _copy_row(step: StepRecord, index: int, project_id: int, today: str) -> bytes:
    parent_id = signed(step.parent_id) if step.parent_id else None
    values = (
        *(project_id, UUID(step.run_id), today, signed(step.id), index % SPANS_A_RUN, parent_id),
        *(step.tool_name, step.name, step.kind, step.model, step.input, step.output, step.error, step.attributes),
        *(_rfc3339(step.started_at), _rfc3339(step.finished_at), step.input_tokens, step.output_tokens),
    )
    return b"\t".join(map(_copy_field, values)) + b"\n"


def _copy_field(value: object) -> bytes:
    if value is None or (isinstance(value, msgspec.Raw) and not value):
        return rb"\N"
    text = bytes(value) if isinstance(value, msgspec.Raw) else str(value).encode()
    # Source: the PostgreSQL manual, COPY, "Text Format".
    return text.replace(b"\\", rb"\\").replace(b"\t", rb"\t").replace(b"\n", rb"\n").replace(b"\r", rb"\r")


def signed(step_id: str) -> int:
    """A step id, 16 hex digits, as the bigint that stands in the table."""
    return int.from_bytes(bytes.fromhex(step_id), "big", signed=True)


def _rfc3339(microseconds: int | None) -> str | None:
    return None if microseconds is None else (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
