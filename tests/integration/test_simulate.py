"""Simulations from the request to the database, and the commands that make them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
import redis
from pydantic import TypeAdapter

from cli.burst_bodies import runs_of
from cli.burst_check import Kept, Totals, check, expect, look
from cli.seed import USERS
from db import queries
from events import jobs, simulation_progress
from events.ids import IdMint
from events.models import EventIn
from events.payloads import PayloadEncoder
from events.records import RunRecord
from events.settings import Settings
from events.simulated_agents import AGENTS
from events.simulation import SimulatedRun, Simulation
from events.simulation_progress import Progress
from events.stream import ShardStream, append_now, entries_of
from tests.integration.conftest import Drain
from tests.support.stack import Stack
from tests.support.waiting import wait_until
from worker.jobs import Context, drain
from worker.main import make_worker
from worker.simulate import SLICE_RUNS_MAX, run_slice

ROOT = Path(__file__).parents[2]
SIMULATION = "0190a1b200007000800000000000000a"
FAILED_WITHOUT_ERROR = """
SELECT count(*) FROM runs WHERE status = 'FAILED' AND (error IS NULL OR NOT EXISTS (
    SELECT FROM steps WHERE steps.run_id = runs.id AND steps.error = runs.error))
"""


def start(queue: "redis.Redis", **wanted: Any) -> Progress:
    progress = Progress(**{"project_id": 1, "runs": 3, "error_rate": 0.5, "steps": 3.0, "seed": 1, **wanted})
    queue.hset(simulation_progress.key(SIMULATION), mapping=progress.to_hash())
    queue.expire(simulation_progress.key(SIMULATION), 60)
    return progress


def progress_of(queue: "redis.Redis") -> Progress:
    fields = cast("dict[bytes, bytes]", queue.hgetall(simulation_progress.key(SIMULATION)))
    progress = Progress.from_hash(fields)
    assert progress is not None
    return progress


def arrived(database: psycopg.Connection[tuple[Any, ...]], runs: list[str]) -> tuple[Any, ...] | None:
    return database.execute(queries.COUNT_ARRIVED, {"project": "default", "run_ids": runs}).fetchone()


def test_a_worker_sends_a_simulation_slice_by_slice(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[tuple[Any, ...]]
) -> None:
    count = 2 * SLICE_RUNS_MAX + 7
    start(queue, runs=count)
    jobs.enqueue(queue, jobs.SIMULATE, SIMULATION, 0)
    make_worker(settings, queue).work(burst=True, logging_level="WARNING")
    runs = [Simulation(1, 0.5, 3.0).run(number, datetime.now(UTC)) for number in range(count)]
    progress = progress_of(queue)
    assert (progress.status, progress.runs_sent, progress.error) == ("DONE", count, "")
    assert progress.events_sent == sum(len(run.events) for run in runs)
    assert arrived(database, [run.id for run in runs]) == (count, sum(run.steps for run in runs))
    failed = database.execute("SELECT count(*) FROM runs WHERE status = 'FAILED'").fetchone()
    assert failed == (sum(run.failed for run in runs),)
    assert database.execute(FAILED_WITHOUT_ERROR).fetchone() == (0,)
    assert database.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)


def test_a_slice_that_is_sent_again_counts_once(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[tuple[Any, ...]]
) -> None:
    context = Context(settings.model_copy(update={"drain_linger_seconds": 0.0}), queue)
    for _ in range(2):
        start(queue)
        run_slice(queue, settings, SIMULATION, 0, context.stopping)
        drain(context, 0)
    context.drain_of(0).close()
    runs = [Simulation(1, 0.5, 3.0).run(number, datetime.now(UTC)) for number in range(3)]
    assert arrived(database, [run.id for run in runs]) == (3, sum(run.steps for run in runs))
    artifacts = sum(len(event.get("artifacts", ())) for run in runs for event in run.events)
    assert database.execute("SELECT count(*) FROM artifacts").fetchone() == (artifacts,)


def test_a_simulation_waits_while_the_backlog_is_high(settings: Settings, queue: "redis.Redis") -> None:
    append_now(queue, entries_of(1, [RunRecord(id=f"{number:032x}") for number in range(1, 12)], 1), 1)
    start(queue)
    narrow = settings.model_copy(update={"backlog_low_events": 10, "backlog_high_events": 20})
    run_slice(queue, narrow, SIMULATION, 0, lambda: False)
    assert (progress_of(queue).status, progress_of(queue).runs_sent) == ("RUNNING", 0)
    assert jobs.queue(queue).count == 1, "it asks to be run again"
    wide = settings.model_copy(update={"backlog_low_events": 11, "backlog_high_events": 20})
    run_slice(queue, wide, SIMULATION, 0, lambda: False)
    assert progress_of(queue).status == "DONE"
    assert not ShardStream(queue, 0).is_empty()


def test_a_worker_that_has_to_stop_leaves_the_slice_to_another(settings: Settings, queue: "redis.Redis") -> None:
    start(queue)
    run_slice(queue, settings, SIMULATION, 0, lambda: True)
    assert progress_of(queue).runs_sent == 0
    assert jobs.queue(queue).count == 1


@pytest.mark.parametrize("wanted", [None, {"runs_sent": 2}, {"status": "DONE"}, {"status": "FAILED"}])
def test_a_job_that_is_not_wanted_does_nothing(settings: Settings, queue: "redis.Redis", wanted: dict[str, Any] | None) -> None:
    if wanted is not None:
        start(queue, **wanted)
    run_slice(queue, settings, SIMULATION, 0, lambda: False)
    assert ShardStream(queue, 0).is_empty()
    assert jobs.queue(queue).count == 0


def test_a_simulation_that_cannot_be_made_says_why(settings: Settings, queue: "redis.Redis") -> None:
    start(queue)
    broken = settings.model_copy(update={"shards": 0})
    with pytest.raises(ZeroDivisionError):
        run_slice(queue, broken, SIMULATION, 0, lambda: False)
    assert progress_of(queue).status == "FAILED"
    assert "ZeroDivisionError" in progress_of(queue).error


def test_the_api_starts_a_simulation(stack: Stack) -> None:
    status, started = stack.json("POST", "/v1/simulate", {"runs": 30, "errorRate": 1, "steps": 2, "seed": 2**62})
    assert status == 202
    assert started["url"] == f"/v1/simulate/{started['id']}"

    def done() -> dict[str, Any] | None:
        _, found = stack.json("GET", started["url"])
        return found if found["status"] == "DONE" else None

    progress = wait_until(done, seconds=20)
    assert progress is not None
    assert (progress["runs"], progress["runsSent"], progress["seed"], progress["error"]) == (30, 30, 2**62, None)
    run = Simulation(2**62, 1, 2).run(0, datetime.now(UTC))
    status, found = stack.json("GET", f"/v1/runs/{run.id}?wait=20")
    assert (status, found["status"], found["stepCount"]) == (200, "FAILED", run.steps)
    assert found["error"] == run.events[-1]["error"]
    with stack.queue() as connection:
        assert 0 < connection.ttl(f"agentguide:simulation:{started['id'].replace('-', '')}") <= 3600


def test_the_same_key_starts_one_simulation(stack: Stack) -> None:
    answers = [stack.json("POST", "/v1/simulate", {"runs": 1}, {"Idempotency-Key": "simulate once"}) for _ in range(2)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({"runs": 0}, 422, "runs"),
        ({"runs": 100_001}, 422, "runs"),
        ({"errorRate": 1.1}, 422, "errorRate"),
        ({"steps": 0.5}, 422, "steps"),
        ({"colour": "red"}, 422, "colour"),
        (b"{", 400, None),
    ],
)
def test_a_simulation_that_is_not_valid(stack: Stack, body: Any, status: int, path: str | None) -> None:
    answered, answer = stack.json("POST", "/v1/simulate", body)
    assert answered == status
    assert path is None or [detail["path"] for detail in answer["error"]["details"]] == [path]


@pytest.mark.parametrize("simulation", ["x", "0190a1b2-0000-7000-8000-000000000000"])
def test_a_simulation_that_is_not_known(stack: Stack, simulation: str) -> None:
    status, answer = stack.json("GET", f"/v1/simulate/{simulation}")
    assert (status, answer["error"]["code"]) == (404, "not_found")


def command(stack: Stack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    full = [sys.executable, "-m", "cli.main", *arguments, "--data-dir", str(stack.data_dir)]
    return subprocess.run(full, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_sends_and_checks(stack: Stack) -> None:
    done = command(stack, "simulate", "--runs", "60", "--error-rate", "0.5", "--steps", "3", "--seed", "12", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    runs = [Simulation(12, 0.5, 3).run(number, datetime.now(UTC)) for number in range(60)]
    steps = sum(run.steps for run in runs)
    assert report["ok"]
    assert report["accepted"] == {"runs": 60, "steps": steps, "events": sum(len(run.events) for run in runs)}
    assert report["arrived"] == {"runs": 60, "steps": steps}
    assert 0 < report["latencyMs"]["p50"] <= report["latencyMs"]["p95"] <= report["latencyMs"]["p99"]
    assert report["acceptedPerSecond"] > 0


def test_the_command_tells_a_person(stack: Stack) -> None:
    done = command(stack, "simulate", "--runs", "10", "--rate", "5000")
    assert done.returncode == 0, done.stderr
    assert "10 of 10 runs" in done.stdout
    assert "p50" in done.stdout


def test_the_command_checks_what_it_sent_when_it_is_interrupted(stack: Stack) -> None:
    options = ("--runs", "5000", "--rate", "100", "--batch", "20", "--concurrency", "2", "--seed", "13", "--json")
    full = [sys.executable, "-m", "cli.main", "simulate", *options, "--data-dir", str(stack.data_dir)]
    first = Simulation(13).run(0, datetime.now(UTC)).id
    with subprocess.Popen(full, stdout=subprocess.PIPE, text=True) as process:
        wait_until(lambda: stack.request("GET", f"/v1/runs/{first}")[0] == 200, seconds=20)
        process.send_signal(signal.SIGINT)
        answer, _ = process.communicate(timeout=60)
    report = json.loads(answer)
    assert (process.returncode, report["ok"]) == (1, False)
    assert "interrupted" in report["error"]
    assert 0 < report["accepted"]["runs"] < 5000
    assert report["arrived"] == {name: report["accepted"][name] for name in ("runs", "steps")}


def test_seed_makes_agents_and_users_once(stack: Stack) -> None:
    with stack.database() as connection:
        command(stack, "seed").check_returncode()
        before = connection.execute("SELECT (SELECT count(*) FROM agents), (SELECT count(*) FROM users)").fetchone()
        again = command(stack, "seed")
        after = connection.execute("SELECT (SELECT count(*) FROM agents), (SELECT count(*) FROM users)").fetchone()
        emails = {email for (email,) in connection.execute("SELECT email FROM users")}
        agents = {tuple(row) for row in connection.execute("SELECT name, version FROM agents")}
    assert again.returncode == 0, again.stderr
    assert f"{len(AGENTS)} agents and {len(USERS)} users were there before" in again.stdout
    assert before == after
    assert {email for email, _ in USERS} <= emails
    assert {(agent.name, agent.version) for agent in AGENTS} <= agents


def test_seed_of_a_project_that_is_not_there(stack: Stack) -> None:
    done = command(stack, "seed", "--project-id", "987654")
    assert done.returncode == 1
    assert "There is no project 987654" in done.stderr


def expected_of(runs: Iterable[SimulatedRun]) -> dict[str, Kept]:
    return {run.id: expect(run) for run in runs}


def test_a_burst_is_checked_row_by_row(
    settings: Settings,
    queue: "redis.Redis",
    database: psycopg.Connection[tuple[Any, ...]],
    database_url: str,
    drain: Drain,
) -> None:
    runs = list(runs_of(Simulation(21, 0.4, 6.0), 300))
    events = TypeAdapter(list[EventIn]).validate_python([event for run in runs for event in run.events])
    mint, payloads = IdMint(), PayloadEncoder(settings.field_bytes_max)
    append_now(queue, entries_of(1, [event.to_record(mint, payloads) for event in events], 1), 1)
    expected = expected_of(runs)
    before = check(database_url, "default", expected, 0)
    assert (len(before.missing), before.found, before.equal) == (len(runs), Totals(), False)
    drain()
    whole = check(database_url, "default", expected, 0)
    assert whole.equal, whole
    assert whole.found == Totals.of(expected)

    altered, lost, doubled, gone = (run.id for run in runs[:4])
    database.execute("UPDATE steps SET input_tokens = coalesce(input_tokens, 0) + 1 WHERE run_id = %s AND index = 0", [altered])
    database.execute("DELETE FROM steps WHERE run_id = %s AND index = 0", [lost])
    database.execute("DELETE FROM runs WHERE id = %s", [gone])
    columns = "project_id, run_id, id, index, tool_name, kind, started_at"
    database.execute(
        f"INSERT INTO steps ({columns}, day) SELECT {columns}, day + 1 FROM steps WHERE run_id = %s AND index = 0",
        [doubled],
    )
    found = check(database_url, "default", expected, 0)
    assert (found.missing, found.differing, found.equal) == ([gone], [altered, lost, doubled], False)
    # A step less here and a step more there: the number of all does not show it, the checksum does.
    assert found.found.checksum != found.expected.checksum


ALTERED_RUN = """
id = gen_random_uuid(); status = 'CANCELLED'; name = name || '.'; session_id = coalesce(session_id, '') || '.';
started_at = started_at - interval '1 us'; finished_at = finished_at + interval '1 us'; finished_at = NULL;
step_count = step_count + 1; error_count = error_count + 1; input_tokens = input_tokens + 1;
output_tokens = output_tokens - 1; cost_nano_usd = cost_nano_usd + 1; input = NULL;
output = CASE WHEN output IS NULL THEN '1'::jsonb END;
error = CASE WHEN error IS NULL THEN '{"type": "x"}'::jsonb END
"""
ALTERED_STEP = """
id = id + 1; index = index + 1; parent_id = coalesce(parent_id, 0) + 1; tool_name = tool_name || '.'; kind = kind || '.';
model = coalesce(model, '') || '.'; started_at = started_at + interval '1 us'; finished_at = NULL;
input_tokens = coalesce(input_tokens, 0) + 1; output_tokens = coalesce(output_tokens, 0) + 1;
cost_nano_usd = coalesce(cost_nano_usd, 0) + 1; input = CASE WHEN input IS NULL THEN '1'::jsonb END;
output = CASE WHEN output IS NULL THEN '1'::jsonb END; error = CASE WHEN error IS NULL THEN '{"type": "x"}'::jsonb END
"""


def test_a_burst_of_which_any_column_differs_is_told_of(
    settings: Settings,
    queue: "redis.Redis",
    database: psycopg.Connection[tuple[Any, ...]],
    drain: Drain,
) -> None:
    [run] = runs_of(Simulation(22, 0.4, 6.0), 8)
    events = TypeAdapter(list[EventIn]).validate_python(run.events)
    mint, payloads = IdMint(), PayloadEncoder(settings.field_bytes_max)
    append_now(queue, entries_of(1, [event.to_record(mint, payloads) for event in events], 1), 1)
    drain()
    expected = expected_of([run])
    changes = [f"UPDATE runs SET {change}" for change in ALTERED_RUN.split(";")]
    changes += [f"UPDATE steps SET {change} WHERE index = 1" for change in ALTERED_STEP.split(";")]
    unseen = []
    for change in changes:
        with database.transaction(force_rollback=True):
            assert database.execute(change).rowcount == 1, change  # type: ignore[arg-type]
            if look(database, "default", list(expected)) == expected:
                unseen.append(change)
    assert unseen == []
    assert look(database, "default", list(expected)) == expected


def test_the_command_sends_a_burst_and_checks_it(stack: Stack) -> None:
    done = command(stack, "simulate", "--burst", "1234", "--batch", "50", "--seed", "77", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    expected = Totals.of(expected_of(runs_of(Simulation(77), 1234)))
    assert report["ok"]
    assert (report["sent"], report["acknowledged"]["events"], report["retried"]) == (1234, 1234, 0)
    assert report["acknowledged"]["runs"] == expected.runs
    assert report["check"]["equal"]
    assert report["check"]["expected"] == report["check"]["found"]
    assert report["check"]["found"]["steps"] == expected.steps
    assert report["acknowledgedSeconds"] > 0
    assert report["visibleSeconds"] > 0
    assert 0 < report["latencyMs"]["p50"] <= report["latencyMs"]["p99"]


def test_a_burst_tells_a_log_how_far_it_is(stack: Stack) -> None:
    done = command(stack, "simulate", "--burst", "400")
    assert done.returncode == 0, done.stderr
    assert "check: equal" in done.stdout
    assert "sent 400 of 400 events, acknowledged 400" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_burst_to_a_server_whose_database_is_out_of_reach(stack: Stack, tmp_path: Path) -> None:
    full = [
        sys.executable,
        str(ROOT / "scripts/simulate.py"),
        "--burst",
        "300",
        "--url",
        stack.url,
        "--data-dir",
        str(tmp_path),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done, unchecked = (
        subprocess.run([*full, *more], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, env=environment)
        for more in ([], ["--no-check"])
    )
    assert done.returncode == 1
    assert "DATABASE_URL is not set" in done.stderr
    assert unchecked.returncode == 0, unchecked.stderr
    assert "not checked" in unchecked.stdout
    assert "visible unknown" in unchecked.stderr


def test_a_burst_that_is_interrupted_checks_what_was_acknowledged(stack: Stack) -> None:
    options = ("--burst", "60000", "--batch", "20", "--concurrency", "1", "--seed", "78", "--json")
    full = [sys.executable, "-m", "cli.main", "simulate", *options, "--data-dir", str(stack.data_dir)]
    first = Simulation(78).run(0, datetime.now(UTC)).id
    with subprocess.Popen(full, stdout=subprocess.PIPE, text=True) as process:
        wait_until(lambda: stack.request("GET", f"/v1/runs/{first}")[0] == 200, seconds=30)
        process.send_signal(signal.SIGINT)
        answer, _ = process.communicate(timeout=60)
    report = json.loads(answer)
    assert (process.returncode, report["ok"]) == (1, False)
    assert "interrupted" in report["error"]
    assert 0 < report["acknowledged"]["events"] < 60_000
    assert report["check"]["equal"]
    assert report["check"]["found"]["runs"] == report["acknowledged"]["runs"]
