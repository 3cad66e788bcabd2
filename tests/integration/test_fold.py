"""The fold adds what batches left, once, whoever else folds or dies; and an upgrade keeps what was rolled up before."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from alembic import command
from fastapi.testclient import TestClient

from db import queries
from db.migrate import alembic_config, migrate
from events import jobs as job_names
from events.settings import Settings
from tests.support.stack import Stack
from tests.support.waiting import wait_until
from worker import jobs
from worker.drain import Outcome
from worker.fold import fold
from worker.jobs import Context
from worker.scheduler import ask_to_tidy

Database = psycopg.Connection[tuple[Any, ...]]


def _leave_pending(database: Database, runs: int = 1) -> None:
    database.execute(
        "INSERT INTO pending_totals (project_id, agent_id, minute, runs) VALUES (1, 7, '2026-11-23T10:17Z', %s)", [runs]
    )
    database.execute(
        "INSERT INTO pending_latencies (project_id, agent_id, start, subject, tool_name, bin, count)"
        " VALUES (1, 7, '2026-11-23T10:17Z', 'run', '', 700, %s), (1, 7, '2026-11-23T10:00Z', 'step', 'mail', 3, %s)",
        [runs, runs],
    )


def _totals(database: Database) -> dict[tuple[str, int, str], int]:
    rows = database.execute("SELECT grain, agent_id, to_char(start AT TIME ZONE 'UTC', 'HH24:MI'), runs FROM rollup_totals")
    return {(grain, agent_id, start): runs for grain, agent_id, start, runs in rows}


def _folded(runs: int) -> dict[tuple[str, int, str], int]:
    starts = {"minute": "10:17", "hour": "10:00", "day": "00:00"}
    return {(grain, agent_id, start): runs for grain, start in starts.items() for agent_id in (7, -1)}


def test_every_grain_and_all_agents(database: Database) -> None:
    _leave_pending(database)
    assert fold(database)
    _leave_pending(database, 2)
    assert fold(database)
    assert fold(database)
    assert _totals(database) == _folded(3)
    rows = database.execute("SELECT grain, subject, tool_name, bins, counts FROM rollup_latencies WHERE agent_id = 7")
    assert sorted(rows) == [
        *(("day", "run", "", [700], [3]), ("day", "step", "mail", [3], [3])),
        *(("hour", "run", "", [700], [3]), ("hour", "step", "mail", [3], [3])),
        ("minute", "run", "", [700], [3]),
    ]


def test_what_comes_to_nothing_goes_away(database: Database) -> None:
    _leave_pending(database, 2)
    more = (
        "INSERT INTO pending_latencies (project_id, agent_id, start, subject, tool_name, bin, count)"
        " VALUES (1, 7, '2026-11-23T10:17Z', 'run', '', 701, %s)"
    )
    database.execute(more, [5])
    assert fold(database)
    _leave_pending(database, -2)
    assert fold(database)
    assert _totals(database) == {}
    histograms = database.execute("SELECT subject, bins, counts FROM rollup_latencies").fetchall()
    assert histograms == [("run", [701], [5])] * 6
    database.execute(more, [-5])
    assert fold(database)
    assert database.execute("SELECT count(*) FROM rollup_latencies").fetchone() == (0,)


def test_one_folds_at_a_time_and_a_broken_one_loses_nothing(database: Database, database_url: str) -> None:
    _leave_pending(database)
    with psycopg.connect(database_url) as first:
        first.execute(queries.FOLD_LOCK)
        for statement in (queries.FOLD_TOTALS, queries.FOLD_LATENCIES):
            first.execute(statement)
        assert not fold(database)
        assert _totals(database) == {}
        waiting = threading.Thread(target=fold, args=(database,), kwargs={"wait": True})
        waiting.start()
        first.rollback()
    waiting.join()
    assert _totals(database) == _folded(1)


def test_what_a_killed_drain_left_is_done_by_the_next_tidying(
    settings: Settings, queue: "redis.Redis", client: TestClient, database: Database
) -> None:
    context = Context(settings, queue)
    drain = context.drain_of(0)
    client.post("/v1/runs", json={"agent": {"name": "a"}, "input": "needle", "startedAt": "2026-11-23T10:17:00Z"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drain, "_upkeep", _Killed())
        patch.setattr("worker.drain.Upkeep", _Killed)
        while drain.step() is not Outcome.EMPTY:
            pass
    drain.close()
    assert _totals(database) == {}
    jobs.ALLOWED[job_names.TIDY](context)
    assert {runs for _, _, runs in _keys(database)} == {1}
    assert len(client.get("/v1/runs?q=needle").json()["items"]) == 1


class _Killed:
    """The upkeep of a drain that died before it came to it."""

    is_folded = False

    def __init__(self, **_: Any) -> None: ...

    def after_batch(self, *_: Any) -> None: ...

    def when_idle(self, *_: Any) -> bool:
        return False


def _keys(database: Database) -> Iterator[tuple[Any, ...]]:
    return iter(database.execute("SELECT grain, agent_id, runs FROM rollup_totals").fetchall())


def test_the_scheduler_has_leftovers_tidied(stack: Stack) -> None:
    with stack.database() as database:
        database.execute("INSERT INTO pending_totals (project_id, agent_id, minute, runs) VALUES (99, 7, now(), 1)")
        left = "SELECT count(*) FROM rollup_totals WHERE project_id = 99"
        wait_until(lambda: database.execute(left).fetchone() == (6,), seconds=20, what="the fold of what was left")
        database.execute("DELETE FROM rollup_totals WHERE project_id = 99")


def test_tidying_waits_in_the_queue_once(queue: "redis.Redis") -> None:
    assert ask_to_tidy(queue)
    assert not ask_to_tidy(queue)
    assert job_names.queue(queue).count == 1


def test_an_upgrade_keeps_what_was_rolled_up(template: Stack) -> None:
    url = template.database_url.replace("/agentguide?", "/upgraded?", 1)
    with template.database() as connection:
        connection.execute("CREATE DATABASE upgraded")
        try:
            _upgrade(url)
        finally:
            connection.execute("DROP DATABASE upgraded WITH (FORCE)")


def _upgrade(url: str) -> None:
    command.upgrade(alembic_config(url), "20261123_initial")
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("SELECT ensure_partitions('2026-11-23', '2026-11-23')")
        run_id = "0190b6a4-8f6f-7c3a-9d7e-0a1b2c3d4e5f"
        database.execute(
            "INSERT INTO runs (project_id, id, day, agent_id, status, input, started_at, finished_at, accepted_at)"
            " VALUES (1, %s, '2026-11-23', 7, 'PENDING', '\"needle\"', '2026-11-23T10:17:30Z', '2026-11-23T10:17:31Z', now())",
            [run_id],
        )
        database.execute(
            "INSERT INTO steps (project_id, run_id, day, id, index, tool_name, output)"
            " VALUES (1, %s, '2026-11-23', 5, 0, 'mail', '\"haystack\"')",
            [run_id],
        )
        key = "project_id, {}, shard, agent_id"
        database.execute(
            f"INSERT INTO rollup_minutes ({key.format('minute')}, runs, runs_timed, run_microseconds, steps)"
            " VALUES (1, '2026-11-23T10:17Z', 0, 7, 1, 1, 1000000, 1), (1, '2026-11-23T10:17Z', 1, 7, 2, 0, 0, 0)"
        )
        database.execute(
            f"INSERT INTO rollup_tools ({key.format('hour')}, tool_name, kind, model, calls)"
            " VALUES (1, '2026-11-23T10:00Z', 0, 7, 'mail', '', '', 4)"
        )
        database.execute(
            f"INSERT INTO rollup_latencies ({key.format('hour')}, subject, tool_name, bin, count)"
            " VALUES (1, '2026-11-23T10:00Z', 0, 7, 'run', '', 697, 2), (1, '2026-11-23T10:00Z', 1, 7, 'run', '', 697, 1)"
        )
    migrate(url)
    with psycopg.connect(url, autocommit=True) as database:
        fold(database)
        assert _totals(database) == _folded(3)
        assert database.execute(
            "SELECT sum(runs_pending) FROM rollup_totals WHERE grain = 'day' AND agent_id = 7"
        ).fetchone() == (1,)
        assert database.execute("SELECT calls FROM rollup_tools WHERE grain = 'hour' AND agent_id = -1").fetchone() == (4,)
        assert database.execute(
            "SELECT bins, counts FROM rollup_latencies WHERE grain = 'day' AND agent_id = 7"
        ).fetchone() == (
            [697],
            [3],
        )
        waiting = database.execute("SELECT whole, step_ids FROM pending_documents").fetchall()
        assert waiting == [(True, [5])]
        assert database.execute("SELECT duration_microseconds FROM runs").fetchone() == (1_000_000,)
