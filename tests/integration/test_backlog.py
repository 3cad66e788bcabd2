"""The gate: what the queue holds decides whether more may come in."""

import asyncio
from uuid import uuid4

import redis
from fakeredis import FakeAsyncRedis
from fastapi.testclient import TestClient

from api.app import create_app
from events.backlog import Backlog, measure
from events.records import RunRecord
from events.settings import Settings
from events.stream import append_now, entries_of, epoch_key
from tests.support.waiting import wait_until
from worker.jobs import Context
from worker.scheduler import known_shards


def test_the_backlog_is_what_was_appended_less_what_was_drained() -> None:
    async def measured() -> Backlog:
        async with FakeAsyncRedis() as connection:
            await connection.hset(
                epoch_key(0), mapping={"events": 100, "bytes": 5000, "drained_events": 40, "drained_bytes": 2000}
            )
            await connection.hset(epoch_key(1), mapping={"events": 7, "bytes": 70})
            # A trim that met a wiped Redis: drained figures of the life before must not count as less than nothing.
            await connection.hset(epoch_key(2), mapping={"events": 1, "bytes": 1, "drained_events": 900, "drained_bytes": 900})
            return await measure(connection, 4)

    assert asyncio.run(measured()) == Backlog(events=67, bytes=3070, drained_events=940)


def test_events_of_another_number_of_shards_are_drained_first(settings: Settings, queue: "redis.Redis") -> None:
    """Else a run's new events could be stored before, or beside, the ones that still wait elsewhere."""
    entries = entries_of(1, [RunRecord(uuid4().hex) for _ in range(50)], shards=3)
    append_now(queue, entries, 3)
    assert known_shards(queue, 1) == [0, 1, 2]
    with TestClient(create_app(settings)) as client:
        event = [{"type": "run", "id": str(uuid4())}]
        refused = client.post("/v1/events", json=event)
        assert refused.status_code == 503
        assert "another number of shards" in refused.json()["error"]["message"]
        context = Context(settings, queue)
        for shard in range(3):
            context.drain_of(shard).step()
        context.close()
        wait_until(lambda: client.post("/v1/events", json=event).status_code == 202, what="the gate to open")


def test_what_was_refused_accepted_and_waits_is_counted(settings: Settings, queue: "redis.Redis") -> None:
    def value(name: str) -> float:
        lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name + " ")]
        return float(lines[0].rpartition(" ")[2]) if lines else 0.0

    with TestClient(create_app(settings)) as client:
        accepted, rejected = value("agentguide_events_accepted_total"), value("agentguide_events_rejected_total")
        cut = value("agentguide_payloads_cut_total")
        large = {"type": "run", "id": str(uuid4()), "input": "x" * settings.field_bytes_max}
        assert client.post("/v1/events", json=[large, {"type": "run"}]).status_code == 207
        client.post("/v1/runs", json={})
        assert value("agentguide_events_accepted_total") == accepted + 1
        assert value("agentguide_events_rejected_total") == rejected + 1
        assert value("agentguide_payloads_cut_total") == cut + 1
        assert value('agentguide_requests_refused_total{code="invalid_event"}') >= 1
        wait_until(lambda: value("agentguide_backlog_events") == 1, what="the backlog to show")
