"""Errors that are the same trouble fall into one group, others do not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.error_groups import MESSAGE_CHARS_MAX, identify


@pytest.mark.parametrize(
    ("payloads", "message"),
    [
        (["timeout after 30 s", "timeout after 4.5 s"], "timeout after <n> s"),
        ([{"message": "no user 17"}, {"error": {"message": "no user 8"}}, {"detail": "no user 9"}], "no user <n>"),
        ([{"type": "KeyError", "message": "'ada'"}, {"name": "KeyError", "message": "'bob'"}], "KeyError: <text>"),
        ([{"code": "E42", "message": "E42: gone"}], "E42: gone"),
        (
            ["run 0190b6a4-8f6f-7c3a-9d7e-0a1b2c3d4e5f is gone", "run 5b4878a1-2370-87cd-99dc-6e90b6a277d8 is gone"],
            "run <id> is gone",
        ),
        (["key sk_live9f86d081884c7d65 is bad", "key sk_live2c26b46b68ffc68f is bad"], "key <id> is bad"),
        (['column "name" does not exist', 'column "age" does not exist'], "column <text> does not exist"),
        (["GET https://a.example/x?y=1 failed", "GET http://b.example failed"], "GET <url> failed"),
        (["at 2026-11-23T10:00:00Z", "at 2025-01-01 09:30:00.5+01:00"], "at <time>"),
        (["pointer 0xdeadbeef", "pointer 0x12"], "pointer <id>"),
        (["two\n\n lines", "two lines"], "two lines"),
    ],
)
def test_what_differs_in_detail_is_one_group(payloads: list[object], message: str) -> None:
    groups = {identify(json.dumps(payload).encode()) for payload in payloads}
    assert [group.message for group in groups] == [message]


def test_other_troubles_are_other_groups() -> None:
    messages = [
        "connection refused",
        "connection reset",
        "it's broken, isn't it",
        "it is broken",
        "step2 failed",
        "step3 failed",
    ]
    groups = {identify(json.dumps(message).encode()).id for message in messages}
    assert len(groups) == len(messages)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"null", "null"),
        (b"{}", "{}"),
        (b'""', "<text>"),
        (b"[1, 2]", "[<n>]"),
        (b'{"stack": ["a"]}', "{<text>:[<text>]}"),
        (b'" "', "(no message)"),
        (b"not json", "(no message)"),
        (b'{"message": {"message": {"message": {"message": {"message": "deep"}}}}}', None),
        (b'"' + b"x" * 100_000 + b'"', None),
    ],
)
def test_odd_payloads_have_a_message(payload: bytes, message: str | None) -> None:
    found = identify(payload)
    assert 0 < len(found.message) <= MESSAGE_CHARS_MAX
    assert message is None or found.message == message


@given(st.recursive(st.none() | st.floats(allow_nan=False) | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_any_payload_has_a_group_that_fits_a_bigint(payload: object) -> None:
    group = identify(json.dumps(payload).encode())
    assert -(2**63) <= group.id < 2**63
    assert group.message
