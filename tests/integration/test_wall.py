"""Nobody gets in who should not, and nobody learns what is behind: every route of both apps, tried by everybody."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from httpx2 import Response

from api import web
from api.access import Scope
from api.app import create_app, create_ingest_app, create_read_app
from api.browser_sessions import COOKIE, new_session, write_session
from api.routing import GuardedRoute, PublicRoute, check_routes
from api.state import AppState
from events.settings import Settings
from tests.integration.conftest import Drain
from tests.support.access import bearer, make_key, make_project

PUBLIC = {"/healthz", "/readyz", "/v1/session", "/v1/session/password", "/docs", "/docs/{name}", "/openapi.json"}
"""What needs no key; whatever is to be added here must be nobody's secret."""
DASHBOARD = {"/", "/assets/{name}", *(f"/{name}" for name in web.ROOT_FILES)} | {
    f"/{place}{rest}" for place in web.PLACES for rest in ("", "/{rest:path}")
}
"""The same for everybody: what a page shows, it asks for itself."""

SECRET = "what-only-alpha-knows"  # noqa: S105
SESSION = "session-of-alpha"
STEP_ID = "00000000000000a1"


@dataclass(frozen=True)
class Door:
    """A method of a route."""

    method: str
    path: str
    needs: Scope


def _doors() -> list[Door]:
    settings = Settings(_env_file=None)
    found = []
    for make in (create_ingest_app, create_read_app, create_app):
        for context in iter_route_contexts(make(settings).routes):
            route = context.original_route
            if isinstance(route, GuardedRoute):
                found += [Door(method, str(context.path), route.needs) for method in sorted(route.methods or ())]
    return sorted(set(found), key=lambda door: (door.path, door.method))


DOORS = _doors()


@dataclass
class World:
    """A project with a run of its own, and a key of another project for each scope."""

    client: TestClient
    names: dict[str, str]
    """What stands in paths, of what the project has."""
    alpha: int
    alpha_key: str
    beta_keys: dict[str, str]


@pytest.fixture
def guarded(settings: Settings) -> Settings:
    return settings.model_copy(update={"require_auth": True})


@pytest.fixture
def world(guarded: Settings, database: psycopg.Connection[Any], drain: Drain) -> Iterator[World]:
    for table in ("users", "agents", "dead_letters", "api_keys"):
        # Large ids: a small one stands in many a text by chance.
        database.execute(f"ALTER TABLE {table} ALTER COLUMN id RESTART WITH 1700000001")
    alpha, beta = make_project(database, "alpha"), make_project(database, "beta")
    alpha_key = make_key(database, alpha, "admin")
    beta_keys = {scope: make_key(database, beta, scope) for scope in ("ingest", "read", "admin", "metrics")}
    row = database.execute("INSERT INTO users (email, name) VALUES ('a@example.com', 'A') RETURNING id").fetchone()
    assert row is not None
    user_id = int(row[0])
    database.execute("INSERT INTO memberships (project_id, user_id, role) VALUES (%s, %s, 'viewer')", [alpha, user_id])
    with TestClient(create_app(guarded), raise_server_exceptions=False) as client:
        run_id = uuid4()
        artifact_id = uuid4()
        sent = client.post(
            "/v1/events",
            json=[
                {
                    "type": "run",
                    "id": str(run_id),
                    "agent": {"name": SECRET},
                    "userId": user_id,
                    "sessionId": SESSION,
                    "input": SECRET,
                    "tags": [SECRET],
                    "metrics": [{"name": SECRET, "value": 1}],
                },
                {
                    "type": "step",
                    "runId": str(run_id),
                    "id": STEP_ID,
                    "toolName": SECRET,
                    "error": {"message": SECRET},
                    "artifacts": [{"id": str(artifact_id), "type": "text", "content": SECRET}],
                },
            ],
            headers=bearer(alpha_key),
        )
        assert sent.status_code == 202
        drain()
        letter = database.execute(
            "INSERT INTO dead_letters (project_id, shard, entry_id, reason, record, code, run_id)"
            " VALUES (%s, 0, '1-1', %s, '{}', %s, %s) RETURNING id",
            [alpha, SECRET, SECRET, run_id],
        ).fetchone()
        deletion = database.execute(
            "INSERT INTO deletions (project_id, kind, subject, requested_by, finished_at)"
            " VALUES (%s, 'run', %s, 'test', now()) RETURNING id",
            [alpha, SECRET],
        ).fetchone()
        agent = database.execute("SELECT id FROM agents WHERE project_id = %s", [alpha]).fetchone()
        key = database.execute("SELECT id FROM api_keys WHERE project_id = %s", [alpha]).fetchone()
        assert letter
        assert deletion
        assert agent
        assert key
        simulation = client.post("/v1/simulate", json={"runs": 1}, headers=bearer(alpha_key)).json()["id"]
        names = {
            "run_id": str(run_id),
            "step_id": STEP_ID,
            "artifact_id": str(artifact_id),
            "user_id": str(user_id),
            "session_id": SESSION,
            "simulation_id": simulation,
            "letter_id": str(letter[0]),
            "deletion_id": str(deletion[0]),
            "agent_id": str(agent[0]),
            "key_id": str(key[0]),
            "slug": "alpha",
        }
        yield World(client, names, alpha, alpha_key, beta_keys)


NOWHERE = {
    "run_id": "00000000-0000-4000-8000-00000000dead",
    "step_id": "00000000dead0001",
    "artifact_id": "00000000-0000-4000-8000-00000000beef",
    "user_id": "1999999999",
    "session_id": "no-such-session",
    "simulation_id": "00000000-0000-4000-8000-00000000cafe",
    "letter_id": "1999999999",
    "deletion_id": "00000000-0000-4000-8000-00000000f00d",
    "agent_id": "1999999999",
    "key_id": "1999999999",
    "slug": "nowhere",
}
"""The same names, of what nobody has."""

QUERIES = {
    "GET /v1/runs": "userId={user_id}",
    "GET /v1/runs/export": "userId={user_id}",
    "GET /v1/runs/values": "field=tool",
    "GET /v1/metrics/summary": "agentId={agent_id}",
    "GET /v1/metrics/timeseries": "agentId={agent_id}",
    "GET /v1/metrics/tools": "agentId={agent_id}",
    "GET /v1/metrics/models": "agentId={agent_id}",
    "GET /v1/metrics/tools/timeseries": "tool=chat&agentId={agent_id}",
    "GET /v1/metrics/users": "agentId={agent_id}",
    "GET /v1/metrics/latency": "agentId={agent_id}",
    "POST /v1/deadletters/replay": "id={letter_id}",
    "DELETE /v1/deadletters": "id={letter_id}",
}
BODIES: dict[str, Any] = {
    "PATCH /v1/users/{user_id}": {"role": "viewer"},
    "PATCH /v1/projects/{slug}": {"name": "Stolen"},
    "POST /v1/events": [],
    "POST /v1/runs": {"agent": {"name": "mine"}},
    "POST /v1/runs/{run_id}/steps": {"toolName": "mine"},
    "POST /graphql": {"query": '{ run(id: "{run_id}") { id input } runs(first: 5) { edges { node { id input } } } }'},
}


def _ask(world: World, door: Door, names: dict[str, str], headers: dict[str, str]) -> Response:
    if door.path == "/v1/stream":
        # It has no end; a parameter that there is not is the last thing looked at before it begins. See `test_live.py`.
        return world.client.get("/v1/stream?unknown=1", headers=headers)
    path = re.sub(r"\{(\w+)(:\w+)?\}", lambda match: names[match[1]], door.path)
    if query := QUERIES.get(f"{door.method} {door.path}"):
        path = f"{path}?{query.format(**names)}"
    text = json.dumps(BODIES.get(f"{door.method} {door.path}", {}))
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    content = text.encode() if door.method in ("POST", "PUT", "PATCH") else None
    return world.client.request(door.method, path, content=content, headers={"Content-Type": "application/json", **headers})


_MINTED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16}|\d+\.\d+|ag_\w+")


def _without_names(response: Response, names: dict[str, str]) -> str:
    """An answer's text with what was asked for, and what was made up for it, taken out."""
    text = response.text
    for name, value in sorted(names.items(), key=lambda item: -len(item[1])):
        text = text.replace(value, f"<{name}>")
    return _MINTED.sub("<minted>", text)


def _code(response: Response) -> str:
    return (
        str(response.json().get("error", {}).get("code")) if response.headers.get("content-type") == "application/json" else ""
    )


def test_every_route_says_who_may_use_it() -> None:
    settings = Settings(_env_file=None)
    public = set()
    for make in (create_ingest_app, create_read_app, create_app):
        for context in iter_route_contexts(make(settings).routes):
            if not isinstance(context.original_route, GuardedRoute):
                public.add(context.path)
                assert not isinstance(context.original_route, APIRoute) or isinstance(context.original_route, PublicRoute)
    assert public == PUBLIC | DASHBOARD


def test_a_route_that_does_not_say_so_stops_the_app(settings: Settings) -> None:
    def forgetful() -> APIRouter:
        router = APIRouter()
        router.add_api_route("/v1/forgotten", lambda: None)
        return router

    for forget in (
        lambda app: app.include_router(forgetful()),
        lambda app: app.mount("/v1/forgotten", FastAPI()),
        lambda app: app.add_route("/v1/forgotten", lambda _: None),
        lambda app: app.add_api_websocket_route("/v1/forgotten", lambda _: None),
    ):
        app = create_app(settings)
        forget(app)
        with pytest.raises(TypeError, match="/v1/forgotten"):
            check_routes(app)


def test_the_openapi_says_which_routes_need_a_key(guarded: Settings, settings: Settings) -> None:
    described = create_app(guarded).openapi()
    assert described["components"]["securitySchemes"].keys() == {"key", "session"}
    assert described["security"] == [{"key": []}, {"session": []}]
    public = {path for path, of_path in described["paths"].items() for one in of_path.values() if one.get("security") == []}
    assert public == PUBLIC & described["paths"].keys()
    assert "security" not in create_app(settings).openapi()


def test_no_route_opens_without_the_right_key(world: World) -> None:
    open_doors = []
    wrong = {
        "no key": ({}, 401),
        "no such key": (bearer("ag_00000000_00000000000000000000000000000000_000000"), 401),
        "half a key": (bearer("ag_"), 401),
        "another scheme": ({"Authorization": "Digest x"}, 401),
        "a stranger's project": (bearer(world.beta_keys["admin"]) | {"X-AgentGuide-Project": "alpha"}, 404),
    }
    for door in DOORS:
        for name, (headers, status) in wrong.items():
            answer = _ask(world, door, world.names, headers)
            if answer.status_code != status or SECRET in answer.text:
                open_doors.append((door, name, answer.status_code))
        for scope, key in world.beta_keys.items():
            allowed = {scope} | ({"ingest", "read", "edit"} if scope == "admin" else set())
            answer = _ask(world, door, NOWHERE, bearer(key))
            if (_code(answer) == "forbidden") != (door.needs not in allowed):
                open_doors.append((door, f"scope {scope}", answer.status_code))
    assert open_doors == []


def test_no_route_opens_without_the_right_role(world: World, database: psycopg.Connection[Any]) -> None:
    allowed = {"viewer": {"read"}, "editor": {"read", "ingest", "edit"}, "admin": {"read", "ingest", "edit", "admin"}}
    assert world.client.portal is not None
    state: AppState = world.client.app.state.agentguide  # type: ignore[attr-defined]
    signing_key = world.client.portal.call(state.authenticator.signing_key)
    open_doors = []
    for role, scopes in allowed.items():
        user = database.execute(
            "INSERT INTO users (email, name, password_hash) VALUES (%s, 'B', '') RETURNING id", [role]
        ).fetchone()
        assert user is not None
        database.execute(
            "INSERT INTO memberships (project_id, user_id, role) SELECT id, %s, %s FROM projects WHERE slug = 'beta'",
            [user[0], role],
        )
        session = new_session(user[0], 0)
        cookie = {"Cookie": f"{COOKIE}={write_session(session, signing_key)}"}
        for door in DOORS:
            answer = _ask(world, door, NOWHERE, cookie | {"X-CSRF-Token": session.csrf})
            if (_code(answer) == "forbidden") != (door.needs not in scopes):
                open_doors.append((door, role, answer.status_code))
            if door.method != "GET" and _ask(world, door, NOWHERE, cookie).status_code != 403:
                open_doors.append((door, role, "without a token"))
            if _ask(world, door, world.names, cookie | {"X-AgentGuide-Project": "alpha"}).status_code not in (403, 404):
                open_doors.append((door, role, "in another project"))
    assert open_doors == []


def test_another_projects_ids_are_as_good_as_none(world: World, database: psycopg.Connection[Any], drain: Drain) -> None:
    before = _contents(database, world.alpha)
    different = []
    for door in DOORS:
        key = world.beta_keys["metrics" if door.needs is Scope.METRICS else "admin"]
        theirs, nobodys = (_ask(world, door, names, bearer(key)) for names in (world.names, NOWHERE))
        if door.path == "/metrics":
            continue  # it is of the server, and never the same twice
        if door.path in ("/v1/pipeline", "/v1/freshness"):
            if SECRET in theirs.text:
                different.append((door, "tells the secret"))
            continue  # they are never the same twice, either
        if theirs.status_code != nobodys.status_code:
            different.append((door, theirs.status_code, nobodys.status_code, theirs.text))
        elif _without_names(theirs, world.names) != _without_names(nobodys, NOWHERE):
            different.append((door, theirs.text, nobodys.text))
        elif SECRET in _without_names(theirs, world.names):
            different.append((door, "tells the secret"))
    assert different == []
    drain()
    assert _contents(database, world.alpha) == before


def _contents(database: psycopg.Connection[Any], project_id: int) -> list[Any]:
    """Every row that a project has in any table."""
    tables = database.execute(
        "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND column_name = 'project_id' AND table_type = 'BASE TABLE'"
        " AND table_name !~ '_[0-9]{8}$' AND table_name !~ '^pending_|^api_keys$' ORDER BY 1"
    ).fetchall()
    return [
        (
            name,
            database.execute(
                f"SELECT to_jsonb(t)::text FROM {name} AS t WHERE project_id = %s ORDER BY 1", [project_id]
            ).fetchall(),
        )
        for (name,) in tables
    ]


def test_two_projects_may_use_the_same_ids_and_keys(world: World, database: psycopg.Connection[Any], drain: Drain) -> None:
    """The same run id, session and Idempotency-Key in two projects are two of each."""
    again = {"Idempotency-Key": "same"}
    run = {"id": world.names["run_id"], "agent": {"name": "mine"}, "sessionId": SESSION}
    for key in (world.alpha_key, world.beta_keys["ingest"]):
        answer = world.client.post("/v1/runs", json=run, headers=bearer(key) | again)
        assert (answer.status_code, answer.headers.get("idempotent-replayed")) == (201, None)
    drain()
    mine = world.client.get(f"/v1/runs/{run['id']}", headers=bearer(world.beta_keys["read"])).json()
    assert (mine["agent"]["name"], mine["steps"], mine["metrics"]) == ("mine", [], [])
    listed = world.client.get(f"/v1/runs?sessionId={SESSION}", headers=bearer(world.beta_keys["read"])).json()["items"]
    assert [item["agentName"] for item in listed] == ["mine"]
    session = world.client.get(f"/v1/sessions/{SESSION}/runs", headers=bearer(world.beta_keys["read"])).json()["items"]
    assert [item["agentName"] for item in session] == ["mine"]


def test_a_cursor_of_another_project_leads_nowhere_else(world: World, drain: Drain) -> None:
    for name in ("first", "second"):
        world.client.post("/v1/runs", json={"agent": {"name": name}}, headers=bearer(world.alpha_key))
    drain()
    page = world.client.get("/v1/runs?limit=1", headers=bearer(world.alpha_key)).json()
    assert page["nextCursor"]
    theirs = world.client.get(f"/v1/runs?limit=1&cursor={page['nextCursor']}", headers=bearer(world.beta_keys["read"]))
    assert theirs.json()["items"] == []
