"""What the fuzzer begins with: real requests, small ones, and the words they are made of."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events import semconv
from loadtest.payloads import Synthesizer, event_batches

TRACES = Path(__file__).parents[1] / "fixtures" / "traces"
SPANS_AN_EXPORT = 2
SEED_BYTES_MAX = 4096

_WORDS = (
    *('"type":"run"', '"type":"step"', '"runId":', '"id":', '"parentId":', '"input":', '"attributes":', '"tags":', '"url":'),
    *('"artifacts":', '"content":', '"metrics":', '"startedAt":', '"error":', '"sessionId":', '"agent":', '"agentId":'),
    *('"traceId":', '"spanId":', '"links":', '"events":', '"status":', '"kind":', '"value":', '"arrayValue":'),
    *('"kvlistValue":', '"stringValue":', '"intValue":', '"doubleValue":', '"bytesValue":', '"startTimeUnixNano":'),
    *("\\u0000", "\\ud800", "\\udc00", "\\\\", "\\n", '\\"', "\0", "\ufffd", "\U0001f600", "1e400", "-0.0", "NaN", "Infinity"),
    *("9" * 40, "[" * 20, '{"a":' * 20, "null", "true", "0001-01-01T00:00:00Z", "2199-12-31T23:59:59Z", "\n", "\r\n", "\ufeff"),
    *('"password":"', '"authorization":"Bearer ', "api_key=", "sk-proj-", "AKIA", "ghp_", "4111111111111111", "\\u0070"),
    *("exception.message", "exception.type", "service.name", "0.content"),
)  # fmt: skip


def words() -> list[bytes]:
    """What libFuzzer may put into an input as a whole: fields, attribute names, and what is hostile."""
    attributes = {name for readers in semconv._FIELDS.values() for _, names in readers for name in names}
    return [word.encode() for word in (*_WORDS, *sorted(attributes))]


def exports() -> Iterator[ExportTraceServiceRequest]:
    """Exports of a few spans each, as frameworks send them and as the load test does."""
    for path in sorted(TRACES.glob("*.pb")):
        whole = ExportTraceServiceRequest.FromString(path.read_bytes())
        for group in whole.resource_spans:
            for spans in group.scope_spans:
                for start in range(0, len(spans.spans), SPANS_AN_EXPORT):
                    part = ExportTraceServiceRequest()
                    cut = part.resource_spans.add(resource=group.resource).scope_spans.add(scope=spans.scope)
                    cut.spans.extend(spans.spans[start : start + SPANS_AN_EXPORT])
                    if part.ByteSize() <= SEED_BYTES_MAX:
                        yield part
    yield ExportTraceServiceRequest.FromString(Synthesizer(1).export(runs=1, spans=2))


def protobuf_bodies() -> list[bytes]:
    return [export.SerializeToString() for export in exports()]


def json_bodies() -> list[bytes]:
    return [json.dumps(_otlp_json(export), separators=(",", ":")).encode() for export in exports()]


def _otlp_json(export: ExportTraceServiceRequest) -> dict[str, Any]:
    """As OTLP/JSON has it: ids in hex."""
    tree: dict[str, Any] = MessageToDict(export, use_integers_for_enums=True)
    [group], [group_tree] = export.resource_spans[0].scope_spans, tree["resourceSpans"][0]["scopeSpans"]
    for span, span_tree in zip(group.spans, group_tree["spans"], strict=True):
        ids = {"traceId": span.trace_id, "spanId": span.span_id, "parentSpanId": span.parent_span_id}
        span_tree |= {name: value.hex() for name, value in ids.items()}
    return tree


_OTHER_EVENTS: list[dict[str, Any]] = [
    {"type": "run", "id": f"{1:032x}", "tags": ["a"], "metrics": [{"name": "score", "value": 0.5, "tags": {"a": 1}}]},
    {"type": "run", "id": f"{1:032x}", "agentId": 1, "userId": 2, "status": "FAILED", "error": {"message": "password=hunter"}},
    {
        "type": "step", "runId": f"{1:032x}", "id": f"{2:016x}", "parentId": f"{3:016x}", "index": 3, "costUsd": 0.1,
        "startedAt": "2026-01-01T00:00:00Z", "finishedAt": 1.5e9, "artifacts": [{"type": "t", "content": {"a": [1]}}],
    },
]  # fmt: skip


def event_arrays() -> list[bytes]:
    [synthetic] = event_batches(Synthesizer(1).records(1)[-3:])
    return [b"[]", synthetic, json.dumps(_OTHER_EVENTS).encode()]


def event_lines() -> list[bytes]:
    return [b"\n".join(json.dumps(event).encode() for event in json.loads(array)) for array in event_arrays()]


def compressed_bodies() -> dict[str, list[bytes]]:
    """By Content-Encoding: a small body, one of several parts, one that ends too early, and a bomb."""
    text = event_arrays()[-1]
    compress = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}
    bodies = {
        name: [whole := pack(text), pack(b"[") + pack(text) + pack(b"]"), whole[:-3], pack(bytes(1 << 20))]
        for name, pack in compress.items()
    }
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bodies["deflate"].append(raw.compress(text) + raw.flush())
    return bodies
