"""Exports: what the list shows and the payloads, in three formats, in bounded memory, and what happens when it breaks off."""

import asyncio
import csv
import io
import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pyarrow import parquet
from pydantic import SecretStr

from api import export
from api.app import create_read_app
from api.state import EXPORTS_MAX
from db.export import FLAT_COLUMNS, TIMES, as_json
from db.run_list import RunFilter
from events.settings import Settings
from tests.integration.conftest import Drain

PAYLOADS = ("input", "output", "error", "attributes")


def _send(client: TestClient, drain: Drain, count: int = 12) -> None:
    for number in range(count):
        run_id = str(uuid4())
        run = {
            "type": "run",
            "id": run_id,
            "agent": {"name": f"agent-{number % 3}", "version": "=1+1"},
            "sessionId": f"session {number % 4}, “quoted”",
            "status": ["SUCCESS", "FAILED", "RUNNING"][number % 3],
            "input": {"text": f'line\none, "two" {number}'},
            "output": [number, None, 0.1],
            "error": {"message": "no way out"} if number % 3 == 1 else None,
            "attributes": {"number": number} if number % 2 else None,
            "startedAt": f"2026-11-20T10:{number:02}:00.000001Z",
            "finishedAt": f"2026-11-20T10:{number:02}:0{number % 9}.5Z" if number % 3 < 2 else None,
            "tags": {"team": "a" if number % 2 else "b"},
            "metrics": [{"name": "score", "value": number / 10}],
        }
        step: dict[str, Any] = {
            "type": "step",
            "runId": run_id,
            "id": "00000000000000aa",
            "toolName": f"tool-{number % 5}",
            "costUsd": number / 100,
        }
        assert client.post("/v1/events", json=[run, step]).status_code == 202
    drain()


def _lines(client: TestClient, **parameters: Any) -> list[dict[str, Any]]:
    response = client.get("/v1/runs/export", params=parameters)
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def test_json_lines_are_the_list_and_the_payloads(client: TestClient, drain: Drain) -> None:
    _send(client, drain)
    response = client.get("/v1/runs/export")
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["content-disposition"].startswith('attachment; filename="runs-')
    assert response.headers["content-disposition"].endswith('.jsonl"')
    lines = _lines(client)
    listed = client.get("/v1/runs?limit=1000").json()["items"]
    assert [{name: line[name] for name in listed[0]} for line in lines] == listed
    for line in lines:
        whole = client.get(f"/v1/runs/{line['id']}").json()
        assert [line[name] for name in PAYLOADS] == [whole[name] for name in PAYLOADS]


def test_an_export_has_the_filters_of_the_list(client: TestClient, drain: Drain) -> None:
    _send(client, drain)
    agent_id = client.get("/v1/agents").json()["items"][0]["id"]
    for parameters in (
        {"agentId": agent_id},
        {"agentName": ["agent-1"]},
        {"status": ["FAILED", "RUNNING"]},
        {"sessionId": "session 2, “quoted”"},
        {"from": "2026-11-20T10:03:00Z", "to": "2026-11-20T10:07:00Z"},
        {"minDurationMs": 1000, "maxDurationMs": 5000},
        {"minCostUsd": 0.055},
        {"hasError": True},
        {"hasError": False},
        {"tool": "tool-2"},
        {"tag": "team=a", "tool": "tool-1"},
        {"metric": "score>0.5"},
        {"q": '"two" 7'},
        {"q": '"no way out"', "tool": "tool-1"},
    ):
        expected = [run["id"] for run in client.get("/v1/runs", params={**parameters, "limit": 1000}).json()["items"]]
        assert [line["id"] for line in _lines(client, **parameters)] == expected, parameters
        assert 0 < len(expected) < 12, parameters
    for name in ("jsonl", "csv", "parquet"):
        nothing = client.get("/v1/runs/export", params={"format": name, "status": "CANCELLED"})
        assert nothing.status_code == 200
        rows = {
            "jsonl": lambda body: body.splitlines(),
            "csv": lambda body: body.splitlines()[1:],
            "parquet": lambda body: parquet.read_table(io.BytesIO(body)).to_pylist(),
        }[name](nothing.content)
        assert rows == []


def test_csv_and_parquet_hold_the_same(client: TestClient, drain: Drain) -> None:
    _send(client, drain)
    lines = _lines(client)
    response = client.get("/v1/runs/export?format=csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    rows = list(csv.DictReader(io.StringIO(response.text, newline=""), strict=True))
    response = client.get("/v1/runs/export?format=parquet")
    assert response.headers["content-type"] == "application/vnd.apache.parquet"
    table = parquet.read_table(io.BytesIO(response.content))
    assert table.column_names == list(rows[0]) == list(FLAT_COLUMNS)
    for line, row, record in zip(lines, rows, table.to_pylist(), strict=True):
        assert row.pop("agentVersion") == "'=1+1"
        assert record.pop("agentVersion") == line.pop("agentVersion") == "=1+1"
        for name, value in line.items():
            if name in (*PAYLOADS, "tags"):
                assert (json.loads(row[name]) if row[name] else None) == value
                assert (json.loads(record[name]) if record[name] else None) == value
            elif name in TIMES:
                assert row[name] == (value or "")
                assert record[name] == (datetime.fromisoformat(value).astimezone(UTC) if value else None)
            elif isinstance(value, bool):
                assert (row[name], record[name]) == (str(value).lower(), value)
            elif isinstance(value, int | float):
                assert float(row[name]) == float(record[name]) == float(value)
            else:
                assert (row[name], record[name]) == (value or "", value)


@pytest.mark.parametrize("query", ["format=xml", "format=", "status=DONE", "colour=red", "q=%00", "from=yesterday"])
def test_what_is_wrong_is_told_before_anything_is_sent(client: TestClient, query: str) -> None:
    response = client.get(f"/v1/runs/export?{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid_query")


def test_a_database_that_is_away_is_told(settings: Settings) -> None:
    away = {"database_url": SecretStr("postgresql://x@/x?host=/nonexistent"), "read_timeout_seconds": 1}
    with TestClient(create_read_app(settings.model_copy(update=away))) as lame:
        for name in ("jsonl", "parquet"):
            response = lame.get(f"/v1/runs/export?format={name}")
            assert (response.status_code, response.json()["error"]["code"]) == (503, "database_unavailable")


def test_so_many_exports_at_once(client: TestClient) -> None:
    exports = client.app.state.agentguide.exports  # type: ignore[attr-defined]
    exports.taken = EXPORTS_MAX
    response = client.get("/v1/runs/export")
    assert (response.status_code, response.json()["error"]["code"], response.headers["retry-after"]) == (503, "busy", "10")
    exports.taken = 0
    assert client.get("/v1/runs/export").status_code == 200
    assert exports.taken == 0


def _fill(database: psycopg.Connection[Any], runs: int, payload_bytes: int) -> None:
    database.execute(
        "INSERT INTO runs (project_id, id, day, status, started_at, accepted_at, input)"
        " SELECT 1, gen_random_uuid(), current_date, 'SUCCESS', now() - n * interval '1 s', now(),"
        " to_jsonb(repeat(md5(n::text), %s / 32)) FROM generate_series(1, %s) AS n",
        (payload_bytes, runs),
    )


class _Exchange:
    """A request to an app without a server between: what it sends can be watched, and the client can go away."""

    def __init__(self, on_part: Callable[["_Exchange"], None] = lambda _: None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self._on_part = on_part
        self._requested = False

    @property
    def parts(self) -> list[bytes]:
        return [message["body"] for message in self.sent if message["type"] == "http.response.body"]

    @property
    def is_whole(self) -> bool:
        return bool(self.parts) and not self.sent[-1]["more_body"]

    async def run(self, app: FastAPI, path: str, query: str = "") -> None:
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "http_version": "1.1",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"testserver")],
            "server": ("test", 80),
            "client": ("test", 1),
            "asgi": {"version": "3.0", "spec_version": "2.3"},
        }
        await app(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if not self._requested:
            self._requested = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(dict(message))
        if message["type"] == "http.response.body":
            self._on_part(self)
        await asyncio.sleep(0)


def _exchange(settings: Settings, exchange: _Exchange, query: str = "") -> dict[str, int]:
    """Runs it, and gives what the pool says afterwards."""

    async def run() -> dict[str, int]:
        app = create_read_app(settings)
        async with app.router.lifespan_context(app):
            await exchange.run(app, "/v1/runs/export", query)
            state = app.state.agentguide
            assert state.exports.taken == 0
            again = _Exchange()
            await again.run(app, "/v1/runs/export", "status=FAILED")
            assert again.is_whole
            return await _stats_at_rest(state.pool)

    return asyncio.run(run())


async def _stats_at_rest(pool: Any) -> dict[str, int]:
    """Of a pool that has made up for the connections that broke, if it ever does."""
    deadline = time.monotonic() + 10
    while True:
        stats: dict[str, int] = pool.get_stats()
        if stats["pool_available"] == stats["pool_size"] or time.monotonic() > deadline:
            return stats
        await asyncio.sleep(0.02)


def _backends_busy(database: psycopg.Connection[Any]) -> list[Any]:
    return database.execute(
        "SELECT state, query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state <> 'idle' AND backend_type = 'client backend'"
    ).fetchall()


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_memory_is_bounded_by_parts(settings: Settings, database: psycopg.Connection[Any], name: str) -> None:
    _fill(database, 20_000, 5_000)
    exchange = _Exchange()
    stats = _exchange(settings, exchange, f"format={name}")
    assert exchange.is_whole
    body = b"".join(exchange.parts)
    if name == "parquet":
        file = parquet.ParquetFile(io.BytesIO(body))
        assert file.metadata.num_rows == 20_000
        assert max(file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)) < 2_500
    else:
        assert body.count(b"\n") == 20_000 + (name == "csv")
        assert len(exchange.parts) > 90
        assert max(map(len, exchange.parts)) < 2 * export.FETCH_BYTES
    assert stats["pool_available"] == stats["pool_size"]


def test_large_rows_do_not_wait_for_each_other(settings: Settings, database: psycopg.Connection[Any]) -> None:
    _fill(database, 60, 1_000_000)
    exchange = _Exchange()
    _exchange(settings, exchange)
    assert exchange.is_whole
    assert b"".join(exchange.parts).count(b"\n") == 60
    assert max(map(len, exchange.parts)) < export.BATCH_BYTES_MAX + 1_100_000


@pytest.mark.parametrize("name", ["jsonl", "parquet"])
def test_a_client_that_goes_away_ends_its_export(settings: Settings, database: psycopg.Connection[Any], name: str) -> None:
    _fill(database, 20_000, 5_000)
    exchange = _Exchange(lambda running: running.gone.set())
    stats = _exchange(settings, exchange, f"format={name}")
    assert not exchange.is_whole
    assert len(exchange.parts) < 5
    assert stats["pool_available"] == stats["pool_size"]
    assert _backends_busy(database) == []


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_an_export_that_breaks_off_does_not_look_whole(
    settings: Settings, database: psycopg.Connection[Any], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    _fill(database, 20_000, 5_000)

    def kill(running: _Exchange) -> None:
        if len(running.parts) == 1:
            database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()"
            )

    exchange = _Exchange(kill)
    with caplog.at_level(logging.ERROR):
        stats = _exchange(settings, exchange, f"format={name}")
    assert exchange.sent[0]["status"] == 200
    assert not exchange.is_whole
    assert "an export broke off" in caplog.text
    assert stats["pool_available"] == stats["pool_size"]


def test_an_export_goes_along_the_index_of_time(database: psycopg.Connection[Any]) -> None:
    _fill(database, 20_000, 100)
    database.execute("ANALYZE runs")
    for wanted, index in ((RunFilter(), "runs_started_idx"), (RunFilter(statuses=("FAILED",)), "runs_status_idx")):
        statement, values = as_json(1, wanted)
        with database.transaction():
            declared = f"EXPLAIN DECLARE export CURSOR FOR {statement}"
            plan = "\n".join(row[0] for row in database.execute(declared, values))  # type: ignore[arg-type]
        assert index in plan
        assert "Sort" not in plan
