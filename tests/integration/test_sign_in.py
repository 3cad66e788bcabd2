"""Signing in with a browser: the cookie, its CSRF token, what ends a session, and how often one may try."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import redis
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from httpx2 import Response
from pydantic import SecretStr

from api import attempts, passwords
from api.app import create_app, create_ingest_app
from api.browser_sessions import COOKIE, SECURE_COOKIE, new_session, write_session
from events.settings import Settings
from tests.support.serving import serving
from tests.support.sse import EventStream
from tests.support.waiting import wait_until

SECRET = "a secret of at least 32 characters"  # noqa: S105
EMAIL, PASSWORD = "ann@example.com", "correct horse"
NEW_PASSWORD = "battery staple"  # noqa: S105

Database = psycopg.Connection[Any]


@pytest.fixture
def required(settings: Settings) -> Settings:
    return settings.model_copy(update={"require_auth": True, "secret_key": SecretStr(SECRET)})


@pytest.fixture
def browser(required: Settings, ann: int) -> Iterator[TestClient]:
    with TestClient(create_app(required)) as running:
        yield running


@pytest.fixture
def ann(database: Database) -> int:
    """The id of a user who may sign in and is a viewer of the default project."""
    row = database.execute(
        "INSERT INTO users (email, name, password_hash) VALUES (%s, 'Ann', %s) RETURNING id",
        [EMAIL, passwords.hash_password(PASSWORD)],
    ).fetchone()
    assert row is not None
    database.execute("INSERT INTO memberships (project_id, user_id, role) VALUES (1, %s, 'viewer')", row)
    return int(row[0])


def sign_in(browser: TestClient, email: str = EMAIL, password: str = PASSWORD) -> Response:
    return browser.post("/v1/session", json={"email": email, "password": password})


def test_a_session_reads_and_changes_only_with_its_token(browser: TestClient, database: Database, ann: int) -> None:
    database.execute("UPDATE memberships SET role = 'editor'")
    assert browser.get("/v1/runs").status_code == 401
    assert browser.get("/v1/session").status_code == 401

    answer = sign_in(browser, " Ann@Example.COM ")

    assert answer.status_code == 200
    assert answer.json()["user"] == {"id": ann, "email": EMAIL, "name": "Ann", "isOperator": False}
    assert [(project["slug"], project["role"]) for project in answer.json()["projects"]] == [("default", "editor")]
    assert browser.get("/v1/runs").status_code == 200
    assert browser.get("/v1/session").json()["csrfToken"] == answer.json()["csrfToken"]
    token = {"X-CSRF-Token": answer.json()["csrfToken"]}
    event = {"agent": {"name": "a"}, "input": 1}
    assert browser.post("/v1/runs", json=event, headers=token).status_code == 201
    for header in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x" * 32}):
        assert browser.post("/v1/runs", json=event, headers=header).status_code == 403
        assert browser.delete("/v1/session", headers=header).status_code == 403
    assert browser.delete("/v1/session", headers=token).status_code == 204
    assert browser.get("/v1/runs").status_code == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(required: Settings, ann: int) -> None:
    with TestClient(create_app(required)) as plain:
        cookie = sign_in(plain).headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        assert {"Path=/", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
    with TestClient(create_app(required), base_url="https://testserver") as secure:
        cookie = sign_in(secure).headers["set-cookie"]
        assert cookie.startswith(f"{SECURE_COOKIE}=")
        assert {"Path=/", "HttpOnly", "SameSite=Strict", "Secure"} <= set(cookie.split("; "))
        assert secure.get("/v1/runs").status_code == 200
        planted = cookie.replace(SECURE_COOKIE, COOKIE).partition(";")[0]
        secure.cookies.clear()
        for path in ("/v1/runs", "/v1/session"):
            assert secure.get(path, headers={"Cookie": planted}).status_code == 401
    with TestClient(create_app(required.model_copy(update={"secure_cookies": True}))) as behind_a_proxy:
        assert sign_in(behind_a_proxy).headers["set-cookie"].startswith(f"{SECURE_COOKIE}=")


def test_who_cannot_sign_in_learns_nothing_of_why(browser: TestClient, database: Database) -> None:
    database.execute("INSERT INTO users (email, name) VALUES ('seeded@example.com', 'S')")
    database.execute(
        "INSERT INTO users (email, name, password_hash, disabled_at) SELECT 'gone@example.com', 'G', password_hash, now()"
        " FROM users WHERE email = %s",
        [EMAIL],
    )
    answers = [
        sign_in(browser, EMAIL, "wrong password"),
        sign_in(browser, "nobody@example.com"),
        sign_in(browser, "seeded@example.com", ""),
        sign_in(browser, "gone@example.com"),
        sign_in(browser, "\0"),
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert all("set-cookie" not in answer.headers for answer in answers)
    assert sign_in(browser, f"{EMAIL}\0").status_code == 200


def test_attempts_are_limited_for_an_email_whether_there_is_one_or_not(
    browser: TestClient, queue: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "EMAIL_MAX", 3)
    for email in (EMAIL, "nobody@example.com"):
        for _ in range(attempts.EMAIL_MAX):
            assert sign_in(browser, email, "wrong password").status_code == 401
        refused = sign_in(browser, email, PASSWORD)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_attempts")
        assert 0 < int(refused.headers["retry-after"]) <= attempts.WINDOW_SECONDS
        assert sign_in(browser, f" {email.upper()}\0", PASSWORD).status_code == 429
    assert not any(EMAIL.encode() in key for key in queue.scan_iter())


def test_attempts_are_limited_for_an_address(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "ADDRESS_MAX", 2)
    assert sign_in(browser).status_code == 200
    assert sign_in(browser, "other@example.com").status_code == 401
    assert sign_in(browser).status_code == 429


def test_an_address_over_its_limit_leaves_no_more_emails_behind(
    browser: TestClient, queue: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "ADDRESS_MAX", 1)
    assert [sign_in(browser, f"{name}@example.com").status_code for name in "abc"] == [401, 429, 429]
    assert len(list(queue.scan_iter("agentguide:attempts:email:*"))) == 1


def test_a_success_forgives_the_failures_before_it(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "EMAIL_MAX", 3)
    for _ in range(2):
        for _ in range(attempts.EMAIL_MAX - 1):
            sign_in(browser, EMAIL, "wrong password")
        assert sign_in(browser).status_code == 200


def test_without_redis_nobody_signs_in(required: Settings, ann: int) -> None:
    nowhere = required.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1")})
    with TestClient(create_app(nowhere)) as browser:
        assert sign_in(browser).status_code == 503


def test_a_session_is_renewed_while_it_is_used_and_ends_all_the_same(browser: TestClient, ann: int) -> None:
    now = int(time.time())
    fresh = replace(new_session(ann, 0), issued_at=now - 60, signed_in_at=now - 3600)
    used = replace(fresh, issued_at=now - 600)
    late = replace(used, signed_in_at=now - 12 * 3600 + 100)
    idle = replace(used, issued_at=now - 1000)
    over = replace(fresh, signed_in_at=now - 12 * 3600 - 10)

    def answer(session: Any) -> Response:
        browser.cookies.clear()
        cookie = write_session(session, SECRET.encode())
        return browser.get("/v1/agents", headers={"Cookie": f"{COOKIE}={cookie}"})

    assert "set-cookie" not in answer(fresh).headers
    assert "Max-Age=900" in answer(used).headers["set-cookie"]
    renewal = answer(late).headers["set-cookie"]
    assert 0 < int(renewal.partition("Max-Age=")[2].partition(";")[0]) <= 100
    assert [answer(session).status_code for session in (idle, over)] == [401, 401]


def test_only_answers_that_needed_the_session_renew_it(browser: TestClient, database: Database, ann: int) -> None:
    used = replace(new_session(ann, 0), issued_at=int(time.time()) - 600)
    session = {"Cookie": f"{COOKIE}={write_session(used, SECRET.encode())}"}
    # Whoever keeps these for others would keep the cookie with them.
    for path in ("/docs/swagger-ui.css", "/healthz"):
        assert "set-cookie" not in browser.get(path, headers=session).headers
    database.execute("UPDATE users SET session_version = 1")
    assert "set-cookie" not in browser.get("/docs", headers=session).headers


def test_a_live_stream_ends_with_its_session(required: Settings, ann: int) -> None:
    session = replace(new_session(ann, 0), signed_in_at=int(time.time()) - 12 * 3600 + 2)
    with serving(required) as url:
        stream = EventStream(url, headers={"Cookie": f"{COOKIE}={write_session(session, SECRET.encode())}"})
        wait_until(lambda: stream.ended, seconds=8, what="the stream to end")
        stream.close()


def test_what_is_taken_away_is_gone_within_five_seconds_in_every_process(
    required: Settings, browser: TestClient, database: Database
) -> None:
    changes = {
        "disabled@example.com": "UPDATE users SET disabled_at = now() WHERE email = %s",
        "removed@example.com": "DELETE FROM memberships USING users WHERE user_id = id AND email = %s",
        "changed@example.com": "UPDATE users SET session_version = session_version + 1 WHERE email = %s",
    }
    for email in changes:
        database.execute(
            "INSERT INTO users (email, name, password_hash) SELECT %s, name, password_hash FROM users WHERE email = %s",
            [email, EMAIL],
        )
        database.execute(
            "INSERT INTO memberships (project_id, user_id, role) SELECT 1, id, 'viewer' FROM users WHERE email = %s", [email]
        )
    with TestClient(create_app(required)) as elsewhere:
        sessions = []
        for email in changes:
            cookie = sign_in(elsewhere, email).headers["set-cookie"].partition(";")[0]
            elsewhere.cookies.clear()
            sessions.append({"Cookie": cookie})

        def statuses() -> set[int]:
            return {one.get("/v1/runs", headers=session).status_code for one in (browser, elsewhere) for session in sessions}

        assert statuses() == {200}
        for email, change in changes.items():
            database.execute(change, [email])
        wait_until(lambda: statuses() <= {401, 403}, seconds=5, what="all refused everywhere")


def test_a_new_password_ends_the_other_sessions_and_the_old_password(browser: TestClient, ann: int) -> None:
    other = sign_in(browser).headers["set-cookie"].partition(";")[0]
    token = {"X-CSRF-Token": sign_in(browser).json()["csrfToken"]}
    change = {"current": PASSWORD, "new": NEW_PASSWORD}

    assert browser.put("/v1/session/password", json=change).status_code == 403
    assert browser.put("/v1/session/password", json={**change, "current": "wrong one"}, headers=token).status_code == 401
    assert browser.put("/v1/session/password", json={**change, "new": "short"}, headers=token).status_code == 422
    assert browser.put("/v1/session/password", json=change, headers=token).status_code == 200

    assert browser.get("/v1/runs").status_code == 200
    browser.cookies.clear()
    assert browser.get("/v1/runs", headers={"Cookie": other}).status_code == 401
    assert sign_in(browser).status_code == 401
    assert sign_in(browser, EMAIL, NEW_PASSWORD).status_code == 200


def test_signing_out_everywhere(browser: TestClient) -> None:
    other = sign_in(browser).headers["set-cookie"].partition(";")[0]
    token = {"X-CSRF-Token": sign_in(browser).json()["csrfToken"]}

    assert browser.delete("/v1/session?everywhere=true", headers=token).status_code == 204
    assert browser.get("/v1/session", headers={"Cookie": other}).status_code == 401


def test_a_hash_of_other_parameters_is_made_anew(browser: TestClient, database: Database, ann: int) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    database.execute("UPDATE users SET password_hash = %s", [weak])

    assert sign_in(browser).status_code == 200

    stored, version = database.execute("SELECT password_hash, session_version FROM users").fetchone() or ("", 0)
    assert (passwords.is_outdated(stored), passwords.is_right(PASSWORD, stored), version) == (False, True, 0)


def test_processes_without_a_secret_share_the_one_in_the_database(settings: Settings, ann: int) -> None:
    keyless = settings.model_copy(update={"require_auth": True})
    with TestClient(create_app(keyless)) as one, TestClient(create_app(keyless)) as other:
        sign_in(one)
        other.cookies = one.cookies
        assert other.get("/v1/runs").status_code == 200


def test_where_no_key_is_needed_the_session_says_so(client: TestClient, settings: Settings) -> None:
    found = client.get("/v1/session").json()
    assert (found["user"], found["authRequired"], found["csrfToken"]) == (None, False, None)
    assert [project["slug"] for project in found["projects"]] == ["default"]
    with TestClient(create_ingest_app(settings)) as ingest:
        assert ingest.get("/v1/session").status_code == 404


def test_only_json_signs_in(browser: TestClient) -> None:
    body = f'{{"email": "{EMAIL}", "password": "{PASSWORD}"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert browser.post("/v1/session", content=body, headers={"Content-Type": kind}).status_code == 415
