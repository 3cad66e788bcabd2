"""One OpenTelemetry span into records: its step and, if it has no parent, its run."""

import base64
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from pydantic_core import from_json

from events.exceptions import InvalidEvent
from events.instrumentation import NAMES_CUT
from events.limits import NAME_CHARS_MAX, SPAN_EVENTS_MAX
from events.payloads import PayloadEncoder, storable_text
from events.records import ABSENT, AgentRef, Record, RunRecord, StepRecord
from events.semconv import SpanEvent, SpanFields

TIME_END_NS = 7_258_118_400_000_000_000
"""2200-01-01."""
UNKNOWN_AGENT = "unknown"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_ERROR = Status.STATUS_CODE_ERROR
_PLAIN_KINDS = (Span.SPAN_KIND_UNSPECIFIED, Span.SPAN_KIND_INTERNAL)
_KIND_NAMES: dict[int, str] = {
    Span.SPAN_KIND_SERVER: "SERVER",
    Span.SPAN_KIND_CLIENT: "CLIENT",
    Span.SPAN_KIND_PRODUCER: "PRODUCER",
    Span.SPAN_KIND_CONSUMER: "CONSUMER",
}


class Scope:
    """What the spans of one resource and instrumentation scope share, encoded once.

    Raises:
        InvalidEvent: an attribute of the resource or the scope is NaN or Infinity.
    """

    def __init__(self, resource: Resource, scope: InstrumentationScope, payloads: PayloadEncoder) -> None:
        self.payloads = payloads
        self.name = scope.name
        resource_attributes = plain_attributes(resource.attributes)
        self.service_name = _short_text(resource_attributes.get("service.name"))
        self.service_version = _short_text(resource_attributes.get("service.version"))
        described = {"name": scope.name, "version": scope.version, "attributes": plain_attributes(scope.attributes)}
        self.run_attributes = payloads.encode(
            {"resource": resource_attributes, "scope": {name: value for name, value in described.items() if value}}
        )
        self.step_attributes = payloads.encode({"otel.scope": scope.name}) if scope.name else ABSENT
        """Those of a span that has none of its own."""


def records_of_span(span: Span, scope: Scope) -> list[Record]:
    """The span's step and, for a root, its run after it.

    Raises:
        InvalidEvent: an id or a time is not valid, or an attribute is NaN or Infinity.
    """
    run_id, step_id, parent_id = _ids(span)
    events, links = span.events, span.links
    if len(events) + len(links) > SPAN_EVENTS_MAX:
        raise _refusal("events", f"with the links they are more than {SPAN_EVENTS_MAX}")
    payloads = scope.payloads
    fields = SpanFields(plain_attributes(span.attributes), [_event(event) for event in events] if events else [])
    name = short(span.name)
    kind = fields.take_kind()
    tool_name = short(fields.take("tool_name") or name) if kind == "TOOL" else ""
    failed = span.status.code == _ERROR
    step = StepRecord(
        run_id=run_id,
        id=step_id,
        parent_id=parent_id,
        tool_name=tool_name or None,
        name=name if name and name != tool_name else None,
        kind=kind,
        model=_short_or_none(fields.take("model")),
        input=_payload(payloads, *fields.take_payload("input")),
        output=_payload(payloads, *fields.take_payload("output")),
        error=_error(span, fields, payloads) if failed else ABSENT,
        started_at=_microseconds(span.start_time_unix_nano),
        finished_at=_microseconds(span.end_time_unix_nano),
        input_tokens=fields.take("input_tokens"),
        output_tokens=fields.take("output_tokens"),
        cost_nano_usd=fields.take("cost_nano_usd"),
    )
    if parent_id is not None:
        step.attributes = _attributes(span.kind, links, fields, scope)
        return [step]
    run = _run(step, name, failed, fields, scope)
    step.attributes = _attributes(span.kind, links, fields, scope)  # after the run has taken its own
    return [step, run]


def _run(root: StepRecord, name: str, failed: bool, fields: SpanFields, scope: Scope) -> RunRecord:
    agent_name = short(fields.take("agent_name") or name or scope.service_name or UNKNOWN_AGENT)
    tags = fields.take("tags")
    return RunRecord(
        id=root.run_id,
        agent=AgentRef(agent_name, scope.service_version),
        session_id=_short_or_none(fields.take("session_id")),
        name=name or None,
        status="FAILED" if failed else "SUCCESS",
        input=root.input,
        output=root.output,
        error=root.error,
        started_at=root.started_at,
        finished_at=root.finished_at,
        tags=ABSENT if tags is None else scope.payloads.encode(tags),
        attributes=scope.run_attributes,
    )


def _ids(span: Span) -> tuple[str, str, str | None]:
    trace_id, span_id, parent_id = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        raise _refusal("traceId", "is not 16 bytes, or all zero")
    if len(span_id) != 8 or span_id == _NO_SPAN:
        raise _refusal("spanId", "is not 8 bytes, or all zero")
    if not parent_id or parent_id == _NO_SPAN:
        return trace_id.hex(), span_id.hex(), None
    if len(parent_id) != 8:
        raise _refusal("parentSpanId", "is not 8 bytes")
    if parent_id == span_id:
        raise _refusal("parentSpanId", "is the span's own id")
    return trace_id.hex(), span_id.hex(), parent_id.hex()


def _refusal(path: str, reason: str) -> InvalidEvent:
    return InvalidEvent(details=[{"path": path, "reason": reason}])


def _microseconds(time_unix_nano: int) -> int | None:
    if not time_unix_nano:
        return None
    if time_unix_nano >= TIME_END_NS:
        raise _refusal("time", "is not in the years 1970 to 2199")
    return time_unix_nano // 1000


def short(text: str) -> str:
    """A name that fits its column: the end of a longer one is an ellipsis."""
    text = storable_text(text)
    if len(text) <= NAME_CHARS_MAX:
        return text
    NAMES_CUT.inc()
    return text[: NAME_CHARS_MAX - 1] + "\u2026"


def _short_text(value: Any) -> str:
    return short(value) if isinstance(value, str) else ""


def _short_or_none(text: str | None) -> str | None:
    return short(text) if text else None


def _payload(payloads: PayloadEncoder, value: Any, declared_json: bool) -> msgspec.Raw:
    if isinstance(value, str):
        if declared_json and value[:1] not in ("{", "["):  # those encode_string parses anyway
            return _scalar(payloads, value)
        return payloads.encode_string(value)
    return ABSENT if value is None else payloads.encode(value)


def _scalar(payloads: PayloadEncoder, text: str) -> msgspec.Raw:
    try:
        return payloads.encode(from_json(text, allow_inf_nan=False))
    except (ValueError, InvalidEvent):
        return payloads.encode_string(text)  # it only claimed to be JSON


def _error(span: Span, fields: SpanFields, payloads: PayloadEncoder) -> msgspec.Raw:
    error = fields.take_exception() or {}
    if not error.get("message"):
        error["message"] = span.status.message or "error"
    return payloads.encode(error)


def _attributes(kind: int, links: Sequence[Span.Link], fields: SpanFields, scope: Scope) -> msgspec.Raw:
    """What no field took, and what else the span bears, under `otel.*`."""
    rest = fields.rest
    if fields.events:
        rest["otel.events"] = [
            {"name": event.name, "time": _rfc3339(event.time_unix_nano), "attributes": event.attributes}
            for event in fields.events
        ]
    if links:
        rest["otel.links"] = [
            {
                "traceId": link.trace_id.hex(),
                "spanId": link.span_id.hex(),
                "attributes": plain_attributes(link.attributes),
            }
            for link in links
        ]
    if kind not in _PLAIN_KINDS:
        rest["otel.kind"] = _KIND_NAMES.get(kind, str(kind))
    if not rest:
        return scope.step_attributes
    if scope.name:
        rest["otel.scope"] = scope.name
    return scope.payloads.encode(rest)


def _event(event: Span.Event) -> SpanEvent:
    return SpanEvent(event.name, event.time_unix_nano, plain_attributes(event.attributes))


def _rfc3339(time_unix_nano: int) -> str:
    return (_EPOCH + timedelta(microseconds=time_unix_nano // 1000)).isoformat().replace("+00:00", "Z")


def plain_attributes(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes as a JSON object; bytes become base64."""
    # nearly all are texts or counts, and WhichOneof costs more than the attempts
    return {
        attribute.key: (value := attribute.value).string_value or value.int_value or _plain(value) for attribute in attributes
    }


def _plain(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return plain_attributes(value.kvlist_value.values)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case name:
            return getattr(value, name)
