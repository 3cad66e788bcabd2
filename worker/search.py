"""The indexer: makes runs findable by their words, tools, tags and metrics, outside the way of an event.

The drain notes in its transaction which runs and steps it changed; the indexer takes those notes, a slice at a time, and
writes what search reads. Words of a step's payload that was replaced since stay in
the index.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import psycopg

from db import queries
from db.pipeline import Connection
from events.changes import RunKey

logger = logging.getLogger(__name__)

SLICE_STEPS = 150
"""A slice takes some 20 ms, which is as long as events may have to wait for it."""
STEPS_A_DOCUMENT = 13


@dataclass(slots=True, frozen=True)
class Change:
    """What was noted of one run."""

    project_id: int
    run_id: UUID
    day: date
    whole: bool
    """The run itself changed, not only its steps."""
    step_ids: list[int]


@dataclass(slots=True, frozen=True)
class Part:
    """What of a run makes one document: some steps; None stands for the run itself."""

    change: Change
    step_ids: Sequence[int | None]


def index_slice(connection: Connection, steps: int = SLICE_STEPS) -> list[RunKey]:
    """Indexes the oldest changes and returns their runs; none if there are none, or another indexes just now."""
    with connection.transaction():
        row = connection.execute(queries.TRY_SEARCH_LOCK).fetchone()
        return index_oldest(connection, steps) if row is not None and row[0] else []


def index_oldest(connection: Connection, steps: int) -> list[RunKey]:
    """Of changes that hold some number of steps, in the caller's transaction. Returns their runs."""
    taken = connection.execute(queries.TAKE_DOCUMENTS, {"size": steps}, binary=True).fetchall()
    changes = [Change(project_id, run_id, day, whole, ids or []) for project_id, run_id, day, whole, ids in taken]
    if changes:
        index(connection, changes)
    return [(change.project_id, change.run_id.hex) for change in changes]


def index(connection: Connection, changes: Sequence[Change]) -> None:
    """Indexes changes, each of another run, in the caller's transaction. A run that was removed is passed over."""
    held = set(connection.execute(queries.HOLD_RUNS, _keys(changes)).fetchall())
    changes = [change for change in changes if (change.project_id, change.run_id) in held]
    _add_words(connection, [part for change in changes for part in _parts(change)])
    _index_terms(connection, changes)


def _parts(change: Change) -> Iterator[Part]:
    items: list[int | None] = [None, *change.step_ids] if change.whole else list(change.step_ids)
    for start in range(0, len(items), STEPS_A_DOCUMENT):
        yield Part(change, items[start : start + STEPS_A_DOCUMENT])


def _add_words(connection: Connection, parts: Sequence[Part], *, ensured: bool = False) -> None:
    """A part that cannot be indexed is left out, and the others are not. `ensured`: no partition is missing any more."""
    if not parts:
        return
    rows = [(number, part.change, step_id) for number, part in enumerate(parts) for step_id in part.step_ids]
    values = {
        **_keys([change for _, change, _ in rows]),
        "step_ids": [step_id for _, _, step_id in rows],
        "parts": [number for number, _, _ in rows],
    }
    try:
        with connection.transaction():
            connection.execute(queries.ADD_WORDS, values)
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded) as error:
        if isinstance(error, psycopg.errors.CheckViolation) and not ensured:
            for day in sorted({part.change.day for part in parts}):
                connection.execute(queries.ENSURE_PARTITION_OF, {"day": day})
            _add_words(connection, parts, ensured=True)
            return
        if len(parts) == 1:
            logger.warning("run %s: %d steps cannot be searched: %s", parts[0].change.run_id, len(parts[0].step_ids), error)
            return
        middle = len(parts) // 2
        _add_words(connection, parts[:middle], ensured=ensured)
        _add_words(connection, parts[middle:], ensured=ensured)


def _index_terms(connection: Connection, changes: Sequence[Change]) -> None:
    steps = [(change, step_id) for change in changes for step_id in change.step_ids]
    of_steps = _keys([change for change, _ in steps])
    connection.execute(
        queries.INDEX_TERMS,
        {
            **_keys(changes),
            "wholes": [change.whole for change in changes],
            **{f"step_{name}": values for name, values in of_steps.items()},
            "step_ids": [step_id for _, step_id in steps],
        },
    )


def _keys(changes: Sequence[Change]) -> dict[str, list[object]]:
    return {
        "project_ids": [change.project_id for change in changes],
        "run_ids": [change.run_id for change in changes],
        "days": [change.day for change in changes],
    }
