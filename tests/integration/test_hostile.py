"""Whatever is accepted is stored and can be read by every reader; whatever is not says why."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from events.limits import COST_USD_MAX, INDEX_MAX, INTEGER_DIGITS_MAX, TOKENS_MAX
from tests.integration.conftest import Differences, Drain

DEEPEST = 197
"""Brackets around which a batch, an event and a field have theirs."""
BIDI = "\u202e\u2066admin\u2069\u200b\ufeff"
HTML = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"&"

VALUES: dict[str, bytes] = {
    "NUL": rb'"a\u0000b"',
    "NUL in a key": rb'{"a\u0000": 1, "a\u0000b\\u0000": 2}',
    "half a pair": rb'["\ud800", "\udc00x", "\udc00\ud800", "\ud83d\ude00", "\\ud800", "\\\ud800"]',
    "control characters": rb'"\u0001\u001f\u007f\u0085\u2028\ufffe\uffff"',
    "empty": b'["", {}, [], null, {"": ""}]',
    "least fraction": b"[1e-400, 5e-324, -0.0, 1.7976931348623157e308, 1e300]",
    "long fraction": b"0." + b"1" * 100_000,
    "40 digits": b"1234567890123456789012345678901234567890",
    "longest integer": b"-" + b"9" * INTEGER_DIGITS_MAX,
    "deepest list": b"[" * DEEPEST + b"]" * DEEPEST,
    "deepest object": b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST,
    "key of 1 MB": b'{"' + b"k" * 1_000_000 + b'": 1}',
    "100,000 keys": json.dumps(dict.fromkeys(map(str, range(100_000)), 1)).encode(),
    "too large": b'"' + "\u00e9".encode() * 600_000 + b'"',
    "duplicate keys": b'{"a": 1, "a": 2}',
    "prototype": b'{"__proto__": {"x": 1}, "constructor": {"prototype": 1}, "$truncated": true, "toString": 1}',
    "html": json.dumps({HTML: HTML}).encode(),
    "direction marks": json.dumps(BIDI).encode(),
    "json in a text": json.dumps("[" * 10_000).encode(),
    "not a number, as a text": b'["NaN", "Infinity", {"NaN": "-Infinity"}]',
    "formulas": b"\"=cmd|' /C calc'!A0\"",
    "braces": rb'"{{}}{%s}%(x)s$1\\\\%s"',
}
NAMES = [
    "   ",
    "\0",
    "\u0000\n\t\r",
    BIDI,
    HTML,
    "\U0001f600" * 256,
    "a/b/../c?d=e#f&g=%00",
    "=1+1",
    "__proto__",
    "'; DROP TABLE runs; --",
]
TIMES = [
    "1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999999-23:59", "2030-01-01T00:00:00+23:59", "2026-02-28", 0, 1e12, 20261124,
]  # fmt: skip

REFUSED: dict[str, bytes] = {
    "beyond doubles": b'{"input": 1e400}',
    "not a number": b'{"input": [NaN]}',
    "infinity": b'{"input": {"a": -Infinity}}',
    "year 1": b'{"startedAt": "0001-01-01T00:00:00Z"}',
    "year 9999": b'{"startedAt": "9999-12-31T23:59:59Z"}',
    "leap second": b'{"startedAt": "2016-12-31T23:59:60Z"}',
    "odd offset": b'{"startedAt": "2026-01-01T00:00:00+99:00"}',
    "empty name": b'{"name": ""}',
    "long name": b'{"name": "' + b"n" * 257 + b'"}',
    "many tags": json.dumps({"tags": {str(number): 1 for number in range(1001)}}).encode(),
    "long tag": b'{"tags": {"' + b"n" * 257 + b'": 1}}',
    "metric beyond doubles": b'{"metrics": [{"name": "m", "value": 1e400}]}',
    "no field of ours": b'{"__proto__": {}}',
    "user beyond integers": b'{"userId": 99999999999999999999}',
}
MALFORMED: dict[str, tuple[bytes, str]] = {
    "too deep": (b'{"input": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "200 brackets"),
    "too deep without an end": (b'{"input": ' + b"[" * 1_000_000, "200 brackets"),
    "too long an integer": (b'{"input": ' + b"1" * 100_000 + b"}", "4300 digits"),
    "byte order mark": (b"\xef\xbb\xbf{}", "byte order mark"),
    "UTF-16": ('{"name": "a"}'.encode("utf-16"), "byte order mark"),
    "UTF-16 without a mark": ('{"name": "a"}'.encode("utf-16-le"), "byte order mark"),
    "UTF-32": ('{"name": "a"}'.encode("utf-32"), "byte order mark"),
    "Latin-1": ('{"name": "é"}'.encode("latin-1"), "UTF-8"),
    "overlong": (b'{"name": "\xc0\x80"}', "UTF-8"),
    "surrogates as bytes": (b'{"name": "\xed\xa0\x80"}', "UTF-8"),
    "NUL as a byte": (b'{"name": "a\0b\\u0000"}', "control character"),
    "no JSON": (b"{'name': 1}", "JSON"),
    "nothing": (b"", "JSON"),
}
QUERY = """{ run(id: "RUN") {
    id name sessionId status input output error attributes tags agent { name version }
    metrics(first: 2) { edges { node { name value tags } } }
    steps(first: 2) { edges { node { id index name toolName kind model input output error attributes
        artifacts(first: 2) { edges { node { id type url content } } } } } }
} }"""

ReadAll = Callable[[], None]


@pytest.fixture
def read_all(client: TestClient, database: psycopg.Connection[tuple[Any, ...]]) -> ReadAll:
    """Asks every route that reads, of every run, session, step and artifact; none may fail."""

    def asked(path: str, **options: Any) -> Any:
        answer = client.get(path, follow_redirects=False, **options)
        assert answer.status_code in (200, 307), (path, answer.status_code, answer.text[:500])
        if answer.headers.get("content-type", "").startswith("application/json"):
            return json.loads(answer.content.decode())
        return answer.content

    def read() -> None:
        for run_id, session_id in database.execute("SELECT id, session_id FROM runs").fetchall():
            run = asked(f"/v1/runs/{run_id}")
            page = asked(f"/v1/runs/{run_id}/steps")
            assert [step["id"] for step in page["items"]] == [step["id"] for step in run["steps"]]
            for step in run["steps"]:
                asked(f"/v1/runs/{run_id}/steps/{step['id']}")
                for artifact in step["artifacts"]:
                    asked(f"/v1/runs/{run_id}/artifacts/{artifact['id']}")
            graph = client.post("/graphql", json={"query": QUERY.replace("RUN", str(run_id))})
            assert (graph.status_code, "errors" in graph.json()) == (200, False), graph.text[:500]
            if session_id is not None:
                path = f"/v1/sessions/{_quoted(session_id)}/runs?limit=1000"
                if "\n" in session_id or ".." in session_id:  # the one no path may hold, the other clients tidy up
                    path = f"/v1/runs?limit=1000&sessionId={_quoted(session_id)}"
                found = client.get(path)
                assert found.status_code == 200, (session_id, found.text)
                assert str(run_id) in {item["id"] for item in found.json()["items"]}
        for path in ("/v1/runs", "/v1/sessions", "/v1/agents", "/v1/deadletters"):
            asked(f"{path}?limit=1000")
        for sort in ("duration", "cost", "steps"):
            asked(f"/v1/runs?sort={sort}&limit=1000")
        for name in ("summary", "timeseries", "tools", "models", "latency", "errors"):
            for window in (
                "",
                "?from=2199-12-01T00:00:00Z&to=2199-12-31T23:59:00Z",
                "?from=1970-01-01T00:00:00Z&to=1970-01-03",
            ):
                answer = client.get(f"/v1/metrics/{name}{window}")
                assert answer.status_code in ((200, 404) if name == "errors" else (200,)), (name, window, answer.text)
        for kind in ("csv", "jsonl", "parquet"):
            assert asked(f"/v1/runs/export?format={kind}")

    return read


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _post_lines(client: TestClient, *events: bytes) -> Any:
    return client.post("/v1/events", content=b"\n".join(events), headers={"Content-Type": "application/x-ndjson"})


def _run(number: int, **fields: Any) -> bytes:
    """An event whose fields are values, or bytes that are JSON already."""
    return _event({"type": "run", "id": f"{number:032x}", **fields})


def _step(run: int, **fields: Any) -> bytes:
    return _event({"type": "step", "runId": f"{run:032x}", "id": f"{run:016x}", **fields})


def _event(fields: dict[str, Any]) -> bytes:
    members = (
        b'"%b": %b' % (key.encode(), value if isinstance(value, bytes) else json.dumps(value).encode())
        for key, value in fields.items()
    )
    return b"{" + b", ".join(members) + b"}"


def test_accepted_values_can_be_read_by_all(
    client: TestClient, drain: Drain, read_all: ReadAll, differences: Differences, database: psycopg.Connection[tuple[Any, ...]]
) -> None:
    for number, value in enumerate(VALUES.values(), 1):
        error = b'"e"' if value.startswith(b"[1e-400") else value
        run = _run(number, input=value, output=value, error=error, attributes=b'{"v": %b}' % _shallower(value))
        artifacts = b'[{"type": "t", "content": %b}, {"type": "u", "url": %b}]'
        step = _step(
            number,
            input=value,
            error=error,
            artifacts=artifacts % (_shallower(value), json.dumps(f"https://h/{HTML}\r\nX: y{BIDI}").encode()),
        )
        answer = _post_lines(client, run, step)
        assert answer.status_code == 202, (list(VALUES)[number - 1], answer.text)
    assert drain() == 0
    assert database.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)
    read_all()
    assert differences() == []
    stored = {name: client.get(f"/v1/runs/{UUID(int=number)}").json()["input"] for number, name in enumerate(VALUES, 1)}
    assert stored["NUL"] == "a\ufffdb"
    assert stored["NUL in a key"] == {"a\ufffd": 1, "a\ufffdb\\u0000": 2}
    assert stored["half a pair"] == ["\ufffd", "\ufffdx", "\ufffd\ufffd", "\U0001f600", "\\ud800", "\\\ufffd"]
    assert stored["40 digits"] == 1234567890123456789012345678901234567890
    assert stored["longest integer"] == -(10**INTEGER_DIGITS_MAX - 1)
    # Postgres writes out large ones, with more digits than any reader keeps.
    assert list(map(float, stored["least fraction"])) == [0.0, 5e-324, 0.0, 1.7976931348623157e308, 1e300]
    assert stored["duplicate keys"] == {"a": 2}
    assert stored["html"] == {HTML: HTML}
    assert stored["prototype"]["__proto__"] == {"x": 1}
    assert stored["direction marks"] == BIDI
    assert len(stored["100,000 keys"]) == 100_000
    assert (stored["too large"]["$truncated"], stored["too large"]["bytes"]) == (True, 1_200_002)
    assert list(stored["key of 1 MB"]) == ["k" * 1_000_000]


def _shallower(value: bytes) -> bytes:
    """The value for a place that is two or three brackets deeper."""
    return value if not value.startswith((b"[" * 150, b'{"a":' * 150)) else b"[" * 150 + b"]" * 150


def test_accepted_names_and_times_can_be_read_by_all(
    client: TestClient, drain: Drain, read_all: ReadAll, differences: Differences, database: psycopg.Connection[tuple[Any, ...]]
) -> None:
    for number, name in enumerate(NAMES, 1):
        fields = {"agent": {"name": name, "version": name}, "name": name, "sessionId": name, "status": "FAILED", "error": name}
        run = _run(number, **fields, tags={name: name}, metrics=[{"name": name, "value": -0.0, "tags": {name: name}}])
        names = {"toolName": name, "name": name, "model": name, "kind": "TOOL", "error": {"message": name}}
        assert _post_lines(client, run, _step(number, **names, index=INDEX_MAX)).status_code == 202
    for number, time in enumerate(TIMES, 100):
        times = {"startedAt": time, "finishedAt": TIMES[number - 101]}
        assert _post_lines(client, _run(number, **times), _step(number, **times)).status_code == 202
    assert (
        _post_lines(client, _run(200, startedAt="2199-12-31T00:00:00Z", finishedAt="1970-01-01T00:00:00Z")).status_code == 202
    )
    assert drain() == 0
    assert database.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)
    read_all()
    assert differences() == []
    assert client.get(f"/v1/runs/{UUID(int=1)}").json()["name"] == "   "


def test_what_is_refused_says_why_and_costs_its_neighbours_nothing(client: TestClient, drain: Drain) -> None:
    good = _run(1, name="good")
    for case, fields in REFUSED.items():
        bad = b'{"type": "run", "id": "%032x", ' % 2 + fields[1:]
        for pair in ((good, bad), (bad, good)):
            for answer in (_post_lines(client, *pair), client.post("/v1/events", content=b"[" + b",".join(pair) + b"]")):
                said = answer.json()
                assert (answer.status_code, said["accepted"], said["rejected"]) == (207, 1, 1), (case, answer.text)
                assert said["errors"][0]["reason"]
                assert len(answer.content) < 10_000
        single = client.patch(f"/v1/runs/{UUID(int=2)}", content=fields)
        assert (single.status_code, single.json()["error"]["code"]) == (422, "invalid_event"), case
    assert drain() == 0
    assert [run["id"] for run in client.get("/v1/runs").json()["items"]] == [str(UUID(int=1))]


def test_what_is_no_json_says_why(client: TestClient) -> None:
    for case, (body, word) in MALFORMED.items():
        answer = client.patch(f"/v1/runs/{UUID(int=2)}", content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed_body"), case
        assert word in answer.json()["error"]["message"]
        if body and word != "byte order mark":
            assert client.post("/v1/events", content=b"[" + body + b"]").status_code == 400, case
            beside = _post_lines(client, body, _run(1))
            assert (beside.status_code, beside.json()["accepted"]) == (207, 1), case


def test_ids_in_odd_forms(client: TestClient, drain: Drain) -> None:
    odd = [
        "5",
        "0" * 32,
        "0" * 31 + "g",
        "0x" + "1" * 30,
        " " + "1" * 31,
        "1" * 32 + "\n",
        "\u0661" * 32,
        "1" * 33,
        "",
        None,
        1,
        [],
    ]
    for identity in odd:
        assert client.post("/v1/events", json=[{"type": "run", "id": identity}]).status_code == 422, identity
    for form in ("{%s}", "urn:uuid:%s", "%s"):
        identity = form % str(UUID(int=0xABC)).upper()
        assert client.post("/v1/events", json=[{"type": "run", "id": identity}]).status_code == 202, identity
    assert drain() == 0
    assert [run["id"] for run in client.get("/v1/runs").json()["items"]] == [str(UUID(int=0xABC))]


def test_a_batch_of_as_many_tiny_events_as_may_be(
    client: TestClient, drain: Drain, database: psycopg.Connection[tuple[Any, ...]]
) -> None:
    lines = [b'{"type":"step","runId":"%032x"}' % 1] * 10_000
    assert _post_lines(client, *lines).json() == {"accepted": 10_000}
    refused = _post_lines(client, *lines, lines[0])
    assert (refused.status_code, refused.json()["error"]["details"]) == (413, {"limitEvents": 10_000})
    assert drain() == 0
    assert database.execute("SELECT count(*) FROM steps").fetchone() == (10_000,)


def test_the_largest_values_many_times_stay_within_the_sums(
    client: TestClient, drain: Drain, read_all: ReadAll, differences: Differences, database: psycopg.Connection[tuple[Any, ...]]
) -> None:
    largest = {
        "inputTokens": TOKENS_MAX, "outputTokens": TOKENS_MAX, "costUsd": COST_USD_MAX,
        "toolName": "t", "kind": "LLM", "model": "m",
        "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2027-01-01T00:00:00Z",
    }  # fmt: skip
    lines = [_event({"type": "step", "runId": f"{1:032x}", "id": f"{number:016x}", **largest}) for number in range(1, 5001)]
    assert _post_lines(client, *lines).status_code == 202
    assert drain() == 0
    assert database.execute("SELECT input_tokens, cost_nano_usd FROM runs").fetchone() == (
        5000 * TOKENS_MAX,
        5000 * COST_USD_MAX * 10**9,
    )
    assert differences() == []
    summary = client.get("/v1/metrics/summary?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z").json()
    assert (summary["inputTokens"], summary["costUsd"]) == (5000 * TOKENS_MAX, 5000 * COST_USD_MAX)


# ---- OTLP


def _span(number: int, attributes: dict[str, AnyValue] | None = None, **fields: Any) -> Span:
    given = [KeyValue(key=key, value=value) for key, value in (attributes or {}).items()]
    ids = {"trace_id": number.to_bytes(16, "big"), "span_id": number.to_bytes(8, "big")}
    return Span(attributes=given, **{**ids, "name": f"span {number}", **fields})


def _export(*spans: Span) -> bytes:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    return request.SerializeToString()


def _deep(levels: int) -> AnyValue:
    value = AnyValue(string_value="bottom")
    for _ in range(levels):
        outer = AnyValue()
        outer.array_value.values.append(value)
        value = outer
    return value


def _text(text: str) -> AnyValue:
    return AnyValue(string_value=text)


def _post_spans(client: TestClient, body: bytes) -> ExportTraceServiceResponse:
    answer = client.post("/v1/traces", content=body, headers={"Content-Type": "application/x-protobuf"})
    assert answer.status_code == 200, answer.text
    return ExportTraceServiceResponse.FromString(answer.content)


def test_accepted_spans_can_be_read_by_all(
    client: TestClient, drain: Drain, read_all: ReadAll, differences: Differences, database: psycopg.Connection[tuple[Any, ...]]
) -> None:
    spans = [
        _span(
            1,
            {"input.value": _text("\0" + HTML), "\0": _text("\0"), "": _text(""), "session.id": _text("\0s")},
            name="\0" * 300,
        ),
        _span(
            2, {name: _text("x" * 10_000) for name in ("gen_ai.tool.name", "gen_ai.agent.name", "session.id", "llm.model_name")}
        ),
        _span(
            3,
            {"openinference.span.kind": _text("K" * 100_000), "gen_ai.operation.name": _text("chat" * 1000)},
            kind=2_000_000_000,
        ),
        _span(4, {"gen_ai.usage.input_tokens": AnyValue(int_value=-5), "gen_ai.usage.cost": AnyValue(double_value=-1e300)}),
        _span(5, {"gen_ai.usage.input_tokens": AnyValue(int_value=2**63 - 1), "llm.cost.total": AnyValue(double_value=1e308)}),
        _span(6, {"deep": _deep(40), "input.value": _text("[" * 150 + "]" * 150), "output.value": _text("[" * 10_000)}),
        _span(7, {"tag.tags": AnyValue(), "input.value": _text("1" * 100_000), "input.mime_type": _text("application/json")}),
        _span(8, {f"gen_ai.prompt.{'9' * 5000}.{'a.' * 500}": _text("x"), "gen_ai.prompt.0": _text("y")}),
        _span(
            9, start_time_unix_nano=1, end_time_unix_nano=7_258_118_399_999_999_999, status=Status(code=2, message="\0" * 5000)
        ),
        _span(10, {"bytes": AnyValue(bytes_value=bytes(range(256))), "key" * 100_000: _text("v"), "none": AnyValue()}),
        _span(11, trace_state="x" * 100_000, status=Status(code=99)),  # type: ignore[arg-type]
        _span(12, {"input.value": _text("y" * 3_000_000), "big": _text("y" * 3_000_000)}),
    ]
    spans[8].events.add(
        name="exception", time_unix_nano=2**64 - 1, attributes=[KeyValue(key="exception.message", value=_deep(20))]
    )
    tags = AnyValue()
    tags.array_value.values.extend(_text(str(number)) for number in range(20_000))
    spans[6].attributes[0].value.CopyFrom(tags)
    said = _post_spans(client, _export(*spans))
    assert not said.partial_success.rejected_spans, said
    assert drain() == 0
    assert database.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)
    read_all()
    assert differences() == []
    long = client.get(f"/v1/runs/{UUID(int=2)}").json()
    assert long["sessionId"] == "x" * 255 + "\u2026"
    assert client.get(f"/v1/runs/{UUID(int=7)}").json()["tags"] is None


def test_a_span_that_is_refused_costs_its_neighbours_nothing(client: TestClient, drain: Drain) -> None:
    infinite = AnyValue()
    infinite.array_value.values.append(AnyValue(double_value=float("inf")))
    deep = b""
    for _ in range(200):
        deep = _field(5, _field(1, deep))
    named = _span(2, name="MARK").SerializeToString()
    refused = {
        "no trace": _span(2, trace_id=b""),
        "trace of zeros": _span(2, trace_id=bytes(16)),
        "span of zeros": _span(2, span_id=bytes(8)),
        "long id": _span(2, span_id=bytes(range(9))),
        "own parent": _span(2, parent_span_id=(2).to_bytes(8, "big")),
        "too late": _span(2, start_time_unix_nano=2**63),
        "as late as can be": _span(2, end_time_unix_nano=2**64 - 1),
        "not a number": _span(2, {"a": AnyValue(double_value=float("nan"))}),
        "infinity in depth": _span(2, {"a": infinite}),
        "not UTF-8": named.replace(b"MARK", b"\xff\xfe\xfd\xfc"),
        "surrogates as bytes": named.replace(b"MARK", b"\xed\xa0\x80A"),
        "overlong": named.replace(b"MARK", b"\xc0\x80AB"),
        "too deep": named + _field(9, _field(1, b"deep") + _field(2, deep)),
        "no message": b"\x0a\xff\xff\xff\xff\x0f",
    }
    for case, span in refused.items():
        bad = span if isinstance(span, bytes) else span.SerializeToString()
        spans = b"".join(_field(2, data) for data in (_span(1).SerializeToString(), bad, _span(3).SerializeToString()))
        said = _post_spans(client, _field(1, _field(2, spans))).partial_success
        assert (said.rejected_spans, bool(said.error_message)) == (1, True), case
    assert drain() == 0
    assert {run["id"] for run in client.get("/v1/runs").json()["items"]} == {str(UUID(int=1)), str(UUID(int=3))}


def _field(number: int, data: bytes) -> bytes:
    """A field of protobuf."""
    size = len(data)
    length = bytes([size]) if size < 1 << 7 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([number << 3 | 2]) + length + data


def test_json_of_spans_is_as_strict(client: TestClient, drain: Drain) -> None:
    def span(number: int, **fields: Any) -> dict[str, Any]:
        return {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "n", **fields}

    deep: Any = {"stringValue": "bottom"}
    for _ in range(60):
        deep = {"arrayValue": {"values": [deep]}}
    bad: list[dict[str, Any]] = [
        span(2, startTimeUnixNano="-1"),
        span(2, startTimeUnixNano=str(2**64)),
        span(2, startTimeUnixNano=str(2**63)),
        span(2, startTimeUnixNano="1e400"),
        span(2, attributes=[{"key": "a", "value": {"doubleValue": "NaN"}}]),
        span(2, attributes=[{"key": "a", "value": {"intValue": "9" * 5000}}]),
        span(2, attributes=[{"key": "a", "value": deep}]),
        span(2, traceId="\u0661" * 32),
        span(2, name={"a": 1}),
    ]
    hostile = span(
        3, name="\0\ud800", kind="NO_KIND" * 1000, attributes=[{"key": "\udc00", "value": {"stringValue": "\0"}}] * 2
    )
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span(1), *bad, hostile]}]}]})
    answer = client.post("/v1/traces", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert int(answer.json()["partialSuccess"]["rejectedSpans"]) == len(bad), answer.text
    assert drain() == 0
    assert {run["id"] for run in client.get("/v1/runs").json()["items"]} == {str(UUID(int=1)), str(UUID(int=3))}


def test_what_was_changed_or_cut_is_counted(client: TestClient) -> None:
    def counts() -> dict[str, float]:
        lines = re.findall(r"^agentguide_(texts_mended|names_cut|payloads_cut)_total (\S+)$", client.get("/metrics").text, re.M)
        return {name: float(value) for name, value in lines}

    before = counts()
    assert _post_lines(client, _run(1, name="\0", input="x" * 2_000_000)).status_code == 202
    _post_spans(client, _export(_span(1, name="n" * 300), _span(2, name="\0")))
    assert {name: value - before[name] for name, value in counts().items()} == {
        "texts_mended": 2,
        "names_cut": 1,
        "payloads_cut": 1,
    }
