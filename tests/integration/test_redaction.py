"""Secrets on their way through the API: what of them is stored, shown, searched and counted."""

import json
from typing import Any
from uuid import uuid4

import psycopg
import redis
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from psycopg.types.json import Jsonb

from events.settings import Settings
from events.stream import stream_key
from tests.integration.conftest import Drain
from tests.support.access import bearer, make_key, make_project

KEY = "sk-proj-abcdefghij0123456789"
CARD = "4111 1111 1111 1111"


def counted(what: str) -> float:
    return REGISTRY.get_sample_value("agentguide_redactions_total", {"what": what}) or 0


def test_no_secret_gets_behind_the_api(
    client: TestClient, drain: Drain, queue: "redis.Redis", database: psycopg.Connection[Any]
) -> None:
    before = counted("openai-key"), counted("password")
    run = {"agent": {"name": "a"}, "input": {"password": "hunter2", "n": 1}, "tags": {"key": KEY}}
    run_id = client.post("/v1/runs", json=run).json()["id"]
    step = {"toolName": "t", "error": {"message": f"401: bad key {KEY}"}, "artifacts": [{"type": "x", "content": KEY}]}
    client.post(f"/v1/runs/{run_id}/steps", content=json.dumps(step).replace("sk-", "\\u0073k-"))
    client.patch(
        f"/v1/runs/{run_id}", json={"output": f"paid with {CARD}", "metrics": [{"name": "m", "value": 1, "tags": {"k": KEY}}]}
    )
    span = {"traceId": uuid4().hex, "spanId": "1" * 16, "name": "s"}
    span["attributes"] = [
        {"key": "input.value", "value": {"stringValue": json.dumps({"apiKey": "hunter2", "x": json.dumps([KEY])})}}
    ]  # type: ignore[assignment]
    assert client.post("/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).status_code == 200
    queued = b"".join(fields[b"events"] for _, fields in queue.xrange(stream_key(0)))
    for secret in (KEY, "hunter2", CARD):
        assert secret.encode() not in queued
    assert drain() == 0
    shown = client.get(f"/v1/runs/{run_id}").json()
    assert shown["input"] == {"password": "[redacted:password]", "n": 1}
    assert shown["output"] == "paid with [redacted:card]"
    assert shown["tags"] == {"key": "[redacted:openai-key]"}
    assert shown["metrics"][0]["tags"] == {"k": "[redacted:openai-key]"}
    assert shown["steps"][0]["error"] == {"message": "401: bad key [redacted:openai-key]"}
    assert shown["steps"][0]["artifacts"][0]["content"] == "[redacted:openai-key]"
    exported = client.get(f"/v1/runs/{span['traceId']}").json()
    assert exported["input"] == {"apiKey": "[redacted:api-key]", "x": '["[redacted:openai-key]"]'}
    groups = database.execute("SELECT string_agg(message, ' ') FROM error_groups").fetchone()
    assert groups is not None
    assert "[redacted:openai-key]" in groups[0]
    assert (counted("openai-key"), counted("password")) == (before[0] + 5, before[1] + 1)


def test_each_project_has_its_rules(client: TestClient, drain: Drain, database: psycopg.Connection[Any]) -> None:
    rules: dict[str, Any] = {"off": {"enabled": False}, "more": {"keys": ["iban"], "patterns": {"email": True}}, "plain": {}}
    sent = {"password": "a", "iban": "b", "mail": "me@example.com"}
    stored = {}
    for slug, redaction in rules.items():
        project_id = make_project(database, slug)
        database.execute("UPDATE projects SET redaction = %s WHERE id = %s", [Jsonb(redaction), project_id])
        headers = bearer(make_key(database, project_id, "ingest", "read"))
        run = client.post("/v1/runs", json={"agent": {"name": "a"}, "input": sent}, headers=headers).json()
        drain()
        stored[slug] = client.get(f"/v1/runs/{run['id']}", headers=headers).json()["input"]
    assert stored == {
        "off": sent,
        "more": {"password": "[redacted:password]", "iban": "[redacted:iban]", "mail": "[redacted:email]"},
        "plain": {**sent, "password": "[redacted:password]"},
    }


def test_a_repeated_request_is_the_same_events(client: TestClient, drain: Drain) -> None:
    body = {"agent": {"name": "a"}, "input": KEY, "metrics": [{"name": "m", "value": 1}]}
    ids = {client.post("/v1/runs", json=body, headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(2)}
    drain()
    run = client.get(f"/v1/runs/{ids.pop()}").json()
    assert not ids
    assert (run["input"], len(run["metrics"])) == ("[redacted:openai-key]", 1)


def test_a_large_body_with_secrets(client: TestClient, drain: Drain, settings: Settings) -> None:
    run_id = str(uuid4())
    text = f"{'x' * settings.field_bytes_max} {KEY}"
    events = [{"type": "run", "id": run_id, "agent": {"name": "a"}, "input": [KEY, text]}]
    assert client.post("/v1/events", json=events).status_code == 202
    drain()
    shown = client.get(f"/v1/runs/{run_id}").json()["input"]
    assert shown["$truncated"] is True
    assert shown["head"].startswith('["[redacted:openai-key]","xxx')
