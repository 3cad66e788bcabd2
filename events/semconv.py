"""Which attribute means what, in the three dialects that agent frameworks speak.

Sources: OpenTelemetry GenAI semantic conventions (`gen_ai.*`, today's names and the older ones), OpenInference
(`input.value`, `llm.token_count.*`), OpenLLMetry (`traceloop.*`, `llm.usage.*`), and what pydantic-ai adds of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from events.limits import COST_USD_MAX, PARTS_MAX, TOKENS_MAX

FLAT_DEPTH_MAX = 16
"""Dots in a flattened name that are taken as steps; a hostile name must not nest deeper than the encoder goes."""

KINDS = frozenset(("AGENT", "CHAIN", "TOOL", "LLM", "RETRIEVER", "EMBEDDING", "RERANKER", "GUARDRAIL", "EVALUATOR", "PROMPT"))
_KIND_OF_WORD = {
    # traceloop.span.kind
    "workflow": "CHAIN",
    "task": "CHAIN",
    "agent": "AGENT",
    "tool": "TOOL",
    # gen_ai.operation.name
    "chat": "LLM",
    "text_completion": "LLM",
    "generate_content": "LLM",
    "embeddings": "EMBEDDING",
    "retrieval": "RETRIEVER",
    "execute_tool": "TOOL",
    "invoke_agent": "AGENT",
    "create_agent": "AGENT",
    "invoke_workflow": "CHAIN",
    # llm.request.type
    "completion": "LLM",
    "embedding": "EMBEDDING",
    "rerank": "RERANKER",
}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _openinference_kind(value: Any) -> str | None:
    kind = value.upper() if isinstance(value, str) else None
    return kind if kind in KINDS else None


def _kind(value: Any) -> str | None:
    return _KIND_OF_WORD.get(value) if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= TOKENS_MAX else None


def _nano_usd(value: Any) -> int | None:
    if type(value) not in (int, float) or not 0 <= value <= COST_USD_MAX:  # NaN is not, either
        return None
    nano_usd: int = round(value * 1e9)
    return nano_usd


def _list(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) and len(value) <= PARTS_MAX else None


def _anything(value: Any) -> Any:
    return value


_Reader = Callable[[Any], Any]

# field: how to read it (None: this attribute will not do), and the attributes that say it, the best first
_FIELDS: dict[str, list[tuple[_Reader, tuple[str, ...]]]] = {
    "kind": [
        (_openinference_kind, ("openinference.span.kind",)),
        (_kind, ("traceloop.span.kind", "gen_ai.operation.name", "llm.request.type")),
    ],
    "tool_name": [(_text, ("gen_ai.tool.name", "tool.name", "traceloop.entity.name"))],
    "agent_name": [(_text, ("gen_ai.agent.name", "agent.name"))],
    "session_id": [
        (_text, ("session.id", "gen_ai.conversation.id", "traceloop.association.properties.session_id")),
    ],
    "tags": [(_list, ("tag.tags",))],
    "model": [(_text, ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "llm.request.model"))],
    "input": [
        (
            _anything,
            (
                "input.value",
                "gen_ai.input.messages",
                "gen_ai.tool.call.arguments",
                "tool_arguments",
                "traceloop.entity.input",
                "gen_ai.prompt",
                "pydantic_ai.all_messages",
                "all_messages_events",
            ),
        )
    ],
    "output": [
        (
            _anything,
            (
                "output.value",
                "gen_ai.output.messages",
                "gen_ai.tool.call.result",
                "tool_response",
                "traceloop.entity.output",
                "gen_ai.completion",
                "final_result",
            ),
        )
    ],
    "input_tokens": [
        (
            _count,
            (
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.prompt_tokens",
                "llm.token_count.prompt",
                "llm.usage.prompt_tokens",
            ),
        )
    ],
    "output_tokens": [
        (
            _count,
            (
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.completion_tokens",
                "llm.token_count.completion",
                "llm.usage.completion_tokens",
            ),
        )
    ],
    "cost_nano_usd": [(_nano_usd, ("gen_ai.usage.cost", "operation.cost", "llm.cost.total"))],
}

_RULES: dict[str, tuple[str, int, _Reader]] = {}
"""Attribute to (field, rank, reader); the least rank wins."""
for _field, _readers in _FIELDS.items():
    _ranked = [(_reader, _key) for _reader, _keys in _readers for _key in _keys]
    _RULES |= {_key: (_field, _rank, _reader) for _rank, (_reader, _key) in enumerate(_ranked)}

_FLAT_PREFIX = {"input": "gen_ai.prompt.", "output": "gen_ai.completion."}
_CONTENT_EVENT = {
    "input": ("gen_ai.content.prompt", "gen_ai.prompt"),
    "output": ("gen_ai.content.completion", "gen_ai.completion"),
}
_MESSAGE_EVENTS = {
    "input": {
        "gen_ai.system.message": "system",
        "gen_ai.user.message": "user",
        "gen_ai.assistant.message": "assistant",
        "gen_ai.tool.message": "tool",
    },
    "output": {"gen_ai.choice": "assistant"},
}


@dataclass(slots=True, eq=False)
class SpanEvent:
    name: str
    time_unix_nano: int
    attributes: dict[str, Any]


class SpanFields:
    """The fields of a span, whatever dialect names them.

    Taking a field removes its attribute from `rest`, or its events from `events`: what nobody took is there to keep.
    """

    __slots__ = ("_found", "events", "rest")

    def __init__(self, attributes: dict[str, Any], events: list[SpanEvent]) -> None:
        self.rest = attributes
        self.events = events
        self._found: dict[str, tuple[int, str, Any]] = {}
        found = self._found
        rules = _RULES
        for key, said in attributes.items():
            if key in rules:
                field, rank, read = rules[key]
                if field not in found or rank < found[field][0]:
                    value = read(said)
                    if value is not None:
                        found[field] = (rank, key, value)

    def take(self, field: str) -> Any:
        """The field's value in the record's unit; None if no attribute says it. A field can be taken once."""
        found = self._found.get(field)
        if found is None:
            return None
        del self.rest[found[1]]
        return found[2]

    def take_kind(self) -> str | None:
        """One of KINDS. A word that had to be translated stays in `rest`: CHAIN does not tell workflow from task."""
        found = self._found.get("kind")
        if found is None:
            return "TOOL" if "gen_ai.tool.name" in self.rest else None  # older exporters name the tool and no operation
        _, key, kind = found
        if self.rest[key].upper() == kind:
            del self.rest[key]
        return str(kind)

    def take_payload(self, field: str) -> tuple[Any, bool]:
        """`input` or `output`, and whether a text is declared to be JSON; (None, False) if the span has none."""
        found = self._found.get(field)
        if found is None:
            return self._take_flat(_FLAT_PREFIX[field]) or self._take_events(field), False
        _, key, value = found
        del self.rest[key]
        if key.endswith(".value"):  # OpenInference alone says what the text is
            mime_type = self.rest.pop(f"{field}.mime_type", None)
            return value, isinstance(mime_type, str) and mime_type.startswith("application/json")
        return value, False

    def take_exception(self) -> dict[str, Any] | None:
        """The last exception event as {type, message, stack, attributes}, each only if the event has it."""
        for event in reversed(self.events):
            if event.name == "exception":
                self.events.remove(event)
                return _exception(event.attributes)
        return None

    def _take_flat(self, prefix: str) -> list[Any] | None:
        """`gen_ai.prompt.0.role`, `gen_ai.prompt.0.content`... as [{"role": ..., "content": ...}]."""
        start = len(prefix)
        flat = [key for key in self.rest if key.startswith(prefix) and key[start : start + 1].isdecimal()]
        if not flat:
            return None
        tree = unflatten((key[start:].split(".", FLAT_DEPTH_MAX), self.rest.pop(key)) for key in flat)
        return [_lists(tree[index]) for index in _in_order(tree)]

    def _take_events(self, field: str) -> Any:
        event_name, key = _CONTENT_EVENT[field]
        roles = _MESSAGE_EVENTS[field]
        messages: dict[SpanEvent, str] = {}
        for event in self.events:
            if event.name == event_name and key in event.attributes:
                self.events.remove(event)
                return event.attributes[key]
            if event.name in roles:
                messages[event] = roles[event.name]
        if not messages:
            return None
        self.events = [event for event in self.events if event not in messages]
        return [{"role": role, **event.attributes} for event, role in messages.items()]


def _exception(attributes: dict[str, Any]) -> dict[str, Any]:
    names = {"exception.type": "type", "exception.message": "message", "exception.stacktrace": "stack"}
    error = {name: attributes.pop(key) for key, name in names.items() if key in attributes}
    attributes.pop("exception.escaped", None)  # the status says whether it was handled
    return {**error, "attributes": attributes} if attributes else error


def unflatten(items: Iterable[tuple[list[str], Any]]) -> dict[str, Any]:
    """Paths and their values as a tree of dicts.

    A value at a path that others go on from is kept there under the key "", so nothing gets lost.
    """
    tree: dict[str, Any] = {}
    for path, value in items:
        node = tree
        for step in path[:-1]:
            below = node.setdefault(step, {})
            if not isinstance(below, dict):
                below = node[step] = {"": below}
            node = below
        below = node.get(path[-1])
        if isinstance(below, dict):
            below[""] = value
        else:
            node[path[-1]] = value
    return tree


def _lists(node: Any) -> Any:
    """The tree with a list, in the order of the numbers, for each dict whose keys are all numbers."""
    if not isinstance(node, dict):
        return node
    if node and all(map(str.isdecimal, node)):
        return [_lists(node[index]) for index in _in_order(node)]
    return {key: _lists(value) for key, value in node.items()}


def _in_order(indices: Iterable[str]) -> list[str]:
    return sorted(indices, key=lambda index: (len(index), index))  # int() refuses thousands of digits
