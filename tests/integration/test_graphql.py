"""GraphQL: the same data as the routes, in a bounded number of statements, and what it refuses."""

import json
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.app import create_read_app
from api.graphql import context
from api.graphql.loaders import FIRST_PART, PAYLOADS
from db import queries
from events.settings import Settings
from tests.integration.conftest import Drain

RUNS, STEPS = 20, 6

EVERYTHING = """
query everything($first: Int!, $steps: Int!) {
  runs(first: $first) { pageInfo { hasNextPage } edges { cursor node {
    id status input output error attributes agent { id name createdAt }
    metrics { edges { node { name value tags } } }
    steps(first: $steps) { pageInfo { endCursor } edges { node {
      id index toolName status input output run { id agent { name } }
      artifacts { edges { node { id type url content } } }
    } } }
  } } }
}
"""


class Counting:
    """A pool whose connections note each statement they send."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.statements: list[str] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        async with self._pool.connection() as connection:
            connection.cursor_factory = self._cursor
            yield connection
            connection.cursor_factory = psycopg.AsyncCursor

    def _cursor(self, *args: Any, **options: Any) -> psycopg.AsyncCursor[Any]:
        statements = self.statements

        class Noting(psycopg.AsyncCursor[Any]):
            async def execute(self, query: Any, *args: Any, **options: Any) -> "Noting":
                statements.append(query)
                return await super().execute(query, *args, **options)

            def stream(self, query: Any, *args: Any, **options: Any) -> AsyncGenerator[Any]:
                statements.append(query)
                return super().stream(query, *args, **options)  # type: ignore[return-value]

        return Noting(*args, **options)


@pytest.fixture
def counting(client: TestClient) -> Iterator[Counting]:
    state = client.app.state.agentguide  # type: ignore[attr-defined]
    pool, state.pool = state.pool, Counting(state.pool)
    yield state.pool
    state.pool = pool


def _ask(client: TestClient, query: str, **variables: Any) -> dict[str, Any]:
    response = client.post("/graphql", json={"query": query, "variables": variables})
    answer: dict[str, Any] = response.json()
    assert response.status_code == 200, answer
    assert "errors" not in answer
    return answer["data"]


def _nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]


def _send(client: TestClient, drain: Drain, runs: int = RUNS) -> list[str]:
    """Runs with all they can have, the newest last; gives their ids."""
    ids = [str(uuid4()) for _ in range(runs)]
    for number, run_id in enumerate(ids):
        run = {
            "type": "run",
            "id": run_id,
            "agent": {"name": f"agent-{number % 3}", "version": str(number % 2)},
            "sessionId": f"session-{number % 4}",
            "status": "FAILED" if number % 5 == 0 else "SUCCESS",
            "input": {"number": number},
            "output": [number],
            "error": {"message": f"broken {number}"} if number % 5 == 0 else None,
            "startedAt": f"2026-11-20T10:{number:02}:00Z",
            "finishedAt": f"2026-11-20T10:{number:02}:{number % 50:02}.5Z",
            "tags": ["even" if number % 2 == 0 else "odd"],
            "metrics": [{"name": "score", "value": number / 10}, {"name": "tries", "value": 1, "tags": {"of": "all"}}],
        }
        steps = [
            {
                "type": "step",
                "runId": run_id,
                "id": f"{step + 1:016x}",
                "toolName": f"tool-{step % 3}",
                "model": f"model-{number % 3}",
                "input": {"step": step},
                "output": step,
                "startedAt": f"2026-11-20T10:{number:02}:0{step}Z",
                "finishedAt": f"2026-11-20T10:{number:02}:0{step}.25Z",
                "inputTokens": 10,
                "costUsd": 0.001 * number,
                "artifacts": [{"type": "text", "content": f"{number}/{step}"}, {"type": "file", "url": "https://host/file"}],
            }
            for step in range(STEPS)
        ]
        assert client.post("/v1/events", json=[run, *steps]).status_code == 202
    drain()
    return ids


def test_answers_are_those_of_the_routes(client: TestClient, drain: Drain) -> None:
    ids = _send(client, drain)
    runs = _nodes(_ask(client, EVERYTHING, first=RUNS, steps=STEPS)["runs"])
    assert [run["id"] for run in runs] == ids[::-1]
    agents = {agent["id"]: agent for agent in client.get("/v1/agents").json()["items"]}
    for run in runs:
        whole = client.get(f"/v1/runs/{run['id']}").json()
        assert {name: run[name] for name in ("status", "input", "output", "error", "attributes")}.items() <= whole.items()
        assert run["agent"].items() <= agents[whole["agentId"]].items()
        assert [metric.items() <= told.items() for metric, told in zip(_nodes(run["metrics"]), whole["metrics"], strict=True)]
        steps = _nodes(run["steps"])
        assert len(steps) == len(whole["steps"]) == STEPS
        for step, told in zip(steps, whole["steps"], strict=True):
            assert {
                name: step[name] for name in ("id", "index", "toolName", "status", "input", "output")
            }.items() <= told.items()
            assert step["run"] == {"id": run["id"], "agent": {"name": run["agent"]["name"]}}
            assert sorted(_nodes(step["artifacts"]), key=str) == sorted(
                ({name: part[name] for name in ("id", "type", "url", "content")} for part in told["artifacts"]), key=str
            )


def test_a_list_shows_what_the_route_does(client: TestClient, drain: Drain) -> None:
    _send(client, drain, 3)
    listed = client.get("/v1/runs").json()["items"]
    assert _nodes(_ask(client, f"{{ runs {{ edges {{ node {{ {' '.join(listed[0])} }} }} }} }}")["runs"]) == listed
    names = [name for name in client.get(f"/v1/runs/{listed[0]['id']}").json()["steps"][0] if name != "artifacts"]
    query = f"query q($id: UUID!) {{ run(id: $id) {{ steps {{ edges {{ node {{ {' '.join(names)} }} }} }} }} }}"
    steps = client.get(f"/v1/runs/{listed[0]['id']}/steps").json()["items"]
    assert _nodes(_ask(client, query, id=listed[0]["id"])["run"]["steps"]) == [
        {name: step[name] for name in names} for step in steps
    ]
    sessions = client.get("/v1/sessions").json()["items"]
    assert _nodes(_ask(client, f"{{ sessions {{ edges {{ node {{ {' '.join(sessions[0])} }} }} }} }}")["sessions"]) == sessions


def test_the_number_of_statements_does_not_grow_with_what_is_loaded(
    client: TestClient, drain: Drain, counting: Counting
) -> None:
    _send(client, drain)
    counting.statements.clear()
    counts = []
    for first, steps in ((1, 1), (2, 2), (RUNS, STEPS)):
        assert len(_nodes(_ask(client, EVERYTHING, first=first, steps=steps)["runs"])) == first
        counts.append(len(counting.statements))
        counting.statements.clear()
    # Runs, agents, metrics, steps, artifacts; payloads of runs and of steps; contents of artifacts.
    assert counts == [8, 8, 8]


def test_payloads_are_read_only_if_asked_for(client: TestClient, drain: Drain, counting: Counting) -> None:
    _send(client, drain, 2)
    counting.statements.clear()
    _ask(
        client,
        "{ runs { edges { node { id tags steps { edges { node { name status artifacts { edges { node { id } } } } } } } } } }",
    )
    assert len(counting.statements) == 3
    assert not [statement for statement in counting.statements if "input" in statement and "CASE WHEN %(input)s" in statement]


def test_pages_meet(client: TestClient, drain: Drain) -> None:
    _send(client, drain)
    for name, more, count in (
        ("runs", "", RUNS),
        ("runs", "sort: DURATION", RUNS),
        ("runs", "sort: COST", RUNS),
        ("agents", "", 6),
        ("sessions", "", 4),
    ):
        query = f"query q($after: String) {{ {name}(first: 3, after: $after {more})"
        query += " { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
        seen: list[Any] = []
        info: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
        while info["hasNextPage"]:
            page = _ask(client, query, after=info["endCursor"])[name]
            assert page["pageInfo"]["hasPreviousPage"] is (info["endCursor"] is not None)
            info = page["pageInfo"]
            assert info["startCursor"] == page["edges"][0]["cursor"]
            assert info["endCursor"] == page["edges"][-1]["cursor"]
            seen += [node["id"] for node in _nodes(page)]
        assert len(seen) == len(set(seen)) == count


def test_pages_of_parts_meet(client: TestClient, drain: Drain) -> None:
    (run_id,) = _send(client, drain, 1)
    query = """
    query q($id: UUID!, $steps: String, $metrics: String) { run(id: $id) {
      steps(first: 4, after: $steps) { pageInfo { hasNextPage endCursor } edges { node { index } } }
      metrics(first: 1, after: $metrics) { pageInfo { hasNextPage endCursor } edges { node { name } } }
    } }"""
    first = _ask(client, query, id=run_id)["run"]
    second = _ask(client, query, id=run_id, **{name: first[name]["pageInfo"]["endCursor"] for name in first})["run"]
    assert [first[name]["pageInfo"]["hasNextPage"] for name in first] == [True, True]
    assert [second[name]["pageInfo"]["hasNextPage"] for name in second] == [False, False]
    assert [node["index"] for page in (first, second) for node in _nodes(page["steps"])] == list(range(STEPS))
    assert {node["name"] for page in (first, second) for node in _nodes(page["metrics"])} == {"score", "tries"}
    query = """
    query q($id: UUID!, $after: String) { run(id: $id) { steps(first: 2) { edges { node {
      artifacts(first: 1, after: $after) { edges { cursor node { type } } }
    } } } } }"""
    steps = _nodes(_ask(client, query, id=run_id)["run"]["steps"])
    assert [len(step["artifacts"]["edges"]) for step in steps] == [1, 1]
    cursor = steps[0]["artifacts"]["edges"][0]["cursor"]
    rest = _nodes(_ask(client, query, id=run_id, after=cursor)["run"]["steps"])[0]["artifacts"]["edges"]
    assert {steps[0]["artifacts"]["edges"][0]["node"]["type"], rest[0]["node"]["type"]} == {"text", "file"}


_FILTERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"status": ["FAILED"]}, {"status": "FAILED"}),
    ({"agentName": "agent-1", "agentVersion": "1"}, {"agentName": "agent-1", "agentVersion": "1"}),
    ({"sessionId": "session-2"}, {"sessionId": "session-2"}),
    ({"from": "2026-11-20T10:05:00Z"}, {"from": "2026-11-20T10:05:00Z"}),
    ({"to": "2026-11-20T12:09:00+02:00"}, {"to": "2026-11-20T10:09:00Z"}),
    ({"minDurationMs": 3000, "maxDurationMs": 9000.5}, {"minDurationMs": 3000, "maxDurationMs": 9000.5}),
    ({"minCostUsd": 0.03, "maxCostUsd": 0.06}, {"minCostUsd": 0.03, "maxCostUsd": 0.06}),
    ({"hasError": True}, {"hasError": True}),
    ({"tools": ["tool-1"], "tags": ["odd"]}, {"tool": "tool-1", "tag": "odd"}),
    ({"models": ["model-1"]}, {"model": "model-1"}),
    ({"metrics": [{"name": "score", "comparison": "GT", "value": 0.85}]}, {"metric": "score>0.85"}),
    ({"metrics": [{"name": "tries"}]}, {"metric": "tries"}),
    ({"q": '"broken"'}, {"q": '"broken"'}),
]


def test_filters_are_those_of_the_route(client: TestClient, drain: Drain) -> None:
    _send(client, drain)
    for given, parameters in _FILTERS:
        expected = [run["id"] for run in client.get("/v1/runs", params=parameters).json()["items"]]
        found = _ask(client, "query q($f: RunFilter) { runs(filter: $f) { edges { node { id } } } }", f=given)["runs"]
        assert [run["id"] for run in _nodes(found)] == expected, given
        assert expected, given


def test_one_of_none_is_nothing(client: TestClient, drain: Drain) -> None:
    ids = _send(client, drain, 2)
    query = "query q($f: RunFilter) { runs(filter: $f) { edges { node { id } } } }"
    for given in ({"status": []}, {"ids": []}, {"agentIds": []}, {"agentName": "nobody"}):
        assert _ask(client, query, f=given)["runs"]["edges"] == []
    assert _nodes(_ask(client, query, f={"ids": [ids[1].replace("-", "").upper()], "tools": []})["runs"]) == [{"id": ids[1]}]


_FIGURES = """runs inFlight successRate steps stepsPerRun stepErrors stepErrorRate inputTokens outputTokens costUsd
  runsByStatus { PENDING RUNNING SUCCESS FAILED CANCELLED } stepDurationMs { avg }"""
_WINDOW = "window { from to covered { from to grain } }"
_KPIS = {
    "summary": f"{_WINDOW} {_FIGURES} durationMs {{ avg p50 p95 p99 }} agentsLeftOut"
    f" previous {{ {_WINDOW} {_FIGURES} durationMs {{ avg p50 p95 p99 }} }}"
    f" agents {{ id name version {_FIGURES} durationMs {{ avg }} }}",
    "timeseries": f"{_WINDOW} bucket buckets {{ start {_FIGURES} durationMs {{ avg p50 p95 }} }}",
    "tools": f"{_WINDOW} toolsLeftOut errors {{ subject toolName message count sampleRunId }}"
    " tools { toolName calls failures failureRate inputTokens outputTokens costUsd durationMs { avg p50 p95 p99 } }"
    " topFailing { toolName calls failures failureRate inputTokens outputTokens costUsd durationMs { avg p50 p95 p99 } }",
    "models": f"{_WINDOW} modelsLeftOut"
    " models { model calls failures failureRate inputTokens outputTokens costUsd durationMs { avg } }",
    "latency": f"{_WINDOW} subject toolName total durationMs {{ p50 p90 p95 p99 }} buckets {{ fromMs toMs count }}",
}


def test_kpis_are_those_of_the_routes(client: TestClient, drain: Drain) -> None:
    _send(client, drain)
    window = {"from": "2026-11-20T09:30:00Z", "to": "2026-11-20T12:00:00Z"}
    agent_id = client.get("/v1/agents").json()["items"][1]["id"]
    query = "query q($from: DateTime, $to: DateTime, $agents: [Int!]) { kpis(from: $from, to: $to, agentIds: $agents)"
    for name, fields in _KPIS.items():
        same = {"top": 50, "errors": 50} if name == "tools" else {}
        for agents in (None, [agent_id]):
            parameters = {**window, **same, **({"agentId": agent_id} if agents else {})}
            told = client.get(f"/v1/metrics/{name}", params=parameters).json()
            answer = _ask(client, f"{query} {{ {name} {{ {fields} }} }} }}", **window, agents=agents)
            assert answer["kpis"][name] == told


def test_other_projects_are_not_seen(client: TestClient, drain: Drain, database: psycopg.Connection[Any]) -> None:
    (run_id,) = _send(client, drain, 1)
    for table in ("runs", "steps", "artifacts", "metrics"):
        database.execute(f"UPDATE {table} SET project_id = 2")
    database.execute("INSERT INTO projects (slug, name) VALUES ('other', 'Other')")
    database.execute("UPDATE agents SET project_id = (SELECT id FROM projects WHERE slug = 'other')")
    data = _ask(
        client, "query q($id: UUID!) { run(id: $id) { id } runs { edges { cursor } } agents { edges { cursor } } }", id=run_id
    )
    assert data == {"run": None, "runs": {"edges": []}, "agents": {"edges": []}}


_BAD: list[tuple[str, dict[str, Any], str]] = [
    ("", {}, "empty"),
    ("{ runs { edges { node { id } } }", {}, "Syntax Error"),
    ("{ runs { edges { node { secret } } } }", {}, "Cannot query field 'secret'"),
    ('{ run(id: "x\'; DROP TABLE runs --") { id } }', {}, "not a UUID"),
    ("query q($id: UUID!) { run(id: $id) { id } }", {"id": 5}, "not a UUID"),
    ("query q($id: UUID!) { run(id: $id) { id } }", {}, "to be provided"),
    ("{ runs(first: 0) { edges { cursor } } }", {}, "from 1 to 1000"),
    ("{ runs(first: 1001) { edges { cursor } } }", {}, "from 1 to 1000"),
    ("query q($n: Int!) { runs(first: $n) { edges { cursor } } }", {"n": 100000}, "from 1 to 1000"),
    ('{ runs(after: "abc") { edges { cursor } } }', {}, "cursor"),
    ('{ runs(after: "WzJd") { edges { cursor } } }', {}, "cursor"),
    ('{ agents(after: "WzEuNV0") { edges { cursor } } }', {}, "cursor"),
    ('{ sessions(after: "\\u0000") { edges { cursor } } }', {}, "cursor"),
    ('{ runs(filter: {sessionId: "\\u0000"}) { edges { cursor } } }', {}, "NUL"),
    ('{ runs(filter: {q: " "}) { edges { cursor } } }', {}, "words"),
    ('{ runs(filter: {from: "yesterday"}) { edges { cursor } } }', {}, "not a time"),
    ('{ runs(filter: {from: "0001-01-01T00:00:00+10:00"}) { edges { cursor } } }', {}, "years"),
    ("{ runs(filter: {minDurationMs: -1}) { edges { cursor } } }", {}, "minDurationMs"),
    ("{ runs(filter: {userId: 0}) { edges { cursor } } }", {}, "userId"),
    ("{ runs(filter: {agentIds: [1, 0]}) { edges { cursor } } }", {}, "agentIds"),
    ("{ kpis(agentIds: [-1]) { summary { runs } } }", {}, "agentIds"),
    ('{ runs(filter: {from: "2026-11-23", to: "2026-11-22"}) { edges { cursor } } }', {}, "`from`"),
    ("{ runs(filter: {userId: 99999999999}) { edges { cursor } } }", {}, "32-bit"),
    ('{ runs(filter: {metrics: [{name: "m", value: 1}]}) { edges { cursor } } }', {}, "both"),
    ("{ runs(filter: {status: [DONE]}) { edges { cursor } } }", {}, "DONE"),
    ("query q($f: RunFilter) { runs(filter: $f) { edges { cursor } } }", {"f": {"tools": ["t"] * 21}}, "at most 20"),
    ('{ kpis(from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z") { summary { runs } } }', {}, "before"),
    ('{ kpis(from: "2020-01-02", to: "2024-01-01") { timeseries(bucket: MINUTE) { bucket } } }', {}, "buckets"),
    ('{ kpis { latency(tool: "\\u0000") { total } } }', {}, "NUL"),
    ("mutation { drop }", {}, "Only queries"),
    ("subscription { runs }", {}, "Only queries"),
    ("query a { __typename } query b { __typename }", {}, "operationName"),
    ("fragment f on Run { id }", {}, "operationName"),
    ("{ ...f } fragment f on Query { ...f }", {}, "part of itself"),
    ("{" * 5_000, {}, "brackets"),
    ("{" + " ".join(f"a{number}: __typename" for number in range(10_000)) + "}", {}, "tokens"),
    ("{" + " ".join(f"a{number}: __typename" for number in range(31)) + "}", {}, "aliases"),
    ("{ runs(first: 1000) { edges { node { steps(first: 1000) { edges { node { id } } } } } } }", {}, "values"),
    ("{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }", {}, "introspection"),
    ("{" + " ".join(f"unknown{number}" for number in range(400)) + "}", {}, "Cannot query field"),
]


def test_bad_queries_are_told_at_once(client: TestClient) -> None:
    _ask(client, "{ __typename }")  # the first query of a process imports what runs queries
    for query, variables, reason in _BAD:
        started = time.monotonic()
        response = client.post("/graphql", json={"query": query, "variables": variables})
        assert time.monotonic() - started < 1, query
        answer = response.json()
        assert response.status_code == 400, (query, answer)
        assert "data" not in answer
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"invalid_query"}
        assert reason.lower() in json.dumps(answer["errors"], ensure_ascii=False).lower(), query
        assert len(answer["errors"]) <= 20
        assert not [word for word in ("SELECT", "psycopg", "Traceback", "%(") if word in response.text]


def test_a_wrong_cursor_deep_down_is_a_bad_query_too(client: TestClient, drain: Drain) -> None:
    (run_id,) = _send(client, drain, 1)
    for part in (
        'steps(after: "WzFd")',
        'metrics(after: "WyIxIiwyXQ")',
        'steps { edges { node { artifacts(after: "x") { edges { cursor } } } } }',
    ):
        query = f'{{ run(id: "{run_id}") {{ id {part if part.endswith("}") else part + " { edges { cursor } }"} }} }}'
        response = client.post("/graphql", json={"query": query})
        assert (response.status_code, "data" in response.json()) == (400, False)


_NO_QUERIES: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"{", {}, 400, "malformed_body"),
    (b"[]", {}, 400, "malformed_body"),
    (b'[{"query": "{ __typename }"}]', {}, 400, "malformed_body"),
    (b'{"query": 1}', {}, 400, "malformed_body"),
    (b'{"variables": {}}', {}, 400, "malformed_body"),
    (b'{"query": "{ __typename }", "variables": []}', {}, 400, "malformed_body"),
    (b'{"query": "\\ud800"}', {}, 400, "malformed_body"),
    (b'{"query": "' + b"x" * 300_000 + b'"}', {}, 413, "body_too_large"),
    (b'{"query": "{ __typename }"}', {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
    (b'{"query": "{ __typename }"}', {"Content-Encoding": "br"}, 415, "unsupported_media_type"),
]


def test_requests_that_hold_no_query(client: TestClient) -> None:
    for body, headers, status, code in _NO_QUERIES:
        response = client.post("/graphql", content=body, headers={"Content-Type": "application/json", **headers})
        assert (response.status_code, response.json()["error"]["code"]) == (status, code), body[:50]


def test_media_types_and_the_schema(client: TestClient) -> None:
    body = {"query": "query a { __typename } query b { b: __typename }", "operationName": "b"}
    response = client.post("/graphql", json=body)
    assert response.json() == {"data": {"b": "Query"}}
    assert response.headers["content-type"] == "application/json"
    response = client.post(
        "/graphql", json=body, headers={"Accept": "application/graphql-response+json, application/json;q=0.9"}
    )
    assert response.headers["content-type"] == "application/graphql-response+json"
    schema = client.get("/graphql")
    assert "type Query {" in schema.text
    assert schema.headers["content-type"].startswith("text/plain")
    refused = client.get("/graphql?query={__typename}")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_one_query_loads_so_much_and_no_more(client: TestClient, drain: Drain) -> None:
    for _ in range(context.BYTES_MAX // 1_000_000 + 1):
        assert client.post("/v1/runs", json={"agent": {"name": "a"}, "input": "x" * 1_000_000}).status_code == 201
    drain()
    query = "query q($first: Int!) { runs(first: $first) { edges { node { input } } } }"
    assert len(_nodes(_ask(client, query, first=5)["runs"])) == 5
    response = client.post("/graphql", json={"query": query, "variables": {"first": 20}})
    assert response.status_code == 400
    assert "8 MiB" in response.json()["errors"][0]["message"]
    assert _ask(client, "{ runs { pageInfo { hasNextPage } } }")["runs"] == {"pageInfo": {"hasNextPage": False}}


def test_what_goes_wrong_here_is_masked_and_logged(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def connection(self) -> None:
            raise RuntimeError("SELECT secret")

    state = client.app.state.agentguide  # type: ignore[attr-defined]
    monkeypatch.setattr(state, "pool", Broken())
    with caplog.at_level(logging.ERROR):
        response = client.post("/graphql", json={"query": "{ runs { edges { cursor } } }"})
    assert response.status_code == 500
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["extensions"]["code"] == "internal_error"
    assert "secret" not in response.text
    assert "secret" in caplog.text


def test_a_database_that_is_away_or_slow(client: TestClient, settings: Settings, database: psycopg.Connection[Any]) -> None:
    query = {"query": "{ runs { edges { cursor } } }"}
    away = settings.model_copy(
        update={"database_url": SecretStr("postgresql://x@/x?host=/nonexistent"), "read_timeout_seconds": 1}
    )
    with TestClient(create_read_app(away)) as lame:
        response = lame.post("/graphql", json=query)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["error"]["code"] == "database_unavailable"
    with TestClient(create_read_app(settings.model_copy(update={"read_timeout_seconds": 1}))) as slow:
        assert slow.post("/graphql", json=query).status_code == 200
        with database.transaction():
            database.execute("LOCK TABLE runs")
            response = slow.post("/graphql", json=query)
        assert response.status_code == 503
        assert slow.post("/graphql", json=query).status_code == 200


def test_so_many_queries_at_once(client: TestClient) -> None:
    queries = client.app.state.agentguide.queries  # type: ignore[attr-defined]
    query = {"query": "{ __typename }"}
    queries.taken = 20
    response = client.post("/graphql", json=query)
    assert (response.status_code, response.json()["error"]["code"], response.headers["retry-after"]) == (503, "busy", "1")
    queries.taken = 0
    assert client.post("/graphql", json=query).status_code == 200
    assert queries.taken == 0


def test_no_statement_reads_all_steps(database: psycopg.Connection[Any]) -> None:
    database.execute("SELECT ensure_partitions(current_date - 3, current_date)")
    database.execute(
        "INSERT INTO runs (project_id, id, day, agent_id, status, started_at, accepted_at) SELECT 1, gen_random_uuid(),"
        " current_date - n % 4, 1, 'SUCCESS', now() - n * interval '1 s', now() FROM generate_series(1, 2000) AS n"
    )
    database.execute(
        "INSERT INTO steps (project_id, run_id, id, day, index) SELECT 1, id, n, day, n FROM runs, generate_series(1, 10) AS n"
    )
    database.execute(
        "INSERT INTO artifacts (project_id, run_id, id, day, step_id, type, created_at)"
        " SELECT 1, run_id, gen_random_uuid(), day, id, 'text', now() FROM steps"
    )
    database.execute(
        "INSERT INTO metrics (project_id, run_id, id, day, name, value, created_at)"
        " SELECT 1, id, gen_random_uuid(), day, 'score', 1, now() FROM runs"
    )
    database.execute("ANALYZE")
    run_ids = [row[0] for row in database.execute("SELECT id FROM runs LIMIT 50")]
    pages: dict[str, Any] = {"limit": 20, "after_index": -1, "after_id": FIRST_PART[1], "after": FIRST_PART[0]}
    wanted: dict[str, Any] = dict.fromkeys(PAYLOADS, True)
    for statement, values in (
        (queries.RUNS_STEPS, {**pages, "after_id": 0}),
        (queries.STEPS_ARTIFACTS, {**pages, "step_ids": list(range(10))}),
        (queries.RUNS_METRICS, pages),
        (queries.RUNS_PAYLOADS, wanted),
        (queries.STEPS_PAYLOADS, {**wanted, "step_ids": [5] * len(run_ids)}),
        (queries.ARTIFACTS_CONTENTS, {"artifact_ids": run_ids}),
    ):
        options = "EXPLAIN (ANALYZE, BUFFERS OFF)"
        plan = [row[0] for row in database.execute(f"{options} {statement}", {**values, "project_id": 1, "run_ids": run_ids})]
        read_whole = [line for line in plan if re.search(r"Seq Scan on (steps|artifacts|metrics)", line)]
        assert [line for line in read_whole if "never executed" not in line] == [], plan
