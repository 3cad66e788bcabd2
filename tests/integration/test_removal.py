"""What is deleted is gone from every table and every sum, once, whoever else writes, indexes, repairs or dies meanwhile."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from msgspec import Raw

from db import pipeline
from events import jobs as job_names
from events.error_groups import identify
from events.records import ABSENT, AgentRef, Artifact, Metric, Record, RunRecord, StepRecord
from events.settings import JOB_TIMEOUT_SECONDS, Settings
from events.stream import append_now, bell_key, entries_of, epoch_key, stream_key
from tests.integration.conftest import Differences, Drain
from tests.support.waiting import wait_until
from worker import checkup, deletions, jobs, removal
from worker.batch import Batch, Event
from worker.drain import Outcome
from worker.jobs import Context
from worker.repair import repair
from worker.scheduler import ask_to_close_stale, ask_to_remove
from worker.search import index_slice

Database = psycopg.Connection[tuple[Any, ...]]

PLANTED = "xyzzyplugh"
AGENT = AgentRef("writer", "1")
MINUTE = 60_000_000


def _now() -> int:
    return int(time.time() * 1_000_000)


def events_of(
    run: str,
    word: str = "plain",
    *,
    user: int | None = None,
    session: str | None = None,
    steps: int = 3,
    agent: AgentRef | None = AGENT,
) -> list[Record]:
    """A run that leaves something in every table; without an agent if it is not to go by the queue."""
    began = _now() - 3 * MINUTE
    error = Raw(json.dumps({"type": "Timeout", "message": f"{word} did not answer"}).encode())
    payload = Raw(json.dumps({"text": f"the {word} one"}).encode())
    run_record = RunRecord(
        run,
        agent=agent,
        user_id=user,
        session_id=session,
        name=word,
        status="FAILED",
        input=payload,
        output=payload,
        error=error,
        tags=Raw(json.dumps({"topic": word}).encode()),
        attributes=payload,
        started_at=began,
        finished_at=began + 2_000_000,
        metrics=[Metric(uuid4().hex, word, 0.5, payload)],
    )
    return [
        run_record,
        *(
            StepRecord(
                run,
                f"{number:016x}",
                parent_id=f"{number - 1:016x}" if number > 1 else None,
                tool_name=word,
                name=word,
                kind="tool",
                model=word,
                input=payload,
                output=payload,
                error=error if number == 1 else ABSENT,
                attributes=payload,
                started_at=began + number,
                finished_at=began + number * 1000,
                input_tokens=number,
                cost_nano_usd=number,
                artifacts=[Artifact(uuid4().hex, "text", f"https://example.com/{word}", payload)],
            )
            for number in range(1, steps + 1)
        ),
    ]


def store_now(connection: Database, project_id: int, accepted_at: int, events: list[Record]) -> None:
    """As a drain that died before it came to fold and index."""
    pipeline.prepare_session(connection)
    groups = {identify(bytes(event.error)) for event in events if event.error}
    pipeline.register_error_groups(connection, [(project_id, group.id, group.message) for group in groups])
    Batch(connection, {}, set()).store([Event(project_id, accepted_at, "0-0", event) for event in events])


def _runs(database: Database) -> set[str]:
    return {run_id.hex for (run_id,) in database.execute("SELECT id FROM runs")}


def _count(database: Database, table: str) -> int:
    return int(database.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _texts(database: Database) -> Iterator[tuple[str, str]]:
    """Every row of every table as text, bytea as the text that it holds; whatever tables there are."""
    tables = database.execute(
        "SELECT c.relname FROM pg_class AS c WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition"
        " AND c.relnamespace = 'public'::regnamespace"
    ).fetchall()
    assert {"runs", "steps", "dead_letters", "pending_errors"} <= {name for (name,) in tables}
    database.execute("SET bytea_output = 'escape'")
    for (table,) in tables:
        for (text,) in database.execute(f"SELECT t::text FROM {table} AS t"):
            yield table, text


def tables_with(database: Database, *needles: str) -> set[str]:
    return {table for table, text in _texts(database) for needle in needles if needle in text}


def _ask(database: Database, kind: str, subject: str, project_id: int = 1) -> UUID:
    return deletions.request(database, project_id, kind, subject, "a test")


def _work(context: Context) -> None:
    """As a worker does, when the scheduler has asked."""
    jobs.ALLOWED[job_names.REMOVE](context)


def _is_done(database: Database, deletion: UUID) -> bool:
    return database.execute("SELECT finished_at IS NOT NULL FROM deletions WHERE id = %s", [deletion]).fetchall()[0][0]


def _removed(database: Database, deletion: UUID) -> dict[str, int]:
    return database.execute("SELECT counts FROM deletions WHERE id = %s", [deletion]).fetchall()[0][0]


def index_all(database: Database) -> None:
    while index_slice(database):
        pass


@pytest.mark.parametrize("kind", ["run", "session", "user"])
def test_no_trace_is_left(
    kind: str,
    queue: "redis.Redis",
    drain: Drain,
    database: Database,
    context: Context,
    differences: Differences,
) -> None:
    target, other, session, user = uuid4().hex, uuid4().hex, f"session of {PLANTED}", 777_123
    append_now(queue, entries_of(1, [*events_of(target, PLANTED, user=user, session=session), *events_of(other)], 1), 1)
    poison: list[Record] = [
        StepRecord(target, "f" * 16, name=PLANTED, index=2**40),
        RunRecord(uuid4().hex, name="nul \0 of " + PLANTED, session_id=session, user_id=user),
    ]
    append_now(queue, entries_of(1, poison[: 1 if kind == "run" else 2], 1), 1)
    assert drain() == len(poison[: 1 if kind == "run" else 2])
    index_all(database)
    before = tables_with(database, PLANTED)
    assert before >= {
        *("runs", "steps", "artifacts", "metrics", "search_documents", "search_terms", "indexed_runs"),
        *("dead_letters", "error_groups", "rollup_tools", "rollup_latencies", "rollup_errors"),
    }
    subject = {"run": str(UUID(target)), "session": session, "user": str(user)}[kind]
    deletion = _ask(database, kind, subject)
    _work(context)
    assert _is_done(database, deletion)
    assert _removed(database, deletion) == {
        "runs": 1,
        "steps": 3,
        "artifacts": 3,
        "metrics": 1,
        "deadLetters": len(poison[: 1 if kind == "run" else 2]),
    }
    ids = [] if kind == "run" else [target, str(UUID(target))]
    assert tables_with(database, PLANTED, *ids) == set()
    assert _runs(database) == {other}
    assert differences() == []


def test_what_waits_for_fold_and_index_goes_too(
    settings: Settings,
    queue: "redis.Redis",
    database: Database,
    context: Context,
    differences: Differences,
) -> None:
    target = uuid4().hex
    with database.transaction():
        store_now(database, 1, _now(), events_of(target, PLANTED, agent=None))
    assert {"pending_documents", "pending_errors"} <= tables_with(database, str(UUID(target)))
    deletion = _ask(database, "run", str(UUID(target)))
    _work(context)
    assert _is_done(database, deletion)
    assert tables_with(database, PLANTED) == set()
    assert tables_with(database, str(UUID(target))) == {"deletions"}
    assert differences() == []


def test_events_accepted_before_do_not_bring_it_back_and_later_ones_begin_anew(
    queue: "redis.Redis", drain: Drain, database: Database, context: Context, differences: Differences
) -> None:
    run = uuid4().hex
    append_now(queue, entries_of(1, events_of(run), 1), 1)
    deletion = _ask(database, "run", str(UUID(run)))
    _work(context)
    assert not _is_done(database, deletion)
    append_now(queue, entries_of(1, [RunRecord(run, name="accepted before the drain")], 1), 1)
    drain()
    assert _runs(database) == {run}
    _work(context)
    assert _is_done(database, deletion)
    assert _runs(database) == set()
    append_now(queue, entries_of(1, [StepRecord(run, "a" * 16, name="later")], 1), 1)
    drain()
    _work(context)
    assert database.execute("SELECT name, step_count, status FROM runs").fetchall() == [(None, 1, "RUNNING")]
    assert differences() == []


def test_what_begins_after_the_request_stays_however_long_others_take(
    queue: "redis.Redis", drain: Drain, database: Database, remover: Database, context: Context
) -> None:
    before, after = uuid4().hex, uuid4().hex
    append_now(queue, entries_of(1, [*events_of(uuid4().hex, session="long"), *events_of(before, user=7)], 1), 1)
    drain()
    _ask(database, "session", "long")
    deletion = _ask(database, "user", "7")
    assert deletions.take_turn(remover, queue, 1, may_go_on=lambda: False)
    remover.close()
    assert _runs(database) == {before}
    append_now(queue, entries_of(1, events_of(after, user=7), 1), 1)
    drain()
    wait_until(lambda: (_work(context), _is_done(database, deletion))[1], what="the deletion")
    assert _runs(database) == {after}


def test_a_replay_at_the_same_time_brings_nothing_back(
    queue: "redis.Redis", database: Database, database_url: str, context: Context, differences: Differences
) -> None:
    run = uuid4().hex
    database.execute(
        "INSERT INTO dead_letters (project_id, shard, entry_id, reason, record) VALUES (1, 0, '0-0', '', %s)", [run.encode()]
    )
    deletion = _ask(database, "run", str(UUID(run)))
    with psycopg.connect(database_url) as replay:
        replay.execute("DELETE FROM dead_letters")
        store_now(replay, 1, _now(), events_of(run, agent=None))
        thread = threading.Thread(target=_work, args=(context,))
        thread.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_until(lambda: database.execute(waits).fetchone() == (1,), what="the deletion to wait for the letter")
    thread.join()
    _work(context)
    assert _is_done(database, deletion)
    assert _runs(database) == set()
    assert differences() == []


def test_a_wiped_queue_keeps_no_deletion_waiting(
    queue: "redis.Redis", drain: Drain, database: Database, context: Context
) -> None:
    append_now(queue, entries_of(1, events_of("a" * 32), 1), 1)
    drain()
    append_now(queue, entries_of(1, events_of("b" * 32), 1), 1)
    deletion = _ask(database, "run", str(UUID("a" * 32)))
    _work(context)
    assert not _is_done(database, deletion)
    queue.delete(stream_key(0), epoch_key(0), bell_key(0))
    _work(context)
    assert _is_done(database, deletion)


def test_what_is_not_there_or_not_ours_is_deleted_just_the_same(
    queue: "redis.Redis", drain: Drain, database: Database, context: Context
) -> None:
    theirs = uuid4()
    append_now(queue, entries_of(1, events_of(theirs.hex, user=4711, session="theirs"), 1), 1)
    drain()
    meant = [("run", theirs), ("run", uuid4()), ("session", "theirs"), ("session", "nobody"), ("user", 4711), ("user", 4712)]
    asked = [_ask(database, kind, str(subject), project_id=2) for kind, subject in meant]
    _work(context)
    assert all(_is_done(database, deletion) for deletion in asked)
    assert {tuple(_removed(database, deletion).values()) for deletion in asked} == {(0, 0, 0, 0, 0)}
    assert _runs(database) == {theirs.hex}


def test_a_drain_that_loaded_a_run_which_is_removed_begins_anew(
    queue: "redis.Redis",
    drain: Drain,
    database: Database,
    remover: Database,
    context: Context,
    differences: Differences,
) -> None:
    run = uuid4().hex
    append_now(queue, entries_of(1, events_of(run), 1), 1)
    drain()
    append_now(queue, entries_of(1, [StepRecord(run, "c" * 16, name="meanwhile"), *events_of(uuid4().hex)], 1), 1)
    worker = context.drain_of(0)
    with remover.transaction():
        assert removal.remove(remover, [(1, run)])["runs"] == 1
        failed: list[Exception] = []

        def step() -> None:
            try:
                worker.step()
            except psycopg.errors.SerializationFailure as error:
                failed.append(error)

        thread = threading.Thread(target=step)
        thread.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_until(lambda: database.execute(waits).fetchone() == (1,), what="the drain to wait for the run")
    thread.join()
    assert failed
    while worker.step() is not Outcome.EMPTY:
        pass
    assert database.execute("SELECT step_count FROM runs WHERE id = %s", [UUID(run)]).fetchall() == [(1,)]
    assert differences() == []


def test_runs_that_others_hold_are_left_for_another_time(
    queue: "redis.Redis", drain: Drain, database: Database, database_url: str, context: Context
) -> None:
    runs = [uuid4().hex for _ in range(3)]
    for run in runs:
        append_now(queue, entries_of(1, events_of(run, session="s"), 1), 1)
    drain()
    deletion = _ask(database, "session", "s")
    with psycopg.connect(database_url) as drains:
        drains.execute("UPDATE runs SET name = 'held' WHERE id = %s", [UUID(runs[1])])
        _work(context)
        assert _runs(database) == {runs[1]}
        assert not _is_done(database, deletion)
    _work(context)
    assert _is_done(database, deletion)
    assert _removed(database, deletion)["runs"] == 3


def test_the_indexer_passes_over_what_was_removed(
    queue: "redis.Redis", drain: Drain, database: Database, remover: Database, differences: Differences
) -> None:
    run = uuid4().hex
    append_now(queue, entries_of(1, events_of(run), 1), 1)
    drain()
    index_all(database)
    with database.transaction():
        database.execute(
            "INSERT INTO pending_documents (project_id, run_id, day, whole, step_ids)"
            " SELECT project_id, id, day, true, '{1}' FROM runs"
        )
    with remover.transaction():
        removal.remove(remover, [(1, run)])
        database.execute("SET lock_timeout = '5s'")
        thread = threading.Thread(target=index_all, args=(database,))
        thread.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        with psycopg.connect(database.info.dsn, password=database.info.password, autocommit=True) as watch:
            wait_until(lambda: watch.execute(waits).fetchone() == (1,) or not thread.is_alive(), what="the indexer to wait")
    thread.join()
    for table in ("indexed_runs", "search_terms", "search_documents", "pending_documents"):
        assert _count(database, table) == 0
    removal.sweep(remover)
    assert differences() == []


def test_a_crash_in_the_middle_counts_each_slice_once(
    queue: "redis.Redis",
    drain: Drain,
    database: Database,
    context: Context,
    differences: Differences,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(6):
        append_now(queue, entries_of(1, events_of(f"{number + 1:032x}", session="s"), 1), 1)
    drain()
    monkeypatch.setattr(deletions, "SLICE_RUNS", 2)
    deletion = _ask(database, "session", "s")
    write_sums, calls = removal.write_sums, 0

    def dies(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        write_sums(*arguments)
        if calls == 2:
            raise psycopg.OperationalError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(removal, "write_sums", dies)
        with pytest.raises(psycopg.OperationalError):
            _work(context)
    assert _count(database, "runs") == 4
    assert _removed(database, deletion)["runs"] == 2
    assert differences() == []
    _work(context)
    assert _is_done(database, deletion)
    assert _removed(database, deletion) == {"runs": 6, "steps": 18, "artifacts": 18, "metrics": 6, "deadLetters": 0}
    assert _count(database, "rollup_totals") == _count(database, "rollup_errors") == 0
    assert differences() == []


def test_one_removes_at_a_time(
    queue: "redis.Redis", drain: Drain, database: Database, remover: Database, context: Context
) -> None:
    append_now(queue, entries_of(1, events_of("a" * 32), 1), 1)
    drain()
    deletion = _ask(database, "run", str(UUID("a" * 32)))
    assert deletions.is_alone(remover)
    _work(context)
    assert not _is_done(database, deletion)
    remover.close()
    wait_until(lambda: (_work(context), _is_done(database, deletion))[1], what="the lock of a closed session")


def test_one_that_fails_keeps_no_other_waiting(
    queue: "redis.Redis", drain: Drain, database: Database, context: Context
) -> None:
    append_now(queue, entries_of(1, events_of("a" * 32), 1), 1)
    drain()
    broken, sound = _ask(database, "user", "no number"), _ask(database, "run", str(UUID("a" * 32)))
    _work(context)
    assert not _is_done(database, broken)
    assert _is_done(database, sound)
    [(error,)] = database.execute("SELECT error FROM deletions WHERE id = %s", [broken]).fetchall()
    assert "22P02" in error
    assert "no number" not in error


def test_error_messages_that_others_have_stay(
    queue: "redis.Redis", drain: Drain, database: Database, context: Context, differences: Differences
) -> None:
    first, second = uuid4().hex, uuid4().hex
    append_now(queue, entries_of(1, [*events_of(first, PLANTED), *events_of(second, PLANTED)], 1), 1)
    drain()
    _ask(database, "run", str(UUID(first)))
    _work(context)
    assert "error_groups" in tables_with(database, PLANTED)
    assert str(UUID(first)) not in {text for _, text in _texts(database) if "deletions" not in text}
    append_now(queue, entries_of(1, events_of(first, "other"), 1), 1)
    drain()
    _ask(database, "run", str(UUID(second)))
    _work(context)
    assert tables_with(database, PLANTED) == set()
    # The same drain meets the message again, which it knew once.
    append_now(queue, entries_of(1, events_of(second, PLANTED), 1), 1)
    drain()
    assert "error_groups" in tables_with(database, PLANTED)
    assert differences() == []


def test_no_group_is_swept_that_a_batch_is_about_to_use(
    database: Database, database_url: str, remover: Database, queue: "redis.Redis"
) -> None:
    pipeline.register_error_groups(database, [(1, 5, "about to be used"), (1, 6, "of nobody")])
    with psycopg.connect(database_url) as batch:
        assert pipeline.hold_error_groups(batch, [(1, 5), (1, 7)]) == {(1, 5)}
        removal.sweep(remover)
        assert database.execute("SELECT id FROM error_groups").fetchall() == [(5,)]
    removal.sweep(remover)
    assert _count(database, "error_groups") == 0


def test_exact_while_drains_write_and_a_doctor_repairs(
    queue: "redis.Redis", database: Database, database_url: str, settings: Settings, differences: Differences
) -> None:
    """Runs get events, are removed and come again, all at once; what is left recounts."""
    runs = [f"{number + 1:032x}" for number in range(12)]
    stop = threading.Event()
    drainer, remover = Context(settings, queue), Context(settings, queue)

    def keep(work: Callable[[], object]) -> None:
        while not stop.is_set():
            work()

    def step() -> None:
        try:
            drainer.drain_of(0).step()
        except psycopg.errors.SerializationFailure:
            pass  # a run was removed while it was written: the next step does it anew

    def mend() -> None:
        with checkup.open_session(database_url) as session, checkup.connect(database_url) as rows:
            checkup.check(session, days_ahead=1, task=lambda *_: lambda _: None)
            repair(session, rows, days_ahead=1)

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(keep, work) for work in (step, mend, lambda: _work(remover))]
        try:
            for turn in range(5):
                for run in runs:
                    append_now(queue, entries_of(1, events_of(run, session=f"s{turn % 3}", steps=turn % 4), 1), 1)
                asked = [_ask(database, "session", f"s{turn % 3}"), _ask(database, "run", str(UUID(runs[turn])))]
                wait_until(
                    lambda asked=asked: (
                        any(one.done() for one in working) or all(_is_done(database, deletion) for deletion in asked)
                    ),
                    seconds=30,
                    what="the deletions",
                )
        finally:
            stop.set()
        for one in working:
            one.result()
    remover.close()
    append_now(queue, entries_of(1, events_of(runs[0]), 1), 1)
    while drainer.drain_of(0).step() is not Outcome.EMPTY:
        pass
    drainer.close()
    assert _count(database, "runs") > 0
    assert differences() == []


def test_the_scheduler_asks_once_and_a_removal_says_when_the_next_is_due(
    queue: "redis.Redis", context: Context, database: Database
) -> None:
    assert ask_to_remove(queue)
    assert not ask_to_remove(queue)
    _work(context)
    assert not ask_to_remove(queue)
    assert 0 < queue.pttl(job_names.REMOVAL_KEY) <= jobs.IDLE_REMOVAL_PAUSE_SECONDS * 1000


@pytest.mark.parametrize(("ask", "key"), [(ask_to_remove, job_names.REMOVAL_KEY), (ask_to_close_stale, job_names.STALE_KEY)])
def test_a_clock_set_back_keeps_no_job_away(queue: "redis.Redis", ask: Callable[["redis.Redis"], bool], key: str) -> None:
    assert ask(queue)
    queue.pexpire(key, 3_600_000 + JOB_TIMEOUT_SECONDS * 1000)
    assert ask(queue)
    assert not ask(queue)
