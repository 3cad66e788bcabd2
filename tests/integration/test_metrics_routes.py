"""The routes of the KPIs: a simulation gives the numbers that were sent, and bad questions are refused with the reason."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api import user_kpis
from api.state import READ_CONNECTIONS, USER_FIGURES_MAX
from db import queries
from events.simulation import Simulation
from tests.integration.conftest import Drain
from tests.support.recount import Row, assert_percentiles

SIMULATED = 100
ERROR_RATE = 0.3


@pytest.fixture
def simulated(client: TestClient, drain: Drain) -> list[Row]:
    """The events of 100 runs, sent and stored, in the order in which they were sent."""
    simulation = Simulation(seed=7, error_rate=ERROR_RATE, steps=6)
    last = datetime.now(UTC)
    sent = [simulation.run(number, last - timedelta(minutes=number)) for number in range(SIMULATED)]
    events = [event for run in sent for event in run.events]
    assert client.post("/v1/events", json=events).status_code == 202
    assert drain() == 0
    return events


def _whole(events: list[Row]) -> tuple[dict[str, Row], dict[tuple[str, str], Row]]:
    """Runs and steps by their ids, of what their events say together."""
    runs: dict[str, Row] = {}
    steps: dict[tuple[str, str], Row] = {}
    for event in events:
        if event["type"] == "run":
            runs.setdefault(event["id"], {}).update(event)
        else:
            steps.setdefault((event["runId"], event["id"]), {}).update(event)
    return runs, steps


def _microseconds(timed: Row) -> int:
    taken = datetime.fromisoformat(timed["finishedAt"]) - datetime.fromisoformat(timed["startedAt"])
    return taken // timedelta(microseconds=1)


def test_a_simulation_gives_the_numbers_that_were_sent(client: TestClient, simulated: list[Row]) -> None:
    runs, steps = _whole(simulated)
    failed = sum(run["status"] == "FAILED" for run in runs.values())
    broken = [step for step in steps.values() if "error" in step]
    answer = client.get("/v1/metrics/summary").json()
    assert answer["runs"] == SIMULATED
    assert 0 < failed < SIMULATED
    assert answer["runsByStatus"] == {
        "PENDING": 0,
        "RUNNING": 0,
        "SUCCESS": SIMULATED - failed,
        "FAILED": failed,
        "CANCELLED": 0,
    }
    assert (answer["inFlight"], answer["successRate"]) == (0, (SIMULATED - failed) / SIMULATED)
    assert (answer["steps"], answer["stepErrors"]) == (len(steps), len(broken))
    assert (answer["stepsPerRun"], answer["stepErrorRate"]) == (len(steps) / SIMULATED, len(broken) / len(steps))
    for name in ("inputTokens", "outputTokens"):
        assert answer[name] == sum(step.get(name, 0) for step in steps.values())
    assert answer["costUsd"] == sum(round(step.get("costUsd", 0) * 1e9) for step in steps.values()) / 1e9
    taken = sorted(map(_microseconds, runs.values()))
    assert answer["durationMs"]["avg"] == round(sum(taken) / SIMULATED / 1000, 3)
    assert_percentiles(answer["durationMs"], taken)
    assert answer["previous"]["runs"] == 0
    assert answer["previous"]["successRate"] is None
    assert sum(agent["runs"] for agent in answer["agents"]) == SIMULATED
    by_name = Counter((run["agent"]["name"], run["agent"]["version"]) for run in runs.values())
    assert {(agent["name"], agent["version"]): agent["runs"] for agent in answer["agents"]} == by_name

    series = client.get("/v1/metrics/timeseries", params={"bucket": "hour"}).json()["buckets"]
    assert len(series) in {25, 26}
    assert sum(bucket["runs"] for bucket in series) == SIMULATED
    assert sum(bucket["runsByStatus"]["FAILED"] for bucket in series) == failed
    assert sum(bucket["stepErrors"] for bucket in series) == len(broken)

    tools = client.get("/v1/metrics/tools", params={"sort": "failing", "errors": 100}).json()
    assert {tool["toolName"]: tool["calls"] for tool in tools["tools"]} == Counter(step["toolName"] for step in steps.values())
    assert {tool["toolName"]: tool["failures"] for tool in tools["tools"] if tool["failures"]} == Counter(
        step["toolName"] for step in broken
    )
    assert sum(error["count"] for error in tools["errors"] if error["subject"] == "step") == len(broken)
    assert sum(error["count"] for error in tools["errors"] if error["subject"] == "run") == failed
    for error in tools["errors"]:
        sample = client.get(f"/v1/runs/{error['sampleRunId']}").json()
        held = [sample["error"], *(step["error"] for step in sample["steps"] if step["toolName"] == error["toolName"])]
        assert any(held)

    models = client.get("/v1/metrics/models").json()["models"]
    assert {model["model"]: model["calls"] for model in models} == Counter(
        step["model"] for step in steps.values() if "model" in step
    )
    latency = client.get("/v1/metrics/latency", params={"tool": "chat"}).json()
    assert latency["total"] == sum(step["toolName"] == "chat" for step in steps.values())
    assert_percentiles(latency["durationMs"], sorted(_microseconds(s) for s in steps.values() if s["toolName"] == "chat"))


def test_a_tool_over_time_adds_up_to_the_tool(client: TestClient, simulated: list[Row]) -> None:
    _, steps = _whole(simulated)
    for tool in client.get("/v1/metrics/tools").json()["tools"]:
        name = tool["toolName"]
        mine = [step for step in steps.values() if step["toolName"] == name]
        for bucket in ("hour", "day"):
            answer = client.get("/v1/metrics/tools/timeseries", params={"tool": name, "bucket": bucket}).json()
            assert (answer["toolName"], answer["bucket"], answer["window"]["covered"]["grain"]) == (name, bucket, "hour")
            buckets = {datetime.fromisoformat(one["start"]): one for one in answer["buckets"]}
            assert len(buckets) == len(answer["buckets"]) in ((24, 25, 26) if bucket == "hour" else (2, 3))
            for field in ("calls", "failures", "inputTokens", "outputTokens"):
                assert sum(one[field] for one in buckets.values()) == tool[field]
            for start, one in buckets.items():
                end = start + timedelta(**{f"{bucket}s": 1})
                taken = sorted(_microseconds(s) for s in mine if start <= datetime.fromisoformat(s["startedAt"]) < end)
                assert one["calls"] == len(taken)
                assert one["failureRate"] == (one["failures"] / len(taken) if taken else None)
                average = one["durationMs"].pop("avg")
                assert average == (round(sum(taken) / len(taken) / 1000, 3) if taken else None)
                assert_percentiles(one["durationMs"], taken)


def test_a_tool_over_time_of_an_agent_and_of_steps_without_a_tool(client: TestClient, drain: Drain) -> None:
    for number, name in enumerate(("a", "b", "b"), 1):
        run = {"type": "run", "id": f"{number:032x}", "agent": {"name": name}, "startedAt": "2026-11-01T10:00:00Z"}
        times = {"startedAt": "2026-11-01T10:30:00Z", "finishedAt": "2026-11-01T10:30:02Z"}
        step = {"type": "step", "runId": run["id"], "id": f"{1:016x}", "error": "boom" if number == 2 else None} | times
        assert client.post("/v1/events", json=[run, step]).status_code == 202
    drain()
    window = {"from": "2026-11-01T08:00:00Z", "to": "2026-11-01T11:00:00Z", "tool": ""}
    answer = client.get("/v1/metrics/tools/timeseries", params=window | {"agentName": "b"}).json()
    assert (answer["toolName"], answer["bucket"]) == (None, "hour")
    assert [one["calls"] for one in answer["buckets"]] == [0, 0, 2]
    assert answer["buckets"][0]["durationMs"] == {"avg": None, "p50": None, "p95": None}
    assert (answer["buckets"][2]["failures"], answer["buckets"][2]["failureRate"]) == (1, 0.5)
    assert answer["buckets"][2]["durationMs"]["avg"] == 2000
    for other in ({"tool": "none"}, {"agentName": "nobody"}):
        answer = client.get("/v1/metrics/tools/timeseries", params=window | other).json()
        assert [one["calls"] for one in answer["buckets"]] == [0, 0, 0]


def test_users_are_counted_from_their_runs(client: TestClient, drain: Drain, database: psycopg.Connection[Any]) -> None:
    for number, name in enumerate(("Ada", "Bob", "Eve", "Moved"), 1):
        database.execute(queries.SEED_USER, {"project_id": 1, "email": f"{name}@example.org", "name": name})
        for run in range(number):
            body = {
                "agent": {"name": f"agent-{run % 2}"},
                "userId": number,
                "status": ("SUCCESS", "FAILED", "RUNNING")[run % 3],
            }
            body |= {"startedAt": f"2026-11-01T1{run}:0{number}:00Z"} | ({"sessionId": f"s{run // 2}"} if run else {})
            run_id = client.post("/v1/runs", json=body).json()["id"]
            step = {"toolName": "chat", "inputTokens": 10 * number, "outputTokens": run, "costUsd": 0.5}
            client.post(f"/v1/runs/{run_id}/steps", json=step)
            if run == number - 1 and number == 3:
                last_of_eve = run_id
    client.post("/v1/runs", json={"agent": {"name": "agent-0"}, "startedAt": "2026-11-01T10:00:00Z"})  # of nobody
    drain()
    database.execute("DELETE FROM memberships WHERE user_id = 4")
    database.execute("UPDATE runs SET project_id = 2 WHERE user_id = 2")
    window = {"from": "2026-11-01T10:00:00Z", "to": "2026-11-02T00:00:00Z"}
    answer = client.get("/v1/metrics/users", params=window)
    assert "example.org" not in answer.text
    users = answer.json()["users"]
    assert [(user["userId"], user["name"], user["runs"]) for user in users] == [(4, None, 4), (3, "Eve", 3), (1, "Ada", 1)]
    assert users[1] == {
        "userId": 3,
        "name": "Eve",
        "runs": 3,
        "failedRuns": 1,
        "sessions": 2,
        "inputTokens": 90,
        "outputTokens": 3,
        "costUsd": 1.5,
        "lastRunId": last_of_eve,
        "lastRunAt": "2026-11-01T12:03:00+00:00",
    }
    assert (users[2]["sessions"], answer.json()["usersLeftOut"]) == (0, 0)
    assert answer.json()["window"]["covered"]["grain"] == "minute"
    one = client.get("/v1/metrics/users", params=window | {"limit": 1}).json()
    assert ([user["userId"] for user in one["users"]], one["usersLeftOut"]) == ([4], 2)
    of_agent = client.get("/v1/metrics/users", params=window | {"agentName": "agent-1"}).json()["users"]
    assert [(user["userId"], user["runs"], user["lastRunAt"][11:16]) for user in of_agent] == [(4, 2, "13:04"), (3, 1, "11:03")]
    early = client.get("/v1/metrics/users", params=window | {"to": "2026-11-01T11:03:00Z"}).json()["users"]
    assert [(user["userId"], user["runs"]) for user in early] == [(1, 1), (3, 1), (4, 1)]
    for nothing in ({"agentName": "nobody"}, {"from": "2026-11-01T23:00:00Z"}):
        assert client.get("/v1/metrics/users", params=window | nothing).json()["users"] == []


def test_figures_of_users_leave_connections_to_others(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted from the runs, for seconds in a large project; who asks meanwhile waits without a connection."""
    state = cast("FastAPI", client.app).state.agentguide
    assert 0 < USER_FIGURES_MAX < READ_CONNECTIONS / 2
    monkeypatch.setattr(state, "user_figures", asyncio.Semaphore(0))
    monkeypatch.setattr(user_kpis, "TURN_SECONDS", 0.05)
    refused = client.get("/v1/metrics/users")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
    assert int(refused.headers["retry-after"]) > 0
    assert client.get("/v1/metrics/summary").status_code == 200
    monkeypatch.setattr(state, "user_figures", asyncio.Semaphore(1))
    assert [client.get("/v1/metrics/users").status_code for _ in range(3)] == [200, 200, 200]
    assert client.get("/v1/metrics/users", params={"agentName": "nobody"}).status_code == 200


def test_agents_by_id_by_name_and_by_version(client: TestClient, simulated: list[Row]) -> None:
    runs, _ = _whole(simulated)
    counts = Counter((run["agent"]["name"], run["agent"]["version"]) for run in runs.values())
    (name, version), count = counts.most_common(1)[0]
    ids = {(agent["name"], agent["version"]): agent["id"] for agent in client.get("/v1/agents").json()["items"]}

    def runs_of(**filters: Any) -> int:
        answer = client.get("/v1/metrics/summary", params=filters).json()
        assert sum(agent["runs"] for agent in answer["agents"]) == answer["runs"]
        return cast("int", answer["runs"])

    assert runs_of(agentName=name, agentVersion=version) == count
    assert runs_of(agentName=name) == sum(counts[key] for key in counts if key[0] == name)
    assert runs_of(agentVersion=version) == sum(counts[key] for key in counts if key[1] == version)
    two = list(counts)[:2]
    assert runs_of(agentId=[ids[key] for key in two]) == runs_of(agentId=[ids[key] for key in [*two, *two]])
    assert runs_of(agentId=[ids[key] for key in two]) == sum(counts[key] for key in two)
    assert runs_of(agentId=ids[name, version], agentName="nobody") == 0
    for nobody in ({"agentId": 2**31 - 1}, {"agentName": "nobody"}, {"agentName": "nul\0"}, {"agentVersion": "nobody"}):
        assert runs_of(**nobody) == 0
        assert client.get("/v1/metrics/tools", params=nobody).json()["tools"] == []
        assert client.get("/v1/metrics/latency", params=nobody).json()["total"] == 0
        series = client.get("/v1/metrics/timeseries", params=nobody).json()["buckets"]
        assert {bucket["runs"] for bucket in series} == {0}


def test_what_is_cut_is_stated(client: TestClient) -> None:
    asked = {"from": "2026-11-01T10:17:30Z", "to": "2026-11-01T12:00:00.000001"}
    minutes = {"from": "2026-11-01T10:17:00+00:00", "to": "2026-11-01T12:01:00+00:00", "grain": "minute"}
    hours = {"from": "2026-11-01T10:00:00+00:00", "to": "2026-11-01T13:00:00+00:00", "grain": "hour"}
    covered = {
        route: client.get(f"/v1/metrics/{route}", params=asked).json()["window"]
        for route in ("summary", "timeseries", "latency", "tools", "models", "latency?subject=step")
    }
    for route in ("summary", "timeseries", "latency"):
        assert covered[route] == {
            "from": "2026-11-01T10:17:30+00:00",
            "to": "2026-11-01T12:00:00.000001+00:00",
            "covered": minutes,
        }
    for route in ("tools", "models"):
        assert covered[route]["covered"] == hours
    assert client.get("/v1/metrics/latency", params=asked | {"subject": "step"}).json()["window"]["covered"] == hours


FIGURES_OF_NOTHING: Row = {
    "runs": 0,
    "runsByStatus": {"PENDING": 0, "RUNNING": 0, "SUCCESS": 0, "FAILED": 0, "CANCELLED": 0},
    "inFlight": 0,
    "successRate": None,
    "durationMs": {"avg": None, "p50": None, "p95": None, "p99": None},
    "steps": 0,
    "stepsPerRun": None,
    "stepErrors": 0,
    "stepErrorRate": None,
    "stepDurationMs": {"avg": None},
    "inputTokens": 0,
    "outputTokens": 0,
    "costUsd": 0.0,
}


def test_where_nothing_happened_every_field_is_there(client: TestClient) -> None:
    asked = {"from": "2026-11-01T10:00:00Z", "to": "2026-11-01T12:00:00Z"}
    summary = client.get("/v1/metrics/summary", params=asked).json()
    window, before = summary.pop("window"), summary["previous"].pop("window")
    assert before["covered"]["to"] == window["covered"]["from"]
    assert before["covered"]["from"] == "2026-11-01T08:00:00+00:00"
    assert summary == {**FIGURES_OF_NOTHING, "previous": FIGURES_OF_NOTHING, "agents": [], "agentsLeftOut": 0}
    series = client.get("/v1/metrics/timeseries", params=asked).json()
    assert (series["bucket"], len(series["buckets"])) == ("minute", 120)
    last = series["buckets"][-1]
    assert last.pop("start") == "2026-11-01T11:59:00+00:00"
    assert last == FIGURES_OF_NOTHING | {"durationMs": {"avg": None, "p50": None, "p95": None}}
    tools = client.get("/v1/metrics/tools", params=asked).json()
    del tools["window"]
    assert tools == {"tools": [], "toolsLeftOut": 0, "topFailing": [], "errors": []}


def test_tools_beyond_the_limit_are_counted(client: TestClient, drain: Drain) -> None:
    calls = {"often": 3, "sometimes": 2, "broken": 1}
    events = [
        {"type": "step", "runId": "1" * 32, "id": f"{number:016x}", "toolName": tool, "startedAt": "2026-11-01T10:00:00Z"}
        | {"finishedAt": f"2026-11-01T10:0{calls[tool]}:00Z"}
        | ({"error": "it broke"} if tool == "broken" else {})
        for number, tool in enumerate([tool for tool, count in calls.items() for _ in range(count)], 1)
    ]
    assert client.post("/v1/events", json=events).status_code == 202
    drain()
    window = {"from": "2026-11-01T10:00:00Z", "to": "2026-11-01T11:00:00Z"}
    for sort, first in (("calls", "often"), ("slowest", "often"), ("failing", "broken")):
        answer = client.get("/v1/metrics/tools", params=window | {"sort": sort, "limit": 1}).json()
        assert ([tool["toolName"] for tool in answer["tools"]], answer["toolsLeftOut"]) == ([first], 2)
        assert [tool["toolName"] for tool in answer["topFailing"]] == ["broken"]
        assert [(error["message"], error["count"]) for error in answer["errors"]] == [("it broke", 1)]
    answer = client.get("/v1/metrics/tools", params=window | {"top": 0, "errors": 0}).json()
    assert (answer["topFailing"], answer["errors"]) == ([], [])


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("summary?from=yesterday", "datetime"),
        ("summary?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z", "not before"),
        ("summary?from=2026-11-01T00:00:00Z&to=2026-11-01T00:00:00Z", "not before"),
        ("summary?from=2010-01-01T00:00:00Z&to=2026-11-01T00:00:00Z", "longer than 1830 days"),
        ("summary?to=2200-01-01T00:00:00Z", "between 1970 and 2200"),
        ("summary?from=0001-01-01T00:00:00%2B23:00", "between 1970 and 2200"),
        ("summary?agentId=0", "greater than or equal to 1"),
        ("summary?agentId=one", "valid integer"),
        ("summary?" + "&".join(f"agentId={number}" for number in range(1, 22)), "at most 20"),
        ("summary?agentName=", "at least 1"),
        ("summary?agent=shop", "Extra inputs"),
        ("timeseries?bucket=week", "'minute', 'hour' or 'day'"),
        ("timeseries?bucket=minute&from=2026-11-01T00:00:00Z&to=2026-11-03T00:00:00Z", "2880 buckets of a minute"),
        ("tools?sort=fastest", "'slowest', 'failing' or 'calls'"),
        ("tools?limit=0", "greater than or equal to 1"),
        ("tools?limit=1001", "less than or equal to 1000"),
        ("tools?top=-1", "greater than or equal to 0"),
        ("tools?errors=101", "less than or equal to 100"),
        ("models?limit=0", "greater than or equal to 1"),
        ("tools/timeseries", "Field required"),
        ("tools/timeseries?tool=a&bucket=minute", "'hour' or 'day'"),
        ("tools/timeseries?tool=a&bucket=hour&from=2026-01-01T00:00:00Z&to=2026-11-03T00:00:00Z", "7344 buckets of a hour"),
        ("tools/timeseries?tool=nul%00", "NUL"),
        ("tools/timeseries?tool=" + "x" * 257, "at most 256"),
        ("users?limit=0", "greater than or equal to 1"),
        ("users?limit=1001", "less than or equal to 1000"),
        ("users?from=2010-01-01T00:00:00Z&to=2026-11-01T00:00:00Z", "longer than 1830 days"),
        ("users?userId=1", "Extra inputs"),
        ("latency?subject=tool", "'run' or 'step'"),
        ("latency?subject=run&tool=search", "leave out `subject`"),
        ("latency?tool=nul%00", "NUL"),
        ("latency?tool=" + "x" * 257, "at most 256"),
    ],
)
def test_what_is_refused_and_why(client: TestClient, query: str, reason: str) -> None:
    answer = client.get(f"/v1/metrics/{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_query"
    assert reason in answer.text
    assert "SELECT" not in answer.text
