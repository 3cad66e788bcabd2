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
from events.limits import EXPORT_VALUES_MAX
from events.payloads import PayloadEncoder, storable_json
from events.records import Record
from events.spans import Scope, records_of_span

REASONS_MAX = 10
REASON_CHARS_MAX = 300
DENSE_FROM_BYTES = 1 << 20
"""A smaller body cannot hold so many values that they take much memory."""

_MESSAGE_TAGS = tuple(bytes([number << 3 | 2]) for number in (1, 2, 9, 11, 13))
"""What begins a message within a message of an export: one of them each, or at least each second. They stand in texts, too."""
_FIXED_SIZES = {1: 8, 5: 4}
"""Bytes of a field by its wire type."""

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
    """The records of an export in protobuf. A span that cannot be parsed spoils only itself.

    Raises:
        MalformedBody: the bytes are not an export.
        BodyTooLarge: it holds more than `spans_max` spans, or too many values.
    """
    _check_values(body)
    try:
        request = ExportTraceServiceRequest.FromString(body)
        return _decode(_groups(request, spans_max), _span_itself, payloads, spans_max)
    except DecodeError:
        pass  # a text that is not UTF-8, or one value too deep in another: of one span, it may be
    try:
        groups = _groups_of_fields(body, spans_max)
    except DecodeError as error:
        raise MalformedBody("The request body is not an OTLP ExportTraceServiceRequest in protobuf.") from error
    return _decode(groups, _span_of_bytes, payloads, spans_max)


def _check_values(body: bytes) -> None:
    """Refuses what would be a hundred times larger as messages than it is as bytes: each begins with one of these."""
    if len(body) > DENSE_FROM_BYTES and sum(map(body.count, _MESSAGE_TAGS)) > EXPORT_VALUES_MAX:
        raise BodyTooLarge(
            f"The export holds more than {EXPORT_VALUES_MAX} values; send smaller batches.",
            details={"limitValues": EXPORT_VALUES_MAX},
        )


def _groups(request: ExportTraceServiceRequest, groups_max: int) -> list[_Group]:
    groups: list[_Group] = []
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            groups.append(_Group(resource_spans.resource, scope_spans.scope, scope_spans.spans))
            _check_count(groups, groups_max)
    return groups


def _check_count(groups: list[_Group], groups_max: int) -> None:
    if len(groups) > groups_max:
        raise BodyTooLarge(
            f"The export holds more than {groups_max} groups of spans; send smaller batches.",
            details={"limitGroups": groups_max},
        )


def _groups_of_fields(body: bytes, groups_max: int) -> list[_Group]:
    """As `_groups`, without parsing the spans."""
    groups: list[_Group] = []
    for resource_spans in _parts(body, 1):
        resource = Resource.FromString(b"".join(_parts(resource_spans, 1)))
        for scope_spans in _parts(resource_spans, 2):
            scope = InstrumentationScope.FromString(b"".join(_parts(scope_spans, 1)))
            groups.append(_Group(resource, scope, list(_parts(scope_spans, 2))))
            _check_count(groups, groups_max)
    return groups


def _parts(message: bytes, number: int) -> Iterator[bytes]:
    """The bytes of each field of that number and of a length.

    Source: the Protocol Buffers manual, "Encoding". Raises DecodeError: it is no message.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == 0:
            _, place = _varint(message, place)
            continue
        if kind == 2:
            size, place = _varint(message, place)
        elif kind in _FIXED_SIZES:
            size = _FIXED_SIZES[kind]
        else:
            raise DecodeError("a field of no known kind")
        if place + size > len(message):
            raise DecodeError("a field ends behind its message")
        if kind == 2 and tag >> 3 == number:
            yield message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """The integer at a place, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place == len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise DecodeError("an integer does not end")


def _span_of_bytes(data: bytes) -> Span:
    try:
        return Span.FromString(data)
    except DecodeError as error:
        reason = "a text in it is not UTF-8, a value is too deep in others, or it is no Span"
        raise InvalidEvent(details=[{"path": "span", "reason": reason}]) from error


def decode_json(body: bytes, payloads: PayloadEncoder, spans_max: int) -> DecodedExport:
    """As `decode_protobuf`, for OTLP/JSON."""
    try:
        tree = from_json(storable_json(body), allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBody(f"The request body is not JSON: {error}") from error
    return _decode(_groups_of_json(tree, spans_max), _span_of_json, payloads, spans_max)


def _decode(groups: list[_Group], parse: Callable[[Any], Span], payloads: PayloadEncoder, spans_max: int) -> DecodedExport:
    export = DecodedExport(spans=sum(len(group.spans) for group in groups))
    if export.spans > spans_max:
        raise BodyTooLarge(
            f"The export holds {export.spans} spans; at most {spans_max} go into one.", details={"limitSpans": spans_max}
        )
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


def _groups_of_json(tree: Any, groups_max: int) -> list[_Group]:
    groups: list[_Group] = []
    for resource_spans in _objects(tree, "resourceSpans"):
        resource = _message(resource_spans.get("resource"), Resource())
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            scope = _message(scope_spans.get("scope"), InstrumentationScope())
            groups.append(_Group(resource, scope, _objects(scope_spans, "spans")))
            _check_count(groups, groups_max)
    return groups


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
    except (ParseError, ValueError, TypeError, AttributeError, OverflowError) as error:  # ParseDict wraps most, not all
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
