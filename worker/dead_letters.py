"""Replays dead letters: has their events stored after all, a slice at a time.

A slice is one transaction, in which no drain writes: it stores events as drains do and deletes their letters, both or neither,
so each event takes effect once. What still cannot be stored stays a letter, with the reason of today.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import redis

from db import pipeline, queries
from db.dead_letters import REASON_CHARS_MAX, Selection
from db.pipeline import Connection
from events import jobs, replay_progress
from events.payloads import storable_text
from events.records import decode_each
from events.replay_progress import Progress
from events.stream import Entry
from worker.batch import Event
from worker.sift import find_failures, run_id_of
from worker.store import Store, code_of

logger = logging.getLogger(__name__)

SLICE_LETTERS = 100
"""Drains wait meanwhile; where each of so many must be tried by itself, for half a second."""

Relabel = tuple[int, str, str, UUID | None]
"""A letter's id, code, reason and run."""


@dataclass(slots=True, frozen=True)
class Slice:
    """What came of the next letters."""

    last_id: int
    replayed: int
    failed: int


class Replayer:
    """Replays over one connection. `connect` gives others, for what is registered in transactions of its own."""

    def __init__(self, connection: Connection, connect: Callable[[], Connection]) -> None:
        pipeline.prepare_session(connection)
        self._connection = connection
        self._storing = Store(connect)

    def replay_next(self, selection: Selection, after: int, last: int) -> Slice | None:
        """Replays the next letters of a selection whose ids are behind `after` and up to `last`; None if there are none.

        Raises:
            psycopg.Error: nothing of the slice was done; it may be tried again.
        """
        with self._connection.transaction():
            self._connection.execute(queries.HOLD_DRAINS)
            values = {**selection.values, "after": after, "last": last, "limit": SLICE_LETTERS}
            letters = self._connection.execute(queries.TAKE_DEAD_LETTERS, values).fetchall()
            if not letters:
                return None
            unstored = self._store(letters)
            failed = {one[0] for one in unstored}
            stored = [letter[0] for letter in letters if letter[0] not in failed]
            self._connection.execute(queries.FORGET_DEAD_LETTERS, {"ids": stored})
            pipeline.upsert(self._connection, queries.RELABEL_DEAD_LETTERS, ("ids", "codes", "reasons", "run_ids"), unstored)
        return Slice(letters[-1][0], len(stored), len(unstored))

    def _store(self, letters: list[tuple[Any, ...]]) -> list[Relabel]:
        """Stores the events of letters; returns those that cannot be."""
        unstored: list[Relabel] = []
        ids: dict[int, int] = {}
        events: list[Event] = []
        for letter_id, project_id, entry_id, text in letters:
            record, _, error = decode_each(b"[" + text + b"]")[0]
            if record is None:
                unstored.append((letter_id, code_of(error or ValueError()), storable_text(str(error))[:REASON_CHARS_MAX], None))
                continue
            event = Event(project_id, Entry(entry_id, project_id, 1, text).accepted_at, entry_id, record)
            ids[id(event)] = letter_id
            events.append(event)
        failures = find_failures(self._connection, events)
        failed = {id(failure.event) for failure in failures}
        failures += self._storing.store_sound(self._connection, [event for event in events if id(event) not in failed])
        return unstored + [
            (
                *(ids[id(failure.event)], failure.code, storable_text(failure.reason)[:REASON_CHARS_MAX]),
                run_id_of(failure.event.record),
            )
            for failure in failures
        ]


def run_job(
    connection: "redis.Redis",
    connect: Callable[[], Connection],
    project_id: int,
    after: int,
    *,
    budget_seconds: float,
    stopping: Callable[[], bool],
) -> None:
    """Goes on with the replay that a project asked for, from behind letter `after`; what is left then is a job of its own.

    Does nothing if no replay is known, or it is not at this place: then another job has it.
    """
    key = replay_progress.key(project_id)
    progress = Progress.from_hash(cast("dict[bytes, bytes]", connection.hgetall(key)))
    if progress is None or progress.status != "RUNNING" or progress.after != after:
        logger.warning("the replay of project %d is not at letter %d, so this job has nothing to do", project_id, after)
        return
    deadline = time.monotonic() + budget_seconds
    try:
        with connect() as database:
            replayer = Replayer(database, connect)
            while progress.status == "RUNNING" and not stopping() and time.monotonic() < deadline:
                _go_on(replayer, progress)
                _save(connection, key, progress)
    except Exception as error:
        progress.status, progress.error = "FAILED", f"{type(error).__name__}: {error}"
        _save(connection, key, progress)
        raise
    if progress.status == "RUNNING":
        jobs.enqueue(connection, jobs.REPLAY, project_id, progress.after)


def _go_on(replayer: Replayer, progress: Progress) -> None:
    found = replayer.replay_next(progress.selection(), progress.after, progress.last)
    if found is None:
        progress.status = "DONE"
        return
    progress.after = found.last_id
    progress.replayed += found.replayed
    progress.failed += found.failed


def _save(connection: "redis.Redis", key: str, progress: Progress) -> None:
    pipe = connection.pipeline(transaction=True)
    pipe.hset(key, mapping=progress.to_hash())
    pipe.expire(key, replay_progress.TTL_SECONDS)
    pipe.execute()
