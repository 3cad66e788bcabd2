"""The recount: what roll-ups and run totals must be, from the rows alone.

All runs and steps are read once, in the order of their keys, and settled as a batch settles them, into roll-ups of the
session's own (`create_shadows` in `db/doctor.sql`): COPY and fold are the statements of drain and fold, so there is one rule
for what is counted where. Memory stays bounded: sums are handed to Postgres as soon as there are many of them.

Rows are counted as they are stored, with their marks and error groups, even where these are wrong: what a drain adds or takes
meanwhile is counted so, too, and the difference between roll-ups and rows stays the same until it is repaired.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from db import pipeline, queries
from db.pipeline import Connection
from events.error_groups import ErrorGroup, identify
from worker.batch import loaded_run, loaded_step, write_sums
from worker.fold import STATEMENTS as FOLD
from worker.rollups import RollupDeltas
from worker.state import RunState, StepState

FETCH_ROWS = 5_000
SUMS_MAX = 100_000
"""How many sums are held before Postgres gets them."""
EXAMPLES_MAX = 3

Totals = tuple[int, int, int, int, int]
"""Steps, failed steps, input tokens, output tokens, cost: what a run's row says of its steps."""
Errors = dict[str | None, str]
"""The error payloads of a run by step; None: the run's own."""
Advance = Callable[[int], None]
"""Takes how many runs are done so far."""


@dataclass(slots=True)
class Diagnosis:
    """What is wrong with the rows of one run, and how they should be."""

    stored: Totals
    counted: Totals
    """What the steps, as they are stored, come to."""
    corrected: Totals
    """What they come to with the right marks."""
    next_index: int
    marks: dict[str, bool] = field(default_factory=dict)
    """The steps whose `usage_below` is wrong."""
    awaited: set[str] = field(default_factory=set)
    """Parents that are to be marked on arrival, and that the run does not know of."""
    groups: dict[str | None, ErrorGroup | None] = field(default_factory=dict)
    """The rows whose `error_id` is wrong; None: the run's own."""

    def totals_are_wrong(self, run: RunState) -> bool:
        return self.stored != self.corrected or run.next_index < self.next_index

    def is_well(self, run: RunState) -> bool:
        return not (self.totals_are_wrong(run) or self.marks or self.awaited or self.groups)


def diagnose(run: RunState, errors: Errors, deltas: RollupDeltas) -> Diagnosis:
    """Looks at a run with all its steps, which it counts into `deltas`."""
    steps = run.steps.values()
    stored = totals_of(run)
    marked = {step.id for step in steps if step.usage_below}
    reporting = [step for step in steps if step.has_usage]
    counted = _count(run, deltas)
    found = Diagnosis(stored, counted, counted, max((step.index for step in steps), default=-1) + 1)
    if marked or reporting:
        _look_at_marks(run, found, marked, reporting)
    if errors or run.error_id is not None or counted[1] or any(step.error_id is not None for step in steps):
        _look_at_groups(run, found, errors)
    return found


def totals_of(run: RunState) -> Totals:
    return run.step_count, run.error_count, run.input_tokens, run.output_tokens, run.cost_nano_usd


def set_totals(run: RunState, totals: Totals) -> None:
    run.step_count, run.error_count, run.input_tokens, run.output_tokens, run.cost_nano_usd = totals


def _count(run: RunState, deltas: RollupDeltas) -> Totals:
    """Counts the run as if it were new; its own totals are then those of its steps."""
    run.before = None
    for step in run.steps.values():
        step.before = None
    run.touched = run.steps
    set_totals(run, (0, 0, 0, 0, 0))
    return totals_of(deltas.settle(run))


def _look_at_marks(run: RunState, found: Diagnosis, marked: set[str], reporting: list[StepState]) -> None:
    awaited, run.awaited_parents = run.awaited_parents, set()
    _set_marks(run, set())
    for step in reporting:
        run.mark_usage_above(step.parent_id)
    wanted = {step.id for step in run.steps.values() if step.usage_below}
    found.awaited = run.awaited_parents - awaited
    run.awaited_parents = awaited
    found.marks = dict.fromkeys(wanted - marked, True)
    if marked - wanted and found.stored != found.counted and _count(run, RollupDeltas()) == found.stored:
        # A mark that nothing asks for may be of a parent that the step had before, and then the totals go by it. These do not.
        found.marks |= dict.fromkeys(marked - wanted, False)
        found.corrected = found.stored
    elif found.marks:
        _set_marks(run, marked | wanted)
        found.corrected = _count(run, RollupDeltas())
    _set_marks(run, marked)


def _set_marks(run: RunState, marked: set[str]) -> None:
    for step in run.steps.values():
        step.usage_below = step.id in marked


def _look_at_groups(run: RunState, found: Diagnosis, errors: Errors) -> None:
    rows: Iterable[tuple[str | None, RunState | StepState]] = [(None, run), *run.steps.items()]
    for key, row in rows:
        error = errors.get(key)
        group = None if error is None else identify(error.encode())
        if row.error_id != (None if group is None else group.id):
            found.groups[key] = group


@dataclass(slots=True)
class Differences:
    """How many there are of a kind, and some of them."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, count: int, example: str) -> None:
        self.count += count
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(example)


class Recount:
    """One pass over all runs and steps, in the transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._deltas = RollupDeltas()
        self._groups: dict[tuple[int, int], str] = {}
        self._wrong_runs: list[tuple[int, str]] = []
        self._strays: list[tuple[Any, ...]] = []
        self._days: set[Any] = set()
        self._leaving: set[Any] = set()
        """Days that go as a whole: their steps have no runs any more, and no partition soon."""
        self.runs = self.steps = self.errors = 0
        self.totals = Differences()
        self.marks = Differences()
        self.groups = Differences()

    def read_all(self, advance: Advance) -> None:
        """Reads everything, and leaves the recounted roll-ups and what is wrong with rows in the session's tables."""
        self._leaving = {day for (day,) in self._connection.execute(queries.LIST_DAYS_BEING_REMOVED)}
        with (
            self._connection.cursor("doctor_runs", binary=True) as runs,
            self._connection.cursor("doctor_steps", binary=True) as steps,
        ):
            for cursor in (runs, steps):
                cursor.itersize = FETCH_ROWS
            runs.execute(queries.STREAM_RUNS)
            steps.execute(queries.STREAM_STEPS)
            for run, errors in self._whole_runs(runs, steps):
                self._look_at(run, errors)
                if self.runs % 1000 == 0:
                    advance(self.runs)
                    self._hand_over_if_many()
        self._hand_over()
        self._connection.execute(queries.ADD_PENDING)
        for statement in FOLD:
            self._connection.execute(statement)

    def _whole_runs(
        self, runs: Iterable[tuple[Any, ...]], steps: Iterable[tuple[Any, ...]]
    ) -> Iterator[tuple[RunState, Errors]]:
        """Each run with its steps and their errors. A step without a run of its day is a stray one."""
        rest = iter(steps)
        row = next(rest, None)
        for run_row in runs:
            run = loaded_run(run_row)
            errors: Errors = {} if run_row[21] is None else {None: run_row[21]}
            key, day = (run_row[0], run_row[1].bytes), run_row[2]
            while row is not None and (row[0], row[1]) < key:
                self._stray(row)
                row = next(rest, None)
            while row is not None and (row[0], row[1]) == key:
                if row[18] == day:
                    step = loaded_step(row)
                    run.steps[step.id] = step
                    if row[17] is not None:
                        errors[step.id] = row[17]
                else:
                    self._stray(row)
                row = next(rest, None)
            self._days.add(day)
            yield run, errors
        while row is not None:
            self._stray(row)
            row = next(rest, None)

    def _stray(self, row: tuple[Any, ...]) -> None:
        self.steps += 1
        if row[18] in self._leaving:
            return
        self._strays.append((row[0], row[1].hex(), row[18], row[2]))
        if len(self._strays) >= SUMS_MAX:
            self._hand_over()

    def _look_at(self, run: RunState, errors: Errors) -> None:
        self.runs += 1
        self.steps += len(run.steps)
        found = diagnose(run, errors, self._deltas)
        for error in errors.values():
            group = identify(error.encode())
            self._groups[run.project_id, group.id] = group.message
        self.errors += len(errors)
        if found.is_well(run):
            return
        self._wrong_runs.append((run.project_id, run.id))
        if found.totals_are_wrong(run):
            self.totals.add(1, _totals_example(run, found))
        if found.marks or found.awaited:
            first = next(iter(found.marks or found.awaited))
            self.marks.add(len(found.marks) + len(found.awaited), f"step {first} of run {UUID(run.id)}")
        if found.groups:
            first_row = next(iter(found.groups))
            name = f"run {UUID(run.id)}" if first_row is None else f"step {first_row} of run {UUID(run.id)}"
            self.groups.add(len(found.groups), name)

    def _hand_over_if_many(self) -> None:
        if self._deltas.held + len(self._groups) + len(self._wrong_runs) >= SUMS_MAX:
            self._hand_over()

    def _hand_over(self) -> None:
        write_sums(self._connection, self._deltas)
        self._deltas = RollupDeltas()
        pipeline.register_error_groups(self._connection, [(*key, message) for key, message in self._groups.items()])
        self._groups.clear()
        for statement, rows in (
            (queries.COPY_WRONG_RUNS, self._wrong_runs),
            (queries.COPY_STRAY_STEPS, self._strays),
            (queries.COPY_DAYS_OF_RUNS, [(day,) for day in self._days]),
        ):
            with self._connection.cursor() as cursor, cursor.copy(statement) as sink:
                for row in rows:
                    sink.write_row(row)
        self._wrong_runs.clear()
        self._strays.clear()
        self._days.clear()


def _totals_example(run: RunState, found: Diagnosis) -> str:
    names = ("step_count", "error_count", "input_tokens", "output_tokens", "cost_nano_usd")
    wrong = [
        f"{name} {stored}, counted {counted}"
        for name, stored, counted in zip(names, found.stored, found.corrected, strict=True)
        if stored != counted
    ]
    if run.next_index < found.next_index:
        wrong.append(f"next_index {run.next_index}, needed {found.next_index}")
    return f"run {UUID(run.id)}: {'; '.join(wrong)}"


def chunks(rows: Iterable[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in lists of at most that many."""
    rest = iter(rows)
    while chunk := list(islice(rest, size)):
        yield chunk
