"""What is not kept any more goes, by days and projects and the disk's budget; what is kept stays, and sums recount."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from typer.testing import CliRunner

from cli.main import app
from db import pipeline
from db.partitions import PARTITIONED_BY_DAY, days_on_disk, drop_day, ensure_partitions
from events import jobs as job_names
from events import records
from events.settings import Settings
from events.stream import append_now, entries_of, epoch_key, stream_key
from tests.integration.conftest import Differences, Drain
from tests.integration.test_removal import PLANTED, events_of, index_all, store_now, tables_with
from tests.support.waiting import wait_until
from worker import deletions, jobs, retention
from worker.jobs import Context
from worker.state import MICROSECONDS_A_DAY

Database = psycopg.Connection[tuple[Any, ...]]

TODAY = datetime.now(UTC).date()


def _day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


def _store(database: Database, number: int, ago: int, project_id: int = 1, word: str = "plain") -> None:
    """A run of a day, as the drain stored it then."""
    accepted_at = (_day(ago).toordinal() - pipeline.EPOCH_DAY) * MICROSECONDS_A_DAY + 3_600_000_000
    with database.transaction():
        store_now(database, project_id, accepted_at, events_of(f"{number:032x}", word, agent=None))


@pytest.fixture
def history(database: Database) -> Iterator[Database]:
    """Runs of project 1 and 2, of 40, 10, 5 days ago and of today; project 2 keeps 7 days, project 1 what the settings say."""
    pipeline.create_cursor(database, 0)
    database.execute("INSERT INTO projects (slug, name, retention_days) VALUES ('short', 'Short', 7)")
    for number, ago in enumerate((40, 10, 5, 0)):
        _store(database, 1 + number, ago)
        _store(database, 11 + number, ago, project_id=2)
    _store(database, 21, 20, project_id=2, word=PLANTED)
    index_all(database)
    return database


def _kept(database: Database) -> dict[int, set[int]]:
    """The days ago of the runs of each project."""
    found: dict[int, set[int]] = {}
    for project_id, day in database.execute("SELECT project_id, day FROM runs"):
        found.setdefault(project_id, set()).add((TODAY - day).days)
    return found


def _with(settings: Settings, **more: int) -> Settings:
    return settings.model_copy(update=more)


def _apply(database: Database, settings: Settings, context: Context) -> retention.Plan:
    plan = retention.make_plan(database, settings)
    retention.ask_for(database, plan)
    jobs.ALLOWED[job_names.REMOVE](context)
    assert database.execute("SELECT count(*) FROM deletions WHERE finished_at IS NULL").fetchone() == (0,)
    return plan


def test_each_project_keeps_its_days(history: Database, settings: Settings, context: Context, differences: Differences) -> None:
    assert differences() == []
    plan = _apply(history, _with(settings, retention_days=30), context)
    assert _kept(history) == {1: {10, 5, 0}, 2: {5, 0}}
    assert [(going.day, going.project_id) for going in plan.going] == [(_day(40), 0), (_day(20), 0), (_day(10), 2)]
    assert {share.project: (share.days_kept, share.days, share.runs, share.steps) for share in plan.shares} == {
        "default": (30, 1, 1, 3),
        "short": (7, 3, 3, 9),
    }
    assert not {_day(40), _day(20)} & days_on_disk(history).keys()
    assert _day(10) in days_on_disk(history)
    assert tables_with(history, PLANTED) == set()
    assert differences() == []
    assert retention.make_plan(history, _with(settings, retention_days=30)).going == []


def test_by_default_everything_is_kept(history: Database, settings: Settings) -> None:
    history.execute("UPDATE projects SET retention_days = NULL")
    assert retention.make_plan(history, settings).going == []
    history.execute("UPDATE projects SET retention_days = 0")
    assert retention.make_plan(history, _with(settings, retention_days=1)).going == []


def test_a_day_is_kept_until_its_last_hour_is_so_old(history: Database, settings: Settings) -> None:
    history.execute("UPDATE projects SET retention_days = NULL")
    days = [going.day for going in retention.make_plan(history, _with(settings, retention_days=10)).partitions]
    assert _day(10) not in days
    days = [going.day for going in retention.make_plan(history, _with(settings, retention_days=9)).partitions]
    assert _day(10) in days


def test_over_budget_the_oldest_days_of_all_go_and_never_the_last_two(
    history: Database,
    settings: Settings,
    context: Context,
    differences: Differences,
    caplog: pytest.LogCaptureFixture,
) -> None:
    history.execute("UPDATE projects SET retention_days = NULL")
    _store(history, 31, 1)
    sizes = days_on_disk(history)
    plan = retention.make_plan(history, _with(settings, disk_budget_bytes=1 << 60))
    assert plan.going == []
    budget = plan.database_bytes - sizes[_day(40)] - 1
    plan = _apply(history, _with(settings, disk_budget_bytes=budget), context)
    assert [(going.day, going.reason) for going in plan.going] == [(_day(40), "disk budget"), (_day(20), "disk budget")]
    assert plan.over_bytes == 0
    assert str(_day(40)) in caplog.text
    plan = _apply(history, _with(settings, disk_budget_bytes=1), context)
    assert plan.over_bytes > 0
    assert "too small" in caplog.text
    assert _kept(history) == {1: {1, 0}, 2: {0}}
    assert differences() == []


def test_a_day_that_goes_is_no_difference_in_the_middle(
    history: Database,
    settings: Settings,
    context: Context,
    differences: Differences,
    remover: Database,
) -> None:
    """Runs first, then the partitions: what lies in these meanwhile has lost its run, and no repair brings it back."""
    history.execute("UPDATE projects SET retention_days = NULL")
    retention.ask_for(history, retention.make_plan(history, _with(settings, retention_days=30)))
    with psycopg.connect(history.info.dsn, password=history.info.password) as reader:
        reader.execute("SELECT count(*) FROM steps")
        jobs.ALLOWED[job_names.REMOVE](context)
        assert _kept(history)[1] == {10, 5, 0}
        assert history.execute("SELECT count(*) FROM steps WHERE day = %s", [_day(40)]).fetchone() == (6,)
        assert "LockNotAvailable" in history.execute("SELECT error FROM deletions").fetchall()[0][0]
        assert differences() == []
    jobs.ALLOWED[job_names.REMOVE](context)
    assert _day(40) not in days_on_disk(history)
    assert history.execute("SELECT error, finished_at IS NOT NULL FROM deletions").fetchall() == [(None, True)]
    assert differences() == []


def test_a_drain_remakes_a_partition_that_was_dropped_under_it(
    queue: "redis.Redis", drain: Drain, database: Database, differences: Differences
) -> None:
    """It knows the day from the batch before, and more of that day comes late."""
    for turn in range(2):
        data = records.encode(events_of(f"{turn + 1:032x}"))
        queue.xadd(stream_key(0), {"project": 1, "count": 4, "events": data}, id=f"{1_500_000_000_000 + turn}-0")
        queue.hset(epoch_key(0), "id", "old")
        assert drain() == 0
        index_all(database)
        assert database.execute("SELECT count(*) FROM search_documents").fetchone() != (0,)
        if turn == 0:
            database.execute("DELETE FROM runs")
            for table in ("indexed_runs", "search_terms", "rollup_totals", "rollup_tools", "rollup_latencies", "rollup_errors"):
                database.execute(f"DELETE FROM {table}")
            assert drop_day(database, date(2017, 7, 14))
    assert database.execute("SELECT count(*) FROM steps").fetchone() == (3,)
    assert differences() == []


def test_a_partition_that_somebody_dropped_is_no_outage(queue: "redis.Redis", drain: Drain, database: Database) -> None:
    for number, table in enumerate(PARTITIONED_BY_DAY, 1):
        append_now(queue, entries_of(1, events_of(f"{number:032x}"), 1), 1)
        assert drain() == 0
        database.execute(f"DROP TABLE {table}_{TODAY:%Y%m%d}")
        later = uuid4()
        append_now(queue, entries_of(1, events_of(later.hex), 1), 1)
        assert drain() == 0
        index_all(database)
        row = database.execute(f"SELECT count(*) FROM {table} WHERE run_id = %s", [later]).fetchone()
        assert row is not None
        assert row[0] > 0, table


def test_a_day_with_runs_is_not_dropped(history: Database) -> None:
    assert not drop_day(history, _day(5))
    assert _day(5) in days_on_disk(history)


def test_a_drop_keeps_nobody_waiting(history: Database, database_url: str) -> None:
    """While a reader holds the table the drop gives up, and readers that came after it are served."""
    history.execute("DELETE FROM runs WHERE day = %s", [_day(40)])
    with psycopg.connect(database_url) as reader, psycopg.connect(database_url) as other:
        reader.execute("SELECT count(*) FROM steps")
        failed: list[BaseException] = []

        def drop() -> None:
            try:
                drop_day(history, _day(40))
            except psycopg.errors.LockNotAvailable as error:
                failed.append(error)

        thread = threading.Thread(target=drop)
        thread.start()
        other.execute("SET lock_timeout = '2s'")
        other.execute("SELECT count(*) FROM steps")
        thread.join()
        assert failed
    assert drop_day(history, _day(40))


def test_an_entry_of_a_day_that_goes_is_waited_for(
    history: Database, settings: Settings, context: Context, database_url: str, differences: Differences
) -> None:
    """A drain stores a run of that day when all others are gone: the day stays until it is, too."""
    history.execute("UPDATE projects SET retention_days = NULL")
    retention.ask_for(history, retention.make_plan(history, _with(settings, retention_days=30)))
    with psycopg.connect(database_url) as drains:
        assert pipeline.lock_cursor(drains, 0) is not None
        thread = threading.Thread(target=jobs.ALLOWED[job_names.REMOVE], args=(context,))
        thread.start()
        wait_until(lambda: _kept(history)[1] == {10, 5, 0}, what="the runs of the day to go")
        _store(drains, 77, 40)
        drains.commit()
    thread.join()
    jobs.ALLOWED[job_names.REMOVE](context)
    jobs.ALLOWED[job_names.REMOVE](context)
    assert _kept(history)[1] == {10, 5, 0}
    assert _day(40) not in days_on_disk(history)
    assert differences() == []


def test_days_are_asked_for_once(history: Database, settings: Settings) -> None:
    short = _with(settings, retention_days=30)
    assert len(retention.ask_for(history, retention.make_plan(history, short))) == 3
    assert retention.ask_for(history, retention.make_plan(history, short)) == []


def test_empty_days_go_too(history: Database, settings: Settings, context: Context) -> None:
    ensure_partitions(history, 1)
    history.execute("SELECT ensure_partitions(%s, %s)", [_day(60), _day(58)])
    _apply(history, _with(settings, retention_days=50), context)
    assert min(days_on_disk(history)) == _day(40)


def test_old_dead_letters_go_with_their_project(history: Database, context: Context) -> None:
    letter = "INSERT INTO dead_letters (project_id, shard, entry_id, reason, record, created_at) VALUES (%s, 0, '', '', '', %s)"
    for project_id, ago in ((1, 40), (2, 40), (2, 5)):
        history.execute(letter, [project_id, _day(ago)])
    jobs.ALLOWED[job_names.PLAN_RETENTION](context)
    assert history.execute("SELECT project_id, created_at::date FROM dead_letters ORDER BY id").fetchall() == [
        (1, _day(40)),
        (2, _day(5)),
    ]


def _command(settings: Settings, *arguments: str, **environment: str) -> Any:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    known = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "AGENTGUIDE_SHARDS": "1",
    }
    done = CliRunner().invoke(app, [*arguments], env=known | environment)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_shows_and_does_it(history: Database, settings: Settings, differences: Differences) -> None:
    told = json.loads(_command(settings, "retention", "--dry-run", "--json", AGENTGUIDE_RETENTION_DAYS="30"))
    assert told["applied"] is False
    assert [(share["project"], share["daysKept"], share["runs"]) for share in told["projects"]] == [
        ("default", 30, 1),
        ("short", 7, 3),
    ]
    assert [partition["day"] for partition in told["partitions"]] == [str(_day(40)), str(_day(20))]
    assert _kept(history) == {1: {40, 10, 5, 0}, 2: {40, 20, 10, 5, 0}}
    assert "short" in _command(settings, "retention", "--dry-run", AGENTGUIDE_RETENTION_DAYS="30")
    told = json.loads(_command(settings, "retention", "--json", AGENTGUIDE_RETENTION_DAYS="30"))
    assert told["applied"] is True
    assert _kept(history) == {1: {10, 5, 0}, 2: {5, 0}}
    assert differences() == []
    assert "Nothing" in _command(settings, "retention", AGENTGUIDE_RETENTION_DAYS="30")


def test_the_delete_command_asks_a_worker(history: Database, settings: Settings, context: Context) -> None:
    run = str(UUID(f"{1:032x}"))
    told = json.loads(_command(settings, "delete", "run", run, "--yes", "--no-wait", "--json"))
    assert told["status"] == "PENDING"
    jobs.ALLOWED[job_names.REMOVE](context)
    assert 40 not in _kept(history)[1]
    assert history.execute("SELECT requested_by FROM deletions WHERE id = %s", [told["id"]]).fetchone() == ("command line",)


def test_days_go_where_no_other_deletion_can(history: Database, settings: Settings, remover: Database) -> None:
    for number in range(100):
        deletions.request(history, 1, "run", str(UUID(int=number)), "a test")
    retention.ask_for(history, retention.make_plan(history, _with(settings, retention_days=30)))
    assert not deletions.take_turn(remover, None, 1, may_go_on=lambda: True)
    assert _kept(history) == {1: {10, 5, 0}, 2: {5, 0}}


def test_two_retentions_at_once_are_one(
    history: Database, settings: Settings, remover: Database, differences: Differences
) -> None:
    retention.ask_for(history, retention.make_plan(history, _with(settings, retention_days=30)))
    contexts = [psycopg.connect(history.info.dsn, password=history.info.password, autocommit=True) for _ in range(2)]

    def work(connection: Database) -> None:
        if deletions.is_alone(connection):
            deletions.take_turn(connection, None, 1, may_go_on=lambda: True)

    threads = [threading.Thread(target=work, args=(connection,)) for connection in contexts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in contexts:
        connection.close()
    assert _kept(history) == {1: {10, 5, 0}, 2: {5, 0}}
    assert differences() == []
