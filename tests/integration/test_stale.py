"""Runs that fell silent: shown as stale, closed, and open again when they speak."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from fastapi.testclient import TestClient
from msgspec import Raw

from db import queries
from events.records import CloseRecord, Record, RunRecord, StepRecord
from events.settings import Settings
from events.stream import append_now, entries_of, stream_key
from tests.integration.conftest import Drain
from tests.integration.test_doctor import Doctor
from tests.support.access import make_project
from tests.support.model import Model
from worker import jobs
from worker.jobs import Context
from worker.scheduler import ask_to_close_stale

STALE_ERROR = {"type": "stale", "message": "the run said nothing for 3600 s"}


def _opens(run: str) -> Record:
    return RunRecord(run, status="RUNNING")


def _speaks(run: str) -> Record:
    return StepRecord(run, "d" * 16, tool_name="search")


def _warns(run: str) -> Record:
    return RunRecord(run, error=OWN)


def _ends(run: str) -> Record:
    return RunRecord(run, status="CANCELLED")


def _closes(run: str) -> Record:
    return CloseRecord(run, silent_since=ALWAYS, after_seconds=60)


def _send(queue: "redis.Redis", *events: Record, project_id: int = 1) -> None:
    append_now(queue, entries_of(project_id, events, 1), 1)


def _fall_silent(database: psycopg.Connection[Any], hours: int = 2) -> None:
    database.execute("UPDATE runs SET last_event_at = date_trunc('milliseconds', now()) - %s * interval '1 hour'", [hours])


def _close(settings: Settings, queue: "redis.Redis", drain: Drain) -> None:
    jobs.close_stale(Context(settings, queue))
    drain()


def _run(client: TestClient, run: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/runs/{run}").json()
    return found


def _listed(client: TestClient, query: str = "") -> list[str]:
    return [UUID(run["id"]).hex for run in client.get(f"/v1/runs?{query}").json()["items"]]


def test_a_silent_run_is_stale_then_closed_and_open_again_when_it_speaks(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, client: TestClient
) -> None:
    silent, busy, done = (uuid4().hex for _ in range(3))
    _send(queue, RunRecord(silent), RunRecord(done, status="SUCCESS"))
    drain()
    _fall_silent(database)
    _send(queue, RunRecord(busy))
    drain()
    assert _run(client, silent)["stale"] is True
    assert _run(client, silent)["status"] == "RUNNING"
    assert _listed(client, "stale=true") == [silent]
    assert sorted(_listed(client, "stale=false")) == sorted([busy, done])

    _close(settings, queue, drain)
    closed = _run(client, silent)
    assert (closed["status"], closed["error"], closed["finishedAt"]) == ("FAILED", STALE_ERROR, None)
    assert closed["lastEventAt"] < _run(client, busy)["lastEventAt"]
    assert _listed(client, "stale=true") == _listed(client, "status=FAILED") == [silent]
    assert _run(client, busy)["stale"] is False
    assert Doctor(settings).names() == set()

    _send(queue, StepRecord(silent, "a" * 16, tool_name="search"))
    drain()
    spoke = _run(client, silent)
    assert (spoke["status"], spoke["error"], spoke["stale"], spoke["stepCount"]) == ("RUNNING", None, False, 1)
    assert _listed(client, "stale=true") == []
    assert Doctor(settings).names() == set()


def test_what_a_closed_run_says_is_what_it_is(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, client: TestClient
) -> None:
    ends, fails = uuid4().hex, uuid4().hex
    own = Raw(b'{"message": "a warning"}')
    _send(queue, RunRecord(ends, error=own), RunRecord(fails))
    drain()
    _fall_silent(database)
    _close(settings, queue, drain)
    assert _run(client, ends)["error"] == {"message": "a warning"}  # its own is kept
    _send(queue, RunRecord(ends, status="SUCCESS"), RunRecord(fails, status="FAILED", error=own))
    drain()
    assert [(_run(client, run)["status"], _run(client, run)["error"]) for run in (ends, fails)] == [
        ("SUCCESS", {"message": "a warning"}),
        ("FAILED", {"message": "a warning"}),
    ]
    assert _listed(client, "stale=true") == []
    assert Doctor(settings).names() == set()


def test_who_spoke_before_the_close_took_effect_stays_open(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, client: TestClient
) -> None:
    run = uuid4().hex
    _send(queue, RunRecord(run))
    drain()
    _fall_silent(database)
    _send(queue, StepRecord(run, "b" * 16))  # waits in the queue, so the database does not know of it
    _close(settings, queue, drain)
    assert _run(client, run)["status"] == "RUNNING"


def test_two_passes_close_once_and_a_removed_run_does_not_come_back(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    _send(queue, RunRecord(uuid4().hex), RunRecord("c" * 32))
    drain()
    _fall_silent(database)
    jobs.close_stale(Context(settings, queue))
    database.execute("DELETE FROM runs WHERE id = %s", [UUID("c" * 32)])
    _close(settings, queue, drain)
    assert database.execute("SELECT status, closed_as_stale FROM runs").fetchall() == [("FAILED", True)]
    assert database.execute("SELECT sum(count) FROM rollup_errors WHERE grain = 'day' AND agent_id = -1").fetchone() == (1,)


def test_a_project_has_a_limit_of_its_own(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    patient, eager = make_project(database, "patient"), make_project(database, "eager")
    database.execute("UPDATE projects SET stale_after_seconds = 0 WHERE id = %s", [patient])
    database.execute("UPDATE projects SET stale_after_seconds = 60 WHERE id = %s", [eager])
    for project_id in (1, patient, eager):
        _send(queue, RunRecord(uuid4().hex), project_id=project_id)
    drain()
    database.execute("UPDATE runs SET last_event_at = now() - interval '5 minutes'")
    _close(settings, queue, drain)
    assert database.execute("SELECT project_id FROM runs WHERE closed_as_stale").fetchall() == [(eager,)]
    never = settings.model_copy(update={"stale_after_seconds": 0})
    _fall_silent(database, 1000)
    _close(never, queue, drain)
    assert database.execute("SELECT project_id FROM runs WHERE closed_as_stale").fetchall() == [(eager,)]


def test_a_pass_goes_on_where_it_was_broken_off(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.stale.PAGE_RUNS", 2)
    _send(queue, *(RunRecord(uuid4().hex, status=status) for status in ("RUNNING", "PENDING") for _ in range(3)))
    drain()
    _fall_silent(database)
    context = Context(settings.model_copy(update={"drain_budget_seconds": 1e-9}), queue)
    jobs.close_stale(context)
    passes = 1
    while waiting := jobs.jobs.queue(queue).jobs:
        arguments = [job.args for job in waiting if job.func_name == jobs.jobs.CLOSE_STALE]
        jobs.jobs.queue(queue).empty()
        for places in arguments:
            jobs.close_stale(context, *places)
            passes += 1
    drain()
    assert passes > 3
    assert database.execute("SELECT count(*) FROM runs WHERE closed_as_stale").fetchone() == (6,)


def test_a_queue_that_is_behind_gets_no_closes(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.stale.BACKLOG_EVENTS_MAX", 2)
    _send(queue, RunRecord(uuid4().hex))
    drain()
    _fall_silent(database)
    _send(queue, *(RunRecord(uuid4().hex) for _ in range(3)))
    jobs.close_stale(Context(settings, queue))
    assert queue.xlen(stream_key(0)) == 1


def test_the_scheduler_asks_once(queue: "redis.Redis") -> None:
    assert ask_to_close_stale(queue)
    assert not ask_to_close_stale(queue)


ALWAYS = 1 << 60
OWN = Raw(b'{"message": "a warning"}')
HISTORIES: list[list[Callable[[str], Record]]] = [
    [_opens, _closes, _speaks, _closes, _warns],
    [_opens, _closes, _ends, _closes, _speaks],
    [_warns, _closes, _speaks, _closes],
]


@pytest.mark.parametrize("history", HISTORIES)
def test_any_cut_of_closes_and_other_events_gives_what_the_model_gives(
    settings: Settings,
    queue: "redis.Redis",
    database: psycopg.Connection[Any],
    drain: Drain,
    history: list[Callable[[str], Record]],
) -> None:
    """Every cut of a history into batches; and each history says the same of the run however it is cut."""
    expected = {}
    for cut in range(1 << (len(history) - 1)):
        run = f"{cut + 1:032x}"
        model = Model()
        for place, event in enumerate(history):
            record = event(run)
            _send(queue, record)
            model.apply(record, place)
            if cut >> place & 1:
                drain()
        drain()
        found = model.runs[run]
        expected[run] = (found["status"], json.loads(found["error"]) if "error" in found else None, found["closed_as_stale"])
    rows = database.execute("SELECT id, status, error, closed_as_stale FROM runs")
    assert {row[0].hex: row[1:] for row in rows} == expected
    assert Doctor(settings).names() == set()


def test_graphql_and_exports_tell_who_is_stale(
    queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, client: TestClient
) -> None:
    run = uuid4().hex
    _send(queue, RunRecord(run))
    drain()
    _fall_silent(database)
    query = "{ runs(filter: {stale: true}) { edges { node { id stale lastEventAt } } } }"
    [edge] = client.post("/graphql", json={"query": query}).json()["data"]["runs"]["edges"]
    assert edge["node"] == {"id": str(UUID(run)), "stale": True, "lastEventAt": _run(client, run)["lastEventAt"]}
    header, row = client.get("/v1/runs/export?format=csv&stale=true").text.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["stale"] == "true"


def test_open_runs_are_found_by_their_index(database: psycopg.Connection[Any]) -> None:
    database.execute(
        "INSERT INTO runs (project_id, id, day, status, started_at, accepted_at) SELECT 1, gen_random_uuid(), current_date,"
        " CASE WHEN n %% 100 = 0 THEN 'RUNNING' ELSE 'SUCCESS' END, now() - n * interval '1 s', now()"
        " FROM generate_series(1, 5000) AS n".replace("%%", "%")
    )
    database.execute("ANALYZE runs")
    values = {
        "project_id": 1,
        "status": "RUNNING",
        "started_at": "infinity",
        "run_id": "f" * 32,
        "limit": 100,
        "after_seconds": 60,
    }
    plan = "\n".join(row[0] for row in database.execute(f"EXPLAIN {queries.LIST_OPEN_RUNS}", values))  # type: ignore[arg-type]
    assert "runs_status_idx" in plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
