"""Stores events in the transaction of the caller: all of them, or all but those that cannot be stored."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from db import pipeline
from db.pipeline import Connection
from events.changes import RunKey
from events.error_groups import identify
from events.records import RunRecord
from worker.batch import AgentIds, Batch, Event

POISON = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
    RecursionError,
    ValueError,
    OverflowError,
    struct.error,
)
"""What says that the data itself cannot be stored; anything else is worth another try."""


@dataclass(slots=True, frozen=True)
class Failure:
    """An event that cannot be stored."""

    event: Event
    code: str
    reason: str


def code_of(error: Exception) -> str:
    """What failures of the same kind have in common: the SQLSTATE, or the name of the error's class."""
    return (error.sqlstate if isinstance(error, psycopg.Error) else None) or type(error).__name__


class Store:
    """Knows agents and partitions from one batch to the next."""

    def __init__(self, connect: Callable[[], Connection], meanwhile: Callable[[], None] = lambda: None) -> None:
        """`connect` gives connections for what is registered in transactions of its own; `meanwhile` as in `Batch`."""
        self._connect = connect
        self._meanwhile = meanwhile
        self._agents: AgentIds = {}
        self._partitions: set[int] = set()
        self.changed: set[RunKey] = set()
        """The runs that were changed since somebody cleared this."""

    def forget(self) -> None:
        """The next transaction is of another connection."""
        self._agents.clear()
        self._partitions.clear()

    def forget_partitions(self) -> None:
        """A transaction was lost, and the partitions that it made went with it."""
        self._partitions.clear()

    def store(self, connection: Connection, events: list[Event]) -> None:
        """An error leaves the transaction to be rolled back.

        Raises:
            psycopg.Error: the database refused something.
            One of POISON: an event holds what cannot be stored.
        """
        self._know_agents(events)
        self._know_errors(connection, events)
        batch = Batch(connection, self._agents, self._partitions, self._meanwhile)
        batch.store(events)
        self.changed |= batch.run_keys

    def store_sound(self, connection: Connection, events: list[Event]) -> list[Failure]:
        """Stores all events but those that cannot be: what fails is split, in savepoints, until the culprits stand alone."""
        if not events:
            return []
        try:
            with connection.transaction():
                pipeline.empty_staging(connection)
                self.store(connection, events)
        except POISON as error:
            self.forget_partitions()
            if len(events) == 1:
                return [Failure(events[0], code_of(error), str(error))]
            return [failure for part in split(events) for failure in self.store_sound(connection, part)]
        return []

    def _know_agents(self, events: Sequence[Event]) -> None:
        """Registers new agents in a transaction of their own: no other drain then waits for this batch to learn of them."""
        unknown = {
            (event.project_id, event.record.agent.name, event.record.agent.version)
            for event in events
            if isinstance(event.record, RunRecord) and event.record.agent is not None
        } - self._agents.keys()
        if unknown:
            with self._connect() as connection:
                self._agents.update(pipeline.agent_ids(connection, unknown))

    def _know_errors(self, connection: Connection, events: Sequence[Event]) -> None:
        """The same for the messages of errors. None of them is swept away before this batch, which needs it, is stored."""
        groups: dict[tuple[int, int], str] = {}
        for event in events:
            if event.record.error:
                group = identify(bytes(event.record.error))
                groups[event.project_id, group.id] = group.message
        while unknown := groups.keys() - pipeline.hold_error_groups(connection, groups):
            with self._connect() as other:
                pipeline.register_error_groups(other, [(*key, groups[key]) for key in unknown])


def split(events: list[Event]) -> list[list[Event]]:
    """Two or more events in parts: by project, else by run, as poison mostly is of one client; the order in a run stays."""
    projects = _grouped(events, lambda event: event.project_id)
    if len(projects) > 1:
        return projects
    runs = _grouped(events, lambda event: event.record.run_id)
    if len(runs) > 1:
        middle = len(runs) // 2
        return [[event for run in half for event in run] for half in (runs[:middle], runs[middle:])]
    middle = len(events) // 2
    return [events[:middle], events[middle:]]


def _grouped(events: list[Event], key: Callable[[Event], Any]) -> list[list[Event]]:
    groups: dict[Any, list[Event]] = {}
    for event in events:
        groups.setdefault(key(event), []).append(event)
    return list(groups.values())
