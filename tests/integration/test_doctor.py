"""`agentguide doctor` finds nothing where nothing is wrong, finds and names every damage, and puts it right."""

import json
import time
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec import Raw, structs
from typer.testing import CliRunner

from cli import doctor as command
from cli.main import app
from events.records import ABSENT, AgentRef, Artifact, Metric, Record, RunRecord, StepRecord
from events.settings import Settings
from events.stream import append_now, entries_of, epoch_key, stream_key
from tests.integration.conftest import Drain
from tests.integration.test_exactly_once import close_events, run_events, step_events
from tests.support.stack import Stack
from worker import checkup
from worker.repair import repair
from worker.search import index_slice

RUNS = [f"{number:032x}" for number in range(1, 7)]
MINUTE = 60_000_000


def _now() -> int:
    return int(time.time() * 1_000_000)


def _history(now: int) -> list[Record]:
    """Runs of two agents and one of none, with failures, artifacts, metrics, tags and usage on several levels."""
    events: list[Record] = []
    for number, run in enumerate(RUNS):
        began = now - (number + 1) * 47 * MINUTE
        agent = AgentRef("writer", "1") if number % 2 else AgentRef("coder", "2")
        events.append(
            RunRecord(
                run,
                agent=agent if number else None,
                status="FAILED" if number == 2 else "SUCCESS",
                error=Raw(b'{"message": "gave up after 3 tries"}') if number == 2 else ABSENT,
                input=Raw(b'"a question"'),
                tags=Raw(b'["nightly"]'),
                started_at=began,
                finished_at=began + (number + 1) * 1_000_000,
                metrics=[Metric(f"{number + 100:032x}", "score", 0.5)],
            )
        )
        for step in range(1, 6):
            failed = step == 4 and number % 2
            events.append(
                StepRecord(
                    run,
                    f"{step:016x}",
                    parent_id=f"{step - 1:016x}" if step in (2, 3) else None,
                    tool_name="search" if step % 2 else "browser",
                    model="large" if step == 3 else None,
                    error=Raw(b'{"type": "Timeout", "message": "no answer in %d s"}' % step) if failed else ABSENT,
                    started_at=began + step * 1000,
                    finished_at=began + step * 1000 + step * 777,
                    input_tokens=100 * step if step <= 3 else None,
                    cost_nano_usd=step if step <= 3 else None,
                    artifacts=[Artifact(f"{number * 10 + step:032x}", "text", "https://example.com/x")] if step == 5 else [],
                )
            )
    return events


@dataclass(slots=True)
class Doctor:
    """The command, as a user runs it."""

    settings: Settings

    def __call__(self, *options: str) -> tuple[int, dict[str, Any]]:
        assert self.settings.database_url is not None
        assert self.settings.redis_url is not None
        environment = {
            "DATABASE_URL": self.settings.database_url.get_secret_value(),
            "REDIS_URL": self.settings.redis_url.get_secret_value(),
            "AGENTGUIDE_SHARDS": "1",
        }
        done = CliRunner().invoke(app, ["doctor", "--json", *options], env=environment)
        assert done.exit_code in (0, 1), done.output
        return done.exit_code, json.loads(done.stdout)

    def names(self) -> set[str]:
        """The checks that found something."""
        code, found = self()
        names = _wrong(found["checks"])
        assert code == bool(names)
        return names

    def repaired(self) -> set[str]:
        """The checks that found something before the repair; after it, none does."""
        code, found = self("--repair")
        assert _wrong(found["checks"]) == set()
        assert code == 0
        return _wrong(found["found"])


def _wrong(checks: list[dict[str, Any]]) -> set[str]:
    assert all(check["examples"] for check in checks if check["differences"])
    return {check["name"] for check in checks if check["differences"]}


@pytest.fixture
def doctor(settings: Settings) -> Doctor:
    return Doctor(settings)


@pytest.fixture
def filled(queue: "redis.Redis", drain: Drain) -> None:
    append_now(queue, entries_of(1, _history(_now()), 1), 1)
    assert drain() == 0


def test_an_empty_database_is_well(doctor: Doctor) -> None:
    assert doctor.names() == set()


@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_came_through_the_drain_is_well(
    settings: Settings, queue: "redis.Redis", drain: Drain, data: st.DataObject
) -> None:
    moved = st.builds(_with_parent, step_events(), st.integers(1, 7))
    closes = st.builds(structs.replace, close_events, silent_since=st.just(_now() + MINUTE))  # nothing is as late as that
    for _ in range(data.draw(st.integers(1, 3))):
        events = data.draw(st.lists(run_events | step_events() | moved | closes, min_size=1, max_size=30))
        append_now(queue, entries_of(1, events, 1), 1)
        drain()
    assert Doctor(settings).names() == set()


def _with_parent(step: StepRecord, parent: int) -> StepRecord:
    step.parent_id = f"{parent:016x}"
    return step


ROLLUPS = {"roll-ups: totals", "roll-ups: tools", "roll-ups: latencies", "roll-ups: errors"}

DAMAGES: list[tuple[str, set[str]]] = [
    ("UPDATE rollup_totals SET runs = runs + 1 WHERE grain = 'day' AND agent_id = -1", {"roll-ups: totals"}),
    ("UPDATE rollup_totals SET cost_nano_usd = 0 WHERE grain = 'minute' AND agent_id > 0", {"roll-ups: totals"}),
    (
        "INSERT INTO rollup_totals (project_id, grain, agent_id, start, steps) VALUES (1, 'hour', 9, now(), 5)",
        {"roll-ups: totals"},
    ),
    ("DELETE FROM rollup_tools WHERE tool_name = 'search' AND grain = 'hour'", {"roll-ups: tools"}),
    ("UPDATE rollup_latencies SET counts = array_fill(7::bigint, ARRAY[cardinality(bins)])", {"roll-ups: latencies"}),
    ("UPDATE rollup_latencies SET bins = bins || 999::smallint WHERE subject = 'run'", {"roll-ups: latencies"}),
    ("UPDATE rollup_errors SET count = count * 2", {"roll-ups: errors"}),
    ("UPDATE rollup_errors SET sample_run_id = gen_random_uuid()", {"roll-ups: errors"}),
    ("TRUNCATE rollup_totals, rollup_tools, rollup_latencies, rollup_errors", ROLLUPS),
    ("INSERT INTO pending_totals (project_id, agent_id, minute, runs) VALUES (1, 1, now(), 1)", {"roll-ups: totals"}),
    (f"UPDATE runs SET step_count = 77, input_tokens = 0 WHERE id = '{RUNS[3]}'", {"run totals", "search index"}),
    (
        "UPDATE runs SET step_count = 9, cost_nano_usd = 9; UPDATE indexed_runs SET step_count = 9, cost_nano_usd = 9",
        {"run totals"},
    ),
    ("UPDATE runs SET next_index = 0", {"run totals"}),
    ("UPDATE steps SET usage_below = false", {"usage marks", "roll-ups: totals", "roll-ups: tools"}),
    ("UPDATE steps SET usage_below = true", {"usage marks", "roll-ups: totals", "roll-ups: tools"}),
    ("UPDATE runs SET error_id = NULL", {"errors of rows", "roll-ups: errors"}),
    ("UPDATE steps SET error_id = 5 WHERE error_id IS NOT NULL", {"errors of rows", "roll-ups: errors"}),
    ("DELETE FROM error_groups", {"error groups"}),
    ("UPDATE error_groups SET message = 'something else'", {"error groups"}),
    (
        "SELECT ensure_partitions('2020-02-02', '2020-02-02'); UPDATE steps SET day = '2020-02-02' WHERE id IN (3, 4)",
        {"stray steps", "run totals", *ROLLUPS},
    ),
    (
        "SELECT ensure_partitions('2020-02-02', '2020-02-02'); UPDATE artifacts SET day = '2020-02-02';"
        " UPDATE metrics SET day = '2020-02-02'; UPDATE search_documents SET day = '2020-02-02'",
        {"stray artifacts", "stray metrics", "search index"},
    ),
    ("UPDATE agents SET id = id + 100", {"agents"}),
    ("DELETE FROM indexed_runs", {"search index"}),
    ("DELETE FROM search_documents", {"search index"}),
    ("UPDATE indexed_runs SET started_at = now()", {"search index"}),
    ("DELETE FROM search_terms WHERE term = 'tool:search'", {"search index"}),
    (
        "DELETE FROM search_terms WHERE term LIKE 'model:%';"
        " UPDATE indexed_runs SET terms = array_remove(array_remove(terms, 'model:large'), 'tool:browser')",
        {"search index"},
    ),
    ("DELETE FROM search_terms WHERE term LIKE 'metric:%'", {"search index"}),
    ("UPDATE search_terms SET greatest = greatest + 1", {"search index"}),
    ("INSERT INTO search_terms SELECT project_id, 'tool:none', started_at, run_id FROM search_terms LIMIT 1", {"search index"}),
    (
        "DO $$ BEGIN EXECUTE 'DROP TABLE metrics_' || to_char((now() AT TIME ZONE 'UTC')::date + 3, 'YYYYMMDD'); END $$",
        {"partitions"},
    ),
]


LOSSES: list[tuple[str, set[str]]] = [
    (
        f"DELETE FROM runs WHERE id = '{RUNS[1]}'",
        {"stray steps", "stray artifacts", "stray metrics", "search index", *ROLLUPS},
    ),
    (
        f"DELETE FROM steps WHERE run_id = '{RUNS[1]}' AND id = 5",
        {"stray artifacts", "run totals", "roll-ups: totals", "roll-ups: tools", "roll-ups: latencies"},
    ),
    ("DELETE FROM steps", {"stray artifacts", "run totals", *ROLLUPS}),
    ("DELETE FROM runs; DELETE FROM steps; DELETE FROM artifacts; DELETE FROM metrics", {"search index", *ROLLUPS}),
]


@pytest.mark.usefixtures("filled")
def test_every_damage_is_found_and_repaired(doctor: Doctor, database: psycopg.Connection[Any]) -> None:
    before = _picture(database)
    for damage, names in DAMAGES:
        database.execute(damage)  # type: ignore[arg-type]
        assert doctor.repaired() == names, damage
        _index(database)
        assert _picture(database) == before, damage
    assert doctor.names() == set()


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("damage", "names"), LOSSES, ids=[damage[:16] for damage, _ in LOSSES])
def test_every_loss_is_found_and_repaired(
    doctor: Doctor, database: psycopg.Connection[Any], damage: str, names: set[str]
) -> None:
    """What is lost does not come back, but the rest agrees about it."""
    database.execute(damage)  # type: ignore[arg-type]
    assert doctor.names() == names
    assert doctor.repaired() == names  # to look has changed nothing
    _index(database)
    assert doctor.names() == set()


def _index(database: psycopg.Connection[Any]) -> None:
    """What the repair left for the indexer."""
    while index_slice(database):
        pass


def _picture(database: psycopg.Connection[Any]) -> list[Any]:
    """Rows, totals and roll-ups, as far as they say something."""
    statements = (
        "SELECT id, agent_id, step_count, error_count, input_tokens, cost_nano_usd, next_index, error_id FROM runs ORDER BY id",
        "SELECT run_id, id, day, index, parent_id, usage_below, error_id, input, error FROM steps ORDER BY run_id, id",
        "SELECT run_id, id, day, step_id, type, url FROM artifacts ORDER BY id",
        "SELECT run_id, id, day, name, value FROM metrics ORDER BY id",
        "SELECT * FROM rollup_totals WHERE runs > 0 OR steps > 0 ORDER BY 1, 2, 3, 4",
        "SELECT * FROM rollup_tools WHERE calls > 0 ORDER BY 1, 2, 3, 4, 5, 6, 7",
        "SELECT project_id, grain, agent_id, subject, start, tool_name, bin, count"
        " FROM rollup_latencies, unnest(bins, counts) AS h (bin, count) WHERE count <> 0 ORDER BY 1, 2, 3, 4, 5, 6, 7",
        "SELECT project_id, grain, agent_id, start, subject, tool_name, error_id, count"
        " FROM rollup_errors WHERE count > 0 ORDER BY 1, 2, 3, 4, 5, 6, 7",
        "SELECT * FROM error_groups ORDER BY 1, 2",
        "SELECT * FROM search_terms ORDER BY 1, 2, 3, 4",
        "SELECT * FROM indexed_runs ORDER BY 1, 2",
        "SELECT run_id, day FROM search_documents GROUP BY 1, 2 ORDER BY 1, 2",
    )
    return [database.execute(statement).fetchall() for statement in statements]


@pytest.mark.usefixtures("filled")
def test_a_lost_run_is_made_again_for_what_it_holds(doctor: Doctor, database: psycopg.Connection[Any], client: Any) -> None:
    database.execute("DELETE FROM runs WHERE id = %s", [RUNS[1]])
    code, found = doctor("--repair")
    assert code == 0
    assert found["repaired"]["steps stored anew"] == 5
    run = client.get(f"/v1/runs/{RUNS[1]}").json()
    assert run["status"] == "RUNNING"
    assert [step["index"] for step in run["steps"]] == [0, 1, 2, 3, 4]
    assert len(run["metrics"]) == 1
    assert len(run["steps"][4]["artifacts"]) == 1


@pytest.mark.usefixtures("filled")
def test_rows_of_before_error_groups_get_theirs(doctor: Doctor, database: psycopg.Connection[Any]) -> None:
    """As after an upgrade: no row has a group, and no roll-up counts any."""
    before = _picture(database)
    database.execute("UPDATE runs SET error_id = NULL; UPDATE steps SET error_id = NULL; TRUNCATE error_groups, rollup_errors")
    assert doctor.repaired() == {"errors of rows", "error groups"}
    assert _picture(database) == before


@pytest.mark.usefixtures("filled")
def test_what_arrives_during_a_repair_is_counted_once(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    """Between the look and the repair the damaged runs get new steps, new ends and another agent, and the fold runs."""
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    database.execute("UPDATE steps SET usage_below = false, error_id = NULL")
    database.execute("UPDATE runs SET step_count = 9, error_count = 3, cost_nano_usd = 1, error_id = 4")
    database.execute(
        "UPDATE rollup_totals SET runs = runs + 2, steps = 0; DELETE FROM rollup_latencies; DELETE FROM rollup_errors"
    )
    now = _now()
    traffic: list[Record] = []
    for run in RUNS:
        traffic.append(RunRecord(run, agent=AgentRef("other"), finished_at=now, error=Raw(b'"late"')))
        traffic.append(StepRecord(run, "0000000000000004", error=Raw(b'"again"'), finished_at=now, input_tokens=5))
        traffic.append(StepRecord(run, "00000000000000aa", parent_id="0000000000000003", started_at=now, cost_nano_usd=9))
    with checkup.open_session(url) as session, checkup.connect(url) as rows:
        found = checkup.check(session, days_ahead=7, task=lambda *_: lambda _: None)
        assert any(check.differences for check in found)
        append_now(queue, entries_of(1, traffic, 1), 1)
        assert drain() == 0
        repair(session, rows, days_ahead=7)
        found = checkup.check(session, days_ahead=7, task=lambda *_: lambda _: None)
    assert [(check.name, check.examples) for check in found if check.differences] == []
    totals = database.execute("SELECT step_count, error_count, input_tokens, cost_nano_usd FROM runs ORDER BY id").fetchall()
    # Usage counts on step 4 and on the new step below 3: steps 1 to 3 are above it.
    assert totals == [(6, 1, 5, 9)] * len(RUNS)


def test_a_stuck_cursor_is_found(doctor: Doctor, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain) -> None:
    queue.xadd(stream_key(0), {"project": 1, "count": 1, "events": b"[]"}, id="1500000000000-0")
    queue.hset(epoch_key(0), "id", "one")
    assert doctor.names() == {"cursors"}
    drain()
    assert doctor.names() == set()
    queue.xadd(stream_key(0), {"project": 1, "count": 1, "events": b"[]"}, id="1600000000000-0")
    assert doctor.names() == set()  # the cursor has moved just now
    database.execute("UPDATE stream_cursors SET updated_at = now() - interval '5 minutes', epoch = 'another'")
    _, found = doctor()
    [check] = [check for check in found["checks"] if check["name"] == "cursors"]
    assert "another epoch" in check["examples"][0]


def test_a_database_older_than_its_queue_is_found(
    doctor: Doctor, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    append_now(queue, entries_of(1, _history(_now()), 1), 1)
    drain()
    database.execute("UPDATE stream_cursors SET events = events - 10")
    assert doctor.names() == {"cursors"}


def test_without_redis_the_rest_is_checked(doctor: Doctor, settings: Settings) -> None:
    doctor.settings = settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:1/0")})
    code, found = doctor()
    assert code == 0
    [check] = [check for check in found["checks"] if check["name"] == "cursors"]
    assert check["note"].startswith("not checked")


@pytest.mark.usefixtures("filled")
def test_the_report_is_for_people_too(settings: Settings, database: psycopg.Connection[Any]) -> None:
    assert settings.database_url is not None
    environment = {"DATABASE_URL": settings.database_url.get_secret_value(), "REDIS_URL": "", "COLUMNS": "140"}
    well = CliRunner().invoke(app, ["doctor"], env=environment)
    assert well.exit_code == 0
    assert "All is well" in well.stdout
    database.execute("UPDATE runs SET step_count = 77 WHERE id = %s", [RUNS[3]])
    ill = CliRunner().invoke(app, ["doctor"], env=environment)
    assert ill.exit_code == 1
    assert "step_count 77, counted 5" in ill.stdout


def test_what_cannot_be_checked_has_a_code_of_its_own(stack: Stack) -> None:
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": ""}
    away = CliRunner().invoke(app, ["doctor"], env=nowhere)
    assert away.exit_code == command.FAILED_CODE
    empty = stack.database_url.replace("/agentguide?", "/postgres?", 1)
    bare = CliRunner().invoke(app, ["doctor"], env={"DATABASE_URL": empty, "REDIS_URL": ""})
    assert bare.exit_code == command.FAILED_CODE
    assert "agentguide migrate" in bare.stderr


def test_a_running_stack_is_found_by_its_directory(stack: Stack) -> None:
    done = CliRunner().invoke(app, ["doctor", "--json", "--data-dir", str(stack.data_dir)], env={"DATABASE_URL": ""})
    assert done.exit_code == 0, done.output
    [check] = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "cursors"]
    assert check["lookedAt"] >= 2
    assert check["note"] == ""


def test_one_repair_at_a_time(doctor: Doctor, settings: Settings) -> None:
    assert settings.database_url is not None
    with checkup.connect(settings.database_url.get_secret_value()) as other:
        assert checkup.is_alone(other)
        environment = {"DATABASE_URL": settings.database_url.get_secret_value(), "REDIS_URL": ""}
        done = CliRunner().invoke(app, ["doctor", "--repair"], env=environment)
    assert done.exit_code == command.FAILED_CODE
    assert "under way" in done.stderr
