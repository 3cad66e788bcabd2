"""Keys: how they are sent, when they are refused, and how soon."""

import asyncio
import http.client
import urllib.request
from base64 import b64encode
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from api import export, fresh, live
from api.app import create_app
from api.fresh import Fresh
from api.keys import new_key, parse
from db.export import FLAT_COLUMNS
from events.exceptions import DatabaseUnavailable
from events.settings import Settings
from tests.support.access import bearer, make_key, make_project
from tests.support.serving import serving
from tests.support.sse import EventStream
from tests.support.waiting import wait_until

Database = psycopg.Connection[Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"require_auth": True})


def _revoke(database: Database, key: str) -> None:
    database.execute("UPDATE api_keys SET revoked_at = now() WHERE prefix = %s", [key.split("_")[1]])


def _status(client: TestClient, key: str) -> int:
    return client.get("/v1/agents", headers=bearer(key)).status_code


def test_a_key_may_be_sent_as_clients_send_them(client: TestClient, database: Database) -> None:
    key = make_key(database, 1, "read")
    basic = b64encode(f"anybody:{key}".encode()).decode()
    for headers in (bearer(key), {"Authorization": f"bearer {key}"}, {"X-API-Key": key}, {"Authorization": f"Basic {basic}"}):
        assert client.get("/v1/agents", headers=headers).status_code == 200, headers
    refused = client.get("/v1/agents")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="agentguide"')
    for authorization in (
        "Basic !",
        f"Basic {key}",
        "Bearer",
        "Bearer ag_x",
        f"Token {key}",
        "Basic " + b64encode(b"\xff").decode(),
    ):
        assert client.get("/v1/agents", headers={"Authorization": authorization}).status_code == 401, authorization


def test_a_key_with_another_secret_is_none(client: TestClient, database: Database) -> None:
    ours, other = parse(make_key(database, 1, "read")), new_key()
    assert ours is not None
    database.execute("UPDATE api_keys SET prefix = %s WHERE prefix = %s", [other.prefix, ours.prefix])
    assert _status(client, other.text) == 401


def test_a_mistyped_key_never_reaches_the_database() -> None:
    key = new_key().text
    assert parse(key) is not None
    for place in range(3, len(key)):
        mistyped = key[:place] + ("x" if key[place] != "x" else "y") + key[place + 1 :]
        assert parse(mistyped) is None, mistyped
    for other in ("", "ag_", key.upper(), key + " ", f"{key}\n", "ag_é", key[:-1]):
        assert parse(other) is None or other == key


def test_a_project_that_is_not_the_keys_is_not_there(client: TestClient, database: Database) -> None:
    make_project(database, "other")
    headers = bearer(make_key(database, 1, "read"))
    assert client.get("/v1/agents?project=default", headers=headers).status_code == 200
    theirs = client.get("/v1/agents?project=other", headers=headers)
    nobodys = client.get("/v1/agents?project=nobodys", headers=headers)
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.text.replace("other", "nobodys") == nobodys.text


def test_a_revoked_key_is_refused_within_five_seconds_by_every_process(settings: Settings, database: Database) -> None:
    key = make_key(database, 1, "read")
    with TestClient(create_app(settings)) as one, TestClient(create_app(settings)) as another:
        assert _status(one, key) == _status(another, key) == 200
        _revoke(database, key)
        wait_until(lambda: _status(one, key) == _status(another, key) == 401, seconds=5, what="both to refuse it")
    assert fresh.STALE_SECONDS + fresh.WAIT_SECONDS <= 5


def test_an_idle_process_refuses_a_revoked_key_at_once_when_it_comes(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(database, 1, "read")
    assert _status(client, key) == 200
    _revoke(database, key)
    monkeypatch.setattr(fresh, "STALE_SECONDS", 0.0)
    assert _status(client, key) == 401


def test_a_key_ends_when_it_expires(client: TestClient, database: Database) -> None:
    key = make_key(database, 1, "read", expires_at=datetime.now(UTC) + timedelta(seconds=0.5))
    assert _status(client, key) == 200
    wait_until(lambda: _status(client, key) == 401, seconds=2, what="the key to expire")
    assert _status(client, make_key(database, 1, "read", expires_at=datetime.now(UTC) - timedelta(seconds=1))) == 401


def test_it_is_noted_when_a_key_was_last_used(settings: Settings, database: Database) -> None:
    key = make_key(database, 1, "read")
    with TestClient(create_app(settings)) as client:
        assert _status(client, key) == 200
    row = database.execute("SELECT last_used_at, now() FROM api_keys").fetchone()
    assert row is not None
    assert timedelta(0) <= row[1] - row[0] < timedelta(seconds=30)


def test_a_live_stream_ends_when_its_key_is_revoked(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "STALE_SECONDS", 0.2)
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.1)
    key = make_key(database, 1, "read")
    with serving(settings) as url:
        stream = EventStream(url, headers=bearer(key))
        _revoke(database, key)
        wait_until(lambda: stream.ended, seconds=8, what="the stream to end")
        stream.close()


def test_without_keys_a_machine_of_ones_own_is_open_and_a_wrong_key_is_still_wrong(settings: Settings) -> None:
    alone = settings.model_copy(update={"require_auth": False})
    with TestClient(create_app(alone)) as client:
        assert client.get("/v1/agents").status_code == 200
        for slug in ("nobodys", "%00", "default%00", "x" * 64, "Default"):
            for query in (f"project={slug}", f"proj%65ct={slug}"):
                assert client.get(f"/v1/agents?{query}").status_code == 404, query
        assert client.get("/v1/agents", headers=bearer(new_key().text)).status_code == 401


def test_an_export_breaks_off_when_its_key_is_revoked(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(database, 1, "read")

    async def batches(*_: Any) -> AsyncGenerator[list[Any]]:
        yield [[None] * len(FLAT_COLUMNS)]
        _revoke(database, key)
        yield [[None] * len(FLAT_COLUMNS)]

    monkeypatch.setattr(export, "read_batches", batches)
    monkeypatch.setattr(fresh, "STALE_SECONDS", 0.0)
    with serving(settings) as url:
        request = urllib.request.Request(f"{url}/v1/runs/export?format=csv", headers=bearer(key))  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=30) as answer, pytest.raises(http.client.IncompleteRead):  # noqa: S310
            answer.read()


def test_what_was_known_serves_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[int | Exception] = [1, psycopg.OperationalError("away"), 2]

    async def load(_: str) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ask() -> None:
        known = Fresh(load)
        assert await known.get("key") == await known.get("key") == 1
        monkeypatch.setattr(fresh, "STALE_SECONDS", 0.0)
        monkeypatch.setattr(fresh, "AWAY_SECONDS", 60.0)
        assert await known.get("key") == 1  # asked in vain
        assert await known.get("key") == 1  # not asked: it was away just now
        assert answers == [2]
        await known.close()

    asyncio.run(ask())


def test_who_was_never_known_is_refused_while_the_database_is_away() -> None:
    asked = []

    async def load(key: str) -> int:
        asked.append(key)
        await asyncio.sleep(60)
        return 1

    async def ask() -> None:
        known = Fresh(load)
        for key in ("one", "another"):
            with pytest.raises(DatabaseUnavailable):
                await known.get(key)
        await known.close()

    asyncio.run(ask())
    assert asked == ["one"]  # nobody waited for the second one, and nobody added to the burden
