"""The OpenAPI document tells the truth: what routes answer has the fields that it names, and no others."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from httpx2 import Response
from pydantic import ValidationError

from api.answers import Answer
from api.answers.runs import RunSummary, StepPage
from api.app import create_app, create_ingest_app, create_read_app
from api.passwords import hash_password
from events.settings import Settings
from tests.integration.conftest import Drain
from tests.support.access import make_key, make_project
from tests.support.serving import serving
from tests.support.sse import EventStream

EMAIL, PASSWORD = "ann@example.com", "correct horse battery"
NEW_PASSWORD = "staple of the battery"  # noqa: S105
LARGE = {"key": "x" * 2000}
"""More than is kept of a payload here."""

NO_MODEL = {"/v1/runs/export", "/v1/stream", "/v1/runs/{run_id}/artifacts/{artifact_id}", "/graphql", "/metrics"}
"""What has a language of its own, or may be any JSON."""
QUERIES = {"/v1/runs/values": "field=tool"}
"""Of routes that are asked at the end, as nothing else asks them: what they must be given."""

Database = psycopg.Connection[Any]


def _models(app: FastAPI) -> dict[tuple[str, str], dict[int, type[Answer]]]:
    """The models that routes say they answer, by method, path and status."""
    found = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            models = {int(status): one["model"] for status, one in route.responses.items() if "model" in one}
            found |= {(method, str(context.path)): models for method in route.methods or ()}
    return found


@dataclass
class Asked:
    """A client that holds every answer against the model of its route."""

    client: TestClient
    models: dict[tuple[str, str], dict[int, type[Answer]]]
    names: dict[str, str] = field(default_factory=dict)
    """What stands in paths."""
    done: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self, method: str, path: str, query: str = "", status: int = 200, **options: Any) -> Any:
        """The answer's JSON, which is as the document says. `path` is the route's."""
        place = path.replace(":path}", "}").format(**self.names)
        answer: Response = self.client.request(method, f"{place}?{query}" if query else place, **options)
        assert answer.status_code == status, (method, place, query, answer.text)
        self.models[method, path][status].model_validate_json(answer.content)
        self.done.add((method, path))
        return answer.json()


@pytest.fixture
def asked(settings: Settings) -> Iterator[Asked]:
    app = create_app(settings.model_copy(update={"field_bytes_max": 1024}))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Asked(client, _models(app))


def _full(run_id: str, user_id: int, artifact_id: str) -> list[dict[str, Any]]:
    """Events that say all that can be said."""
    times = {"startedAt": "2026-01-02T03:04:05.678901Z", "finishedAt": "2026-01-02T03:04:06Z"}
    payloads = {"input": {"a": [1, None]}, "output": "text", "error": {"message": "went wrong"}, "attributes": {"k": 1.5}}
    run = {
        "type": "run",
        "id": run_id,
        "agent": {"name": "full", "version": "1.2"},
        "userId": user_id,
        "sessionId": "talk",
        "name": "everything",
        "status": "FAILED",
        "tags": {"env": "test", "deep": {"list": [True]}},
        "metrics": [{"name": "score", "value": 1, "tags": {"by": "me"}}, {"name": "bare", "value": -0.5}],
    }
    root = {
        "type": "step",
        "runId": run_id,
        "id": "00000000000000a1",
        "toolName": "chat",
        "name": "think",
        "kind": "LLM",
        "model": "large-1",
        "inputTokens": 10,
        "outputTokens": 20,
        "costUsd": 0.25,
        "artifacts": [
            {"id": artifact_id, "type": "json", "content": {"rows": []}},
            {"type": "file", "url": "https://files.example.com/1"},
            {"type": "nothing", "content": False},
        ],
    }
    child = {
        "type": "step",
        "runId": run_id,
        "parentId": "00000000000000a1",
        "toolName": "search",
        "startedAt": times["startedAt"],
    }
    ended = {"type": "step", "runId": run_id, "toolName": "search", "output": [], **times}
    return [{**run, **payloads, **times}, {**root, **payloads, **times}, child, ended]


def _bare(agent_id: int) -> list[dict[str, Any]]:
    """Events that say little, or too much."""
    run_id = str(uuid4())
    return [
        {"type": "step", "runId": str(uuid4()), "name": "of a run that nobody has told of"},
        {"type": "run", "id": str(uuid4()), "agentId": agent_id, "status": "PENDING", "tags": ["one", "two"]},
        {"type": "run", "id": str(uuid4()), "agent": {"name": "bare"}, "status": "CANCELLED", "tags": {}, "sessionId": "other"},
        {"type": "run", "id": run_id, "agent": {"name": "large"}, "status": "SUCCESS", "tags": LARGE, "attributes": LARGE},
        {"type": "step", "runId": run_id, "name": "large", "input": LARGE, "attributes": LARGE, "error": LARGE},
        {"type": "run", "id": run_id, "metrics": [{"name": "large", "value": 1e300, "tags": LARGE}]},
    ]


SPAN = {
    "traceId": uuid4().hex,
    "spanId": "00000000000000b1",
    "name": "invoke_agent",
    "kind": 1,
    "startTimeUnixNano": "1767323045000000000",
    "endTimeUnixNano": "1767323046000000000",
    "attributes": [{"key": "tag.tags", "value": {"arrayValue": {"values": [{"stringValue": "odd"}, {"intValue": "7"}]}}}],
}


def _user(database: Database, email: str, role: str | None = None, password: str | None = None) -> int:
    row = database.execute(
        "INSERT INTO users (email, name, password_hash) VALUES (%s, 'A', %s) RETURNING id",
        [email, hash_password(password) if password else None],
    ).fetchone()
    assert row is not None
    if role:
        database.execute("INSERT INTO memberships (project_id, user_id, role) VALUES (1, %s, %s)", [row[0], role])
    return int(row[0])


@pytest.fixture
def filled(asked: Asked, database: Database, drain: Drain) -> Asked:
    """With runs of all kinds, whole ones and such of which little is known."""
    user_id = _user(database, EMAIL, "admin", PASSWORD)
    asked.names = {"user_id": str(user_id), "session_id": "talk", "step_id": "00000000000000a1"}
    asked.names["run_id"] = asked("POST", "/v1/runs", status=201, json={"agent": {"name": "known"}})["id"]
    asked("PATCH", "/v1/runs/{run_id}", status=202, json={"name": "renamed"})
    asked("POST", "/v1/runs/{run_id}/steps", status=201, json={"toolName": "search"})
    asked("PATCH", "/v1/runs/{run_id}/steps/{step_id}", status=202, json={"output": 1})
    assert drain() == 0
    row = database.execute("SELECT id FROM agents").fetchone()
    assert row is not None
    run_id, artifact_id = str(uuid4()), str(uuid4())
    asked("POST", "/v1/events", status=202, json=_full(run_id, user_id, artifact_id))
    asked("POST", "/v1/events", status=207, json=[*_bare(row[0]), {"type": "run", "id": 7}])
    asked("POST", "/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]})
    asked("POST", "/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": [{**SPAN, "spanId": "00"}]}]}]})
    assert drain() == 0
    asked.names |= {"run_id": run_id, "artifact_id": artifact_id}
    return asked


def test_routes_answer_what_they_say(filled: Asked, database: Database) -> None:
    _ask_of_runs(filled)
    for window in ("from=2026-01-01&to=2026-01-04", "", "from=2026-01-03&to=2026-01-05"):
        _ask_of_figures(filled, window)
    _ask_of_upkeep(filled, database)
    for (method, path), models in filled.models.items():
        if method == "GET" and models and "{" not in path and (method, path) not in filled.done:
            filled(method, path, QUERIES.get(path, ""))
    _ask_of_accounts(filled, database)
    assert {door for door, models in filled.models.items() if models} == filled.done


def _ask_of_runs(filled: Asked) -> None:
    listed = filled("GET", "/v1/runs")["items"]
    assert len(listed) == 7
    assert {run["status"] for run in listed} == {"PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED"}
    for query in ("limit=2", "tool=search", "sort=cost", "sort=duration", "q=wrong", "tag=one", "stale=true"):
        filled("GET", "/v1/runs", query)
    assert filled("GET", "/v1/users/{user_id}/runs")["items"]
    assert len(filled("GET", "/v1/sessions", "limit=2")["items"]) == 2
    assert filled("GET", "/v1/sessions/{session_id:path}/runs")["items"]
    assert filled("GET", "/v1/agents", "limit=1")["nextCursor"]
    for run in listed:
        filled.names["run_id"] = run["id"]
        whole = filled("GET", "/v1/runs/{run_id}", "wait=1")
        assert {"input", "steps", "nextStepsCursor"} <= whole.keys()
        for query in ("payloads=false", "steps=false", "payloads=false&steps=false"):
            filled("GET", "/v1/runs/{run_id}", query)
        for query in ("", "limit=1", "payloads=false"):
            filled("GET", "/v1/runs/{run_id}/steps", query)
        for step in whole["steps"]:
            filled.names["step_id"] = step["id"]
            filled("GET", "/v1/runs/{run_id}/steps/{step_id}")


def _ask_of_figures(filled: Asked, window: str) -> None:
    summary = filled("GET", "/v1/metrics/summary", window)
    assert bool(summary["runs"]) == bool(summary["agents"]) == ("01-05" not in window)
    filled("GET", "/v1/metrics/summary", f"{window}&agentName=nobody")
    for bucket in ("", "hour", "day"):
        assert filled("GET", "/v1/metrics/timeseries", f"{window}&bucket={bucket}" if bucket else window)["buckets"]
    tools = filled("GET", "/v1/metrics/tools", window)
    assert bool(tools["tools"]) == bool(tools["errors"]) == ("01-05" not in window)
    filled("GET", "/v1/metrics/models", window)
    filled("GET", "/v1/metrics/users", window)
    for tool in ("chat", ""):
        filled("GET", "/v1/metrics/tools/timeseries", f"{window}&tool={tool}")
    for query in ("subject=run", "subject=step", "tool=chat", "tool="):
        filled("GET", "/v1/metrics/latency", f"{window}&{query}")


def _ask_of_accounts(asked: Asked, database: Database) -> None:
    database.execute("UPDATE users SET is_operator = true WHERE id = %s", [_user(database, "op@example.com", None, PASSWORD)])
    _user(database, "nobody@example.com")
    assert asked("GET", "/v1/session")["user"] is None
    asked("POST", "/v1/users", status=201, json={"email": "eve@example.com", "role": "viewer"})
    user = asked("POST", "/v1/users", status=201, json={"email": "kim@example.com", "password": PASSWORD, "isOperator": True})
    asked.names = {"user_id": str(user["id"]), "slug": "second"}
    asked("PATCH", "/v1/users/{user_id}", json={"isDisabled": True, "role": "editor"})
    assert len(asked("GET", "/v1/users", "everybody=true")["items"]) == 5
    asked("GET", "/v1/users")

    make_project(database, "bare")
    asked("POST", "/v1/projects", status=201, json={"slug": "second", "redaction": {"enabled": False, "keys": ["pin"]}})
    settings = {"retentionDays": 3, "staleAfterSeconds": 0, "eventsPerSecond": 5, "bytesPerSecond": 7}
    rules = {"allow": ["token"], "patterns": {"email": True, "jwt": False}}
    changed = asked("PATCH", "/v1/projects/{slug}", json={"name": "Second", **settings, "redaction": rules})
    assert changed["redaction"] == rules
    assert len(asked("GET", "/v1/projects")["items"]) == 3

    make_key(database, 1, "read")
    limits = {"expiresAt": "2099-01-01", "eventsPerSecond": 1, "bytesPerSecond": 2}
    asked("POST", "/v1/keys", status=201, json={"name": "k", "scopes": ["ingest", "read", "admin", "metrics"], **limits})
    database.execute("UPDATE api_keys SET revoked_at = now(), last_used_at = now(), created_by = 1 WHERE name = 'k'")
    assert len(asked("GET", "/v1/keys")["items"]) == 2

    signed_in = asked("POST", "/v1/session", json={"email": EMAIL, "password": PASSWORD})
    assert asked("GET", "/v1/session")["user"] == signed_in["user"]
    assert signed_in["user"]["email"] == EMAIL
    passwords = {"current": PASSWORD, "new": NEW_PASSWORD}
    asked("PUT", "/v1/session/password", json=passwords, headers={"X-CSRF-Token": signed_in["csrfToken"]})
    asked("POST", "/v1/session", json={"email": EMAIL, "password": NEW_PASSWORD})
    database.execute("UPDATE users SET is_operator = true")
    asked.client.cookies.clear()
    operator = asked("POST", "/v1/session", json={"email": EMAIL, "password": NEW_PASSWORD})
    assert None in {project["role"] for project in operator["projects"]}


def _ask_of_upkeep(asked: Asked, database: Database) -> None:
    assert asked("GET", "/v1/deadletters")["items"] == []
    for run_id, record in ((None, b"\xff"), (uuid4(), b"{}")):
        letter = database.execute(
            "INSERT INTO dead_letters (project_id, shard, entry_id, reason, record, code, run_id)"
            " VALUES (1, 0, '1-1', 'why', %s, '22P05', %s) RETURNING id",
            [record, run_id],
        ).fetchone()
        assert letter is not None
        asked.names["letter_id"] = str(letter[0])
        asked("GET", "/v1/deadletters/{letter_id}")
    database.execute("INSERT INTO dead_letter_counts VALUES (1, date_trunc('hour', now()), '22P05', 9, 7)")
    assert asked("GET", "/v1/deadletters", "limit=1")["dropped"] == 7
    assert len(asked("GET", "/v1/deadletters")["items"]) == 2
    asked("POST", "/v1/deadletters/replay", f"id={asked.names['letter_id']}", status=202)
    asked("GET", "/v1/deadletters/replay")
    asked("DELETE", "/v1/deadletters", "code=22P05")

    asked.names |= {"run_id": str(uuid4()), "session_id": "a/b", "user_id": "7"}
    for path in ("/v1/runs/{run_id}", "/v1/sessions/{session_id:path}", "/v1/users/{user_id}/data"):
        asked.names["deletion_id"] = asked("DELETE", path, status=202)["id"]
        asked("GET", "/v1/deletions/{deletion_id}")
    database.execute(
        "INSERT INTO deletions (project_id, kind, subject, requested_by, counts, finished_at, error)"
        " VALUES (1, 'retention', '2026-01-01', 'retention', '{\"runs\": 7}', now(), NULL),"
        " (1, 'run', 'x', 'key 1', '{\"deadLetters\": 7}', NULL, 'why')"
    )
    assert {one["status"] for one in asked("GET", "/v1/deletions")["items"]} == {"PENDING", "RUNNING", "DONE"}

    asked.names["simulation_id"] = asked("POST", "/v1/simulate", status=202, json={"runs": 1})["id"]
    asked("GET", "/v1/simulate/{simulation_id}")
    asked("GET", "/healthz")
    asked("GET", "/readyz")


def test_steps_with_chosen_fields_have_no_others(filled: Asked) -> None:
    answer = filled.client.get(f"/v1/runs/{filled.names['run_id']}/steps?fields=id,durationMs,artifacts&payloads=false")
    with pytest.raises(ValidationError) as invalid:
        StepPage.model_validate_json(answer.content)
    assert {error["type"] for error in invalid.value.errors()} == {"missing"}


def test_what_the_stream_says_of_runs(settings: Settings, drain: Drain) -> None:
    with serving(settings) as url, EventStream(url) as stream, TestClient(create_app(settings)) as client:
        assert client.post("/v1/events", json=_bare(1)[2:3]).status_code == 202
        assert drain() == 0
        stream.wait_for_runs(1)
        for run in stream.runs:
            RunSummary.model_validate_json(json.dumps(run))


def test_each_answer_has_a_schema(settings: Settings) -> None:
    """A new route says what it answers, with `answered_with`."""
    for create in (create_ingest_app, create_read_app, create_app):
        app = create(settings)
        paths = app.openapi()["paths"]
        for (method, path), models in _models(app).items():
            operation = paths[path.replace(":path}", "}")][method.lower()]
            done = {status: answer for status, answer in operation["responses"].items() if status < "3"}
            assert done, (method, path)
            for status, answer in done.items():
                if status != "204":
                    assert all(content.get("schema") for content in answer["content"].values()), (method, path)
                    assert path in NO_MODEL or int(status) in models, f"{method} {path} does not say what its {status} is"
        operations = [operation["operationId"] for of_path in paths.values() for operation in of_path.values()]
        assert len(operations) == len(set(operations))
