"""Finding runs and agents, waiting for what was just sent, and health."""

import threading
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.app import create_app, create_ingest_app, create_read_app
from db.run_list import RunFilter, list_runs
from events.settings import Settings
from tests.integration.conftest import Drain


def _send_runs(client: TestClient, count: int) -> list[str]:
    ids = [str(uuid4()) for _ in range(count)]
    events = [
        {
            "type": "run",
            "id": run_id,
            "agent": {"name": f"agent-{number % 2}"},
            "status": "FAILED" if number % 3 == 0 else "SUCCESS",
            "startedAt": f"2026-11-20T10:{number:02}:00Z",
        }
        for number, run_id in enumerate(ids)
    ]
    assert client.post("/v1/events", json=events).status_code == 202
    return ids


def test_lists_are_newest_first_and_pages_meet(client: TestClient, drain: Drain) -> None:
    ids = _send_runs(client, 10)
    drain()
    newest_first = ids[::-1]
    assert [run["id"] for run in client.get("/v1/runs").json()["items"]] == newest_first
    assert [run["id"] for run in client.get("/v1/runs?limit=3&offset=4").json()["items"]] == newest_first[4:7]
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = client.get(f"/v1/runs?limit=4&cursor={cursor}" if cursor else "/v1/runs?limit=4").json()
        seen += [run["id"] for run in page["items"]]
        cursor = page["nextCursor"]
    assert seen == newest_first


def test_filters(client: TestClient, drain: Drain) -> None:
    ids = _send_runs(client, 9)
    drain()
    agents = {agent["name"]: agent["id"] for agent in client.get("/v1/agents").json()["items"]}
    assert set(agents) == {"agent-0", "agent-1"}
    odd = client.get("/v1/runs", params={"agentId": agents["agent-1"]}).json()["items"]
    assert {run["id"] for run in odd} == set(ids[1::2])
    failed = client.get("/v1/runs?status=FAILED").json()["items"]
    assert {run["id"] for run in failed} == set(ids[::3])
    both = client.get("/v1/runs?status=FAILED&status=SUCCESS").json()["items"]
    assert len(both) == 9
    first = client.get("/v1/agents?limit=1").json()
    assert client.get("/v1/agents", params={"cursor": first["nextCursor"]}).json()["items"][0]["name"] == "agent-1"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=9999", "offset=-1", "status=DONE", "agentId=x", "cursor=abc", "cursor=WzFd"]
)
def test_bad_queries_are_told(client: TestClient, query: str) -> None:
    response = client.get(f"/v1/runs?{query}")
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_query"


def test_wait_gives_all_that_was_accepted_before(client: TestClient, drain: Drain) -> None:
    run_id = client.post("/v1/runs", json={"agent": {"name": "a"}}).json()["id"]
    assert client.get(f"/v1/runs/{run_id}").status_code == 404
    drain()
    client.post(f"/v1/runs/{run_id}/steps", json={"toolName": "later"})
    late = threading.Timer(0.3, drain)
    late.start()
    try:
        assert client.get(f"/v1/runs/{run_id}?wait=10").json()["stepCount"] == 1
    finally:
        late.join()
    assert client.get(f"/v1/runs/{uuid4()}?wait=0.1").status_code == 404


def test_health_and_readiness(client: TestClient, settings: Settings) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok", "postgres": "ok", "redis": "ok"}
    nowhere = settings.model_copy(
        update={"database_url": SecretStr("postgresql://x@/x?host=/nonexistent"), "read_timeout_seconds": 1}
    )
    with TestClient(create_app(nowhere)) as lame:
        assert lame.get("/readyz").json()["postgres"] == "does not answer"
        away = lame.get("/v1/runs")
        assert (away.status_code, away.json()["error"]["code"]) == (503, "database_unavailable")
        assert lame.post("/v1/runs", json={"agent": {"name": "a"}}).status_code == 201


def test_each_app_serves_its_part(settings: Settings) -> None:
    with TestClient(create_ingest_app(settings)) as ingest, TestClient(create_read_app(settings)) as read:
        assert ingest.get("/v1/agents").status_code == 404
        assert read.post("/v1/events", json=[]).status_code == 404
        assert ingest.get("/readyz").status_code == read.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (RunFilter(), "runs_started_idx"),
        (RunFilter(agent_id=1), "runs_agent_idx"),
        (RunFilter(statuses=("FAILED",)), "runs_status_idx"),
    ],
)
def test_lists_read_their_index(database: psycopg.Connection[Any], wanted: RunFilter, index: str) -> None:
    database.execute(
        "INSERT INTO runs (project_id, id, day, agent_id, status, started_at, accepted_at)"
        " SELECT 1, gen_random_uuid(), current_date, n % 20, (ARRAY['SUCCESS', 'SUCCESS', 'SUCCESS', 'FAILED'])[n % 4 + 1],"
        " now() - n * interval '1 s', now() FROM generate_series(1, 20000) AS n"
    )
    database.execute("ANALYZE runs")
    statement, values = list_runs(1, wanted, limit=50, offset=0)
    plan = "\n".join(row[0] for row in database.execute(f"EXPLAIN {statement}", values))  # type: ignore[arg-type]
    assert index in plan
    assert "Sort" not in plan
