"""Who was stopped, or cut off, and comes back late takes nothing back and holds nobody up."""

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from pydantic import SecretStr

from events.connections import async_redis_connection, redis_connection
from events.records import RunRecord
from events.settings import Settings
from events.stream import BELL_TTL_MS, ShardStream, append_now, bell_key, entries_of, epoch_key
from tests.chaos.servers import OwnValkey
from worker import jobs
from worker.jobs import Context, tidy
from worker.main import drain_all, is_full
from worker.scheduler import sweep

RUN = "0" * 31 + "1"


def append(queue: "redis.Redis", events: int) -> None:
    append_now(queue, entries_of(1, [RunRecord(RUN) for _ in range(events)], 1), 1)


def test_a_late_trim_does_not_take_back_what_was_drained_since(queue: "redis.Redis") -> None:
    append(queue, 5)
    stream = ShardStream(queue, 0)
    ((first, _),) = queue.xrange("agentguide:{0}:stream")
    append(queue, 3)
    (_, (second, _)) = queue.xrange("agentguide:{0}:stream")

    stream.trim(stream.epoch(), second.decode(), 8, 800)
    stream.trim(stream.epoch(), first.decode(), 5, 500)

    assert queue.hmget(epoch_key(0), "drained_events", "drained_bytes") == [b"8", b"800"]


def test_a_bell_that_a_clock_set_back_would_hold_for_long_is_rung_anew(queue: "redis.Redis") -> None:
    append(queue, 1)
    assert sweep(queue, [0]) == []
    queue.pexpire(bell_key(0), 3_600_000 + BELL_TTL_MS)
    assert sweep(queue, [0]) == [0]
    assert sweep(queue, [0]) == []


@pytest.mark.parametrize("amid_a_copy", [False, True])
def test_a_worker_that_fell_silent_loses_its_session(
    settings: Settings, queue: "redis.Redis", monkeypatch: pytest.MonkeyPatch, amid_a_copy: bool
) -> None:
    """Its locks with it, and what it has not committed; Postgres' own limit would not reach it amid a COPY."""
    monkeypatch.setattr(jobs, "SILENCE_SECONDS", 0)
    context = Context(settings, queue)
    frozen = context.connect()
    idle = context.connect()
    frozen.execute("BEGIN")
    frozen.execute("INSERT INTO stream_cursors (shard, epoch, entry_id, events, bytes) VALUES (0, '', '0-0', 0, 0)")
    if amid_a_copy:
        frozen.pgconn.exec_(b"COPY projects FROM STDIN")

    tidy(context)

    with pytest.raises(psycopg.OperationalError):
        frozen.execute("COMMIT")
    assert idle.execute("SELECT count(*) FROM stream_cursors").fetchone() == (0,)
    frozen.close()
    idle.close()


def test_a_worker_that_starts_where_memory_is_full_drains_first(settings: Settings, tmp_path: Path) -> None:
    """RQ cannot register it there, and nobody else makes room."""
    valkey = OwnValkey(tmp_path, {})
    full = settings.model_copy(update={"redis_url": SecretStr(valkey.url)})
    connection = redis_connection(full)
    try:
        append(connection, 100)
        connection.config_set("maxmemory", int(connection.info("memory")["used_memory"]) - 1)
        assert is_full(connection)
        context = Context(full, connection)
        drain_all(context)
        context.close()
        assert ShardStream(connection, 0).is_empty()
    finally:
        connection.close()
        valkey.stop()


def test_a_connection_that_was_reset_under_a_command_is_an_error_of_redis(settings: Settings) -> None:
    """uvloop has a word of its own for it, which is no error of a connection to who handles those."""

    async def scenario() -> list[Any]:
        connection = async_redis_connection(settings)
        failures: list[Any] = []

        async def do() -> None:
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

        async def fail(error: Exception) -> None:
            failures.append(error)

        with pytest.raises(redis.ConnectionError, match="handler is closed"):
            await connection.get_retry().call_with_retry(do, fail)
        await connection.aclose()
        return failures

    assert len(asyncio.run(scenario())) == 1
