"""OTLP/HTTP trace exports, protobuf or JSON, into records: every span a step, a root span also its run.

Source: OpenTelemetry protocol 1.x, `ExportTraceServiceRequest`; in its JSON the ids are hex,
not the base64 of protobuf's own JSON.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pydantic_core import from_json

from events.exceptions import BodyTooLarge, InvalidEvent, MalformedBody
from events.payloads import PayloadEncoder, storable_json
from events.records import Record
from events.spans import Scope, records_of_span

REASONS_MAX = 10
REASON_CHARS_MAX = 300

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(slots=True)
class DecodedExport:
    records: list[Record] = field(default_factory=list)
    rejected: int = 0
    """Spans that are not in `records`."""
    reasons: list[str] = field(default_factory=list)
    """Why, each reason once, the first REASONS_MAX of them."""
    spans: int = 0
    """Spans in the export, the rejected ones included."""

    def reject(self, reason: str) -> None:
        self.rejected += 1
        if len(self.reasons) < REASONS_MAX and reason not in self.reasons:
            self.reasons.append(reason)


class _Group(NamedTuple):
    resource: Resource
    scope: InstrumentationScope
    spans: Any
    """A sized iterable of what the parser of spans takes."""


def decode_protobuf(body: bytes, payloads: PayloadEncoder, spans_max: int) -> DecodedExport:
    """The records of an export in protobuf.

    Raises:
        MalformedBody: the bytes are not an export.
        BodyTooLarge: it holds more than `spans_max` spans.
    """
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise MalformedBody("The request body is not an OTLP ExportTraceServiceRequest in protobuf.") from error
    groups = [
        _Group(resource_spans.resource, scope_spans.scope, scope_spans.spans)
        for resource_spans in request.resource_spans
        for scope_spans in resource_spans.scope_spans
    ]
    return _decode(groups, _span_itself, payloads, spans_max)


def decode_json(body: bytes, payloads: PayloadEncoder, spans_max: int) -> DecodedExport:
    """As `decode_protobuf`, for OTLP/JSON."""
    try:
        tree = from_json(storable_json(body), allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBody(f"The request body is not JSON: {error}") from error
    return _decode(list(_groups_of_json(tree)), _span_of_json, payloads, spans_max)


def _decode(groups: list[_Group], parse: Callable[[Any], Span], payloads: PayloadEncoder, spans_max: int) -> DecodedExport:
    export = DecodedExport(spans=sum(len(group.spans) for group in groups))
    if export.spans > spans_max:
        raise BodyTooLarge(f"The export holds {export.spans} spans; the limit is {spans_max}.")
    for group in groups:
        try:
            scope = Scope(group.resource, group.scope, payloads)
        except InvalidEvent as error:
            for _ in group.spans:
                export.reject(_reason(error))
            continue
        for item in group.spans:
            try:
                export.records += records_of_span(parse(item), scope)
            except InvalidEvent as error:
                export.reject(_reason(error))
    return export


def _reason(error: InvalidEvent) -> str:
    path, reason = error.details[0]["path"], error.details[0]["reason"]
    return f"{path}: {reason}"[:REASON_CHARS_MAX] if path else str(reason)


def _span_itself(span: Span) -> Span:
    return span


def _groups_of_json(tree: Any) -> Iterator[_Group]:
    for resource_spans in _objects(tree, "resourceSpans"):
        resource = _message(resource_spans.get("resource"), Resource())
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            scope = _message(scope_spans.get("scope"), InstrumentationScope())
            yield _Group(resource, scope, _objects(scope_spans, "spans"))


def _objects(parent: Any, name: str) -> list[dict[str, Any]]:
    """A field that is a list of objects; absent and null are an empty list."""
    if not isinstance(parent, dict):
        raise MalformedBody("The request body is not OTLP/JSON: it has to be an object.")
    items = parent.get(name)
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise MalformedBody(f"The request body is not OTLP/JSON: `{name}` has to be an array of objects.")
    return items


def _message(value: Any, message: MessageT) -> MessageT:
    """A message of protobuf's JSON.

    Raises:
        MalformedBody: the value is not such a message.
    """
    if value is None:
        return message
    if not isinstance(value, dict):
        raise MalformedBody("The request body is not OTLP/JSON: `resource` and `scope` have to be objects.")
    try:
        return ParseDict(value, message, ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError) as error:  # ParseDict wraps most of these, not all
        raise MalformedBody(f"The request body is not OTLP/JSON: {error}") from error


def _span_of_json(tree: dict[str, Any]) -> Span:
    try:
        return _message(_with_base64_ids(tree, ("traceId", "spanId", "parentSpanId")), Span())
    except MalformedBody as error:
        raise InvalidEvent(details=[{"path": "span", "reason": str(error.__cause__)}]) from error


def _with_base64_ids(tree: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    rewritten = {**tree, **{name: _base64_of_hex(tree[name]) for name in names if tree.get(name)}}
    links = tree.get("links")
    if isinstance(links, list):
        rewritten["links"] = [
            _with_base64_ids(link, ("traceId", "spanId")) if isinstance(link, dict) else link for link in links
        ]
    return rewritten


def _base64_of_hex(text: Any) -> str:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except (ValueError, TypeError):
        return "AA=="  # one byte: the length check of ids refuses it with its reason
