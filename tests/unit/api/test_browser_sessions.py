"""Which tokens are sessions, and which are not."""

import time
from dataclasses import replace
from typing import Any

import jwt
import pytest

from api import browser_sessions
from api.browser_sessions import COOKIE, SECURE_COOKIE, cookie_of, new_session, read_session, write_session

KEY = b"the server's own secret"


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_a_session_comes_back_as_it_went() -> None:
    session = new_session(17, 3)
    assert read_session(write_session(session, KEY), KEY) == session


def test_a_token_of_another_key_is_none() -> None:
    assert read_session(write_session(new_session(1, 0), b"another"), KEY) is None


def test_the_key_itself_signs_nothing() -> None:
    claims = claims_of(write_session(new_session(1, 0), KEY))
    assert read_session(jwt.encode(claims, KEY.ljust(32), "HS256"), KEY) is None


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_a_token_of_another_algorithm_is_none(algorithm: str) -> None:
    claims = claims_of(write_session(new_session(1, 0), KEY))
    key = None if algorithm == "none" else browser_sessions._key(KEY) * 2
    assert read_session(jwt.encode(claims, key, algorithm), KEY) is None


@pytest.mark.parametrize("change", [{"aud": "other"}, {"exp": 1}, {"sub": "somebody"}, {"ver": None}, {"csrf": None}])
def test_a_token_of_ours_with_other_claims_is_none(change: dict[str, Any]) -> None:
    claims = claims_of(write_session(new_session(1, 0), KEY))
    changed = {name: value for name, value in {**claims, **change}.items() if value is not None}
    assert read_session(jwt.encode(changed, browser_sessions._key(KEY), "HS256"), KEY) is None


def test_a_session_is_over_after_a_while_and_in_any_case_after_a_day_of_work() -> None:
    now = int(time.time())
    session = new_session(1, 0)
    assert session.expires_at - session.issued_at == 15 * 60
    assert replace(session, signed_in_at=now - 12 * 3600 + 60).expires_at == now + 60
    assert read_session(write_session(replace(session, issued_at=now - 1000), KEY), KEY) is None
    assert read_session(write_session(replace(session, signed_in_at=now - 13 * 3600), KEY), KEY) is None


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (f"{COOKIE}=a", "a"),
        (f"other=1; {COOKIE}=a; last=2", "a"),
        (f"{SECURE_COOKIE}=secure; {COOKIE}=a", "a"),
        (f'theirs={{"a": "b c"}}; flag; ä=ö; {COOKIE}=a', "a"),
        (f"{COOKIE}=; x{COOKIE}=b", None),
        ("other=1", None),
        ("", None),
        (f"{COOKIE}", None),
        (f"\x00{COOKIE}=a", None),
    ],
)
def test_the_cookie_in_a_header(header: str, found: str | None) -> None:
    assert cookie_of(header, secure=False) == found


def test_over_https_a_cookie_that_a_neighbour_could_have_planted_is_none() -> None:
    assert cookie_of(f"{COOKIE}=planted", secure=True) is None
    assert cookie_of(f"{SECURE_COOKIE}=a; {COOKIE}=planted", secure=True) == "a"


def test_no_text_is_no_session() -> None:
    for text in ("", "a.b.c", "e30.e30.", "\x00", "ä" * 10):
        assert read_session(text, KEY) is None
