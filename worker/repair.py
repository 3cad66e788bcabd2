"""The repair of what a check-up found, while events go on to arrive.

Rows are corrected while no drain writes, a few at a time, each after another look at it; what the roll-ups get of that is left
for the fold, as drains do. Rows in the wrong place are taken away and stored anew as events. Roll-ups get what they lack
added: they are sums, and what was added to them meanwhile stays.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import msgspec

from db import pipeline, queries
from db.partitions import ensure_partitions
from db.pipeline import Connection
from events.error_groups import identify
from events.records import ABSENT, Artifact, Metric, Record, RunRecord, StepRecord
from worker.batch import Batch, Event, loaded_run, loaded_step
from worker.fold import fold
from worker.recount import Diagnosis, Errors, chunks, diagnose, set_totals
from worker.rollups import RollupDeltas
from worker.state import RunKey, RunState

RUNS_AT_ONCE = 20
"""A run may have tens of thousands of steps, and drains wait meanwhile."""
STRAYS_AT_ONCE = 500
ENTRY_ID = "0-0"
"""What stands for a stream entry in events that are stored anew."""

Row = tuple[Any, ...]
Done = dict[str, int]
"""How many of a kind were repaired."""


def repair(session: Connection, rows: Connection, *, days_ahead: int) -> Done:
    """Repairs what the last check-up left in the session's tables. `rows` is a second connection, for the rows."""
    pipeline.prepare_session(rows)
    ensure_partitions(rows, days_ahead)
    rows.execute(queries.MAKE_PARTITIONS_OF_RUNS)
    done = {
        "agents restored": rows.execute(queries.REGISTER_LOST_AGENTS).rowcount,
        "error groups registered": session.execute(queries.RESTORE_ERROR_GROUPS).rowcount,
        "steps stored anew": _restore(session, rows, queries.LIST_STRAY_STEPS, queries.TAKE_STEPS, _step_event),
        "artifacts stored anew": _restore(session, rows, queries.LIST_STRAY_ARTIFACTS, queries.TAKE_ARTIFACTS, _artifact_event),
        "metrics stored anew": _restore(session, rows, queries.LIST_STRAY_METRICS, queries.TAKE_METRICS, _metric_event),
        "runs corrected": _correct_runs(session, rows),
        "roll-up rows corrected": _correct_rollups(session),
        **_repair_search(session),
    }
    fold(rows, wait=True)
    return {name: count for name, count in done.items() if count}


@contextmanager
def _no_drain(connection: Connection) -> Iterator[None]:
    """A transaction in which nobody else writes runs and steps."""
    with connection.transaction():
        connection.execute(queries.HOLD_DRAINS)
        yield


def _found(session: Connection, statement: LiteralString, size: int) -> Iterator[list[Row]]:
    """What the check-up left in one of the session's tables, in pieces."""
    with session.transaction(), session.cursor("doctor_found") as cursor:
        cursor.itersize = size
        cursor.execute(statement)
        yield from chunks(cursor, size)


def _restore(
    session: Connection, rows: Connection, find: LiteralString, take: LiteralString, event_of: Callable[[Row], Event]
) -> int:
    """Takes rows away and stores what they say as events: their run, step or place is then made as drains make it."""
    done = 0
    for keys in _found(session, find, STRAYS_AT_ONCE):
        with _no_drain(rows):
            values = pipeline.columns_of(keys, ("project_ids", "run_ids", "days", "ids"))
            events = [event_of(row) for row in rows.execute(take, values)]
            pipeline.register_error_groups(rows, _groups_of(events))
            Batch(rows, {}, set()).store(events)
        done += len(events)
    return done


def _groups_of(events: Iterable[Event]) -> set[tuple[int, int, str]]:
    groups = ((event.project_id, identify(bytes(event.record.error))) for event in events if event.record.error)
    return {(project_id, group.id, group.message) for project_id, group in groups}


def _step_event(row: Row) -> Event:
    project_id, run_id, day, step_id, parent_id, index, *names = row[:10]
    payloads = [_payload(text) for text in row[10:14]]
    parent = None if parent_id is None else _step_id(parent_id)
    return _event(project_id, day, StepRecord(run_id.hex, _step_id(step_id), parent, index, *names, *payloads, *row[14:]))


def _artifact_event(row: Row) -> Event:
    project_id, run_id, created_at, step_id, artifact_id, kind, url, content = row
    artifact = Artifact(artifact_id.hex, kind, url, _payload(content))
    return _event(project_id, created_at, StepRecord(run_id.hex, _step_id(step_id), artifacts=[artifact]))


def _metric_event(row: Row) -> Event:
    project_id, run_id, created_at, metric_id, name, value, tags = row
    metric = Metric(metric_id.hex, name, value, _payload(tags))
    return _event(project_id, created_at, RunRecord(run_id.hex, metrics=[metric]))


def _event(project_id: int, at: int, record: Record) -> Event:
    return Event(project_id, at, ENTRY_ID, record)


def _payload(text: str | None) -> msgspec.Raw:
    return ABSENT if text is None else msgspec.Raw(text.encode())


def _step_id(step_id: int) -> str:
    return step_id.to_bytes(8, "big", signed=True).hex()


def _correct_runs(session: Connection, rows: Connection) -> int:
    done = 0
    for keys in _found(session, queries.LIST_WRONG_RUNS, RUNS_AT_ONCE):
        with _no_drain(rows):
            wrong = []
            for run, errors in _loaded(rows, keys):
                found = diagnose(run, errors, RollupDeltas())
                if not found.is_well(run):
                    _correct(run, found)
                    wrong.append(run)
            batch = Batch(rows, {}, set())
            batch.write_rows(wrong)
            for run in wrong:
                run.touched = {}  # no word of theirs is new; what lists are sorted by may be
            batch.note(wrong)
        done += len(wrong)
    return done


def _loaded(rows: Connection, keys: Iterable[Row]) -> list[tuple[RunState, Errors]]:
    """Those of the runs that are still there, with all their steps and errors."""
    runs: dict[RunKey, tuple[RunState, Errors]] = {}
    for row in pipeline.load_runs(rows, [(project_id, run_id.hex) for project_id, run_id in keys]):
        runs[row[0], row[1].hex] = (loaded_run(row), {})
    places = [(*key, run.day) for key, (run, _) in runs.items()]
    for row in pipeline.load_steps_of_runs(rows, places):
        step = loaded_step(row)
        runs[row[0], row[1].hex][0].steps[step.id] = step
    for project_id, run_id, step_id, error in pipeline.load_errors(rows, places):
        runs[project_id, run_id.hex][1][None if step_id is None else _step_id(step_id)] = error
    return list(runs.values())


def _correct(run: RunState, found: Diagnosis) -> None:
    """Makes a run right; as with a drain, its totals and the roll-ups get the difference when it is settled."""
    run.before = run.snapshot()
    for step in run.steps.values():
        step.before = step.snapshot()
    set_totals(run, found.counted)
    run.next_index = max(run.next_index, found.next_index)
    run.awaited_parents |= found.awaited
    run.touched = {}
    for step_id, mark in found.marks.items():
        run.touched[step_id] = run.steps[step_id]
        run.steps[step_id].usage_below = mark
    for key, group in found.groups.items():
        error_id = None if group is None else group.id
        if key is None:
            run.error_id = error_id
        else:
            run.touched[key] = run.steps[key]
            run.steps[key].error_id = error_id


def _correct_rollups(session: Connection) -> int:
    with session.transaction():
        session.execute(queries.FOLD_LOCK)
        return sum(
            session.execute(statement).rowcount
            for statement in (
                queries.ADD_LACKING_TOTALS,
                queries.ADD_LACKING_TOOLS,
                queries.ADD_LACKING_LATENCIES,
                queries.ADD_LACKING_ERRORS,
            )
        )


def _repair_search(session: Connection) -> Done:
    with session.transaction():
        session.execute(queries.SEARCH_LOCK)
        session.execute(queries.DROP_UNINDEXED_WORDS)
        queued = session.execute(queries.QUEUE_DOCUMENTS).rowcount
        completed = session.execute(queries.ADD_LACKING_TERMS).rowcount
        session.execute(queries.CLEAN_SEARCH)
    return {"runs to be indexed": queued, "runs whose terms were completed": completed}
