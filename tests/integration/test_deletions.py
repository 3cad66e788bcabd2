"""Deletions by the API: asked for, followed, and no way to learn what others have."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import redis
from fastapi.testclient import TestClient

from events import jobs as job_names
from tests.integration.conftest import Drain
from tests.support.stack import Stack
from tests.support.waiting import wait_until
from worker import jobs
from worker.jobs import Context

Database = psycopg.Connection[tuple[Any, ...]]


def _send(client: TestClient, drain: Drain, **fields: Any) -> str:
    run_id = str(uuid4())
    body = {"type": "run", "id": run_id, "agent": {"name": "a"}, "input": "words", **fields}
    assert client.post("/v1/events", json=[body, {"type": "step", "runId": run_id, "toolName": "t"}]).status_code == 202
    assert drain() == 0
    return run_id


def _ids(client: TestClient) -> set[str]:
    return {run["id"] for run in client.get("/v1/runs").json()["items"]}


def test_a_run_is_deleted_and_the_deletion_followed(client: TestClient, drain: Drain, context: Context) -> None:
    gone, kept = _send(client, drain), _send(client, drain)
    answer = client.delete(f"/v1/runs/{gone}")
    assert answer.status_code == 202
    url = answer.json()["url"]
    assert client.get(url).json()["status"] == "PENDING"
    jobs.ALLOWED[job_names.REMOVE](context)
    told = client.get(url).json()
    assert (told["status"], told["kind"], told["subject"], told["requestedBy"]) == ("DONE", "run", gone, "anonymous")
    assert told["removed"]["runs"] == told["removed"]["steps"] == 1
    assert told["finishedAt"] is not None
    assert client.get(f"/v1/runs/{gone}").status_code == 404
    assert _ids(client) == {kept}


def test_sessions_and_users(client: TestClient, drain: Drain, database: Database, context: Context) -> None:
    database.execute("INSERT INTO users (email, name) VALUES ('a@example.com', 'A')")
    database.execute("INSERT INTO memberships (project_id, user_id, role) SELECT 1, id, 'viewer' FROM users")
    [(user_id,)] = database.execute("SELECT id FROM users").fetchall()
    kept = _send(client, drain)
    _send(client, drain, sessionId="a/b c")
    _send(client, drain, userId=user_id)
    answers = [client.delete("/v1/sessions/a/b%20c"), client.delete(f"/v1/users/{user_id}/data")]
    assert [answer.status_code for answer in answers] == [202, 202]
    jobs.ALLOWED[job_names.REMOVE](context)
    assert _ids(client) == {kept}
    told = client.get(answers[0].json()["url"]).json()
    assert told["subject"].startswith("sha256:")  # who has the id can tell that it was this one; the id is gone
    assert database.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_what_is_not_there_is_answered_like_what_is_another_projects(
    client: TestClient, drain: Drain, database: Database, context: Context
) -> None:
    theirs = _send(client, drain, sessionId="theirs")
    database.execute("INSERT INTO projects (slug, name) VALUES ('other', 'Other')")
    database.execute("UPDATE runs SET project_id = (SELECT id FROM projects WHERE slug = 'other')")
    database.execute(
        "INSERT INTO deletions (project_id, kind, subject, requested_by)"
        " SELECT id, 'run', %s, 'x' FROM projects WHERE slug = 'other'",
        [theirs],
    )
    [(their_deletion,)] = database.execute("SELECT id FROM deletions").fetchall()
    answers = [client.delete(f"/v1/runs/{run_id}") for run_id in (theirs, uuid4())]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert {tuple(answer.json()) for answer in answers} == {("id", "kind", "url")}
    jobs.ALLOWED[job_names.REMOVE](context)
    removed = [client.get(answer.json()["url"]).json()["removed"] for answer in answers]
    assert removed[0] == removed[1]
    assert client.get(f"/v1/deletions/{their_deletion}").status_code == 404
    assert client.get(f"/v1/deletions/{uuid4()}").status_code == 404


def test_what_can_be_no_id_is_not_found(client: TestClient) -> None:
    for path in ("/v1/runs/nonsense", "/v1/sessions/nul%00", "/v1/users/0/data", "/v1/users/99999999999/data"):
        answer = client.delete(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path


def test_the_list_has_pages(client: TestClient, queue: "redis.Redis") -> None:
    asked = [client.delete(f"/v1/runs/{uuid4()}").json()["id"] for _ in range(3)]
    first = client.get("/v1/deletions?limit=2").json()
    rest = client.get("/v1/deletions", params={"limit": 2, "cursor": first["nextCursor"]}).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == asked[::-1]
    assert rest["nextCursor"] is None
    assert client.get("/v1/deletions?cursor=WzFd").status_code == 422
    assert client.get("/v1/deletions/nonsense").status_code == 404
    assert all(UUID(item["id"]) for item in first["items"])


def test_a_running_stack_does_what_it_is_asked(stack: Stack) -> None:
    run_id = str(uuid4())
    assert stack.request("POST", "/v1/events", [{"type": "run", "id": run_id, "agent": {"name": "a"}}])[0] == 202
    assert stack.request("GET", f"/v1/runs/{run_id}?wait=20")[0] == 200
    status, told = stack.json("DELETE", f"/v1/runs/{run_id}")
    assert status == 202
    wait_until(lambda: stack.json("GET", told["url"])[1]["status"] == "DONE", seconds=20, what="the deletion")
    assert stack.request("GET", f"/v1/runs/{run_id}")[0] == 404
