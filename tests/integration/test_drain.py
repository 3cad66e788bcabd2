"""What the drain does when something is wrong: poison, other drains, lost epochs, late days, strange jobs."""

import json
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
import redis
from rq.job import Job

from db import pipeline
from events import jobs, records
from events.ids import IdMint
from events.records import RunRecord, StepRecord
from events.settings import Settings
from events.stream import ShardStream, append_now, bell_key, entries_of, epoch_key, stream_key
from tests.integration.conftest import Drain
from worker.drain import Outcome
from worker.jobs import Context, NotAllowedError, bound_job_class
from worker.main import make_worker
from worker.scheduler import sweep
from worker.turn import drain_until_idle


def _runs(count: int, **fields: Any) -> list[RunRecord]:
    return [RunRecord(uuid4().hex, **fields) for _ in range(count)]


def _count(database: psycopg.Connection[Any], table: str) -> int:
    row = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])


def _dead(database: psycopg.Connection[Any]) -> list[tuple[int, bytes, str]]:
    return database.execute("SELECT project_id, record, reason FROM dead_letters ORDER BY id").fetchall()


@pytest.mark.parametrize(
    "poison",
    [
        RunRecord("f" * 32, input=msgspec.Raw(b'"\\u0000"')),
        RunRecord("f" * 32, status="NO SUCH STATUS"),
        RunRecord("f" * 32, session_id="nul \0"),
        RunRecord("not hex"),
        StepRecord("f" * 32, "e" * 16, index=2**40),
        StepRecord("f" * 32, "e" * 16, input_tokens=2**70),
        StepRecord("f" * 32, "short"),
    ],
    ids=lambda record: json.loads(records.encode(record)).__str__()[:60],
)
def test_one_poisoned_event_spoils_only_itself(
    queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, poison: records.Record
) -> None:
    healthy = _runs(20)
    if isinstance(poison, StepRecord) and poison.input_tokens:
        # Larger than JSON numbers of a record may be: it must be put there by hand.
        data = records.encode(healthy[:10])[:-1] + b',{"type":"step","run_id":"%s","id":"%s","input_tokens":%d}]' % (
            b"f" * 32,
            b"e" * 16,
            2**70,
        )
        queue.xadd(stream_key(0), {"project": 1, "count": 11, "events": data})
        queue.hset(epoch_key(0), "id", "test")
        append_now(queue, entries_of(1, healthy[10:], 1), 1)
    else:
        append_now(queue, entries_of(1, [*healthy[:10], poison, *healthy[10:]], 1), 1)
    assert drain() == 1
    assert _count(database, "runs") == 20
    [(project_id, record, reason)] = _dead(database)
    assert project_id == 1
    assert record
    assert reason
    assert queue.xlen(stream_key(0)) == 0


def test_an_entry_that_is_not_ours_is_a_dead_letter(
    queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    append_now(queue, entries_of(1, _runs(1), 1), 1)
    queue.xadd(stream_key(0), {"events": "rubbish", "project": "x"})
    queue.xadd(stream_key(0), {"other": "fields"})
    append_now(queue, entries_of(1, _runs(1), 1), 1)
    append_now(queue, entries_of(999, [RunRecord(uuid4().hex, agent=records.AgentRef("a"))], 1), 1)
    assert drain() == 3
    assert _count(database, "runs") == 2
    assert queue.xlen(stream_key(0)) == 0


def test_poison_costs_a_known_run_nothing(queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain) -> None:
    """Both halves of a split batch change the same run and the same step."""
    run, step = uuid4().hex, IdMint().step_id()
    append_now(queue, entries_of(1, [RunRecord(run, name="one"), StepRecord(run, step, name="one")], 1), 1)
    drain()
    events: list[records.Record] = [RunRecord(run, name="two"), StepRecord(run, step, name="two")]
    events += [RunRecord(run, name="three", status="SUCCESS"), StepRecord(run, step, name="three")]
    append_now(queue, entries_of(1, [*events, RunRecord(uuid4().hex, session_id="nul \0")], 1), 1)
    assert drain() == 1
    assert database.execute("SELECT name, status, step_count FROM runs").fetchall() == [("three", "SUCCESS", 1)]
    assert database.execute("SELECT name FROM steps").fetchall() == [("three",)]


def test_poison_of_a_day_without_partition_spoils_only_itself(
    queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    run = uuid4().hex
    steps: list[records.Record] = [StepRecord(run, IdMint().step_id()) for _ in range(6)]
    data = records.encode([*steps, StepRecord(run, "e" * 16, index=2**40)])
    queue.xadd(stream_key(0), {"project": 1, "count": 7, "events": data}, id="1500000000000-0")
    queue.hset(epoch_key(0), "id", "old")
    assert drain() == 1
    assert _count(database, "steps") == 6


@pytest.mark.parametrize(
    "fields",
    [
        {"project": 1, "count": 1, "events": b"[" * 5000 + b"]" * 5000},
        {"project": 1, "count": 1, "events": b'[{"type":"run","id":"\xff\xfe"}]'},
        {"project": 1, "count": 1, "events": rb'[{"type":"a\u0000b"}]'},
        {"project": 10**12, "count": 1, "events": b"[1]"},
        {"project": 1, "count": 10**20, "events": b"[1]"},
    ],
    ids=["too deep", "not UTF-8", "NUL in the reason", "large project", "large count"],
)
def test_no_entry_stops_its_stream(
    queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, fields: dict[str, Any]
) -> None:
    append_now(queue, entries_of(1, _runs(1), 1), 1)
    queue.xadd(stream_key(0), fields)
    append_now(queue, entries_of(1, _runs(1), 1), 1)
    assert drain() == 1
    assert _count(database, "runs") == 2


def test_times_of_a_clock_that_was_not_set_overflow_nothing(
    queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    run = uuid4().hex
    steps: list[records.Record] = [
        StepRecord(run, f"{number:016x}", started_at=0, finished_at=6_000_000_000_000_000) for number in range(1, 3001)
    ]
    append_now(queue, entries_of(1, steps, 1), 1)
    assert drain() == 0
    row = database.execute(
        "SELECT steps, steps_timed FROM rollup_totals WHERE steps > 0 AND grain = 'minute' AND agent_id = -1"
    ).fetchone()
    assert row == (3000, 0)


def test_a_full_queue_can_be_drained(settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any]) -> None:
    append_now(queue, entries_of(1, _runs(5), 1), 1)
    context = Context(settings, queue)
    bound = queue.config_get("maxmemory")["maxmemory"]
    queue.config_set("maxmemory", 1)
    try:
        drain_until_idle(
            context.drain_of(0),
            ShardStream(queue, 0),
            interval_seconds=0,
            linger_seconds=0,
            budget_seconds=10,
            others_wait=lambda: False,
            stopping=lambda: False,
        )
    finally:
        queue.config_set("maxmemory", bound)
        context.close()
    assert _count(database, "runs") == 5


def test_a_shard_has_one_writer(settings: Settings, queue: "redis.Redis", database_url: str) -> None:
    append_now(queue, entries_of(1, _runs(1), 1), 1)
    worker = Context(settings, queue).drain_of(0)
    try:
        with psycopg.connect(database_url) as other:
            pipeline.create_cursor(other, 0)
            other.commit()
            assert pipeline.lock_cursor(other, 0) is not None
            assert worker.step() is Outcome.BUSY
        assert worker.step() is Outcome.STORED
        while (outcome := worker.step()) is Outcome.TIDIED:
            pass
        assert outcome is Outcome.EMPTY
    finally:
        worker.close()


def test_a_new_epoch_starts_a_new_count(queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain) -> None:
    append_now(queue, entries_of(1, _runs(3), 1), 1)
    drain()
    queue.flushdb()
    # An id that is older than the cursor's, as after a clock that was set back.
    data = records.encode(_runs(2))
    queue.xadd(stream_key(0), {"project": 1, "count": 2, "events": data}, id="5-1")
    queue.hset(epoch_key(0), "id", "another life")
    drain()
    assert _count(database, "runs") == 5
    assert database.execute("SELECT epoch, entry_id, events FROM stream_cursors").fetchall() == [("another life", "5-1", 2)]


def test_an_event_of_a_day_without_partition_gets_one(
    queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    step = StepRecord(uuid4().hex, IdMint().step_id())
    queue.xadd(stream_key(0), {"project": 1, "count": 1, "events": records.encode([step])}, id="1500000000000-0")
    queue.hset(epoch_key(0), "id", "old")
    assert drain() == 0
    assert database.execute("SELECT day::text FROM steps").fetchall() == [("2017-07-14",)]


def test_a_transient_error_loses_nothing(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], database_url: str
) -> None:
    append_now(queue, entries_of(1, _runs(5), 1), 1)
    worker = Context(settings, queue).drain_of(0)
    try:
        database.execute("ALTER TABLE runs RENAME TO runs_away")
        with pytest.raises(psycopg.errors.UndefinedTable):
            worker.step()
        assert queue.xlen(stream_key(0)) == 1
        database.execute("ALTER TABLE runs_away RENAME TO runs")
        assert worker.step() is Outcome.STORED
    finally:
        worker.close()
    assert _count(database, "runs") == 5
    assert _dead(database) == []


def test_the_sweep_rings_where_no_bell_is_held(queue: "redis.Redis") -> None:
    append_now(queue, entries_of(1, _runs(1), 1), 1)
    assert sweep(queue, [0]) == []  # the append took the bell; its job may be on the way
    queue.delete(bell_key(0))
    assert sweep(queue, [0]) == [0]
    assert sweep(queue, [0]) == []
    assert jobs.queue(queue).count == 1


def test_a_worker_runs_the_job_and_leaves_no_trace_of_it(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any]
) -> None:
    quick = settings.model_copy(update={"drain_linger_seconds": 0.0})
    for shard in append_now(queue, entries_of(1, _runs(3), 1), 1):
        jobs.ring(queue, shard)
    make_worker(quick, queue).work(burst=True, logging_level="WARNING")
    assert _count(database, "runs") == 3
    assert ShardStream(queue, 0).is_empty()
    assert list(queue.scan_iter("rq:job:*")) == []
    assert not queue.exists(bell_key(0))


def test_a_worker_runs_only_what_is_on_its_list(settings: Settings, queue: "redis.Redis") -> None:
    job_class = bound_job_class(Context(settings, queue))
    job = job_class.create("os.getcwd", connection=queue, serializer=jobs.queue(queue).serializer)
    with pytest.raises(NotAllowedError):
        job.perform()
    assert isinstance(job, Job)
    allowed = job_class.create(jobs.ENSURE_PARTITIONS, connection=queue, serializer=jobs.queue(queue).serializer)
    allowed.perform()
