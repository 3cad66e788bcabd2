"""Every answer of the ingest routes, and what of it reaches the database."""

import gzip
import json
import socket
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
import zstandard
from fastapi.testclient import TestClient

from api.app import create_app
from events.settings import Settings
from events.stream import stream_key
from tests.integration.conftest import Drain
from tests.support.stack import Stack
from tests.support.waiting import wait_until

TRACES = Path(__file__).parents[1] / "fixtures" / "traces"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}


def error_of(response: Any) -> tuple[int, str]:
    body = response.json()["error"]
    assert set(body) == {"code", "message", "details"}
    return response.status_code, body["code"]


def paths_of(response: Any) -> set[str]:
    return {detail["path"] for detail in response.json()["error"]["details"]}


def test_a_run_from_its_start_to_its_end(client: TestClient, drain: Drain) -> None:
    created = client.post("/v1/runs", json={"agent": {"name": "helper", "version": "2"}, "input": {"question": "why"}})
    assert created.status_code == 201
    run_id = created.json()["id"]
    assert UUID(run_id).version == 7
    step = {"toolName": "search", "kind": "TOOL", "artifacts": [{"type": "text", "content": "found"}], "inputTokens": 3}
    first = client.post(f"/v1/runs/{run_id}/steps", json=step)
    second = client.post(f"/v1/runs/{run_id}/steps", json={"toolName": "answer", "parentId": first.json()["id"]})
    assert (first.status_code, second.status_code) == (201, 201)
    failed = client.patch(
        f"/v1/runs/{run_id}/steps/{second.json()['id']}",
        json={"error": {"message": "no"}, "finishedAt": "2026-01-01T00:00:00Z"},
    )
    ended = client.patch(f"/v1/runs/{run_id}", json={"status": "FAILED", "metrics": [{"name": "score", "value": 0.5}]})
    assert (failed.status_code, ended.status_code) == (202, 202)
    drain()
    run = client.get(f"/v1/runs/{run_id}").json()
    assert run["agent"]["name"] == "helper"
    assert (run["status"], run["stepCount"], run["errorCount"], run["inputTokens"]) == ("FAILED", 2, 1, 3)
    assert run["input"] == {"question": "why"}
    assert [step["toolName"] for step in run["steps"]] == ["search", "answer"]
    assert [step["index"] for step in run["steps"]] == [0, 1]
    assert run["steps"][1]["parentId"] == run["steps"][0]["id"]
    assert run["steps"][0]["artifacts"][0]["content"] == "found"
    assert run["metrics"][0]["value"] == 0.5


def test_invalid_events_name_their_paths(client: TestClient) -> None:
    response = client.post("/v1/runs", json={"agent": {"name": ""}, "status": "DONE", "colour": 1})
    assert error_of(response) == (422, "invalid_event")
    assert paths_of(response) == {"agent.name", "status", "colour"}
    assert error_of(client.post("/v1/runs", json={})) == (422, "invalid_event")
    assert error_of(client.post("/v1/runs", content=b"{")) == (400, "malformed_body")
    run_id = uuid4()
    own_parent = {"toolName": "a", "id": "00000000000000aa", "parentId": "00000000000000aa"}
    assert error_of(client.post(f"/v1/runs/{run_id}/steps", json=own_parent)) == (422, "invalid_event")
    assert error_of(client.post("/v1/runs/nonsense/steps", json={"toolName": "a"})) == (404, "not_found")
    assert error_of(client.patch(f"/v1/runs/{run_id}/steps/xyz", json={})) == (404, "not_found")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_json_has_no_word_for_are_refused(client: TestClient, number: str) -> None:
    body = b'{"agent": {"name": "a"}, "input": {"deep": [%s]}}' % number.encode()
    assert error_of(client.post("/v1/runs", content=body)) == (422, "invalid_event")


def test_unknown_agents_and_users_are_refused(client: TestClient, database: psycopg.Connection[Any]) -> None:
    assert error_of(client.post("/v1/runs", json={"agentId": 7})) == (422, "unknown_reference")
    response = client.post("/v1/runs", json={"agent": {"name": "a"}, "userId": 7})
    assert error_of(response) == (422, "unknown_reference")
    row = database.execute("INSERT INTO agents (project_id, name) VALUES (1, 'known') RETURNING id").fetchone()
    assert client.post("/v1/runs", json={"agentId": (row or [0])[0]}).status_code == 201


def test_a_batch_takes_the_valid_and_names_the_others(client: TestClient, drain: Drain) -> None:
    run_id = str(uuid4())
    good = {"type": "run", "id": run_id, "agent": {"name": "a"}}
    step = {"type": "step", "runId": run_id, "toolName": "t"}
    assert client.post("/v1/events", json=[good, step]).json() == {"accepted": 2}
    mixed = client.post("/v1/events", json=[step, {"type": "step"}, {"type": "other"}, {**good, "agentId": 9, "agent": None}])
    assert mixed.status_code == 207
    assert (mixed.json()["accepted"], mixed.json()["rejected"]) == (1, 3)
    assert [error["index"] for error in mixed.json()["errors"]] == [1, 2, 3]
    assert error_of(client.post("/v1/events", json=[{"type": "run"}])) == (422, "invalid_event")
    assert error_of(client.post("/v1/events", json={"type": "run"})) == (400, "malformed_body")
    drain()
    assert client.get(f"/v1/runs/{run_id}").json()["stepCount"] == 2


def test_ndjson_rejects_the_bad_line_alone(client: TestClient, drain: Drain) -> None:
    run_id = uuid4().hex
    lines = "\n".join(
        [json.dumps({"type": "run", "id": run_id}), '{"type": "run', "", json.dumps({"type": "run", "id": run_id})]
    )
    response = client.post("/v1/events", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert response.status_code == 207
    assert (response.json()["accepted"], response.json()["errors"][0]["index"]) == (2, 1)
    glued = json.dumps({"type": "run", "id": run_id}).replace(", ", "\n")
    assert error_of(client.post("/v1/events", content=glued, headers={"Content-Type": "Application/X-NDJSON"}))[0] == 422
    drain()
    assert client.get(f"/v1/runs/{run_id}").status_code == 200


def test_what_postgres_cannot_hold_is_replaced(client: TestClient, drain: Drain) -> None:
    body = rb'{"agent": {"name": "a\u0000b"}, "input": {"k\u0000": "\ud800 \ud83d\ude00 \\u0000"}}'
    run_id = client.post("/v1/runs", content=body).json()["id"]
    assert drain() == 0
    run = client.get(f"/v1/runs/{run_id}").json()
    assert run["agent"]["name"] == "a\ufffdb"
    assert run["input"] == {"k\ufffd": "\ufffd \U0001f600 \\u0000"}


def test_the_longest_names_fit_every_index(client: TestClient, drain: Drain) -> None:
    name = "".join(chr(0x1F600 + number % 64 + 0x100 * (number % 7)) for number in range(256))
    run_id = client.post("/v1/runs", json={"agent": {"name": name, "version": name[::-1]}}).json()["id"]
    step = {"toolName": name, "model": name[::-1], "kind": "EMBEDDING"}
    assert client.post(f"/v1/runs/{run_id}/steps", json=step).status_code == 201
    assert client.post(f"/v1/runs/{run_id}/steps", json={"toolName": name + "x"}).status_code == 422
    assert drain() == 0


def test_a_large_payload_is_cut_and_marked(client: TestClient, drain: Drain, settings: Settings) -> None:
    text = "x" * settings.field_bytes_max
    run_id = client.post("/v1/runs", json={"agent": {"name": "a"}, "input": text}).json()["id"]
    drain()
    stored = client.get(f"/v1/runs/{run_id}").json()["input"]
    assert stored["$truncated"] is True
    assert stored["bytes"] == len(text) + 2
    assert stored["head"].startswith('"xxx')


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("zstd", zstandard.compress),
    ],
)
def test_compressed_bodies_and_bombs(settings: Settings, queue: "redis.Redis", encoding: str, compress: Any) -> None:
    small = settings.model_copy(update={"body_bytes_max": 100_000})
    headers = {"Content-Encoding": encoding}
    with TestClient(create_app(small)) as client:
        body = json.dumps({"agent": {"name": "a"}, "input": "y" * 50_000}).encode()
        assert client.post("/v1/runs", content=compress(body), headers=headers).status_code == 201
        bomb = compress(b"z" * 50_000_000)
        response = client.post("/v1/runs", content=bomb, headers=headers)
        assert error_of(response) == (413, "body_too_large")
        assert response.json()["error"]["details"] == {"limitBytes": 100_000}
        assert error_of(client.post("/v1/runs", content=b"not compressed", headers=headers)) == (400, "malformed_body")
        half = compress(body)[:-30]
        assert error_of(client.post("/v1/runs", content=half, headers=headers)) == (400, "malformed_body")
        assert error_of(client.post("/v1/runs", content=body * 3)) == (413, "body_too_large")
        assert error_of(client.post("/v1/runs", content=body, headers={"Content-Encoding": "br"}))[0] == 415


def test_the_same_idempotency_key_gives_the_first_answer(client: TestClient, drain: Drain) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"agent": {"name": "a"}, "metrics": [{"name": "m", "value": 1}]}
    first = client.post("/v1/runs", json=body, headers=headers)
    again = client.post("/v1/runs", json=body, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = client.post("/v1/runs", json={"agent": {"name": "b"}}, headers=headers)
    assert error_of(other) == (422, "idempotency_conflict")
    drain()
    assert len(client.get("/v1/runs").json()["items"]) == 1
    assert len(client.get(f"/v1/runs/{first.json()['id']}").json()["metrics"]) == 1


def test_a_retry_after_a_lost_answer_repeats_the_same_events(client: TestClient, drain: Drain, queue: "redis.Redis") -> None:
    headers = {"Idempotency-Key": "lost"}
    body = {"agent": {"name": "a"}, "metrics": [{"name": "m", "value": 1}]}
    first = client.post("/v1/runs", json=body, headers=headers).json()["id"]
    for key in queue.scan_iter("agentguide:idempotency:*"):
        queue.delete(key)  # as if the process had died before it could note its answer
    assert client.post("/v1/runs", json=body, headers=headers).json()["id"] == first
    drain()
    assert len(client.get(f"/v1/runs/{first}").json()["metrics"]) == 1


def test_real_exports_sent_three_times(client: TestClient, drain: Drain, database: psycopg.Connection[Any]) -> None:
    for _ in range(3):
        for name in ("pydantic_ai.genai", "langgraph.openinference"):
            body = (TRACES / f"{name}.pb").read_bytes()
            text = (TRACES / f"{name}.json").read_bytes()
            assert client.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
            gzipped = PROTOBUF | {"Content-Encoding": "gzip"}
            assert client.post("/v1/traces", content=gzip.compress(body), headers=gzipped).status_code == 200
            plain = {"Content-Type": "application/json"}
            assert client.post("/v1/traces", content=text, headers=plain).json() == {}
        drain()
    runs = client.get("/v1/runs").json()["items"]
    assert sorted(run["status"] for run in runs) == ["FAILED"] * 2 + ["SUCCESS"] * 7
    assert {run["agentName"] for run in runs} == {"support_agent", "flaky_agent", "planner", "LangGraph"}
    assert sum(run["stepCount"] for run in runs) == 27 + 36
    planner = next(run for run in runs if run["agentName"] == "planner")
    whole = client.get(f"/v1/runs/{planner['id']}").json()
    ids = {step["id"] for step in whole["steps"]}
    assert [step["id"] for step in whole["steps"] if step["parentId"] is None] == [whole["steps"][-1]["id"]]
    assert all(step["parentId"] in ids for step in whole["steps"] if step["parentId"])
    by_id = {step["id"]: step for step in whole["steps"]}
    parents = {step["parentId"] for step in whole["steps"] if step["inputTokens"] is not None}
    leaves = [step for step in by_id.values() if step["inputTokens"] is not None and step["id"] not in parents]
    assert whole["inputTokens"] == sum(step["inputTokens"] for step in leaves)


def test_bad_spans_are_told_of_and_the_others_kept(client: TestClient, drain: Drain) -> None:
    span = {"traceId": uuid4().hex, "spanId": "00000000000000aa", "name": "root", "startTimeUnixNano": "1795000000000000000"}
    bad = {**span, "spanId": "00"}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span, bad]}]}]}
    answer = client.post("/v1/traces", json=body).json()["partialSuccess"]
    assert answer["rejectedSpans"] == "1"
    assert "spanId" in answer["errorMessage"]
    drain()
    assert client.get(f"/v1/runs/{span['traceId']}").json()["stepCount"] == 1
    refused = client.post("/v1/traces", content=b"\xff\xff", headers=PROTOBUF)
    assert (refused.status_code, refused.headers["content-type"]) == (400, PROTOBUF["Content-Type"])
    assert refused.content[:1] == b"\x12"  # field 2 of google.rpc.Status, its message
    assert b"ExportTraceServiceRequest" in refused.content
    assert error_of(client.post("/v1/traces", content=b"{", headers=JSON)) == (400, "malformed_body")
    assert error_of(client.post("/v1/traces", content=b"a", headers={"Content-Type": "text/plain"}))[0] == 415


def test_a_full_queue_is_a_503_until_it_is_under_the_low_mark(settings: Settings, queue: "redis.Redis", drain: Drain) -> None:
    small = settings.model_copy(update={"backlog_high_events": 20, "backlog_low_events": 5})
    with TestClient(create_app(small)) as client:
        batch = [{"type": "run", "id": str(uuid4())} for _ in range(20)]
        assert client.post("/v1/events", json=batch).status_code == 202
        full = client.post("/v1/events", json=batch)
        assert error_of(full) == (503, "overloaded")
        assert int(full.headers["retry-after"]) >= 1
        traces = client.post("/v1/traces", content=b"", headers=PROTOBUF)
        assert (traces.status_code, traces.headers["retry-after"]) == (503, full.headers["retry-after"])
        drain()
        wait_until(lambda: client.post("/v1/events", json=batch[:1]).status_code == 202, what="the gate to open")


def test_a_redis_without_memory_is_a_503(client: TestClient, queue: "redis.Redis") -> None:
    bound = queue.config_get("maxmemory")["maxmemory"]
    queue.config_set("maxmemory", 1)
    try:
        response = client.post("/v1/runs", json={"agent": {"name": "a"}})
        assert error_of(response)[0] == 503  # by the gate or by the append itself, whichever saw it first
        assert "retry-after" in response.headers
    finally:
        queue.config_set("maxmemory", bound)
    assert queue.xlen(stream_key(0)) == 0
    body = {"agent": {"name": "a"}}
    wait_until(lambda: client.post("/v1/runs", json=body).status_code == 201, what="the gate to open")


def test_a_hostile_body_costs_little(client: TestClient) -> None:
    many = b'{"agent": {"name": "a"}, "metrics": [' + b"0," * 200_000 + b"0]}"
    response = client.post("/v1/runs", content=many)
    assert error_of(response) == (422, "invalid_event")
    assert len(response.content) < 100_000
    batch = client.post("/v1/events", content=b"[" + b"0," * 200_000 + b"0]")
    assert error_of(batch) == (413, "body_too_large")
    members = gzip.compress(b"") * 50_000
    bomb = client.post("/v1/events", content=members, headers={"Content-Encoding": "gzip"})
    assert error_of(bomb) == (400, "malformed_body")


def test_half_a_zstd_frame_is_not_a_body(client: TestClient) -> None:
    lines = [json.dumps({"type": "run", "id": str(uuid4())}).encode() for _ in range(20)]
    compressor = zstandard.ZstdCompressor().compressobj()
    half = compressor.compress(b"\n".join(lines)) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "zstd"}
    assert error_of(client.post("/v1/events", content=half, headers=headers)) == (400, "malformed_body")


def test_ids_in_the_path_are_ids(client: TestClient) -> None:
    run_id = uuid4()
    for step_id in ("ab%20cd%20ef%2001%2023%2045%2067%2089", "0" * 16, "00%2000000000000000"):
        assert error_of(client.patch(f"/v1/runs/{run_id}/steps/{step_id}", json={})) == (404, "not_found")
    for odd in ("0" * 32, "0x" + "1" * 30, "1" * 31):
        assert error_of(client.patch(f"/v1/runs/{odd}", json={"name": "z"})) == (404, "not_found")
        assert error_of(client.get(f"/v1/runs/{odd}")) == (404, "not_found")


def test_unknown_routes_and_methods_keep_the_shape(client: TestClient) -> None:
    assert error_of(client.get("/v1/nothing")) == (404, "not_found")
    assert error_of(client.delete("/v1/runs")) == (405, "method_not_allowed")


def test_a_client_that_goes_away_is_no_error(stack: Stack) -> None:
    place = urlparse(stack.url)
    with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n[{")
    wait_until(lambda: any("went away before" in line for line in stack.log), what="the log to tell")
    assert not any("Traceback" in line for line in stack.log)
