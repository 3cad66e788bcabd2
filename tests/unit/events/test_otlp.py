import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from events import records
from events.exceptions import BodyTooLarge, MalformedBody
from events.otlp import REASONS_MAX, DecodedExport, decode_json, decode_protobuf
from events.payloads import PayloadEncoder
from events.records import AgentRef, RunRecord, StepRecord

TRACES = Path(__file__).parents[2] / "fixtures" / "traces"
EXPORTS = ["pydantic_ai.genai", "langgraph.openinference"]
TRACE_ID = bytes(range(16))
ROOT_ID = b"rootroot"
STEP_ID = b"stepstep"
SECOND_NS = 10**9


def payloads() -> PayloadEncoder:
    return PayloadEncoder(1_000_000)


_VALUE_FIELDS = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}


def any_value(value: Any) -> AnyValue:
    if value is None:
        return AnyValue()
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    return AnyValue(**{_VALUE_FIELDS[type(value)]: value})


def key_values(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def a_span(attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    """A child; `parent_span_id=b""` makes it a root."""
    defaults = {
        "trace_id": TRACE_ID,
        "span_id": STEP_ID,
        "parent_span_id": ROOT_ID,
        "name": "step",
        "start_time_unix_nano": 5 * SECOND_NS,
        "end_time_unix_nano": 6 * SECOND_NS + 1_999,
    }
    return Span(attributes=key_values(attributes or {}), **{**defaults, **fields})


def an_export(*spans: Span, resource: dict[str, Any] | None = None, scope: str = "") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.extend(key_values(resource or {}))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = scope
    scope_spans.spans.extend(spans)
    return request


def as_otlp_json(request: ExportTraceServiceRequest) -> dict[str, Any]:
    tree = MessageToDict(request, use_integers_for_enums=True)
    for resource_spans, resource_tree in zip(request.resource_spans, tree["resourceSpans"], strict=True):
        for scope_spans, scope_tree in zip(resource_spans.scope_spans, resource_tree["scopeSpans"], strict=True):
            for span, span_tree in zip(scope_spans.spans, scope_tree["spans"], strict=True):
                span_tree |= {"traceId": span.trace_id.hex(), "spanId": span.span_id.hex()}
                span_tree["parentSpanId"] = span.parent_span_id.hex()
                for link, link_tree in zip(span.links, span_tree.get("links", []), strict=True):
                    link_tree |= {"traceId": link.trace_id.hex().upper(), "spanId": link.span_id.hex()}
    return tree


def decoded(request: ExportTraceServiceRequest) -> DecodedExport:
    """The export by way of protobuf, checked to be the same by way of JSON."""
    export = decode_protobuf(request.SerializeToString(), payloads(), 1000)
    from_json = decode_json(json.dumps(as_otlp_json(request)).encode(), payloads(), 1000)
    assert from_json == export
    return export


def only_step(span: Span, **export: Any) -> StepRecord:
    result = decoded(an_export(span, **export))
    assert (result.rejected, result.reasons, result.spans) == (0, [], 1)
    [step] = result.records
    assert isinstance(step, StepRecord)
    return step


def root_records(span: Span, **export: Any) -> tuple[StepRecord, RunRecord]:
    span.parent_span_id = b""
    step, run = decoded(an_export(span, **export)).records
    assert isinstance(step, StepRecord)
    assert isinstance(run, RunRecord)
    return step, run


def value_of(raw: msgspec.Raw) -> Any:
    return json.loads(bytes(raw)) if raw else None


def fixture_records(name: str) -> list[records.Record]:
    export = decode_protobuf((TRACES / f"{name}.pb").read_bytes(), payloads(), 1000)
    assert (export.rejected, export.reasons) == (0, [])
    return export.records


class TestRealExports:
    def test_runs(self) -> None:
        runs = [record for name in EXPORTS for record in fixture_records(name) if isinstance(record, RunRecord)]
        assert Counter(run.status for run in runs) == {"SUCCESS": 7, "FAILED": 2}
        assert Counter(run.agent for run in runs) == {
            AgentRef("support_agent", "1.4.0"): 3,
            AgentRef("flaky_agent", "1.4.0"): 1,
            AgentRef("planner", "1.4.0"): 1,
            AgentRef("LangGraph"): 4,
        }
        assert all(run.session_id and run.input and run.started_at and run.finished_at for run in runs)
        assert {value_of(run.error)["type"] for run in runs if run.error} == {"RuntimeError", "ZeroDivisionError"}

    @pytest.mark.parametrize("name", EXPORTS)
    def test_json_gives_the_same_records(self, name: str) -> None:
        export = decode_json((TRACES / f"{name}.json").read_bytes(), payloads(), 1000)
        assert export.records == fixture_records(name)
        assert export.spans == sum(isinstance(record, StepRecord) for record in export.records)

    @pytest.mark.parametrize("name", EXPORTS)
    def test_records_survive_the_stream(self, name: str) -> None:
        found = fixture_records(name)
        assert records.decode(records.encode(found)) == found

    @pytest.mark.parametrize("name", EXPORTS)
    def test_parents(self, name: str) -> None:
        request = ExportTraceServiceRequest.FromString((TRACES / f"{name}.pb").read_bytes())
        spans = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
        steps = [record for record in fixture_records(name) if isinstance(record, StepRecord)]
        assert [(step.run_id, step.id, step.parent_id) for step in steps] == [
            (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex() or None) for span in spans
        ]
        ids = {(step.run_id, step.id) for step in steps}
        assert all(step.parent_id is None or (step.run_id, step.parent_id) in ids for step in steps)

    def test_steps_of_genai(self) -> None:
        steps = [record for record in fixture_records("pydantic_ai.genai") if isinstance(record, StepRecord)]
        assert Counter(step.kind for step in steps) == {"LLM": 11, "TOOL": 10, "AGENT": 6}
        assert {step.tool_name for step in steps if step.kind == "TOOL"} >= {"lookup_order", "refund", "delegate"}
        assert all(step.tool_name is None for step in steps if step.kind != "TOOL")
        assert all((step.model == "test") == (step.kind == "LLM") for step in steps)
        tokens = [step.input_tokens for step in steps if step.input_tokens is not None]
        assert len(tokens) == 11  # the model calls; the sums on agent spans are not counted
        tool = next(step for step in steps if step.tool_name == "lookup_order")
        assert value_of(tool.input) == {"order_id": "a"}
        assert value_of(tool.output)["status"] == "shipped"
        assert tool.name == "execute_tool lookup_order"
        agent = next(step for step in steps if step.kind == "AGENT")
        assert value_of(agent.input)[0]["role"] == "user"
        assert "gen_ai.aggregated_usage.input_tokens" in value_of(agent.attributes)

    def test_steps_of_openinference(self) -> None:
        steps = [record for record in fixture_records("langgraph.openinference") if isinstance(record, StepRecord)]
        assert Counter(step.kind for step in steps if step.kind != "CHAIN") == {"LLM": 7, "TOOL": 7}
        tool = next(step for step in steps if step.tool_name == "search")
        assert tool.name is None
        assert value_of(tool.input) == "postgres 18"
        assert value_of(tool.output)["type"] == "tool"
        assert {(step.input_tokens, step.output_tokens) for step in steps} == {(120, 30), (None, None)}


class TestDialects:
    @pytest.mark.parametrize(
        ("attributes", "expected"),
        [
            pytest.param(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.request.model": "gpt-4o",
                    "gen_ai.response.model": "gpt-4o-2024",
                    "gen_ai.usage.input_tokens": 3,
                    "gen_ai.usage.output_tokens": 4,
                    "gen_ai.input.messages": '[{"role": "user"}]',
                    "gen_ai.output.messages": '[{"role": "assistant"}]',
                    "operation.cost": 0.5,
                },
                {
                    "kind": "LLM",
                    "model": "gpt-4o-2024",
                    "input_tokens": 3,
                    "output_tokens": 4,
                    "input": [{"role": "user"}],
                    "output": [{"role": "assistant"}],
                    "cost_nano_usd": 500_000_000,
                    "attributes": {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"},
                },
                id="genai",
            ),
            pytest.param(
                {
                    "gen_ai.tool.name": "search",
                    "tool_arguments": '{"q": 1}',
                    "tool_response": "found",
                },
                {"kind": "TOOL", "tool_name": "search", "input": {"q": 1}, "output": "found"},
                id="pydantic-ai, older",
            ),
            pytest.param(
                {
                    "openinference.span.kind": "LLM",
                    "input.value": '{"q": 1}',
                    "input.mime_type": "application/json",
                    "output.value": "42",
                    "output.mime_type": "text/plain",
                    "llm.model_name": "claude",
                    "llm.token_count.prompt": 5,
                    "llm.token_count.completion": 6,
                    "llm.cost.total": 0.25,
                    "metadata": "{}",
                },
                {
                    "kind": "LLM",
                    "input": {"q": 1},
                    "output": "42",
                    "model": "claude",
                    "input_tokens": 5,
                    "output_tokens": 6,
                    "cost_nano_usd": 250_000_000,
                    "attributes": {"metadata": "{}"},
                },
                id="openinference",
            ),
            pytest.param(
                {
                    "traceloop.span.kind": "tool",
                    "traceloop.entity.name": "search",
                    "traceloop.entity.input": '{"inputs": {"q": 1}}',
                    "traceloop.entity.output": '"found"',
                    "traceloop.workflow.name": "flow",
                },
                {
                    "kind": "TOOL",
                    "tool_name": "search",
                    "input": {"inputs": {"q": 1}},
                    "output": '"found"',
                    "attributes": {"traceloop.workflow.name": "flow"},
                },
                id="openllmetry tool",
            ),
            pytest.param(
                {
                    "llm.request.type": "chat",
                    "gen_ai.system": "OpenAI",
                    "gen_ai.request.model": "gpt-4o",
                    "gen_ai.prompt.0.role": "user",
                    "gen_ai.prompt.0.content": "hi",
                    "gen_ai.completion.0.content": "hello",
                    "gen_ai.usage.prompt_tokens": 7,
                    "llm.usage.completion_tokens": 8,
                    "llm.usage.total_tokens": 15,
                },
                {
                    "kind": "LLM",
                    "model": "gpt-4o",
                    "input": [{"role": "user", "content": "hi"}],
                    "output": [{"content": "hello"}],
                    "input_tokens": 7,
                    "output_tokens": 8,
                    "attributes": {
                        "llm.request.type": "chat",
                        "gen_ai.system": "OpenAI",
                        "llm.usage.total_tokens": 15,
                    },
                },
                id="openllmetry model call",
            ),
            pytest.param(
                {"traceloop.span.kind": "workflow", "traceloop.entity.name": "flow"},
                {
                    "kind": "CHAIN",
                    "attributes": {"traceloop.span.kind": "workflow", "traceloop.entity.name": "flow"},
                },
                id="openllmetry workflow",
            ),
        ],
    )
    def test_step(self, attributes: dict[str, Any], expected: dict[str, Any]) -> None:
        step = only_step(a_span(attributes))
        payload_names = ("input", "output", "error", "attributes")
        mapped = {name: value for name in payload_names if (value := value_of(getattr(step, name))) is not None}
        for name in ("tool_name", "kind", "model", "input_tokens", "output_tokens", "cost_nano_usd"):
            if getattr(step, name) is not None:
                mapped[name] = getattr(step, name)
        assert mapped == expected
        assert step.name == "step"

    @pytest.mark.parametrize(
        ("text", "mime_type", "expected"),
        [
            ("[1]", None, [1]),
            ("{oops", "application/json", "{oops"),
            ('"a"', "application/json", "a"),
            ("1", "application/json", 1),
            ("1", "text/plain", "1"),
            ("NaN", "application/json", "NaN"),
            ("[NaN]", "application/json", "[NaN]"),
            (" {}", "application/json; charset=utf-8", {}),
            ("", "text/plain", ""),
            ("a\0b", None, "a\ufffdb"),
        ],
    )
    def test_openinference_texts(self, text: str, mime_type: str | None, expected: Any) -> None:
        attributes = {"input.value": text} | ({"input.mime_type": mime_type} if mime_type else {})
        step = only_step(a_span(attributes))
        assert value_of(step.input) == expected
        assert not step.attributes

    def test_structured_payload(self) -> None:
        assert value_of(only_step(a_span({"gen_ai.input.messages": [{"role": "user"}]})).input) == [{"role": "user"}]

    def test_events_bear_the_messages(self) -> None:
        span = a_span({"gen_ai.operation.name": "chat"})
        span.events.add(name="gen_ai.user.message", attributes=key_values({"content": "hi"}))
        span.events.add(name="gen_ai.choice", attributes=key_values({"index": 0}))
        step = only_step(span)
        assert value_of(step.input) == [{"role": "user", "content": "hi"}]
        assert value_of(step.output) == [{"role": "assistant", "index": 0}]
        assert "otel.events" not in value_of(step.attributes)


class TestRun:
    def test_of_a_root(self) -> None:
        step, run = root_records(
            a_span(
                {
                    "agent.name": "planner",
                    "session.id": "s1",
                    "tag.tags": ["a", "b"],
                    "input.value": "in",
                    "output.value": "out",
                },
                name="turn",
            ),
            resource={"service.name": "svc", "service.version": "2"},
            scope="lib",
        )
        assert step.parent_id is None
        assert value_of(step.attributes) == {"otel.scope": "lib"}
        assert (run.id, run.name, run.agent) == (TRACE_ID.hex(), "turn", AgentRef("planner", "2"))
        assert (run.status, run.session_id, value_of(run.tags)) == ("SUCCESS", "s1", ["a", "b"])
        assert (value_of(run.input), value_of(run.output), run.error) == ("in", "out", records.ABSENT)
        assert (run.started_at, run.finished_at) == (5_000_000, 6_000_001)
        assert value_of(run.attributes) == {
            "resource": {"service.name": "svc", "service.version": "2"},
            "scope": {"name": "lib"},
        }

    @pytest.mark.parametrize(
        ("attributes", "name", "service", "agent"),
        [
            ({"gen_ai.agent.name": "a", "agent.name": "b"}, "root", "svc", "a"),
            ({"agent.name": "b"}, "root", "svc", "b"),
            ({}, "root", "svc", "root"),
            ({}, "", "svc", "svc"),
            ({}, "", "", "unknown"),
        ],
    )
    def test_agent(self, attributes: dict[str, Any], name: str, service: str, agent: str) -> None:
        _, run = root_records(a_span(attributes, name=name), resource={"service.name": service})
        assert run.agent == AgentRef(agent)

    def test_what_is_the_run_s_stays_on_a_child(self) -> None:
        attributes = {"gen_ai.agent.name": "a", "session.id": "s", "tag.tags": ["t"]}
        assert value_of(only_step(a_span(attributes)).attributes) == attributes

    def test_a_parent_of_zeros_is_none(self) -> None:
        step, run = decoded(an_export(a_span(parent_span_id=bytes(8)))).records
        assert isinstance(step, StepRecord)
        assert step.parent_id is None
        assert isinstance(run, RunRecord)


class TestErrors:
    def test_from_the_last_exception_event(self) -> None:
        span = a_span()
        span.status.MergeFrom(Status(code=Status.STATUS_CODE_ERROR, message="shadowed"))
        span.events.add(name="exception", attributes=key_values({"exception.message": "first"}))
        attributes = {"exception.type": "E", "exception.message": "m", "exception.stacktrace": "s"}
        span.events.add(name="exception", attributes=key_values(attributes))
        step, run = root_records(span)
        assert value_of(step.error) == {"type": "E", "message": "m", "stack": "s"}
        assert run.status == "FAILED"
        assert run.error == step.error
        assert len(value_of(step.attributes)["otel.events"]) == 1

    @pytest.mark.parametrize(("message", "expected"), [("timeout", "timeout"), ("", "error")])
    def test_from_the_status(self, message: str, expected: str) -> None:
        step = only_step(a_span(status={"code": 2, "message": message}))
        assert value_of(step.error) == {"message": expected}

    def test_an_exception_that_did_not_fail_the_span_is_an_event(self) -> None:
        span = a_span()
        span.events.add(name="exception", time_unix_nano=SECOND_NS, attributes=key_values({"exception.type": "E"}))
        step = only_step(span)
        assert not step.error
        assert value_of(step.attributes)["otel.events"] == [
            {"name": "exception", "time": "1970-01-01T00:00:01Z", "attributes": {"exception.type": "E"}}
        ]


class TestAttributes:
    def test_every_kind_of_value(self) -> None:
        attributes = {
            "text": "é",
            "empty": "",
            "int": -(2**63),
            "float": 1.5,
            "no": False,
            "nothing": None,
            "list": ["a", 1, [True, None]],
            "map": {"k": {"deep": [1.0]}},
        }
        step = only_step(a_span({**attributes, "bytes": b"\x00\xff"}))
        assert value_of(step.attributes) == {**attributes, "bytes": "AP8="}

    def test_links_kind_and_scope(self) -> None:
        span = a_span(kind=Span.SPAN_KIND_CLIENT)
        span.links.add(trace_id=b"\xab" * 16, span_id=b"\xcd" * 8, attributes=key_values({"why": "batch"}))
        assert value_of(only_step(span, scope="lib").attributes) == {
            "otel.kind": "CLIENT",
            "otel.scope": "lib",
            "otel.links": [{"traceId": "ab" * 16, "spanId": "cd" * 8, "attributes": {"why": "batch"}}],
        }

    def test_names_fit_their_columns(self) -> None:
        long = "n\0" * 600
        step, run = root_records(
            a_span(
                {
                    "session.id": long,
                    "gen_ai.agent.name": long,
                    "llm.model_name": long,
                    "openinference.span.kind": "TOOL",
                },
                name=long,
            )
        )
        short = ("n\ufffd" * 600)[:255] + "\u2026"
        assert (step.tool_name, step.name, step.model) == (short, None, short)
        assert (run.name, run.session_id, run.agent) == (short, short, AgentRef(short))

    def test_a_payload_over_the_limit_is_cut(self) -> None:
        encoder = PayloadEncoder(1024)
        export = decode_protobuf(an_export(a_span({"input.value": "x" * 5000})).SerializeToString(), encoder, 10)
        [step] = export.records
        assert isinstance(step, StepRecord)
        assert value_of(step.input)["$truncated"] is True

    def test_times(self) -> None:
        step = only_step(a_span(start_time_unix_nano=0, end_time_unix_nano=1_999))
        assert (step.started_at, step.finished_at) == (None, 1)


class TestRejects:
    @pytest.mark.parametrize(
        ("span", "reason"),
        [
            (a_span(trace_id=b""), "traceId"),
            (a_span(trace_id=b"short"), "traceId"),
            (a_span(trace_id=bytes(16)), "traceId"),
            (a_span(span_id=b"short"), "spanId"),
            (a_span(span_id=bytes(8)), "spanId"),
            (a_span(parent_span_id=b"short"), "parentSpanId"),
            (a_span(parent_span_id=STEP_ID), "parentSpanId"),
            (a_span(start_time_unix_nano=2**63), "time"),
            (a_span(end_time_unix_nano=7_289_654_400 * SECOND_NS), "time"),
            (a_span({"x": float("nan")}), "x"),
            (a_span({"x": {"y": [float("inf")]}}), "x.y.0"),
            (a_span({"input.value": float("nan")}), "NaN"),
            (a_span({"tag.tags": [float("nan")]}, parent_span_id=b""), "0"),
        ],
    )
    def test_one_bad_span_does_not_spoil_the_others(self, span: Span, reason: str) -> None:
        export = decoded(an_export(span, a_span(span_id=b"good-one")))
        assert [record.id for record in export.records] == [b"good-one".hex()]
        assert (export.rejected, export.spans) == (1, 2)
        [told] = export.reasons
        assert told.startswith(reason)

    def test_a_bad_resource_costs_its_spans(self) -> None:
        request = an_export(a_span(), a_span(span_id=b"othersid"), resource={"x": float("nan")})
        request.MergeFrom(an_export(a_span()))
        export = decoded(request)
        assert (len(export.records), export.rejected) == (1, 2)
        assert export.reasons[0].startswith("resource.x:")

    def test_reasons_are_few_and_distinct(self) -> None:
        bad = [a_span({f"x{number // 2}": float("nan")}) for number in range(50)]
        export = decoded(an_export(*bad))
        assert export.rejected == 50
        assert len(set(export.reasons)) == len(export.reasons) == REASONS_MAX

    def test_too_many_spans(self) -> None:
        request = an_export(*[a_span() for _ in range(4)])
        with pytest.raises(BodyTooLarge, match="4 spans; at most 3"):
            decode_protobuf(request.SerializeToString(), payloads(), 3)
        with pytest.raises(BodyTooLarge):
            decode_json(json.dumps(as_otlp_json(request)).encode(), payloads(), 3)

    def test_bytes_that_are_no_protobuf(self) -> None:
        with pytest.raises(MalformedBody):
            decode_protobuf(b'{"resourceSpans": []}', payloads(), 10)

    def test_an_empty_export(self) -> None:
        assert decode_protobuf(b"", payloads(), 10) == decode_json(b"{}", payloads(), 10) == DecodedExport()


class TestJson:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"null",
            b"\xff",
            b'{"resourceSpans": {}}',
            b'{"resourceSpans": [1]}',
            b'{"resourceSpans": [{"scopeSpans": 1}]}',
            b'{"resourceSpans": [{"resource": "x", "scopeSpans": [{}]}]}',
            b'{"resourceSpans": [{"scopeSpans": [{"scope": []}]}]}',
            b'{"resourceSpans": [{"resource": {"attributes": 1}, "scopeSpans": [{}]}]}',
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [NaN]}]}]}',
            b"[" * 100_000,
        ],
    )
    def test_malformed(self, body: bytes) -> None:
        with pytest.raises(MalformedBody):
            decode_json(body, payloads(), 10)

    @pytest.mark.parametrize(
        "change",
        [
            {"traceId": "zz" * 16},
            {"traceId": 5},
            {"spanId": "AAAA"},
            {"parentSpanId": "xyz"},
            {"startTimeUnixNano": "soon"},
            {"startTimeUnixNano": -1},
            {"kind": [1]},
            {"attributes": {"a": 1}},
            {"attributes": [None]},
            {"attributes": [{"key": "a", "value": {"intValue": "1.5"}}]},
            {"events": [3]},
            {"links": [4]},
        ],
    )
    def test_a_span_of_the_wrong_shape_is_rejected_alone(self, change: dict[str, Any]) -> None:
        tree = as_otlp_json(an_export(a_span(), a_span(span_id=b"good-one")))
        tree["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= change
        export = decode_json(json.dumps(tree).encode(), payloads(), 10)
        assert [record.id for record in export.records] == [b"good-one".hex()]
        assert (export.rejected, len(export.reasons)) == (1, 1)

    def test_unknown_fields_and_half_pairs(self) -> None:
        tree = as_otlp_json(an_export(a_span()))
        span = tree["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        span |= {"name": "half \ud83d", "future": {"field": 1}, "traceId": span["traceId"].upper()}
        export = decode_json(json.dumps(tree).encode(), payloads(), 10)
        [step] = export.records
        assert isinstance(step, StepRecord)
        assert (step.name, step.run_id) == ("half \ufffd", TRACE_ID.hex())


SPAN_FIELDS = [
    *("traceId", "spanId", "parentSpanId", "name", "kind"),
    *("startTimeUnixNano", "attributes", "events", "links", "status"),
]


def check_only_declared_errors(decode: Any, body: bytes) -> None:
    try:
        export = decode(body, payloads(), 20)
    except (MalformedBody, BodyTooLarge):
        return
    steps = [record for record in export.records if isinstance(record, StepRecord)]
    assert len(steps) + export.rejected == export.spans
    assert records.decode(records.encode(export.records)) == export.records


class TestHostileBytes:
    @settings(deadline=None)
    @given(st.binary(max_size=400))
    def test_random_bytes(self, body: bytes) -> None:
        check_only_declared_errors(decode_protobuf, body)
        check_only_declared_errors(decode_json, body)

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_mutated_exports(self, data: st.DataObject) -> None:
        attributes = {"a": [1, {"b": "c"}], "input.value": '{"a": 1}', "gen_ai.prompt.0.content": "x"}
        span = a_span(attributes, parent_span_id=b"", status={"code": 2})
        span.events.add(name="exception", attributes=key_values({"exception.type": "E"}))
        request = an_export(span, a_span(), resource={"service.name": "svc"}, scope="lib")
        for decode, whole in (
            (decode_protobuf, request.SerializeToString()),
            (decode_json, json.dumps(as_otlp_json(request)).encode()),
        ):
            body = bytearray(whole)
            for _ in range(data.draw(st.integers(1, 4))):
                body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
            check_only_declared_errors(decode, bytes(body))

    @settings(max_examples=200, deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from(SPAN_FIELDS),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["key", "value", "traceId", "stringValue", "arrayValue", "values"]), inner
                    )
                ),
                max_leaves=8,
            ),
        )
    )
    def test_spans_of_any_shape(self, change: dict[str, Any]) -> None:
        tree = as_otlp_json(an_export(a_span()))
        tree["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= change
        check_only_declared_errors(decode_json, json.dumps(tree).encode())

    def test_deep_values(self) -> None:
        value: Any = "x"
        for _ in range(40):
            value = [value]
        export = decode_protobuf(an_export(a_span({"deep": value})).SerializeToString(), payloads(), 10)
        [step] = export.records
        assert isinstance(step, StepRecord)
        assert value_of(step.attributes) == {"deep": value}
