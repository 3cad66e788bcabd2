import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.semconv import KINDS, SpanEvent, SpanFields, unflatten


def fields_of(attributes: dict[str, Any], *events: SpanEvent) -> SpanFields:
    return SpanFields(dict(attributes), list(events))


@pytest.mark.parametrize(
    ("attributes", "kind", "rest"),
    [
        ({"openinference.span.kind": "RETRIEVER"}, "RETRIEVER", {}),
        ({"openinference.span.kind": "llm"}, "LLM", {}),
        ({"openinference.span.kind": "UNKNOWN"}, None, {"openinference.span.kind": "UNKNOWN"}),
        ({"openinference.span.kind": 3}, None, {"openinference.span.kind": 3}),
        ({"traceloop.span.kind": "workflow"}, "CHAIN", {"traceloop.span.kind": "workflow"}),
        ({"traceloop.span.kind": "task"}, "CHAIN", {"traceloop.span.kind": "task"}),
        ({"traceloop.span.kind": "agent"}, "AGENT", {}),
        ({"traceloop.span.kind": "tool"}, "TOOL", {}),
        ({"gen_ai.operation.name": "chat"}, "LLM", {"gen_ai.operation.name": "chat"}),
        ({"gen_ai.operation.name": "text_completion"}, "LLM", {"gen_ai.operation.name": "text_completion"}),
        ({"gen_ai.operation.name": "generate_content"}, "LLM", {"gen_ai.operation.name": "generate_content"}),
        ({"gen_ai.operation.name": "embeddings"}, "EMBEDDING", {"gen_ai.operation.name": "embeddings"}),
        ({"gen_ai.operation.name": "execute_tool"}, "TOOL", {"gen_ai.operation.name": "execute_tool"}),
        ({"gen_ai.operation.name": "invoke_agent"}, "AGENT", {"gen_ai.operation.name": "invoke_agent"}),
        ({"gen_ai.operation.name": "create_agent"}, "AGENT", {"gen_ai.operation.name": "create_agent"}),
        ({"gen_ai.operation.name": "invoke_workflow"}, "CHAIN", {"gen_ai.operation.name": "invoke_workflow"}),
        ({"llm.request.type": "completion"}, "LLM", {"llm.request.type": "completion"}),
        ({"llm.request.type": "rerank"}, "RERANKER", {"llm.request.type": "rerank"}),
        ({"llm.request.type": "chat", "openinference.span.kind": "AGENT"}, "AGENT", {"llm.request.type": "chat"}),
        ({"gen_ai.tool.name": "search"}, "TOOL", {"gen_ai.tool.name": "search"}),
        ({}, None, {}),
    ],
)
def test_kind(attributes: dict[str, Any], kind: str | None, rest: dict[str, Any]) -> None:
    fields = fields_of(attributes)
    assert fields.take_kind() == kind
    assert kind is None or kind in KINDS
    assert fields.rest == rest


@pytest.mark.parametrize(
    ("field", "value", "names"),
    [
        ("tool_name", "search", ["gen_ai.tool.name", "tool.name", "traceloop.entity.name"]),
        ("agent_name", "planner", ["gen_ai.agent.name", "agent.name"]),
        (
            "session_id",
            "s1",
            ["session.id", "gen_ai.conversation.id", "traceloop.association.properties.session_id"],
        ),
        ("model", "m", ["gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "llm.request.model"]),
        (
            "input_tokens",
            12,
            [
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.prompt_tokens",
                "llm.token_count.prompt",
                "llm.usage.prompt_tokens",
            ],
        ),
        (
            "output_tokens",
            0,
            [
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.completion_tokens",
                "llm.token_count.completion",
                "llm.usage.completion_tokens",
            ],
        ),
    ],
)
def test_each_name_of_a_field_and_their_order(field: str, value: Any, names: list[str]) -> None:
    for name in names:
        fields = fields_of({"other": 1, name: value})
        assert fields.take(field) == value
        assert fields.rest == {"other": 1}
    spurned = type(value)(7)
    for first, name in enumerate(names[:-1]):
        rest = dict.fromkeys(names[first + 1 :], spurned)
        fields = fields_of({**rest, name: value})
        assert fields.take(field) == value
        assert fields.rest == rest


def test_a_value_that_will_not_do_stays_and_the_next_name_counts() -> None:
    fields = fields_of({"gen_ai.usage.input_tokens": -1, "llm.token_count.prompt": 5, "gen_ai.response.model": ""})
    assert fields.take("input_tokens") == 5
    assert fields.take("model") is None
    assert fields.rest == {"gen_ai.usage.input_tokens": -1, "gen_ai.response.model": ""}


@pytest.mark.parametrize("value", [-1, 1.5, True, "12", None, 2**63, float("nan")])
def test_tokens_are_counts(value: Any) -> None:
    fields = fields_of({"gen_ai.usage.output_tokens": value})
    assert fields.take("output_tokens") is None
    assert "gen_ai.usage.output_tokens" in fields.rest


def test_sums_of_children_are_not_tokens() -> None:
    fields = fields_of({"gen_ai.aggregated_usage.input_tokens": 124})
    assert fields.take("input_tokens") is None
    assert fields.rest == {"gen_ai.aggregated_usage.input_tokens": 124}


@pytest.mark.parametrize("name", ["gen_ai.usage.cost", "operation.cost", "llm.cost.total"])
@pytest.mark.parametrize(("usd", "nano_usd"), [(0.000123456, 123_456), (2, 2 * 10**9), (0.0, 0), (1e-12, 0)])
def test_cost(name: str, usd: float, nano_usd: int) -> None:
    assert fields_of({name: usd}).take("cost_nano_usd") == nano_usd


@pytest.mark.parametrize("usd", [-0.1, float("nan"), float("inf"), 1e308, 2**62, "1", True])
def test_what_is_no_cost_stays(usd: Any) -> None:
    fields = fields_of({"operation.cost": usd})
    assert fields.take("cost_nano_usd") is None
    assert "operation.cost" in fields.rest


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("input", "gen_ai.input.messages"),
        ("input", "gen_ai.tool.call.arguments"),
        ("input", "tool_arguments"),
        ("input", "traceloop.entity.input"),
        ("input", "gen_ai.prompt"),
        ("input", "pydantic_ai.all_messages"),
        ("output", "gen_ai.output.messages"),
        ("output", "gen_ai.tool.call.result"),
        ("output", "tool_response"),
        ("output", "traceloop.entity.output"),
        ("output", "gen_ai.completion"),
        ("output", "final_result"),
    ],
)
def test_payload_names(field: str, name: str) -> None:
    fields = fields_of({name: "[1]", "input.mime_type": "application/json"})
    assert fields.take_payload(field) == ("[1]", False)
    assert fields.rest == {"input.mime_type": "application/json"}


def test_openinference_payload_comes_with_its_mime_type() -> None:
    fields = fields_of({"input.value": "1", "input.mime_type": "application/json", "output.value": "x"})
    assert fields.take_payload("input") == ("1", True)
    assert fields.take_payload("output") == ("x", False)
    assert fields.rest == {}


def test_flattened_messages() -> None:
    fields = fields_of(
        {
            "gen_ai.prompt.10.content": "last",
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be brief.",
            "gen_ai.prompt.2.role": "user",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.tool_calls.0.name": "search",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"q": 1}',
            "gen_ai.prompt.template": "kept",
        }
    )
    messages, _ = fields.take_payload("input")
    assert messages == [{"role": "system", "content": "Be brief."}, {"role": "user"}, {"content": "last"}]
    messages, _ = fields.take_payload("output")
    assert messages == [{"role": "assistant", "tool_calls": [{"name": "search", "arguments": '{"q": 1}'}]}]
    assert fields.rest == {"gen_ai.prompt.template": "kept"}


def test_flattened_messages_stay_where_a_better_name_is_there() -> None:
    fields = fields_of({"gen_ai.input.messages": "[]", "gen_ai.prompt.0.role": "user"})
    assert fields.take_payload("input") == ("[]", False)
    assert fields.rest == {"gen_ai.prompt.0.role": "user"}


@pytest.mark.parametrize("name", ["gen_ai.prompt." + "0." * 5000, "gen_ai.prompt." + "1" * 5000, "gen_ai.prompt.0"])
def test_hostile_flattened_names_are_just_data(name: str) -> None:
    messages, _ = fields_of({name: "x"}).take_payload("input")
    assert "x" in json.dumps(messages)


@given(st.dictionaries(st.lists(st.sampled_from("ab01"), min_size=1, max_size=4).map(tuple), st.integers(), min_size=1))
def test_unflatten_loses_nothing(items: dict[tuple[str, ...], int]) -> None:
    def leaves(node: Any) -> list[int]:
        return [leaf for below in node.values() for leaf in leaves(below)] if isinstance(node, dict) else [node]

    tree = unflatten((list(path), value) for path, value in items.items())
    assert sorted(leaves(tree)) == sorted(items.values())


def test_message_events() -> None:
    other = SpanEvent("retry", 3, {"n": 1})
    fields = fields_of(
        {},
        SpanEvent("gen_ai.system.message", 1, {"content": "Be brief."}),
        SpanEvent("gen_ai.user.message", 2, {"content": "hi", "role": "customer"}),
        other,
        SpanEvent("gen_ai.choice", 4, {"index": 0, "message": "{}"}),
    )
    assert fields.take_payload("input") == (
        [{"role": "system", "content": "Be brief."}, {"role": "customer", "content": "hi"}],
        False,
    )
    assert fields.take_payload("output") == ([{"role": "assistant", "index": 0, "message": "{}"}], False)
    assert fields.events == [other]


def test_content_events() -> None:
    fields = fields_of(
        {},
        SpanEvent("gen_ai.content.prompt", 1, {"gen_ai.prompt": "[]"}),
        SpanEvent("gen_ai.content.completion", 2, {"gen_ai.completion": "ok"}),
    )
    assert fields.take_payload("input") == ("[]", False)
    assert fields.take_payload("output") == ("ok", False)
    assert fields.events == []


def test_the_last_exception_is_the_error() -> None:
    first = SpanEvent("exception", 1, {"exception.type": "A"})
    last = SpanEvent("exception", 2, {"exception.type": "B", "exception.message": "m", "attempt": 2})
    fields = fields_of({}, first, last)
    assert fields.take_exception() == {"type": "B", "message": "m", "attributes": {"attempt": 2}}
    assert fields.events == [first]
    assert fields_of({}).take_exception() is None
