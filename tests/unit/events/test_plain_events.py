"""What is read without pydantic has to be what pydantic makes of it, whatever clients send."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import batches
from events import plain_events
from events.ids import IdMint
from events.models import RunCreate, RunPatch, StepCreate, StepPatch
from events.payloads import PayloadEncoder, storable_json
from events.plain_json import is_plain
from events.records import Record, StepRecord
from events.redaction import redactor_of

BYTES_MAX = 2000
PLAIN, PARSING = PayloadEncoder(BYTES_MAX, plain=True), PayloadEncoder(BYTES_MAX)
REDACTOR = redactor_of({})
RUN_ID, STEP_ID = "0123456789abcdef0123456789abcdef", "0123456789abcdef"

# JSON texts, the good ones and those that somebody refuses or changes
SCALARS = (
    *(
        "null",
        "true",
        "0",
        "-0",
        "1",
        "-1",
        "5.0",
        "0.25",
        "2.50",
        "1e5",
        "1E-3",
        "1e400",
        "-1e400",
        "01",
        "1.",
        "NaN",
        "-Infinity",
    ),
    *("2147483648", "1000000001", "12345678901234567890123", "0.1234567890123456789", "9" * 60, "9" * 5000, "1" + "0" * 400),
    *(
        '""',
        '"a"',
        '"5"',
        '"0.5"',
        r'"\u0041"',
        r'"\u0000"',
        r'"\ud83d\ude00"',
        r'"\ud800"',
        r'"\x"',
        '"\n"',
        '"\x7f"',
        '"ä"',
        '"{"',
    ),
    *(
        '"SUCCESS"',
        '"RUNNING"',
        '"TOOL"',
        '"tool"',
        '"run"',
        '"step"',
        json.dumps("n" * 256),
        json.dumps("n" * 257),
        json.dumps("ü" * 256),
    ),
    *(f'"{RUN_ID}"', f'"{RUN_ID.upper()}"', f'"{{{RUN_ID}}}"', f'"urn:uuid:{RUN_ID}"', f'"{"0" * 32}"', f'"{RUN_ID[:31]}"'),
    *(
        '"01234567-89ab-cdef-0123-456789abcdef"',
        f'"{STEP_ID}"',
        f'"{STEP_ID.upper()}"',
        f'"{"0" * 16}"',
        f'"{STEP_ID}\\n"',
        f'" {STEP_ID[:15]}"',
    ),
    *('"2026-11-24T01:32:09Z"', '"2026-11-24t01:32:09z"', '"2026-11-24 01:32:09.5"', '"2026-11-24T01:32:09.123456+02:00"'),
    *(
        '"2026-11-24T01:32:09.1234567Z"',
        '"2026-11-24T01:32:09.9999999Z"',
        '"2026-11-24"',
        '"2026-11-24T01:32Z"',
        '"2026-11-24T24:00:00Z"',
    ),
    *(
        '"2026-11-24T01:32:60Z"',
        '"1970-01-01T00:30:00+01:00"',
        '"2200-01-01T00:30:00+01:00"',
        '"2199-12-31T23:30:00-01:00"',
        '"0000-01-01T00:00:00Z"',
    ),
    *(
        "1700000000",
        "1700000000.5",
        '"1700000000"',
        '"1969-12-31T23:59:59Z"',
        '"2026-11-24T01:32:09.5-23:59"',
        '"2026-11-24T01:32:09+2400"',
    ),
)
VALUES = (
    *SCALARS,
    *(
        "[]",
        "{}",
        "[1, 2]",
        '{"a": 1, "a": 2}',
        '{"a": 1e400}',
        "[NaN]",
        '{"a" :\n[ ]}',
        '{"":{"b":null}}',
        '["a", "b"]',
        '[""]',
        '["a", 1]',
        "[1,]",
    ),
    *("[" * depth + "]" * depth for depth in (100, 190, 192, 196, 197, 198, 199, 200, 201, 400, 2000)),
    json.dumps(["x" * 100] * 30),
    json.dumps([[]] * 300),
    json.dumps([f"t{number}" for number in range(1001)]),
    json.dumps({f"t{number}": 1 for number in range(1001)}),
    '[{"name": "m", "value": 1}]',
    '[{"name": "m", "value": 1.5, "tags": {"a": [1]}}, {"id": "' + RUN_ID + '", "name": "m", "value": 2}]',
    *(
        '[{"name": "m", "value": "1"}]',
        '[{"name": "m"}]',
        '[{"name": "m", "value": 1, "tags": []}]',
        '[{"name": "m", "value": true}]',
    ),
    '[{"type": "t", "url": "u"}]',
    '[{"type": "t", "content": {"a": 1}}, {"type": "t", "content": 0}]',
    *(
        '[{"type": "t"}]',
        '[{"type": "t", "content": null}]',
        '[{"type": "t", "url": "u", "content": null}]',
        '[{"type": "t", "url": "u", "content": 1}]',
    ),
    *(
        '{"name": "a"}',
        '{"name": "a", "version": "1"}',
        '{"name": ""}',
        '{"name": "a", "version": null}',
        '{"name": "a", "extra": 1}',
    ),
)
NAMES = (
    *("type", "id", "runId", "parentId", "index", "toolName", "tool_name", "name", "kind", "model", "input", "output", "error"),
    *(
        "attributes",
        "startedAt",
        "finishedAt",
        "inputTokens",
        "outputTokens",
        "costUsd",
        "artifacts",
        "agent",
        "agentId",
        "userId",
    ),
    *("sessionId", "status", "tags", "metrics", "other", r"\u0069d"),
)
BASES = (
    {"type": '"step"', "runId": f'"{RUN_ID}"', "id": f'"{STEP_ID[::-1]}"', "toolName": '"search"', "input": '{"q": 1}'},
    {"type": '"step"', "runId": '"01234567-89AB-CDEF-0123-456789ABCDEF"'},
    {"type": '"run"', "id": f'"{RUN_ID}"', "agent": '{"name": "a"}', "startedAt": '"2026-11-24T01:32:09Z"'},
    {"agent": '{"name": "a"}', "status": '"SUCCESS"'},
    {"toolName": '"search"', "output": "[1]"},
    {},
)


def _text(fields: list[tuple[str, str]], blank: str = "") -> str:
    return "{" + ",".join(f'{blank}"{name}"{blank}:{blank}{value}{blank}' for name, value in fields) + "}"


@st.composite
def event_texts(draw: st.DrawFn) -> str:
    fields = list(draw(st.sampled_from(BASES)).items())
    fields += draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=3))
    return _text(draw(st.permutations(fields)), draw(st.sampled_from(("", "", " ", "\n\t"))))


def _comparable(record: Record) -> dict[str, Any]:
    """With values in place of payloads' texts."""
    return dict(json.loads(msgspec.json.encode(record)), type=type(record))


def _records(body: bytes, payloads: PayloadEncoder) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    batch = batches.decode(body, False, IdMint(b"seed"), payloads, 10)
    return list(map(_comparable, batch.records)), batch.error_list()


@given(st.lists(event_texts(), min_size=1, max_size=3))
def test_a_batch_is_what_pydantic_makes_of_it(texts: list[str]) -> None:
    body = storable_json(f"[{','.join(texts)}]".encode())
    if is_plain(body, None) and plain_events.read_many(body) is not None:
        assert _records(body, PLAIN) == _records(body, PARSING)


@given(st.sampled_from((RunCreate, RunPatch, StepCreate, StepPatch)), event_texts())
def test_a_single_event_is_what_pydantic_makes_of_it(model: Any, text: str) -> None:
    body = storable_json(text.encode())
    plain = plain_events.read(model, body) if is_plain(body, None) else None
    if plain is None:
        return
    read = model.model_validate_json(body)

    def record(event: Any, payloads: PayloadEncoder) -> Record:
        if model in (RunCreate, RunPatch):
            made: Record = event.to_run(RUN_ID, IdMint(b"seed"), payloads)
        else:
            made = event.to_step(RUN_ID, STEP_ID, IdMint(b"seed"), payloads)
        return made

    assert _comparable(record(plain, PLAIN)) == _comparable(record(read, PARSING))
    assert getattr(plain, "id", None) == getattr(read, "id", None)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("base", BASES[:3])
def test_each_value_in_each_field(base: dict[str, str], value: str) -> None:
    for name in NAMES:
        body = storable_json(f"[{_text(list((base | {name: value}).items()))}]".encode())
        if is_plain(body, None) and plain_events.read_many(body) is not None:
            assert _records(body, PLAIN) == _records(body, PARSING), body


def test_usual_events_are_read_without_pydantic() -> None:
    step = {
        "type": "step",
        "runId": "01234567-89ab-cdef-0123-456789abcdef",
        "id": "00000000000000aa",
        "parentId": "00000000000000bb",
        "toolName": "search",
        "kind": "TOOL",
        "model": "m",
        "index": 3,
        "inputTokens": 5,
        "outputTokens": 6,
        "costUsd": 0.25,
        "input": {"q": ["ü", 'a "quoted" text', 1.5]},
        "output": "text",
        "error": None,
        "attributes": {"a": {}},
        "startedAt": "2026-11-24T01:32:09.123456Z",
        "finishedAt": "2026-11-24T02:32:10+01:00",
        "artifacts": [{"type": "page", "url": "https://example.com"}, {"type": "t", "content": [1]}],
    }
    run = {
        "type": "run",
        "id": "01234567-89ab-cdef-0123-456789abcdef",
        "agent": {"name": "a", "version": "1"},
        "userId": 3,
        "sessionId": "s",
        "name": "n",
        "status": "SUCCESS",
        "tags": ["a"],
        "metrics": [{"name": "m", "value": 1, "tags": {"k": 1}}],
    }
    for indent in (None, 2):
        body = json.dumps([step, run, {**run, "tags": {"a": 1}}], indent=indent).encode()
        assert is_plain(body, REDACTOR)
        assert plain_events.read_many(body) is not None
        assert _records(body, PLAIN) == _records(body, PARSING)


def test_a_payload_stays_the_text_that_it_is() -> None:
    body = b'[{"type":"step","runId":"%b","input":{ "b": 2.50, "a": "\\/" },"output": null}]' % RUN_ID.encode()
    record = batches.decode(body, False, IdMint(), PLAIN, 1).records[0]
    assert isinstance(record, StepRecord)
    assert (bytes(record.input), bytes(record.output)) == (b'{ "b": 2.50, "a": "\\/" }', b"")


@pytest.mark.parametrize("value", ["1e5", "[1E400]", '{"a":-0.5e-7}', "9" * 41, '"\xff"', '"password=abcdefgh"'])
def test_a_body_that_is_not_plain(value: str) -> None:
    body = f'[{{"type":"step","runId":"{RUN_ID}","input": {value}}}]'.encode("latin-1")
    assert not is_plain(body, REDACTOR)


@pytest.mark.parametrize("value", ["[1e5]", "[1.0e400]", '{"a": ' + "9" * 41 + "}", '["sk-proj-0123456789abcdef0123"]'])
def test_an_export_that_is_not_plain(value: str) -> None:
    assert not is_plain(b"\x0a\xff" + value.encode() + b"\x12", REDACTOR, protobuf=True)


def test_without_redaction_only_odd_json_is_not_plain() -> None:
    assert is_plain(b'[{"password":"abcdefgh"}]', None)
    assert not is_plain(b'[{"a":1e5}]', None)


@given(st.sampled_from(VALUES), st.sampled_from(("", " ", "\n", "\ufeff")), st.sampled_from(("", "\n", "x")))
def test_json_in_a_text_is_what_parsing_makes_of_it(value: str, before: str, behind: str) -> None:
    text = before + value + behind
    if is_plain(text.encode(), None, protobuf=True):
        assert json.loads(bytes(PLAIN.encode_string(text))) == json.loads(bytes(PARSING.encode_string(text)))
        assert storable_json(bytes(PLAIN.encode_string(text))) == bytes(PLAIN.encode_string(text))


def test_only_halves_of_pairs_are_mended() -> None:
    whole = rb'["\ud55c\uad6d", "\ud83d\ude00", "\\\\u0000"]'
    assert storable_json(whole) == whole
    assert is_plain(whole, REDACTOR)
    assert storable_json(rb'["\ud83d", "\ude00\ud83d"]') == rb'["\ufffd", "\ufffd\ufffd"]'
