"""Lists of runs and agents, waiting for what was just sent, and health."""

import threading
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api import pages, runs
from api.app import create_app, create_ingest_app, create_read_app
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
    "query",
    [
        *(
            "limit=0",
            "limit=9999",
            "offset=-1",
            "status=DONE",
            "agentId=x",
            "cursor=abc",
            "cursor=WzFd",
            "sort=id",
            "sort=time;",
        ),
        *("agentid=1", "minDurationMs=-1", "minCostUsd=x", "hasError=perhaps", "from=yesterday", "to=1066-10-14T00:00:00Z"),
        *("metric=score>high", "metric=score>", "q=", "q=%20", "userId=0", "sessionId=", "tool=", "q=a%00b", "tag=a%00b"),
        *("from=2026-11-20&to=2026-11-20", "format=csv", "lastEventId=1-1", "steps=false"),
        *("tool=" + "x" * 300, "&".join(["tag=a"] * 21), "q=" + "x" * 501),
    ],
)
def test_bad_queries_are_told(client: TestClient, query: str) -> None:
    response = client.get(f"/v1/runs?{query}")
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "invalid_query"
    assert "SELECT" not in response.text


@pytest.mark.parametrize(
    "url",
    [
        *("/v1/users/1/runs?status=FAILED", "/v1/sessions?userId=1", "/v1/sessions/s/runs?offset=1", "/v1/agents?name=a"),
        *("/v1/runs/export?limit=10", "/v1/stream?limit=10"),
        *(f"/v1/runs/{'1' * 32}{rest}" for rest in ("?limit=1", "/steps?offset=1", f"/steps/{'1' * 16}?fields=id")),
    ],
)
def test_a_parameter_that_would_do_nothing_is_refused(client: TestClient, url: str) -> None:
    response = client.get(url)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid_query")
    assert url.partition("?")[2].partition("=")[0] in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        *(("/v1/runs", 200), ("/v1/agents", 200), ("/v1/metrics/summary", 200), ("/v1/runs/export", 200)),
        *((f"/v1/runs/{'1' * 32}", 404), ("/v1/runs?limit=0", 422), ("/v1/nothing", 404)),
    ],
)
def test_no_proxy_keeps_an_answer(client: TestClient, url: str, status: int) -> None:
    response = client.get(url)
    assert (response.status_code, response.headers.get("Cache-Control")) == (status, "no-store")


def test_a_cursor_is_of_one_sort(client: TestClient, drain: Drain) -> None:
    _send_runs(client, 3)
    drain()
    cursor = client.get("/v1/runs?limit=1").json()["nextCursor"]
    other = client.get(f"/v1/runs?limit=1&sort=cost&cursor={cursor}")
    assert (other.status_code, "sorted by cost" in other.json()["error"]["message"]) == (422, True)


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
        # Nor is anything taken: what to redact of it, and how much of it to take, stands there as well.
        assert lame.post("/v1/runs", json={"agent": {"name": "a"}}).status_code == 503


def test_each_app_serves_its_part(settings: Settings) -> None:
    with TestClient(create_ingest_app(settings)) as ingest, TestClient(create_read_app(settings)) as read:
        assert ingest.get("/v1/agents").status_code == 404
        assert read.post("/v1/events", json=[]).status_code == 404
        assert ingest.get("/readyz").status_code == read.get("/readyz").status_code == 200


def test_a_long_run_in_pages(client: TestClient, drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "STEPS_WITH_RUN_MAX", 1500)
    monkeypatch.setattr(runs, "LONG_RUN_STEPS", 1600)
    run_id = str(uuid4())
    steps = [
        {"type": "step", "runId": run_id, "id": f"{(number * 7919) % 2**64:016x}", "index": number // 2, "toolName": "t"}
        for number in range(1, 2301)
    ]
    assert client.post("/v1/events", json=steps[:1200]).status_code == 202
    drain()
    for count in (1200, 2300):
        if count == 2300:
            client.post("/v1/events", json=steps[1200:])
            drain()
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = client.get(f"/v1/runs/{run_id}/steps?limit=333&fields=id,index" + (f"&cursor={cursor}" if cursor else ""))
            seen += [step["id"] for step in page.json()["items"]]
            cursor = page.json()["nextCursor"]
        in_order = sorted(
            steps[:count], key=lambda step: (step["index"], int.from_bytes(bytes.fromhex(step["id"]), signed=True))
        )
        assert seen == [step["id"] for step in in_order]
    run = client.get(f"/v1/runs/{run_id}?payloads=false").json()
    assert [step["id"] for step in run["steps"]] == seen[:1500]
    rest = client.get(f"/v1/runs/{run_id}/steps?limit=1000&cursor={run['nextStepsCursor']}").json()
    assert [step["id"] for step in rest["items"]] == seen[1500:]
    assert "steps" not in client.get(f"/v1/runs/{run_id}?steps=false").json()


def test_a_page_is_over_where_it_is_large_enough(client: TestClient, drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "PAGE_BYTES_MAX", 25_000)
    run_id = str(uuid4())
    steps = [
        {"type": "step", "runId": run_id, "id": f"{number + 1:016x}", "index": number, "toolName": "t", "output": "x" * 1000}
        for number in range(100)
    ]
    assert client.post("/v1/events", json=steps).status_code == 202
    drain()
    run = client.get(f"/v1/runs/{run_id}").json()
    assert 10 <= len(run["steps"]) <= 25
    seen, cursor = [step["id"] for step in run["steps"]], run["nextStepsCursor"]
    while cursor is not None:
        page = client.get(f"/v1/runs/{run_id}/steps", params={"limit": 1000, "cursor": cursor}).json()
        assert 0 < len(page["items"]) <= 25
        seen += [step["id"] for step in page["items"]]
        cursor = page["nextCursor"]
    assert seen == [step["id"] for step in steps]
    assert len(client.get(f"/v1/runs/{run_id}?payloads=false").json()["steps"]) == 100


def test_runs_that_tags_make_too_large_for_a_page_are_told(
    client: TestClient, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES_MAX", 50_000)
    events = [
        {"type": "run", "id": str(uuid4()), "sessionId": "s", "agent": {"name": "a"}, "tags": {"k": "x" * 1000}}
        for _ in range(100)
    ]
    assert client.post("/v1/events", json=events).status_code == 202
    drain()
    for url in ("/v1/runs", "/v1/sessions/s/runs"):
        assert client.get(f"{url}?limit=100").status_code == 422
        assert len(client.get(f"{url}?limit=25").json()["items"]) == 25
    monkeypatch.setattr(pages, "PAGE_BYTES_MAX", 500_000)
    assert len(client.get("/v1/runs?limit=100").json()["items"]) == 100


def test_fields_and_payloads_of_steps(client: TestClient, drain: Drain) -> None:
    run_id = client.post("/v1/runs", json={"agent": {"name": "a"}, "input": "why"}).json()["id"]
    step = {"toolName": "t", "input": {"q": 1}, "artifacts": [{"type": "note", "content": "kept"}], "finishedAt": None}
    step_id = client.post(f"/v1/runs/{run_id}/steps", json=step).json()["id"]
    drain()
    whole = client.get(f"/v1/runs/{run_id}").json()
    assert client.get(f"/v1/runs/{run_id}/steps").json()["items"] == whole["steps"]
    assert client.get(f"/v1/runs/{run_id}/steps/{step_id}").json() == whole["steps"][0]
    lean = client.get(f"/v1/runs/{run_id}?payloads=false").json()
    assert "input" not in lean
    assert not {"input", "output", "error", "attributes"} & lean["steps"][0].keys()
    assert "content" not in lean["steps"][0]["artifacts"][0]
    picked = client.get(f"/v1/runs/{run_id}/steps?fields=toolName,%20input").json()["items"]
    assert picked == [{"toolName": "t", "input": {"q": 1}}]
    for path, status in (
        ("steps?fields=password", 422),
        ("steps?cursor=WzFd", 422),
        ("steps/0000000000000000", 404),
        ("steps/00000000000000ff", 404),
        ("artifacts/x", 404),
        (f"artifacts/{run_id}", 404),
    ):
        assert client.get(f"/v1/runs/{run_id}/{path}").status_code == status
    assert client.get(f"/v1/runs/{uuid4()}/steps").status_code == 404


def test_artifacts_are_for_saving(client: TestClient, drain: Drain) -> None:
    run_id = client.post("/v1/runs", json={"agent": {"name": "a"}}).json()["id"]
    urls = (
        "https://files.example/1",
        "https://files.example/\r\nSet-Cookie: a=b",
        "file:///etc",
        "javascript:alert(1)",
        " data:x,y",
    )
    contents = [{"content": "<script>"}, {"content": {"rows": [1]}}, *({"url": url} for url in urls)]
    artifacts = [{"type": "x", "id": f"{number:032x}", **part} for number, part in enumerate(contents, 1)]
    client.post(f"/v1/runs/{run_id}/steps", json={"toolName": "t", "artifacts": artifacts})
    drain()
    answers = [client.get(f"/v1/runs/{run_id}/artifacts/{artifact['id']}", follow_redirects=False) for artifact in artifacts]
    assert [answer.status_code for answer in answers] == [200, 200, 307, 307, 404, 404, 404]
    text, value, elsewhere, cut, *_ = answers
    assert (text.text, text.headers["content-type"]) == ("<script>", "text/plain; charset=utf-8")
    assert value.json() == {"rows": [1]}
    assert elsewhere.headers["location"] == "https://files.example/1"
    assert "set-cookie" not in cut.headers
    for answer in (text, value):
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.headers["x-content-type-options"] == "nosniff"
    key = client.post("/v1/keys", json={"name": "reader", "scopes": ["read"]}).json()["key"]
    path = f"/v1/runs/{run_id}/artifacts/{artifacts[2]['id']}"
    shown = client.get(path, headers={"Authorization": f"Bearer {key}"}, follow_redirects=False)
    assert (shown.status_code, shown.json()) == (200, {"url": "https://files.example/1"})
