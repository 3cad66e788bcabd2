"""A secret that is planted anywhere does not get through, and nothing else changes."""

import json
import string
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from api import batches
from events import records
from events.ids import IdMint
from events.otlp import decode_json, decode_protobuf
from events.payloads import PayloadEncoder
from events.redaction import SECRET_KEYS, RedactionRules, Redactor, redactor_of
from events.secret_patterns import passes_luhn
from loadtest.payloads import Synthesizer, event_batches

DEFAULT = Redactor(RedactionRules())
WITH_EMAIL = Redactor(RedactionRules(patterns={"email": True}))

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def of(alphabet: str, length: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=length, max_size=length)


def card(digits: str) -> str:
    """The digits with the check digit that makes them a card number."""
    return next(digits + check for check in string.digits if passes_luhn(digits + check))


SECRETS: dict[str, st.SearchStrategy[str]] = {
    "openai-key": of(ALNUM, 40).map(lambda text: f"sk-proj-{text}"),
    "anthropic-key": of(ALNUM + "-_", 60).map(lambda text: f"sk-ant-api03-{text}"),
    "aws-access-key": of(string.ascii_uppercase + string.digits, 16).map(lambda text: f"AKIA{text}"),
    "github-token": of(ALNUM, 36).map(lambda text: f"ghp_{text}"),
    "gitlab-token": of(ALNUM + "-_", 20).map(lambda text: f"glpat-{text}"),
    "slack-token": of(ALNUM, 24).map(lambda text: f"xoxb-123456789012-{text}"),
    "google-key": of(ALNUM + "-_", 35).map(lambda text: f"AIza{text}"),
    "stripe-key": of(ALNUM, 24).map(lambda text: f"sk_live_{text}"),
    "hugging-face-token": of(ALNUM, 34).map(lambda text: f"hf_{text}"),
    "npm-token": of(ALNUM, 36).map(lambda text: f"npm_{text}"),
    "sendgrid-key": of(ALNUM + "-_", 43).map(lambda text: f"SG.{text[:22]}.{text}"),
    "twilio-key": of(HEX, 32).map(lambda text: f"SK{text}"),
    "agentguide-key": of(ALNUM, 46).map(lambda text: f"ag_{text[:8]}_{text[8:40]}_{text[40:]}"),
    "jwt": of(ALNUM + "-_", 40).map(lambda text: f"eyJhbGciOiJIUzI1NiJ9.eyJ{text}.{text[:20]}"),
    "private-key": of(ALNUM + "+/", 64).map(
        lambda text: f"-----BEGIN RSA PRIVATE KEY-----\n{text}\n-----END RSA PRIVATE KEY-----"
    ),
    "card": of(string.digits, 14).filter(lambda text: len(set(text)) > 1).map(lambda text: card(f"4{text}")),
}
ANY_SECRET = st.one_of(*SECRETS.values())
# Nothing of this makes or breaks a word, so whatever is found beside it was planted.
FILLER = st.text(" ,;!?()\"'\\/\n\t{}[]<>|äß日本\U0001f600", max_size=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False) | FILLER,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(of("abcxyz", 3), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def planted(draw: st.DrawFn, leaf: Any) -> Any:
    """A JSON value with something in it, at some depth: in a list, in an object, in JSON that is a text."""
    value = leaf
    for _ in range(draw(st.integers(0, 6))):
        match draw(st.sampled_from(["list", "object", "text"])):
            case "list":
                value = [draw(PLAIN), value, draw(PLAIN)]
            case "object":
                value = {draw(of("abcxyz", 3)): draw(PLAIN), "deeper": value}
            case "text" if isinstance(value, dict | list):
                value = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 2])))
    return value


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@settings(max_examples=60)
@given(st.data())
def test_a_secret_of_known_look_does_not_get_through(data: st.DataObject) -> None:
    secret = data.draw(ANY_SECRET)
    text = data.draw(FILLER) + data.draw(st.sampled_from([" ", "\n", '"', "(", "="])) + secret + " " + data.draw(FILLER)
    value = data.draw(planted(leaf=text))
    assert DEFAULT.suspects(dumped(value))
    assert DEFAULT.suspects_body(json.dumps(value).encode())
    redacted, count = DEFAULT.redact(value)
    assert count >= 1
    core = secret.split("\n")[1] if "\n" in secret else secret
    assert core not in dumped(redacted)
    assert "[redacted:" in dumped(redacted)


@settings(max_examples=60)
@given(st.data())
def test_the_value_of_a_secret_key_does_not_get_through(data: st.DataObject) -> None:
    words = data.draw(st.sampled_from([key for key in SECRET_KEYS if key != "pwd"])).split()
    words = ["my", "x"][: data.draw(st.integers(0, 2))] + words
    key = data.draw(
        st.sampled_from(
            [
                "_".join(words),
                "-".join(words).title(),
                ".".join(words).upper(),
                words[0] + "".join(w.title() for w in words[1:]),
                "".join(words),
                " ".join(words),
                "_".join(words) + "2",
            ]
        )
    )
    secret = data.draw(of(ALNUM, 12)) + "!"
    held = data.draw(st.sampled_from([secret, [secret], {"value": secret}, {"deep": [{"er": secret}]}]))
    value = data.draw(planted(leaf={key: held, "other": "stays"}))
    redacted, count = DEFAULT.redact(value)
    assert count == 1
    assert secret not in dumped(redacted)
    assert "stays" in dumped(redacted)


@given(PLAIN)
def test_what_holds_no_secret_stays_as_it_is(value: Any) -> None:
    redacted, count = DEFAULT.redact(value)
    assert redacted is value
    assert count == 0


@given(ANY_SECRET, PLAIN, PLAIN)
def test_nothing_beside_a_secret_changes(secret: str, before: Any, behind: Any) -> None:
    value = {"abc": before, "planted": f"here: {secret} .", "xyz": [behind]}
    redacted, _ = DEFAULT.redact(value)
    assert {**redacted, "planted": ""} == {**value, "planted": ""}
    assert redacted["planted"].startswith("here: [redacted:")
    assert redacted["planted"].endswith("] .")


@pytest.mark.parametrize("kind", SECRETS)
def test_the_mark_says_what_it_was(kind: str) -> None:
    @given(SECRETS[kind])
    @settings(max_examples=5)
    def marked(secret: str) -> None:
        assert DEFAULT.redact(f"<{secret}>")[0] == f"<[redacted:{kind}]>"

    marked()


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("password=hunter2 user=me", "password=[redacted:password] user=me"),
        ("https://x.test/?access_token=abc&page=2", "https://x.test/?access_token=[redacted:access-token]&page=2"),
        ("postgres://me:hunter2@db:5432/x", "postgres://me:[redacted:url-password]@db:5432/x"),
        ('curl -H "Authorization: Bearer abc" -d 1', 'curl -H "Authorization: [redacted:authorization]" -d 1'),
        ("GET /\nCookie: a=b; c=d\nAccept: */*", "GET /\nCookie: [redacted:cookie]\nAccept: */*"),
        ("{'api_key': 'abc', 'n': 1}", "{'api_key': '[redacted:api-key]', 'n': 1}"),
        ('{"password": "a\\"b", "cut off', '{"password": "[redacted:password]", "cut off'),
        ('{\\"secret\\": \\"abc\\", \\"x\\": 1', '{\\"secret\\": \\"[redacted:secret]\\", \\"x\\": 1'),
        ('{"p\\u0061ssword": "abc", "cut', '{"password": "[redacted:password]", "cut'),
        ('{"p\\u0061ssword": "abc"}', '{"password":"[redacted:password]"}'),
        ("auth: Bearer abcdefghij0123456789", "auth: Bearer [redacted:bearer]"),
        ("Basic dXNlcjpwYXNzd29yZA== x", "Basic [redacted:basic] x"),
        ("AMEX 3782 822463 10005.", "AMEX [redacted:card]."),
        ("4111-1111-1111-1111 123", "[redacted:card] 123"),
        ("-----BEGIN PRIVATE KEY-----\nabc, and cut", "[redacted:private-key]"),
    ],
)
def test_secrets_in_a_text(text: str, redacted: str) -> None:
    assert DEFAULT.redact(text)[0] == redacted


@pytest.mark.parametrize(
    "value",
    [
        {"inputTokens": 3, "max_tokens": 512, "tokenizer": "bpe", "token": " the", "next_page_token": "abc"},
        {"author": "me", "secretary": "you", "PWD": "/home/me", "cookie_policy": "none", "password_policy": "strict"},
        {"password": None, "secret": False, "cookie": "", "credentials": []},
        "the password is a secret: ask for an api key, or bearer authentication",
        "risk-adjusted-return-on-capital-2024-q4 sk-toggleable__label-arrow sk-learn-pipeline-feature-union",
        "4111 1111 1111 1112 is no card, 2026-11-23T18:00:00.000000Z is a time, 1763917200123456 too",
        {"at": 1763917200123456789, "id": "4bf92f3577b34da6a3ce929d0e0e4736", "trace": 4111111111111112},
        "basic understanding of things, https://host:8000/path@2, me@example.com",
        "password=None, secret: <your secret>, api_key=${API_KEY}"[:38],
    ],
)
def test_what_only_looks_like_a_secret_stays(value: Any) -> None:
    assert DEFAULT.redact(value) == (value, 0)


def test_pairs_of_name_and_value() -> None:
    headers = [{"name": "Authorization", "value": "x"}, {"key": "X-Api-Key", "value": "y"}, {"name": "Accept", "value": "z"}]
    redacted, _ = DEFAULT.redact(headers)
    assert [header["value"] for header in redacted] == ["[redacted:authorization]", "[redacted:api-key]", "z"]


def test_secrets_as_keys_and_numbers() -> None:
    key = "ghp_" + "a1" * 18
    redacted, count = DEFAULT.redact({key: 1, "x": {f"{key} {key}": 4111111111111111}})
    assert (redacted, count) == (
        {"[redacted:github-token]": 1, "x": {"[redacted:github-token] [redacted:github-token]": "[redacted:card]"}},
        4,
    )


def test_a_marked_value_is_not_marked_again() -> None:
    once, _ = DEFAULT.redact({"password": "x", "log": "password=y", "url": "http://a:b@c"})
    assert DEFAULT.redact(once) == (once, 0)


def test_rules_of_a_project() -> None:
    rules = {"keys": ["Account No", "iban"], "allow": ["session_cookie"], "patterns": {"email": True, "card": False}}
    redactor = redactor_of(rules)
    assert redactor is not None
    redacted, _ = redactor.redact({
        "accountNo": "1", "old_IBAN": "2", "session_cookie": "3", "cookie": "4",
        "text": "me@example.com paid with 4111111111111111, iban=5",
    })  # fmt: skip
    assert redacted == {
        "accountNo": "[redacted:account-no]", "old_IBAN": "[redacted:iban]", "session_cookie": "3",
        "cookie": "[redacted:cookie]", "text": "[redacted:email] paid with 4111111111111111, iban=[redacted:iban]",
    }  # fmt: skip
    assert redactor_of({"enabled": False}) is None
    assert redactor_of({}) is redactor_of({})


@pytest.mark.parametrize(
    "rules",
    [
        {"enabled": "yes"}, {"other": 1}, {"keys": ["..."]}, {"keys": ["x" * 65]}, {"keys": ["a"] * 101}, {"keys": "password"},
        {"patterns": {"regex": True}}, {"patterns": {"card": 1}}, {"allow": [1]},
    ],
)  # fmt: skip
def test_rules_that_are_not_valid(rules: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValidationError):
        RedactionRules.model_validate(rules)
    assert redactor_of(rules) is redactor_of({})  # fails closed
    assert "cannot be read" in caplog.text


SECRET = "sk-proj-abcdefghij0123456789"  # noqa: S105
LEAKS = {
    "input": {"q": SECRET},
    "output": f"it is {SECRET}",
    "error": {"message": f"401 for {SECRET}"},
    "attributes": {"http": {"headers": json.dumps({"Authorization": "hunter2hunter2"})}},
}


def encoder(limit: int = 1 << 20) -> PayloadEncoder:
    return PayloadEncoder(limit, DEFAULT)


def test_every_field_of_an_event() -> None:
    run = {
        "type": "run", "id": "1" * 32, "agent": {"name": f"a {SECRET}", "version": SECRET}, "name": SECRET, "sessionId": SECRET,
        "tags": [SECRET], "metrics": [{"name": SECRET, "value": 1, "tags": {"password": "hunter2hunter2"}}], **LEAKS,
    }  # fmt: skip
    step = {
        "type": "step", "runId": "1" * 32, "id": "2" * 16, "toolName": SECRET, "name": SECRET, "model": SECRET,
        "artifacts": [
            {"type": SECRET, "content": {"a": [SECRET, {"password": "hunter2hunter2"}]}},
            {"type": "x", "url": f"https://x.test/{SECRET}"},
        ], **LEAKS,
    }  # fmt: skip
    payloads = encoder()
    decoded = batches.decode(json.dumps([run, step]).encode(), False, IdMint(b"seed"), payloads, 10)
    payloads.redact_names(decoded.records)
    text = records.encode(decoded.records).decode()
    assert SECRET not in text
    assert "hunter2" not in text
    assert text.count("[redacted:openai-key]") == 18
    unredacted = batches.decode(json.dumps([run, step]).encode(), False, IdMint(b"seed"), PayloadEncoder(1 << 20), 10)
    assert [record.id for record in decoded.records] == [record.id for record in unredacted.records]
    assert decoded.records[0].metrics[0].id == unredacted.records[0].metrics[0].id  # type: ignore[union-attr]


@pytest.mark.parametrize("secret", [SECRET, "4111111111111111", "password=hunter2hunter2", "A" * 48 + " " + SECRET])
def test_otlp(secret: str) -> None:
    attributes = [
        {"key": "input.value", "value": {"stringValue": json.dumps({"nested": json.dumps([secret])})}},
        {"key": "output.value", "value": {"stringValue": secret}},
        {"key": "http.request.header.authorization", "value": {"arrayValue": {"values": [{"stringValue": "hunter2"}]}}},
        {"key": "session.id", "value": {"stringValue": secret}},
    ]
    span: dict[str, Any] = {"traceId": "1" * 32, "spanId": "2" * 16, "name": secret, "attributes": attributes}
    span["status"] = {"code": 2, "message": secret}
    span["events"] = [{"name": "log", "timeUnixNano": "1", "attributes": [{"key": "x", "value": {"stringValue": secret}}]}]
    resource = {"attributes": [{"key": "db.password", "value": {"stringValue": "hunter2"}}]}
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}).encode()
    export = ExportTraceServiceRequest()
    target = export.resource_spans.add()
    target.resource.attributes.add(key="db.password").value.string_value = "hunter2"
    sent = target.scope_spans.add().spans.add(trace_id=b"1" * 16, span_id=b"2" * 8, name=secret)
    sent.status.code, sent.status.message = 2, secret
    sent.attributes.add(key="input.value").value.string_value = json.dumps({"nested": json.dumps([secret])})
    for wanted, protobuf, decode in ((body, False, decode_json), (export.SerializeToString(), True, decode_protobuf)):
        assert DEFAULT.suspects_body(wanted, protobuf=protobuf)
        payloads = encoder()
        decoded = decode(wanted, payloads, 10)
        payloads.redact_names(decoded.records)
        text = records.encode(decoded.records).decode()
        assert len(decoded.records) == 2
        assert secret not in text
        assert "hunter2" not in text


@given(st.integers(0, 47))
def test_a_secret_in_protobuf_is_seen_whatever_stands_before_it(length: int) -> None:
    """The byte before a text is its length, and may be a digit or a letter."""
    for secret in (SECRET, "4111111111111111", '{"p\\u0061ssword": 1}', "password"):
        export = ExportTraceServiceRequest()
        span = export.resource_spans.add().scope_spans.add().spans.add()
        span.attributes.add(key="k").value.string_value = secret + "-" * (length + 60 - len(secret))
        assert DEFAULT.suspects_body(export.SerializeToString(), protobuf=True)


def test_a_card_number_in_protobuf_is_seen_whatever_stands_behind_it() -> None:
    export = ExportTraceServiceRequest()
    export.resource_spans.add().scope_spans.add().spans.add(name="4111111111111111", kind=3)
    body = export.SerializeToString()
    assert b"41111111111111110" in body  # the field behind the name begins with a digit
    assert DEFAULT.suspects_body(body, protobuf=True)
    assert DEFAULT.stops_at(body.decode("latin-1"), protobuf=True)


@pytest.mark.parametrize("end", ['"', " ", "_", "-", "é", r"\n", ""])
def test_a_card_number_in_json_is_seen_and_an_id_is_none(end: str) -> None:
    assert DEFAULT.suspects_body(f'"38520000023237{end}'.encode())
    assert not DEFAULT.suspects_body(b'{"id":"38520000023237ab"}')


@pytest.mark.parametrize("before", ["卡号", "é", "\u2028", "\x1f"])
def test_a_card_number_is_seen_behind_an_escape_that_ends_in_a_digit(before: str) -> None:
    body = json.dumps({"input": before + "4111111111111111"}).encode()
    assert DEFAULT.suspects_body(body)
    assert DEFAULT.stops_at(body.decode())
    assert "[redacted:card]" in DEFAULT.redact(f"not JSON: {body.decode()}")[0]


def test_what_is_cut_is_redacted_first() -> None:
    text = "x" * 1000 + f" {SECRET} " + "y" * 10_000
    encoded = bytes(encoder(4096).encode({"text": text}))
    assert b"$truncated" in encoded
    assert b"sk-proj" not in encoded
    assert b"[redacted" in encoded


def test_ordinary_traffic_is_not_looked_at_any_closer() -> None:
    """But for the few bodies with an id that looks like a card number, or bytes that happen to spell a key."""
    synthesizer = Synthesizer(5)
    bodies = event_batches(synthesizer.records(200))
    assert sum(DEFAULT.suspects_body(body) for body in bodies) <= len(bodies) // 2
    exports = [synthesizer.export() for _ in range(20)]
    assert sum(DEFAULT.suspects_body(export, protobuf=True) for export in exports) <= len(exports) // 2


MEBIBYTE = 1 << 20
HOSTILE = [
    "sk-", "xsk-", "eyJ", "eyJaaaaaaaa.", "://a:", "://a:b", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "password=",
    '"password":"', "password=x ", "password: ", "password ", "bearer ", "basic aaaaaaaaaaaaaaaa ", "basic a", "4",
    "4111 1111 1111 1112 ", "4111-", "SG.", "SG.aaaaaaaaaaaaaaaa", "\\u0070", "{", "[", "ag_aaaa_", "secret='\\'", "AKIA", "a@",
    "a.a@a-", 'password\\"', "é İ password=x ", "a", "github_pat_", "hooks.slack.com/services/", "secret.", "api key ",
]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_text_takes_time_that_grows_with_its_size(part: str) -> None:
    """A search that goes back over a mebibyte again and again takes minutes; the slowest here takes half a second."""
    began = time.process_time()
    WITH_EMAIL.redact({"text": part * (MEBIBYTE // len(part.encode()))})
    assert time.process_time() - began < 20


def test_deep_values() -> None:
    value: Any = SECRET
    for _ in range(190):
        value = [value]
    assert SECRET not in dumped(DEFAULT.redact(value)[0])
    nested = json.dumps({"password": "hunter2"})
    for _ in range(10):
        nested = json.dumps([nested])
    assert "hunter2" not in DEFAULT.redact(nested)[0]
