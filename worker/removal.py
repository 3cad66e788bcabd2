"""The removal of runs: with all that is kept of them, and out of every sum.

A run's row is its lock. Who removes takes it and leaves runs alone that others hold; a drain that loaded a run which is gone
when it writes begins its batch anew, and the indexer passes over what is gone. What a run was counted as is worked out by the
code that counts, and left for the fold in the transaction that takes the rows away: both happen, or neither.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from db import pipeline, queries
from db.pipeline import Connection
from worker.batch import loaded_run, loaded_step, write_sums
from worker.fold import fold
from worker.rollups import RollupDeltas
from worker.state import RunKey, RunState

FETCH_ROWS = 5_000
ALL_PROJECTS = 0
"""What stands for every project where one is asked for."""


def prepare(connection: Connection) -> None:
    """Makes a connection one that removes."""
    connection.prepare_threshold = None  # a plan that is for any day would look into all of them
    connection.execute(queries.PREPARE_REMOVAL)


def remove(connection: Connection, keys: Sequence[RunKey], *, parts_stay: bool = False) -> Counter[str]:
    """Removes those of some runs that nobody else is at, in the caller's transaction. Returns how much of what kind is gone.

    `parts_stay`: their steps, artifacts, metrics and words are left where they are, as their partition is going to be dropped.
    """
    connection.execute(queries.KEEP_REPAIRS_OUT)
    rows = connection.execute(queries.LOCK_RUNS, pipeline.run_keys(keys), binary=True).fetchall()
    by_day: defaultdict[date, dict[RunKey, RunState]] = defaultdict(dict)
    for row in rows:
        run = loaded_run(row)
        by_day[row[2]][run.project_id, run.id] = run
    removed = Counter(runs=len(rows))
    deltas = RollupDeltas()
    for day, runs in by_day.items():
        removed["steps"] += _take_back(connection, day, runs, deltas)
        if not parts_stay:
            _, artifacts, metrics, _ = connection.execute(queries.REMOVE_PARTS, _keys_of_day(day, runs)).fetchall()[0]
            removed.update(artifacts=artifacts, metrics=metrics)
    if rows:
        write_sums(connection, deltas)
        gone = pipeline.run_keys([key for runs in by_day.values() for key in runs])
        removed["deadLetters"] = connection.execute(queries.REMOVE_RUNS, gone).fetchall()[0][0]
    return removed


def _take_back(connection: Connection, day: date, runs: dict[RunKey, RunState], deltas: RollupDeltas) -> int:
    """Takes runs and all their steps out of the sums; a run may have more steps than memory should hold. Gives their number."""
    count = 0
    with connection.cursor("removal", binary=True) as steps:
        steps.itersize = FETCH_ROWS
        steps.execute(queries.STEPS_OF_DAY, _keys_of_day(day, runs))
        for row in steps:
            count += 1
            deltas.take_step(runs[row[0], row[1].hex], loaded_step(row))
    for run in runs.values():
        deltas.take_run(run)
    return count


def _keys_of_day(day: date, runs: Iterable[RunKey]) -> dict[str, object]:
    keys = list(runs)
    return {**pipeline.run_keys(keys), "days": [day] * len(keys), "day": day}


def sweep(connection: Connection, project_id: int = ALL_PROJECTS) -> None:
    """Clears away what only removed runs had: samples of errors, and the messages of errors that nothing counts any more."""
    fold(connection, wait=True)
    values = {"project_id": project_id}
    with connection.transaction():
        connection.execute(queries.PLAN_FOR_ALL)
        connection.execute(queries.FOLD_LOCK)
        connection.execute(queries.CLEAR_SAMPLES, values)
    while _sweep_error_groups(connection, values):
        pass


def _sweep_error_groups(connection: Connection, values: dict[str, int]) -> bool:
    """Some of them. False if there are no more."""
    with connection.transaction():
        connection.execute(queries.KEEP_REPAIRS_OUT)
        connection.execute(queries.PLAN_FOR_ALL)
        unused = connection.execute(queries.LOCK_UNUSED_ERROR_GROUPS, values).fetchall()
        if not unused:
            return False
        # Whoever held one until now has stored what needs it: this statement sees that, and the one before did not.
        swept = connection.execute(queries.SWEEP_ERROR_GROUPS, pipeline.columns_of(unused, ("project_ids", "ids")))
        return swept.rowcount > 0
