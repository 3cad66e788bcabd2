"""Users, projects and keys by route: who may do what, and that nobody gets more than they have."""

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from api import accounts
from api.app import create_app
from api.keys import new_key
from events.exceptions import LastOfAll
from events.settings import Settings

Database = psycopg.Connection[Any]


@pytest.fixture
def guarded(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update={"require_auth": True}))) as running:
        yield running


def make_key(database: Database, *scopes: str, project_id: int = 1, ends: str | None = None) -> dict[str, str]:
    """The header that shows a key, which was put into the database past all rules."""
    key = new_key()
    database.execute(
        "INSERT INTO api_keys (project_id, prefix, secret_sha256, scopes, name, expires_at)"
        " VALUES (%s, %s, %s, %s, 'a key', now() + %s::interval)",
        [project_id, key.prefix, key.sha256, list(scopes), ends],
    )
    return {"Authorization": f"Bearer {key.text}"}


def make_project(database: Database, slug: str = "other") -> int:
    row = database.execute("INSERT INTO projects (slug, name) VALUES (%s, %s) RETURNING id", [slug, slug]).fetchone()
    assert row is not None
    return int(row[0])


def test_a_key_is_shown_once_and_works_until_it_is_revoked(guarded: TestClient, database: Database) -> None:
    admin = make_key(database, "admin")

    made = guarded.post("/v1/keys", json={"name": "for reading", "scopes": ["read"]}, headers=admin)
    assert made.status_code == 201
    key = {"Authorization": f"Bearer {made.json()['key']}"}
    assert guarded.get("/v1/runs", headers=key).status_code == 200
    assert guarded.post("/v1/runs", json={}, headers=key).status_code == 403

    listed = guarded.get("/v1/keys", headers=admin)
    assert made.json()["key"] not in listed.text
    assert [item["name"] for item in listed.json()["items"]] == ["for reading", "a key"]
    stored = database.execute("SELECT row_to_json(k)::text FROM api_keys AS k").fetchall()
    assert not any(made.json()["key"].split("_")[2] in row[0] for row in stored)

    assert guarded.delete(f"/v1/keys/{made.json()['id']}", headers=admin).status_code == 204
    assert guarded.get("/v1/keys", headers=admin).json()["items"][0]["revokedAt"] is not None


def test_an_admin_key_sees_and_manages_its_own_project_alone(guarded: TestClient, database: Database) -> None:
    other = make_project(database)
    make_key(database, "read", project_id=other)
    (theirs,) = database.execute("SELECT id FROM api_keys").fetchone() or (0,)
    admin = make_key(database, "admin")

    assert len(guarded.get("/v1/keys", headers=admin).json()["items"]) == 1
    assert [project["slug"] for project in guarded.get("/v1/projects", headers=admin).json()["items"]] == ["default"]
    no_key = guarded.delete("/v1/keys/999999", headers=admin)
    not_ours = guarded.delete(f"/v1/keys/{theirs}", headers=admin)
    assert (no_key.status_code, not_ours.status_code) == (404, 404)
    assert no_key.text.replace("999999", str(theirs)) == not_ours.text
    no_project = guarded.patch("/v1/projects/nowhere", json={"name": "x"}, headers=admin)
    not_our_project = guarded.patch("/v1/projects/other", json={"name": "x"}, headers=admin)
    assert (no_project.status_code, not_our_project.status_code) == (404, 404)
    assert no_project.text.replace("nowhere", "other") == not_our_project.text
    assert database.execute("SELECT revoked_at FROM api_keys WHERE id = %s", [theirs]).fetchone() == (None,)


def test_other_keys_manage_nothing(guarded: TestClient, database: Database) -> None:
    for scopes in (["read"], ["ingest"], ["read", "ingest"]):
        key = make_key(database, *scopes)
        for path in ("/v1/keys", "/v1/users", "/v1/projects"):
            assert guarded.get(path, headers=key).status_code == 403
        assert guarded.post("/v1/keys", json={"name": "more", "scopes": scopes}, headers=key).status_code == 403


def test_nobody_gives_a_scope_that_they_have_not(guarded: TestClient, client: TestClient, database: Database) -> None:
    wanted = {"name": "for Prometheus", "scopes": ["metrics"]}
    assert guarded.post("/v1/keys", json=wanted, headers=make_key(database, "admin")).status_code == 403
    assert client.post("/v1/keys", json=wanted).status_code == 201


def test_a_key_makes_none_that_goes_beyond_it(guarded: TestClient, database: Database) -> None:
    admin = make_key(database, "admin", ends="1 hour")
    database.execute("UPDATE api_keys SET events_per_second = 10")
    wanted = {"name": "another", "scopes": ["read"]}

    same = guarded.post("/v1/keys", json={**wanted, "bytesPerSecond": 5}, headers=admin).json()
    assert (same["expiresAt"] is None, same["eventsPerSecond"], same["bytesPerSecond"]) == (False, 10, 5)
    for more in ({"expiresAt": "2190-01-01"}, {"eventsPerSecond": 11}):
        assert guarded.post("/v1/keys", json={**wanted, **more}, headers=admin).status_code == 403


def test_an_admin_changes_nothing_of_a_member_but_the_role(guarded: TestClient, database: Database) -> None:
    admin = make_key(database, "admin")
    made = guarded.post("/v1/users", json={"email": "Ann@Example.com ", "role": "viewer"}, headers=admin)
    assert made.status_code == 201
    assert made.json()["email"] == "ann@example.com"
    path = f"/v1/users/{made.json()['id']}"

    for change in ({"password": "a password of mine"}, {"isOperator": True}, {"isDisabled": True}, {"name": "Somebody"}):
        assert guarded.patch(path, json=change, headers=admin).status_code == 403
        assert (
            guarded.post("/v1/users", json={"email": "b@example.com", "password": "12345678"}, headers=admin).status_code == 403
        )
    changed = guarded.patch(path, json={"role": "editor"}, headers=admin)
    assert changed.json()["roles"] == [{"project": "default", "role": "editor"}]
    assert guarded.delete(path, headers=admin).status_code == 204
    assert guarded.get("/v1/users", headers=admin).json()["items"] == []
    assert guarded.patch(path, json={"role": "admin"}, headers=admin).status_code == 404


def test_a_member_of_another_project_is_nobody_here(guarded: TestClient, database: Database) -> None:
    ours, theirs = make_key(database, "admin"), make_key(database, "admin", project_id=make_project(database))
    made = guarded.post("/v1/users", json={"email": "bo@example.com", "role": "viewer"}, headers=theirs).json()

    assert guarded.get("/v1/users", headers=ours).json()["items"] == []
    for path in (f"/v1/users/{made['id']}", "/v1/users/999999"):
        assert guarded.patch(path, json={"role": "admin"}, headers=ours).status_code == 404
        assert guarded.delete(path, headers=ours).status_code == 404
    known = guarded.post("/v1/users", json={"email": "bo@example.com", "role": "editor"}, headers=ours)
    assert known.json()["roles"] == [{"project": "default", "role": "editor"}]
    assert guarded.get("/v1/users", headers=theirs).json()["items"][0]["roles"] == [{"project": "other", "role": "viewer"}]


def test_settings_of_a_project(guarded: TestClient, client: TestClient, database: Database) -> None:
    admin = make_key(database, "admin")

    changed = guarded.patch(
        "/v1/projects/default", json={"retentionDays": 30, "redaction": {"patterns": {"email": True}}}, headers=admin
    )
    assert changed.status_code == 200
    assert (changed.json()["retentionDays"], changed.json()["name"]) == (30, "Default")
    assert guarded.patch("/v1/projects/default", json={"retentionDays": None}, headers=admin).json()["retentionDays"] is None
    assert guarded.patch("/v1/projects/default", json={"eventsPerSecond": 10**6}, headers=admin).status_code == 403
    assert guarded.post("/v1/projects", json={"slug": "mine"}, headers=admin).status_code == 403

    made = client.post("/v1/projects", json={"slug": "second", "name": "The second", "eventsPerSecond": 5})
    assert made.status_code == 201
    assert client.post("/v1/projects", json={"slug": "second"}).status_code == 409
    assert client.patch("/v1/projects/second", json={"bytesPerSecond": 7}).json()["bytesPerSecond"] == 7
    assert client.patch("/v1/projects/second%00", json={"bytesPerSecond": 8}).status_code == 404
    assert [project["slug"] for project in client.get("/v1/projects").json()["items"]] == ["default", "second"]


def test_the_last_operator_stays(client: TestClient) -> None:
    first = client.post("/v1/users", json={"email": "a@example.com", "password": "password-1", "isOperator": True}).json()
    without_password = client.post("/v1/users", json={"email": "b@example.com", "isOperator": True}).json()
    path = f"/v1/users/{first['id']}"

    for change in ({"isDisabled": True}, {"isOperator": False}):
        refused = client.patch(path, json=change)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_of_all")
    assert client.patch(f"/v1/users/{without_password['id']}", json={"password": "password-2"}).status_code == 200
    assert client.patch(path, json={"isDisabled": True}).json()["isDisabled"] is True


def test_two_operators_who_disable_each_other_leave_one(database_url: str, database: Database) -> None:
    ids = database.execute(
        "INSERT INTO users (email, name, password_hash, is_operator) VALUES ('a@x', 'A', '', true), ('b@x', 'B', '', true)"
        " RETURNING id"
    ).fetchall()

    async def disable(user_id: int) -> bool:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            try:
                await accounts.set_disabled(connection, user_id, True)
            except LastOfAll:
                return False
            return True

    async def both() -> list[bool]:
        return await asyncio.gather(*(disable(user_id) for (user_id,) in ids))

    assert sorted(asyncio.run(both())) == [False, True]


def test_the_last_admin_of_a_project_does_not_leave_by_accident(guarded: TestClient, client: TestClient) -> None:
    made = client.post("/v1/users", json={"email": "a@example.com", "password": "password-1", "role": "admin"}).json()
    session = guarded.post("/v1/session", json={"email": "a@example.com", "password": "password-1"}).json()
    csrf = {"X-CSRF-Token": session["csrfToken"]}
    path = f"/v1/users/{made['id']}"

    assert guarded.patch(path, json={"role": "viewer"}, headers=csrf).status_code == 409
    assert guarded.delete(path, headers=csrf).status_code == 409
    assert (
        client.post("/v1/users", json={"email": "b@example.com", "password": "password-1", "role": "admin"}).status_code == 201
    )
    assert guarded.delete(path, headers=csrf).status_code == 204


def test_what_is_not_valid_is_refused_without_being_repeated(client: TestClient) -> None:
    invalid: list[tuple[str, dict[str, Any]]] = [
        ("/v1/keys", {"name": "x", "scopes": []}),
        ("/v1/keys", {"name": "x", "scopes": ["everything"]}),
        ("/v1/keys", {"name": "a\u0000b", "scopes": ["read"]}),
        ("/v1/keys", {"name": "x", "scopes": ["read"], "expiresAt": "2020-01-01"}),
        ("/v1/keys", {"name": "x", "scopes": ["read"], "expiresAt": "9999-12-31T23:59:59-23:59"}),
        ("/v1/users", {"email": "nobody", "role": "viewer"}),
        ("/v1/users", {"email": "a@example.com", "role": "viewer", "password": "short"}),
        ("/v1/users", {"email": "a@example.com", "role": "owner"}),
        ("/v1/projects", {"slug": "Not A Slug"}),
        ("/v1/projects", {"slug": "x", "redaction": {"keys": ["\u0000"]}}),
        ("/v1/projects", {"slug": "x", "retentionDays": -1}),
    ]
    for path, body in invalid:
        refused = client.post(path, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request"), body
        assert "short" not in refused.text
