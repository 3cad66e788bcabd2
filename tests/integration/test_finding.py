"""Every filter and every sort finds the same runs as a look at each of them, page by page, and reads an index."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from api import finding
from api.filters import IDS_MAX
from db import queries
from db.run_list import MetricFilter, Page, Position, RunFilter, Sort, list_runs
from tests.integration.conftest import Drain

WORDS = ("rainfall", "invoice", "Größe", "parcel")
RUNS = 24


def _run(number: int) -> dict[str, Any]:
    """A run with its steps, as the client sends it; everything follows from its number."""
    return {
        "id": str(uuid4()),
        "agent": {"name": f"agent-{number % 3}", "version": f"{number % 2}.0"},
        "status": ("SUCCESS", "FAILED", "RUNNING")[number % 3],
        "sessionId": f"session-{number % 4}",
        "startedAt": f"2026-11-20T10:{number:02}:00Z",
        "finishedAt": f"2026-11-20T10:{number:02}:{number * 7 % 50 + 1:02}Z" if number % 3 < 2 else None,
        "tags": {"team": f"t{number % 5}"} if number % 2 else ["batch", f"n{number % 4}"],
        "metrics": [{"name": "score", "value": number / 10}] if number % 4 else [],
        "input": {"question": f"about {WORDS[number % 4]}"},
        "output": f"the answer is {number}",
        "steps": [
            {
                "toolName": tool,
                "model": {"search": f"small-{number % 2}", "mail": "large"}.get(tool),
                "costUsd": number * 0.01,
                "error": "boom" if number % 6 == 5 and tool == "search" else None,
            }
            for tool in ("search", "browse", "mail")[: number % 3 + 1]
        ],
    }


@pytest.fixture
def runs(client: TestClient, drain: Drain, database: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    made = [_run(number) for number in range(RUNS)]
    events: list[dict[str, Any]] = []
    for run in made:
        events.append({"type": "run"} | {name: value for name, value in run.items() if name != "steps"})
        events += [{"type": "step", "runId": run["id"], **step} for step in run["steps"]]
    assert client.post("/v1/events", json=events).json() == {"accepted": len(events)}
    assert drain() == 0
    return made


def _seconds(run: dict[str, Any]) -> float | None:
    return None if run["finishedAt"] is None else int(run["finishedAt"][17:19])


def _cost(run: dict[str, Any]) -> float:
    return sum(round(step["costUsd"] * 1e9) for step in run["steps"]) / 1e9


def _is(run: dict[str, Any], version: str, *statuses: str) -> bool:
    return run["agent"]["version"] == version and run["status"] in statuses


def _names(run: dict[str, Any]) -> set[str]:
    return {step["toolName"] for step in run["steps"]}


def _models(run: dict[str, Any]) -> set[str]:
    return {step["model"] for step in run["steps"]}


def _fails(run: dict[str, Any]) -> bool:
    return any(step["error"] for step in run["steps"])


FILTERS: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("", lambda run: True),
    ("agentName=agent-1", lambda run: run["agent"]["name"] == "agent-1"),
    ("agentVersion=1.0", lambda run: run["agent"]["version"] == "1.0"),
    ("agentName=agent-1&agentVersion=1.0", lambda run: run["agent"] == {"name": "agent-1", "version": "1.0"}),
    ("agentName=nobody", lambda run: False),
    ("status=FAILED", lambda run: run["status"] == "FAILED"),
    ("status=FAILED&status=RUNNING", lambda run: run["status"] in ("FAILED", "RUNNING")),
    (
        "agentVersion=1.0&status=FAILED&status=RUNNING",
        lambda run: _is(run, "1.0", "FAILED", "RUNNING"),
    ),
    ("sessionId=session-3", lambda run: run["sessionId"] == "session-3"),
    ("from=2026-11-20T10:05:00Z", lambda run: run["startedAt"] >= "2026-11-20T10:05:00Z"),
    ("from=2026-11-20T11:05:00%2B01:00&to=2026-11-20T10:09:00", lambda run: "10:05" <= run["startedAt"][11:16] < "10:09"),
    ("minDurationMs=20000", lambda run: (_seconds(run) or 0) >= 20),
    ("minDurationMs=5000&maxDurationMs=20000", lambda run: 5 <= (_seconds(run) or 0) <= 20),
    ("minCostUsd=0.3", lambda run: _cost(run) >= 0.3),
    ("maxCostUsd=0.1", lambda run: _cost(run) <= 0.1),
    ("hasError=true", _fails),
    ("hasError=false", lambda run: not _fails(run)),
    ("tool=browse", lambda run: "browse" in _names(run)),
    ("tool=browse&tool=mail", lambda run: {"browse", "mail"} <= _names(run)),
    (
        "tool=browse&from=2026-11-20T10:05:00Z&status=FAILED",
        lambda run: "browse" in _names(run) and run["status"] == "FAILED" and run["startedAt"][11:16] >= "10:05",
    ),
    ("model=large", lambda run: "large" in _models(run)),
    ("model=large&model=small-1", lambda run: {"large", "small-1"} <= _models(run)),
    (
        "model=small-1&tool=browse&hasError=true",
        lambda run: "small-1" in _models(run) and _fails(run) and "browse" in _names(run),
    ),
    ("model=search", lambda run: False),
    ("tag=batch", lambda run: "batch" in run["tags"]),
    ("tag=team", lambda run: "team" in run["tags"]),
    ("tag=team=t3", lambda run: isinstance(run["tags"], dict) and run["tags"]["team"] == "t3"),
    ("tag=batch&tool=mail", lambda run: "batch" in run["tags"] and "mail" in _names(run)),
    ("metric=score", lambda run: bool(run["metrics"])),
    ("metric=score>1.5", lambda run: any(metric["value"] > 1.5 for metric in run["metrics"])),
    ("metric=score<=0.7&metric=score>=0.5", lambda run: any(0.5 <= metric["value"] <= 0.7 for metric in run["metrics"])),
    ("q=rainfall", lambda run: "rainfall" in run["input"]["question"]),
    ("q=INVOICE", lambda run: "invoice" in run["input"]["question"]),
    ("q=grösse or größe", lambda run: "Größe" in run["input"]["question"]),
    ("q=answer -rainfall", lambda run: "rainfall" not in run["input"]["question"]),
    ('q="answer is 7"', lambda run: run["output"] == "the answer is 7"),
    ("q=boom", _fails),
    ("q=answer&status=FAILED&tool=browse", lambda run: run["status"] == "FAILED" and "browse" in _names(run)),
]

SORTS: dict[Sort, Callable[[dict[str, Any]], Any]] = {
    Sort.TIME: lambda run: run["startedAt"],
    Sort.DURATION: _seconds,
    Sort.COST: _cost,
    Sort.STEPS: lambda run: len(run["steps"]),
}


@pytest.mark.parametrize("matches_max", [finding.MATCHES_MAX, 1], ids=["few matches", "many matches"])
def test_filters_and_sorts(
    client: TestClient, runs: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, matches_max: int
) -> None:
    monkeypatch.setattr(finding, "MATCHES_MAX", matches_max)
    for query, holds in FILTERS:
        for sort, value_of in SORTS.items():
            if matches_max == 1 and "q=" in query and sort is not Sort.TIME:
                continue
            expected = [run for run in runs if holds(run) and value_of(run) is not None]
            expected.sort(key=lambda run: (value_of(run), run["id"]), reverse=True)
            assert _all_pages(client, f"{query}&sort={sort}") == [run["id"] for run in expected], (query, sort)


BESIDE = ("q=", "tool=", "model=", "tag=", "metric=", "DurationMs=", "CostUsd=", "sort=duration", "sort=cost", "sort=steps")
"""What rests on the search index."""


def _all_pages(client: TestClient, query: str) -> list[str]:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(f"/v1/runs?{query}&limit=5" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, (query, answer.text)
        page = answer.json()
        assert ("searchLagSeconds" in page) == any(name in query for name in BESIDE)
        seen += [run["id"] for run in page["items"]]
        cursor = page["nextCursor"]
    assert [run["id"] for run in client.get(f"/v1/runs?{query}&limit=3&offset=4").json()["items"]] == seen[4:7]
    return seen


def test_runs_by_their_ids(client: TestClient, runs: list[dict[str, Any]]) -> None:
    some = runs[3:16]
    ids = "&".join(f"id={run['id']}" for run in some)
    asked = {query: dict(FILTERS)[query] for query in ("", "status=FAILED&status=RUNNING", "model=large", "agentName=agent-1")}
    for query, holds in {**asked, "q=answer": lambda run: True, "minCostUsd=0.1": lambda run: _cost(run) >= 0.1}.items():
        for sort, value_of in SORTS.items():
            expected = [run for run in some if holds(run) and value_of(run) is not None]
            expected.sort(key=lambda run: (value_of(run), run["id"]), reverse=True)
            assert _all_pages(client, f"{ids}&{query}&sort={sort}") == [run["id"] for run in expected], (query, sort)
    one = runs[5]["id"]
    bare = one.replace("-", "").upper()
    assert _all_pages(client, f"id={one}&id={bare}&id={uuid4()}") == [one]
    assert _all_pages(client, f"id={uuid4()}") == []
    exported = client.get(f"/v1/runs/export?id={one}&id={runs[6]['id']}").text.splitlines()
    assert len(exported) == 2
    for wrong in ("id=5", "id=", "id=%00", "&".join(f"id={uuid4()}" for _ in range(101))):
        for route in ("runs", "runs/export", "stream"):
            answer = client.get(f"/v1/{route}?{wrong}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_query"), (route, wrong)


def test_too_many_matches_sort_by_time_only(
    client: TestClient, runs: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MATCHES_MAX", 3)
    answer = client.get("/v1/runs?q=answer&sort=cost")
    assert (answer.status_code, "sort them by time" in answer.json()["error"]["message"]) == (422, True)


def test_what_changes_is_found_anew(client: TestClient, drain: Drain, runs: list[dict[str, Any]]) -> None:
    first, second = runs[0]["id"], runs[1]["id"]
    client.patch(f"/v1/runs/{first}", json={"startedAt": "2026-11-20T12:00:00Z", "tags": ["late"], "output": "thunderstorm"})
    client.post(f"/v1/runs/{second}/steps", json={"toolName": "telescope", "model": "stellar", "output": {"seen": "andromeda"}})
    drain()
    assert _all_pages(client, "tool=search")[0] == _all_pages(client, "model=small-0")[0] == first
    assert _all_pages(client, "model=stellar") == [second]
    assert _all_pages(client, "tag=late") == [first]
    assert first not in _all_pages(client, "tag=batch")
    assert _all_pages(client, "q=thunderstorm") == [first]
    assert _all_pages(client, "tool=telescope") == _all_pages(client, "q=andromeda") == [second]


def test_large_and_odd_payloads_are_searched_by_their_head(client: TestClient, drain: Drain) -> None:
    head, tail = 'needle\n"quoted" ' + "hay " * 1500, "hay " * 3000 + " lostword"
    run_id = client.post("/v1/runs", json={"agent": {"name": "a"}, "input": head + tail}).json()["id"]
    for number in range(40):
        words = " ".join(f"w{number}x{place}" for place in range(2000))
        client.post(f"/v1/runs/{run_id}/steps", json={"toolName": "many", "output": {"words": words}})
    drain()
    assert _all_pages(client, "q=needle quoted") == [run_id]
    assert _all_pages(client, "q=w39x5") == [run_id]
    assert _all_pages(client, "q=lostword") == []


def test_projects_do_not_see_each_other(
    client: TestClient, runs: list[dict[str, Any]], database: psycopg.Connection[Any]
) -> None:
    for table in ("runs", "search_terms", "search_documents", "indexed_runs"):
        database.execute(f"UPDATE {table} SET project_id = 2")  # type: ignore[arg-type]
    for query, _ in FILTERS:
        assert _all_pages(client, query) == []


def test_sessions(client: TestClient, runs: list[dict[str, Any]]) -> None:
    page = client.get("/v1/sessions?limit=3").json()
    assert [session["id"] for session in page["items"]] == ["session-3", "session-2", "session-1"]
    rest = client.get(f"/v1/sessions?limit=3&cursor={page['nextCursor']}").json()
    assert [session["id"] for session in rest["items"]] == ["session-0"]
    members = [run for run in runs if run["sessionId"] == "session-3"]
    session = page["items"][0]
    assert session["runCount"] == len(members)
    assert session["failedCount"] == sum(run["status"] == "FAILED" for run in members)
    assert session["stepCount"] == sum(len(run["steps"]) for run in members)
    assert session["lastRunId"] == members[-1]["id"]
    assert session["costUsd"] == pytest.approx(sum(map(_cost, members)))
    first = client.get("/v1/sessions/session-3/runs?limit=4").json()
    second = client.get(f"/v1/sessions/session-3/runs?limit=4&cursor={first['nextCursor']}").json()
    assert [run["id"] for run in first["items"] + second["items"]] == [run["id"] for run in members]
    assert client.get("/v1/sessions/nothing/runs").status_code == 404


def test_a_users_runs(client: TestClient, drain: Drain, database: psycopg.Connection[Any]) -> None:
    database.execute(queries.SEED_USER, {"project_id": 1, "email": "ada@example.org", "name": "Ada"})
    body = {"agent": {"name": "a"}, "userId": 1}
    ids = [client.post("/v1/runs", json=body | {"startedAt": f"2026-11-20T10:0{n}:00Z"}).json()["id"] for n in range(3)]
    client.post("/v1/runs", json={"agent": {"name": "a"}})
    drain()
    first = client.get("/v1/users/1/runs?limit=2").json()
    rest = client.get(f"/v1/users/1/runs?limit=2&cursor={first['nextCursor']}").json()
    assert [run["id"] for run in first["items"] + rest["items"]] == ids[::-1]
    assert _all_pages(client, "userId=1") == ids[::-1]
    assert client.get("/v1/users/7/runs").json()["items"] == []


MOMENT = datetime.now(UTC) - timedelta(seconds=10_000)
"""In the midst of the runs of `filled`."""

PLANS = [
    (RunFilter(), Sort.TIME, "runs_started_idx"),
    (RunFilter(agent_ids=(1,)), Sort.TIME, "runs_agent_idx"),
    (RunFilter(agent_ids=(1, 2, 3)), Sort.TIME, "runs_agent_idx"),
    (RunFilter(statuses=("FAILED",)), Sort.TIME, "runs_status_idx"),
    (RunFilter(statuses=("FAILED", "RUNNING")), Sort.TIME, "runs_status_idx"),
    (RunFilter(ids=(uuid4(),)), Sort.TIME, "runs_pkey"),
    (RunFilter(ids=tuple(uuid4() for _ in range(IDS_MAX)), has_error=True), Sort.TIME, "runs_pkey"),
    (RunFilter(ids=(uuid4(), uuid4())), Sort.COST, "indexed_runs_pkey"),
    (RunFilter(user_id=3), Sort.TIME, "runs_user_idx"),
    (RunFilter(session_id="s3"), Sort.TIME, "runs_session_idx"),
    (RunFilter(stale=True), Sort.TIME, "runs_status_idx"),
    (RunFilter(has_error=True), Sort.TIME, "runs_failed_idx"),
    (RunFilter(started_before=MOMENT), Sort.TIME, "runs_started_idx"),
    (RunFilter(duration_min=19_990 * 1_000_000), Sort.TIME, "indexed_runs_duration_idx"),
    (RunFilter(cost_min=19_990), Sort.TIME, "indexed_runs_cost_idx"),
    (RunFilter(tools=("rare",)), Sort.TIME, "search_terms_pkey"),
    (RunFilter(models=("rare",)), Sort.TIME, "search_terms_pkey"),
    (RunFilter(tags=("rare",), metrics=(MetricFilter("score"),)), Sort.TIME, "search_terms_pkey"),
    (RunFilter(), Sort.DURATION, "indexed_runs_duration_idx"),
    (RunFilter(), Sort.COST, "indexed_runs_cost_idx"),
    (RunFilter(), Sort.STEPS, "indexed_runs_steps_idx"),
]


@pytest.fixture(scope="module")
def filled(template: Any) -> Any:
    """A database with 20,000 runs, for plans."""
    url = template.database_url.replace("/agentguide?", "/plans?", 1)
    with template.database() as connection:
        connection.execute("CREATE DATABASE plans TEMPLATE template_agentguide")
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(
            "INSERT INTO runs (project_id, id, day, agent_id, user_id, session_id, status, started_at, finished_at,"
            " accepted_at, cost_nano_usd, step_count, error_count)"
            " SELECT 1, gen_random_uuid(), current_date, n % 20, n % 50, 's' || n % 500,"
            " (ARRAY['SUCCESS', 'SUCCESS', 'SUCCESS', 'FAILED', 'RUNNING'])[n % 5 + 1], now() - n * interval '1 s',"
            " now() - n * interval '1 s' + ((n * 7919) % 20000) * interval '1 s', now(), (n * 7919) % 20000, n % 100,"
            " (n % 40 = 0)::int FROM generate_series(1, 20000) AS n"
        )
        database.execute(
            "INSERT INTO search_terms SELECT 1, term, started_at, id FROM runs, unnest(ARRAY['tool:search', 'metric:score',"
            " CASE WHEN cost_nano_usd < 20 THEN 'tool:rare' ELSE 'tag:rare' END]) AS term"
        )
        database.execute(
            "INSERT INTO indexed_runs SELECT project_id, id, started_at, duration_microseconds, cost_nano_usd, step_count, '{}'"
            " FROM runs"
        )
        database.execute("ANALYZE")
        yield database
    with template.database() as connection:
        connection.execute("DROP DATABASE plans WITH (FORCE)")


@pytest.mark.parametrize("after", [None, Position(MOMENT, uuid4())], ids=["first page", "later page"])
@pytest.mark.parametrize(("wanted", "sort", "index"), PLANS)
def test_lists_read_their_index(
    filled: psycopg.Connection[Any], wanted: RunFilter, sort: Sort, index: str, after: Position | None
) -> None:
    if after is not None and sort is not Sort.TIME:
        after = Position(5000, after.id)
    statement, values = list_runs(1, wanted, sort, Page(50, after=after))
    plan = "\n".join(row[0] for row in filled.execute(f"EXPLAIN {statement}", values))  # type: ignore[arg-type]
    assert index in plan
    assert "Seq Scan on runs" not in plan
    assert "Seq Scan on search_terms" not in plan
    assert "Seq Scan on indexed_runs" not in plan
