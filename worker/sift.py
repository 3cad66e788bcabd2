"""Tells events that can be stored from those that cannot, before a batch is tried with them.

Each event is packed by itself, as a batch would pack it, and Postgres judges the JSON of all of them in one statement, as COPY
would. So a flood of poison costs about what storing it would have cost; what is found only together with what is stored (a
row that an index cannot hold, say) is left to `Store.store_sound`.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from db import copy, dead_letters
from db.dead_letters import Letter
from db.pipeline import Connection
from events import records
from events.ids import is_run_id
from events.payloads import storable_text
from events.records import CloseRecord, Record, StepRecord
from events.stream import Entry
from worker import rows
from worker.batch import Event
from worker.state import RunState
from worker.store import POISON, Failure, code_of

NUL_CODE = "22021"
"""`character_not_in_repertoire`, as COPY would say it."""


@dataclass(slots=True, frozen=True)
class Unreadable:
    """What stands in an entry and is no record."""

    text: bytes
    code: str
    reason: str


@dataclass(slots=True)
class Sifted:
    """What an entry holds."""

    entry: Entry
    sound: list[Event] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def letters(self, shard: int) -> list[Letter]:
        """What is to be buried of the entry."""
        project_id, entry_id = self.entry.project_id, self.entry.id
        unreadable = [
            Letter(project_id, shard, entry_id, one.code, storable_text(one.reason), None, one.text) for one in self.unreadable
        ]
        return unreadable + [
            Letter(
                *(project_id, shard, entry_id, failure.code, storable_text(failure.reason)),
                *(run_id_of(failure.event.record), records.encode(failure.event.record)),
            )
            for failure in self.failures
        ]


def sift(connection: Connection, entries: Sequence[Entry]) -> list[Sifted]:
    """Reads and judges entries, in the caller's transaction, which stays whole."""
    found = [_read(entry) for entry in entries]
    events = [event for one in found for event in one.sound]
    failures = find_failures(connection, events)
    failed = {id(failure.event): failure for failure in failures}
    for one in found:
        one.failures = [failed[id(event)] for event in one.sound if id(event) in failed]
        one.sound = [event for event in one.sound if id(event) not in failed]
    return found


def run_id_of(record: Record) -> UUID | None:
    return UUID(record.run_id) if is_run_id(record.run_id) else None


def _read(entry: Entry) -> Sifted:
    found = Sifted(entry)
    for record, text, error in records.decode_each(entry.events):
        if record is not None:
            found.sound.append(Event(entry.project_id, entry.accepted_at, entry.id, record))
        elif error is not None:
            found.unreadable.append(Unreadable(text, code_of(error), str(error)))
    return found


def find_failures(connection: Connection, events: Sequence[Event]) -> list[Failure]:
    """Those that cannot be stored, whatever else is."""
    failures: dict[int, Failure] = {}
    payloads: list[tuple[int, str]] = []
    for number, event in enumerate(events):
        try:
            _pack(event)
            texts = [bytes(payload).decode() for payload in _payloads(event.record)]
        except POISON as error:
            failures[number] = Failure(event, code_of(error), str(error))
            continue
        if any("\0" in text for text in (*texts, *_names(event.record))):
            failures[number] = Failure(event, NUL_CODE, "a text holds the character NUL")
            continue
        payloads += [(number, text) for text in texts]
    for number, (code, reason) in _judge(connection, payloads).items():
        failures[number] = Failure(events[number], code, reason)
    return list(failures.values())


def _judge(connection: Connection, payloads: list[tuple[int, str]]) -> dict[int, tuple[str, str]]:
    if not payloads:
        return {}
    try:
        with connection.transaction():
            return dead_letters.find_unstorable(connection, payloads)
    except POISON:
        return {}  # one is so deep that Postgres cannot even judge it: it will be found by a trial


def _pack(event: Event) -> None:
    """Raises one of POISON if no row can be made of it."""
    record = event.record
    run = RunState(event.project_id, record.run_id, event.accepted_at)
    if isinstance(record, StepRecord):
        run.apply_step(record, event.accepted_at)
        deque(rows.step_rows(run, run.touched.values(), copy.Words()), maxlen=0)
    elif not isinstance(record, CloseRecord):
        run.apply_run(record, record.agent_id, event.accepted_at)
    rows.run_row(run)
    for part_id in (*run.metrics, *run.artifacts):
        UUID(hex=part_id)


def _payloads(record: Record) -> Iterator[msgspec.Raw]:
    if isinstance(record, CloseRecord):
        return
    parts = [artifact.content for artifact in record.artifacts] if isinstance(record, StepRecord) else _of_run(record)
    yield from filter(None, (record.input, record.output, record.error, record.attributes, *parts))


def _of_run(record: records.RunRecord) -> list[msgspec.Raw]:
    return [record.tags, *(metric.tags for metric in record.metrics)]


def _names(record: Record) -> Iterator[str]:
    parts: list[msgspec.Struct] = [record]
    if isinstance(record, StepRecord):
        parts += record.artifacts
    elif not isinstance(record, CloseRecord):
        parts += record.metrics if record.agent is None else [record.agent, *record.metrics]
    for part in parts:
        yield from (value for value in msgspec.structs.astuple(part) if isinstance(value, str))
