"""Fills a migrated, empty database with a history of runs, by COPY.

Rows are made by the drain's own code from states that are made up here: what it would write, without the events, the queue and
the merge. The roll-ups are folded and the search index is filled as the rows come in, by their own code as well.
"""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from db import pipeline, queries
from db.pipeline import Connection
from events.memory import calm_collector
from loadtest import corpus, database, history
from loadtest.display import Display
from loadtest.history import PROJECT_ID, Cast, Part
from worker import search
from worker.batch import Batch
from worker.fold import fold
from worker.search import Change
from worker.state import RunState

PROCESSES = 2
"""More do not help on two cores: Postgres computes while they do."""
SLICE_STEPS = 400
"""Larger ones are slower: the statements are made for some hundred rows."""
LONG_STEPS = 50_000


@dataclass(slots=True)
class Loaded:
    """What was loaded, and how long it took."""

    runs: int = 0
    steps: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each stage; what is called `rows: ...` are parts of `rows`, added up over the processes that do them."""

    def add_seconds(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


def load(database_url: str, runs: int, ended_at: int, display: Display, long_steps: int = LONG_STEPS) -> Loaded:
    """Fills the database with runs of the thirty days until `ended_at`, in microseconds, and one of `long_steps` steps.

    Raises:
        psycopg.Error: the database refuses something.
    """
    loaded = Loaded()
    with database.connected(database_url) as connection:
        connection.execute(database.PREPARE_LOAD)
        cast = _cast(connection)
        parts = history.parts(runs, ended_at, long_steps)
        _ensure_partitions(connection, parts)
        words_index = database.definition(connection, "search_documents_words_idx")
        connection.execute(database.DROP_WORDS_INDEX)
        began = time.perf_counter()
        with display.task(f"loading {runs:,} runs", runs) as advance:
            for part in _load_parts(database_url, parts, cast, ended_at):
                loaded.runs += part.runs
                loaded.steps += part.steps
                for stage, seconds in part.seconds.items():
                    loaded.add_seconds(stage, seconds)
                with _timed(loaded, "rows: folding"):
                    fold(connection, wait=True)
                advance(loaded.runs)
        loaded.add_seconds("rows", time.perf_counter() - began)
        with _timed(loaded, "index"), display.task("index of words", 1):
            connection.execute(words_index)
        with _timed(loaded, "vacuum"), display.task("vacuum and analyze", 1):
            connection.execute(database.VACUUM)
    return loaded


def _load_parts(database_url: str, parts: Sequence[Part], cast: Cast, ended_at: int) -> Iterator[Loaded]:
    """What each part came to, as they are done."""
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"), calm_collector) as pool:
        futures = [pool.submit(_load_part, database_url, part, cast, ended_at) for part in parts]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _load_part(database_url: str, part: Part, cast: Cast, ended_at: int) -> Loaded:
    """In one transaction, in a process of its own."""
    loaded = Loaded()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(database.PREPARE_LOAD)
        pipeline.prepare_session(connection)
        with _timed(loaded, "rows: making"):
            runs = list(history.runs_of(part, cast, ended_at))
        with connection.transaction():
            with _timed(loaded, "rows: copying"):
                Batch(connection, {}, {run.day for run in runs}).write_rows(runs)
            with _timed(loaded, "rows: indexing"):
                for changes in _slices(runs):
                    search.index(connection, changes)
    loaded.runs, loaded.steps = len(runs), sum(len(run.touched) for run in runs)
    return loaded


def _slices(runs: Sequence[RunState]) -> Iterator[list[Change]]:
    """What the indexer is to look at, in portions of a good size for its statements."""
    changes: list[Change] = []
    steps = 0
    for run in runs:
        step_ids = [int.from_bytes(bytes.fromhex(step_id), "big", signed=True) for step_id in run.touched]
        changes.append(Change(run.project_id, UUID(run.id), pipeline.calendar_day(run.day), True, step_ids))
        steps += 1 + len(step_ids)
        if steps >= SLICE_STEPS:
            yield changes
            changes, steps = [], 0
    yield changes


def _cast(connection: Connection) -> Cast:
    """Registers agents, users and error groups."""
    names = [(history.agent_name(number), versions) for number, versions in enumerate(history.agent_versions())]
    ids = pipeline.agent_ids(connection, [(PROJECT_ID, name, version) for name, versions in names for version in versions])
    agents = tuple(tuple(ids[PROJECT_ID, name, version] for version in versions) for name, versions in names)
    for number in range(history.USERS):
        user = {"project_id": PROJECT_ID, "email": f"user-{number}@example.com", "name": f"User {number}"}
        connection.execute(queries.SEED_USER, user)
    users = tuple(user_id for (user_id,) in connection.execute(database.MEMBERS, {"project_id": PROJECT_ID}))
    groups = sorted({failure.group.id: failure.group.message for failure in corpus.failures()}.items())
    connection.execute(
        queries.REGISTER_ERROR_GROUPS,
        {
            "project_ids": [PROJECT_ID] * len(groups),
            "ids": [group_id for group_id, _ in groups],
            "messages": [message for _, message in groups],
        },
    )
    return Cast(agents, users)


def _ensure_partitions(connection: Connection, parts: Sequence[Part]) -> None:
    for day in sorted({part.day for part in parts}):
        pipeline.ensure_partition_of(connection, day)


@contextmanager
def _timed(loaded: Loaded, stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    loaded.add_seconds(stage, time.perf_counter() - began)
