"""Freshness and the pipeline's figures: the API in this process, and a drain that runs when told to."""

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.answers.pipeline import Freshness, Pipeline
from api.app import create_app
from db import queries
from events.connections import redis_connection
from events.figures import TTL_SECONDS, Figures, bucket_key, bucket_start
from events.figures_writing import write
from events.instrumentation import FIGURES_UNWRITTEN
from events.records import RunRecord
from events.settings import Settings
from events.stream import Entry, append_now, entries_of, stream_key
from tests.integration.conftest import Drain
from tests.support.access import bearer, make_key, make_project
from tests.support.waiting import wait_until
from worker.jobs import Context
from worker.main import make_worker


def _events(count: int) -> list[dict[str, Any]]:
    return [{"type": "run", "id": str(uuid4()), "agent": {"name": "a"}} for _ in range(count)]


@pytest.fixture
def worker(context: Context) -> Context:
    """It is in the API's process, whose metrics the API writes already."""
    context.figures = Figures(Counter)
    return context


def _get(client: TestClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _freshness(client: TestClient) -> dict[str, Any]:
    """Of now, not of the last second."""
    client.app.state.agentguide.momentary._found.clear()  # type: ignore[attr-defined]
    answer = client.get("/v1/freshness")
    assert answer.status_code == 200, answer.text
    Freshness.model_validate_json(answer.content)
    found: dict[str, Any] = answer.json()
    return found


def _pipeline(client: TestClient) -> dict[str, Any]:
    client.app.state.agentguide.momentary._found.clear()  # type: ignore[attr-defined]
    answer = client.get("/v1/pipeline")
    assert answer.status_code == 200, answer.text
    Pipeline.model_validate_json(answer.content)
    found: dict[str, Any] = answer.json()
    return found


def _sum(found: dict[str, Any], name: str) -> int:
    return sum(bucket[name] for bucket in found["buckets"])


def _make_older(queue: "redis.Redis", seconds: int, events: int = 3) -> None:
    """Puts entries into shard 0's stream that were accepted some time ago."""
    records = [RunRecord(uuid4().hex) for _ in range(events)]
    append_now(queue, entries_of(1, records, 1), 1)
    (entry_id, fields), *_ = queue.xrevrange(stream_key(0), count=1)
    queue.xtrim(stream_key(0), maxlen=0)
    queue.execute_command("XSETID", stream_key(0), "0-1")
    milliseconds = int(entry_id.partition(b"-")[0]) - seconds * 1000
    queue.xadd(stream_key(0), fields, id=f"{milliseconds}-0")


def test_an_empty_pipeline_is_fresh(client: TestClient, settings: Settings) -> None:
    found = _get(client, "/v1/freshness")
    assert {name: found[name] for name in found if name != "checkedAt"} == {
        "state": "fresh",
        "lagSeconds": 0,
        "backlogEvents": 0,
        "figuresLagSeconds": 0,
        "searchLagSeconds": 0,
        "deadLetters": 0,
    }
    found = _pipeline(client)
    assert found["workers"] == []
    assert found["lagMs"] == {"p50": None, "p99": None}
    assert found["backlog"] == {
        "events": 0,
        "bytes": 0,
        "eventsMax": settings.backlog_high_events,
        "bytesMax": settings.backlog_high_bytes,
        "shards": [{"shard": 0, "events": 0, "bytes": 0, "oldestSeconds": None, "worker": None}],
    }
    assert len(found["buckets"]) * 10 == found["windowSeconds"] == 900


def test_what_is_accepted_is_stored(client: TestClient, worker: Context, queue: "redis.Redis") -> None:
    assert client.post("/v1/events", json=_events(30)).status_code == 202
    assert client.post("/v1/events", json=[*_events(3), {"type": "run", "id": "none"}]).status_code == 207
    waiting = _pipeline(client)["backlog"]
    assert waiting["events"] == 33
    assert waiting["bytes"] > 0
    assert waiting["shards"][0]["oldestSeconds"] < 5
    assert _freshness(client)["backlogEvents"] == 33
    drain = worker.drain_of(0)
    drain.step()
    write(queue, worker.figures)
    wait_until(lambda: _sum(_pipeline(client), "accepted") >= 33, what="the API's figures")
    found = _pipeline(client)
    assert (_sum(found, "accepted"), _sum(found, "stored")) == (33, 33)
    assert (found["rejectedEvents"], found["backlog"]["events"]) == (1, 0)
    assert 0 <= found["lagMs"]["p50"] <= found["lagMs"]["p99"] < 10_000
    assert found["storedPerSecond"] > 0
    assert _freshness(client)["state"] == "fresh"


def test_dead_letters_are_not_called_stored(client: TestClient, worker: Context, queue: "redis.Redis") -> None:
    append_now(queue, entries_of(1, [RunRecord(uuid4().hex, name="a\0b"), RunRecord(uuid4().hex)], 1), 1)
    assert worker.drain_of(0).step()
    write(queue, worker.figures)
    found = _pipeline(client)
    assert (_sum(found, "stored"), _sum(found, "deadLetters")) == (1, 1)
    assert _freshness(client)["deadLetters"] == 1


def test_requests_that_were_refused_show_with_their_code(client: TestClient) -> None:
    for _ in range(2):
        assert client.post("/v1/events", content=b"{").status_code == 400
    assert client.post("/v1/runs", json={"agent": {"name": ""}}).status_code == 422
    expected = [{"code": "malformed_body", "count": 2}, {"code": "invalid_event", "count": 1}]
    found = wait_until(lambda: (one := _pipeline(client))["refused"] == expected and one, what="the refusals")
    assert _sum(found, "refused") == 3


def test_the_figures_of_processes_add_up(client: TestClient, queue: "redis.Redis") -> None:
    ours = [Figures(Counter) for _ in range(3)]
    for shard, figures in enumerate(ours):
        figures.note_stored(shard, _batch(10 + shard), buried=0)
    threads = [threading.Thread(target=write, args=(queue, figures)) for figures in ours]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _sum(_pipeline(client), "stored") == 10 + 11 + 12
    for key in queue.scan_iter("agentguide:{figures}:*"):
        assert 0 < queue.ttl(key) <= TTL_SECONDS


def test_a_worker_that_redis_forgot_shows_again(client: TestClient, settings: Settings, queue: "redis.Redis") -> None:
    """Else nobody seems to work, and the data is called stalled sooner."""
    worker = make_worker(settings, queue)
    worker.register_birth()  # type: ignore[no-untyped-call]
    (known,) = _pipeline(client)["workers"]
    assert known["pid"] == os.getpid()
    queue.flushdb()
    assert _pipeline(client)["workers"] == []
    worker.heartbeat()
    (again,) = _pipeline(client)["workers"]
    assert {**again, "lastSeenAt": None, "state": None} == {**known, "lastSeenAt": None, "state": None}
    assert 0 < queue.ttl(worker.key) <= 120
    queue.delete(worker.key)  # as after its time
    worker.heartbeat()
    assert [one["pid"] for one in _pipeline(client)["workers"]] == [os.getpid()]


def test_stored_entries_that_are_not_trimmed_yet_are_no_lag(
    client: TestClient, drain: Drain, database: psycopg.Connection[Any], queue: "redis.Redis"
) -> None:
    """The first one of a stream is not the oldest that waits: a trim comes after its commit, and may come late."""
    client.post("/v1/events", json=_events(5))
    (entry_id, fields), *_ = queue.xrange(stream_key(0))
    drain()
    assert queue.xlen(stream_key(0)) == 0
    queue.execute_command("XSETID", stream_key(0), "0-1")
    queue.xadd(stream_key(0), fields, id=entry_id)  # as if it had not been trimmed
    queue.hset("agentguide:{0}:epoch", mapping={"drained_events": 0, "drained_bytes": 0})
    found = _freshness(client)
    assert (found["state"], found["lagSeconds"], found["backlogEvents"]) == ("fresh", 0, 0)
    # In another life of the stream it would not be there.
    database.execute("UPDATE stream_cursors SET epoch = 'another'")
    found = _freshness(client)
    assert found["backlogEvents"] == 5
    assert found["lagSeconds"] > 0


def test_what_nobody_stores_falls_behind_and_stalls(client: TestClient, worker: Context, queue: "redis.Redis") -> None:
    _make_older(queue, 5)
    found = _freshness(client)
    assert (found["state"], found["backlogEvents"]) == ("stalled", 3)  # no worker at all
    assert 5 <= found["lagSeconds"] < 10
    with _made_up_worker(queue):
        assert _freshness(client)["state"] == "behind"
        _make_older(queue, 20)
        assert _freshness(client)["state"] == "stalled"
        worker.drain_of(0).step()
        assert _freshness(client)["state"] == "fresh"
    write(queue, worker.figures)
    assert _pipeline(client)["lagMs"]["p99"] == pytest.approx(20_000, rel=0.1)


def test_shards_of_a_former_layout_show_while_something_waits_there(
    client: TestClient, database: psycopg.Connection[Any], queue: "redis.Redis"
) -> None:
    database.execute("INSERT INTO stream_cursors (shard, epoch, entry_id, events, bytes) VALUES (5, 'x', '1-1', 9, 9)")
    assert [shard["shard"] for shard in _pipeline(client)["backlog"]["shards"]] == [0]
    queue.xadd(stream_key(5), {"count": 2})
    queue.hset("agentguide:{5}:epoch", mapping={"id": "y", "events": 2, "bytes": 20})
    found = _pipeline(client)["backlog"]
    assert [(shard["shard"], shard["events"]) for shard in found["shards"]] == [(0, 0), (5, 2)]
    assert _freshness(client)["backlogEvents"] == 2


@contextmanager
def _made_up_worker(queue: "redis.Redis") -> Iterator[None]:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    fields = {"birth": now, "last_heartbeat": now, "hostname": "here", "pid": 1, "state": "idle"}
    queue.sadd("rq:workers:agentguide", "rq:worker:made-up")
    queue.hset("rq:worker:made-up", mapping=fields)
    yield
    queue.delete("rq:worker:made-up")


def test_rows_whose_sums_wait_for_the_fold_show(
    client: TestClient, worker: Context, database: psycopg.Connection[Any], queue: "redis.Redis"
) -> None:
    client.post("/v1/events", json=_events(5))
    with psycopg.connect(str(worker.settings.database_url.get_secret_value())) as other:  # type: ignore[union-attr]
        other.execute(queries.FOLD_LOCK)
        drain = worker.drain_of(0)
        drain.step()
        drain.step()
        write(queue, worker.figures)
        time.sleep(0.3)
        found = _freshness(client)
        assert 0.3 <= found["figuresLagSeconds"] < 5
    drain.finish()
    write(queue, worker.figures)
    assert _freshness(client)["figuresLagSeconds"] == 0
    assert database.execute("SELECT count(*) FROM pending_totals").fetchone() == (0,)


def test_dead_letters_are_the_projects_own(settings: Settings, database: psycopg.Connection[Any]) -> None:
    mine, other = make_project(database, "mine"), make_project(database, "other")
    for project, count in ((mine, 2), (other, 5)):
        database.execute(
            "INSERT INTO dead_letters (project_id, shard, entry_id, reason, record, code)"
            " SELECT %s, 0, '1-1', '', '{}', 'x' FROM generate_series(1, %s)",
            [project, count],
        )
    key, metrics_key = make_key(database, mine, "read"), make_key(database, mine, "metrics")
    with TestClient(create_app(settings.model_copy(update={"require_auth": True}))) as client:
        assert client.get("/v1/freshness", headers=bearer(key)).json()["deadLetters"] == 2
        assert client.get("/v1/pipeline", headers=bearer(key)).status_code == 403
        assert client.get("/v1/pipeline", headers=bearer(metrics_key)).status_code == 200


def test_unknown_parameters_are_refused(client: TestClient) -> None:
    for path in ("/v1/freshness?projct=1", "/v1/pipeline?window=1"):
        assert client.get(path).json()["error"]["code"] == "invalid_query"


@pytest.mark.parametrize("answers", [False, True], ids=["away", "frozen"])
def test_without_the_queue_nothing_hangs(settings: Settings, answers: bool) -> None:
    """A port at which nobody listens, and one at which somebody does and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        if not answers:
            listener.close()
        changed = {"redis_url": SecretStr(url), "redis_timeout_seconds": 0.3}
        with TestClient(create_app(settings.model_copy(update=changed)), raise_server_exceptions=False) as client:
            for _ in range(3):
                began = time.monotonic()
                found = _freshness(client)
                assert time.monotonic() - began < 2
                assert (found["state"], found["lagSeconds"], found["backlogEvents"]) == ("unknown", None, None)
                refused = client.get("/v1/pipeline")
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "queue_unavailable")


def test_without_the_database_both_say_so(settings: Settings) -> None:
    url = SecretStr("postgresql://nobody@127.0.0.1:1/none")
    changed = settings.model_copy(update={"database_url": url, "read_timeout_seconds": 0.5})
    with TestClient(create_app(changed), raise_server_exceptions=False) as client:
        for path in ("/v1/freshness", "/v1/pipeline"):
            assert client.get(path).status_code == 503


def test_figures_that_cannot_be_written_are_written_later(
    settings: Settings, queue: "redis.Redis", caplog: pytest.LogCaptureFixture
) -> None:
    figures = Figures(Counter)
    figures.note_stored(0, _batch(7), buried=0)
    before = _value(FIGURES_UNWRITTEN)
    away = redis_connection(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    for _ in range(3):
        write(away, figures)
    assert _value(FIGURES_UNWRITTEN) == before + 3
    assert len([one for one in caplog.records if "figures" in one.message]) == 1
    write(queue, figures)
    stored = queue.hget(bucket_key(bucket_start(figures.now())), "stored")
    assert int(stored or 0) == 7


def _batch(events: int) -> list[Entry]:
    return [Entry(f"{int(time.time() * 1000)}-0", 1, events, b"[]")]


def _value(counter: Any) -> float:
    return next(
        float(sample.value) for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")
    )
