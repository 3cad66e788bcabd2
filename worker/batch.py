"""One batch: load what it touches, apply its events in order, write what came of it. The caller holds the transaction."""

from collections.abc import Callable, Iterable, KeysView
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from db import copy, pipeline, queries
from db.pipeline import Connection
from events.records import CloseRecord, Record, RunRecord, StepRecord
from worker import rows
from worker.rollups import RollupDeltas
from worker.state import RunKey, RunState, StepState

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Event(msgspec.Struct):
    """A record with what its entry says of it."""

    project_id: int
    accepted_at: int
    entry_id: str
    record: Record


AgentIds = dict[tuple[int, str, str], int]


class Batch:
    """The runs that some events touch, from their load to their write."""

    def __init__(
        self, connection: Connection, agents: AgentIds, partitions: set[int], meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """`meanwhile` is called once most is sent: from then on it is Postgres that works, and Python that waits."""
        self._connection = connection
        self._meanwhile = meanwhile
        self._agents = agents
        self._partitions = partitions
        self._runs: dict[RunKey, RunState] = {}
        self._events: dict[RunKey, list[Event]] = {}
        """What is to be applied to each run, in order."""

    @property
    def run_keys(self) -> KeysView[RunKey]:
        """The runs that the batch touches."""
        return self._runs.keys()

    def store(self, events: list[Event]) -> None:
        """Applies events to what is stored. An error leaves the transaction to be rolled back.

        Raises:
            psycopg.Error: the database refused something.
            ValueError, OverflowError, struct.error: an event holds what no column can.
        """
        self._group(events)
        self._load()
        self._begin()
        self.write(list(self._runs.values()))

    def _group(self, events: list[Event]) -> None:
        last: RunKey | None = None
        of_run: list[Event] = []
        for event in events:
            key = (event.project_id, event.record.run_id)
            if key != last:  # events of a run mostly stand together
                last, of_run = key, self._events.setdefault(key, [])
            of_run.append(event)

    def _load(self) -> None:
        for row in pipeline.load_runs(self._connection, list(self._events)):
            run = loaded_run(row)
            self._runs[run.project_id, run.id] = run
        if self._runs:
            self._load_steps()

    def _load_steps(self) -> None:
        """Of the runs that are in the database: the steps that events name, and all steps where the agent may change."""
        moving: dict[RunKey, RunState] = {}
        named: dict[tuple[int, str, int, int], None] = {}
        for key, run in self._runs.items():
            for event in self._events[key]:
                record = event.record
                if isinstance(record, StepRecord):
                    named[*key, run.day, _signed(record.id)] = None
                    if record.parent_id is not None:
                        named[*key, run.day, _signed(record.parent_id)] = None
                elif isinstance(record, RunRecord) and run.step_count and self._moves(run, record):
                    moving[key] = run
        found: Iterable[tuple[Any, ...]] = ()
        if named:
            found = pipeline.load_steps(self._connection, list(named))
        if moving:
            whole = [(project_id, run_id, run.day) for (project_id, run_id), run in moving.items()]
            found = chain(found, pipeline.load_steps_of_runs(self._connection, whole))
        for row in found:
            step = loaded_step(row)
            self._runs[row[0], row[1].hex].steps[step.id] = step

    def _moves(self, run: RunState, record: RunRecord) -> bool:
        return self._agent_id(run.project_id, record) not in (None, run.agent_id)

    def _agent_id(self, project_id: int, record: RunRecord) -> int | None:
        if record.agent is None:
            return record.agent_id
        return self._agents[project_id, record.agent.name, record.agent.version]

    def _begin(self) -> None:
        """Makes the runs that the first of their events makes; one that closes a run makes none."""
        for key, events in self._events.items():
            if key in self._runs:
                continue
            while events and isinstance(events[0].record, CloseRecord):
                del events[0]
            if not events:
                continue
            first = events[0]
            run = self._runs[key] = RunState(*key, first.accepted_at)
            if isinstance(first.record, StepRecord) and first.record.started_at is not None:
                run.started_at = first.record.started_at  # the best guess until the run itself is told of

    def _apply(self, run: RunState) -> RunState:
        for event in self._events.get((run.project_id, run.id), ()):
            record = event.record
            if isinstance(record, StepRecord):
                run.apply_step(record, event.accepted_at)
            elif isinstance(record, RunRecord):
                run.apply_run(record, self._agent_id(event.project_id, record), event.accepted_at)
            else:
                run.apply_close(record)
        return run

    def write(self, runs: list[RunState]) -> None:
        """Writes runs with the steps that were touched, and notes what roll-ups and search index get of it."""
        self.write_rows(runs)
        self.note(runs)

    def note(self, runs: list[RunState]) -> None:
        """Notes for the search index that runs changed, and the steps that were touched."""
        _copy_if_any(self._connection, queries.COPY_PENDING_DOCUMENTS, chain.from_iterable(map(rows.document_rows, runs)))

    def write_rows(self, runs: list[RunState]) -> None:
        """As `write`, but the search index learns nothing of it."""
        deltas = RollupDeltas()
        self._ensure_partitions(runs)
        connection = self._connection
        # A run's events are applied and counted just before its steps are sent: Postgres parses the chunk before meanwhile.
        settled = map(deltas.settle, map(self._apply, runs))
        pipeline.copy_rows(connection, queries.COPY_STEPS, _step_rows(settled, new=True))
        self._meanwhile()
        new_runs = [run for run in runs if run.before is None]
        if new_runs:
            pipeline.copy_rows(connection, queries.COPY_RUNS, map(rows.run_row, new_runs))
        if len(new_runs) < len(runs):
            changed = (rows.run_row(run) for run in runs if run.before is not None)
            pipeline.copy_rows(connection, queries.COPY_STAGED_RUNS, changed)
            pipeline.update_runs(connection, len(runs) - len(new_runs))
        if any(step.before is not None for run in runs for step in run.touched.values()):
            pipeline.copy_rows(connection, queries.COPY_STAGED_STEPS, _step_rows(runs, new=False))
            connection.execute(queries.UPDATE_STEPS)
        self._write_parts(runs)
        write_sums(connection, deltas)

    def _ensure_partitions(self, runs: list[RunState]) -> None:
        for day in sorted({run.day for run in runs} - self._partitions):
            pipeline.ensure_partition_of(self._connection, day)
            self._partitions.add(day)

    def _write_parts(self, runs: list[RunState]) -> None:
        artifacts = [
            (*_place(run, part.id), _signed(step_id), part.type, part.url, _text(part.content), _timestamp(at))
            for run in runs
            for step_id, part, at in run.artifacts.values()
        ]
        metrics = [
            (*_place(run, part.id), part.name, part.value, _text(part.tags), _timestamp(at))
            for run in runs
            for part, at in run.metrics.values()
        ]
        pipeline.upsert(self._connection, queries.UPSERT_ARTIFACTS, pipeline.ARTIFACT_COLUMNS, artifacts)
        pipeline.upsert(self._connection, queries.UPSERT_METRICS, pipeline.METRIC_COLUMNS, metrics)


def write_sums(connection: Connection, deltas: RollupDeltas) -> None:
    """Leaves for the fold what is to be added to the roll-ups."""
    words = copy.Words()
    _copy_if_any(connection, queries.COPY_PENDING_TOTALS, rows.totals_rows(deltas))
    _copy_if_any(connection, queries.COPY_PENDING_TOOLS, rows.tool_rows(deltas, words))
    _copy_if_any(connection, queries.COPY_PENDING_LATENCIES, rows.latency_rows(deltas, words))
    _copy_if_any(connection, queries.COPY_PENDING_ERRORS, rows.error_rows(deltas, words))


def _copy_if_any(connection: Connection, statement: LiteralString, packed: Iterable[bytes]) -> None:
    waiting = list(packed)
    if waiting:
        pipeline.copy_rows(connection, statement, waiting)


def _step_rows(runs: Iterable[RunState], *, new: bool) -> Iterable[bytes]:
    words = copy.Words()
    for run in runs:
        steps = [step for step in run.touched.values() if (step.before is None) is new]
        if steps:
            yield from rows.step_rows(run, steps, words)


def _place(run: RunState, part_id: str) -> tuple[int, UUID, UUID, Any]:
    return run.project_id, UUID(hex=run.id), UUID(hex=part_id), pipeline.calendar_day(run.day)


def _text(payload: bytes) -> str | None:
    return bytes(payload).decode() if payload else None


def _timestamp(microseconds: int) -> datetime:
    return _UNIX_EPOCH + timedelta(microseconds=microseconds)


def _signed(step_id: str) -> int:
    return int.from_bytes(bytes.fromhex(step_id), "big", signed=True)


def _unsigned(step_id: int | None) -> str | None:
    return None if step_id is None else step_id.to_bytes(8, "big", signed=True).hex()


def loaded_run(row: tuple[Any, ...]) -> RunState:
    run = RunState(row[0], row[1].hex, row[10])
    run.day = row[2].toordinal() - pipeline.EPOCH_DAY
    (run.agent_id, run.user_id, run.session_id, run.name, run.status, run.started_at, run.finished_at) = row[3:10]
    (run.step_count, run.error_count, run.input_tokens, run.output_tokens, run.cost_nano_usd, run.next_index) = row[11:17]
    run.awaited_parents = {step_id.to_bytes(8, "big", signed=True).hex() for step_id in row[17]}
    run.error_id, run.last_event_at, run.closed_as_stale = row[18:21]
    run.before = run.snapshot()
    return run


def loaded_step(row: tuple[Any, ...]) -> StepState:
    step = StepState(row[2].to_bytes(8, "big", signed=True).hex(), row[3])
    step.parent_id = _unsigned(row[4])
    (step.tool_name, step.name, step.kind, step.model, step.failed, step.started_at, step.finished_at) = row[5:12]
    (step.input_tokens, step.output_tokens, step.cost_nano_usd, step.usage_below, step.error_id) = row[12:17]
    step.before = step.snapshot()
    return step
