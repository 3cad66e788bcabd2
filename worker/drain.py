"""The drain: takes batches off one shard's stream and stores each in one transaction, until there is nothing left to do.

The cursor moves in the transaction that stores the events, and the stream is trimmed only after it. A crash anywhere leaves
either the old cursor with all its entries, or the new cursor with entries that the next drain skips.
"""

import logging
import random
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum

import psycopg
import redis
from redis.exceptions import OutOfMemoryError

from db import pipeline
from db.pipeline import Connection, Cursor
from events import records
from events.changes import RunKey
from events.error_groups import identify
from events.payloads import storable_text
from events.records import RunRecord
from events.stream import ShardStream
from worker.batch import AgentIds, Batch, Event
from worker.fetch import Fetched, Fetcher
from worker.search import index_slice
from worker.upkeep import BUSY_EVENTS, Upkeep

logger = logging.getLogger(__name__)

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

TRANSIENT = (psycopg.Error, redis.RedisError, OSError)

BACKOFF_FIRST_SECONDS = 0.1
BACKOFF_MAX_SECONDS = 2.0

ERROR_GROUPS_MAX = 100_000
"""How many groups a drain remembers to have registered."""

TURN_SECONDS = 0.1
"""How long a drain keeps a worker that other shards wait for: changing over costs RQ some milliseconds."""


class Outcome(Enum):
    STORED = "a batch was stored, and there may be more"
    FULL = "a full batch was stored, so there is more"
    TIDIED = "there was nothing to store, but to fold or to index, and there may be more"
    EMPTY = "there was nothing to do"
    BUSY = "another drain has the shard"


class Drain:
    """Drains one shard over one connection."""

    def __init__(self, stream: ShardStream, connect: Callable[[], Connection], *, batch_events: int) -> None:
        self._stream = stream
        self._connect = connect
        self._fetcher = Fetcher(stream, batch_events)
        self._connection: Connection | None = None
        self._agents: AgentIds = {}
        self._error_groups: set[tuple[int, int]] = set()
        self._upkeep = Upkeep(index=self._index, others_are_busy=self._stream.others_are_busy)
        self._indexed_untold = True
        self._partitions: set[int] = set()
        self._changed: set[RunKey] = set()
        self.position = "0-0"
        """The last entry known to be in the database."""
        self.stored_events = 0
        self.dead_letters = 0

    def finish(self) -> None:
        """Brings the roll-ups up to what was stored.

        Raises:
            psycopg.Error: it could not be done; the next drain will do it.
        """
        if self._connection is not None and not self._connection.closed:
            self._upkeep.finish(self._connection)

    def close(self) -> None:
        self._fetcher.forget()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def step(self) -> Outcome:
        """Stores the next batch, if there is one, wholly or not at all. After an error the connection is given up.

        Raises:
            psycopg.Error, redis.RedisError: a server did not do its part; try again later.
        """
        try:
            return self._step()
        except BaseException:
            self.close()
            raise

    def _step(self) -> Outcome:
        connection = self._connected()
        try:
            with connection.transaction():
                taken = self._take(connection, self._store_batch)
        except POISON as error:
            logger.warning("shard %d: looking for what cannot be stored: %s", self._stream.shard, error)
            self._partitions.clear()  # one made in the lost transaction went with it
            with connection.transaction():
                taken = self._take(connection, self._store_carefully)
        if isinstance(taken, Outcome):
            return taken
        cursor, fetched = taken
        self._stream.trim(
            *(cursor.epoch, cursor.entry_id, cursor.events, cursor.bytes),
            entries=len(fetched.entries),
            changed=self._changed,
        )
        self.position = cursor.entry_id
        self.stored_events += fetched.count
        if not fetched.entries:
            return Outcome.TIDIED if self._upkeep.when_idle(connection) else Outcome.EMPTY
        if fetched.count > BUSY_EVENTS:
            self._stream.say_busy()
        self._upkeep.after_batch(connection, fetched.count)
        return Outcome.FULL if fetched.full else Outcome.STORED

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            pipeline.prepare_session(self._connection)
            pipeline.create_cursor(self._connection, self._stream.shard)
            self._agents.clear()
            self._error_groups.clear()
            self._partitions.clear()
            self._upkeep = Upkeep(index=self._index, others_are_busy=self._stream.others_are_busy)
            self._indexed_untold = True
        return self._connection

    def _take(self, connection: Connection, store: Callable[[Connection, Fetched], None]) -> Outcome | tuple[Cursor, Fetched]:
        """Stores the entries behind the cursor and moves it. Returns the new cursor and what was stored."""
        cursor = pipeline.lock_cursor(connection, self._stream.shard)
        if cursor is None:
            return Outcome.BUSY
        self._changed.clear()
        epoch = self._stream.epoch()
        if cursor.epoch != epoch:
            cursor = Cursor(epoch, "0-0", 0, 0)
        fetched = self._fetcher.fetch((epoch, cursor.entry_id))
        if self._stream.epoch() != epoch:
            return Outcome.STORED  # wiped while it was read: the next step begins with the new epoch
        entries = fetched.entries
        if not entries:
            return cursor, fetched
        events = fetched.count
        if fetched.full:
            self._fetcher.start((epoch, entries[-1].id))
        store(connection, fetched)
        cursor = replace(
            cursor,
            entry_id=entries[-1].id,
            events=cursor.events + events,
            bytes=cursor.bytes + sum(len(entry.events) for entry in entries),
        )
        pipeline.move_cursor(connection, self._stream.shard, cursor)
        return cursor, fetched

    def _index(self, connection: Connection) -> bool:
        """Indexes some changes and tells of them. A drain that was killed may have told nothing: that is told first."""
        indexed = index_slice(connection)
        self._stream.tell_indexed(indexed, gap=self._indexed_untold)
        self._indexed_untold = False
        return bool(indexed)

    def _store_batch(self, connection: Connection, fetched: Fetched) -> None:
        if fetched.error:
            raise ValueError(fetched.error)
        self._store_events(connection, fetched.events)

    def _store_events(self, connection: Connection, events: list[Event]) -> None:
        self._know_agents(events)
        self._know_errors(events)
        batch = Batch(connection, self._agents, self._partitions)
        batch.store(events)
        self._changed |= batch.run_keys

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

    def _know_errors(self, events: Sequence[Event]) -> None:
        """The same for the messages of errors."""
        unknown: dict[tuple[int, int], str] = {}
        for event in events:
            if event.record.error:
                group = identify(bytes(event.record.error))
                unknown[event.project_id, group.id] = group.message
        unknown = {key: message for key, message in unknown.items() if key not in self._error_groups}
        if unknown:
            with self._connect() as connection:
                pipeline.register_error_groups(connection, [(*key, message) for key, message in unknown.items()])
            if len(self._error_groups) > ERROR_GROUPS_MAX:
                self._error_groups.clear()
            self._error_groups |= unknown.keys()

    def _store_carefully(self, connection: Connection, fetched: Fetched) -> None:
        """As `_store_batch`, but an event that cannot be stored becomes a dead letter and the others are stored."""
        events: list[Event] = []
        for entry in fetched.entries:
            for record, text, reason in records.decode_each(entry.events):
                if record is None:
                    self._bury(connection, entry.project_id, entry.id, reason, text)
                else:
                    events.append(Event(entry.project_id, entry.accepted_at, entry.id, record))
        self._store_or_split(connection, events)

    def _store_or_split(self, connection: Connection, events: list[Event]) -> None:
        if not events:
            return
        try:
            with connection.transaction():
                pipeline.empty_staging(connection)
                self._store_events(connection, events)
        except POISON as error:
            self._partitions.clear()  # one made in the lost savepoint went with it
            if len(events) == 1:
                event = events[0]
                self._bury(connection, event.project_id, event.entry_id, str(error), records.encode(event.record))
                return
            middle = len(events) // 2
            self._store_or_split(connection, events[:middle])
            self._store_or_split(connection, events[middle:])

    def _bury(self, connection: Connection, project_id: int, entry_id: str, reason: str, record: bytes) -> None:
        self.dead_letters += 1
        reason = storable_text(reason)
        logger.warning("shard %d: an event of entry %s is a dead letter: %s", self._stream.shard, entry_id, reason)
        pipeline.insert_dead_letter(
            connection, project_id=project_id, shard=self._stream.shard, entry_id=entry_id, reason=reason, record=record
        )


class Backoff:
    """Growing waits with jitter between tries."""

    def __init__(self) -> None:
        self._seconds = BACKOFF_FIRST_SECONDS

    def next_seconds(self) -> float:
        seconds, self._seconds = self._seconds, min(2 * self._seconds, BACKOFF_MAX_SECONDS)
        return seconds * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._seconds = BACKOFF_FIRST_SECONDS


def drain_until_idle(
    drain: Drain,
    stream: ShardStream,
    *,
    interval_seconds: float,
    linger_seconds: float,
    budget_seconds: float,
    others_wait: Callable[[], bool],
    stopping: Callable[[], bool],
) -> bool:
    """Drains a shard until it stays empty, another job wants the worker, or the budget is spent.

    A batch that is not full is followed by a pause up to `interval_seconds` after its start, in which more can gather.
    Returns True if the caller holds the bell and must ring again, as there is more to do.
    """
    deadline = time.monotonic() + budget_seconds
    turn_ends = time.monotonic() + TURN_SECONDS
    idle_since: float | None = None
    backoff = Backoff()
    while time.monotonic() < deadline and not stopping():
        started = time.monotonic()
        try:
            _hold_bell(stream)
            outcome = drain.step()
            if outcome is Outcome.BUSY:
                return False
            if outcome is Outcome.EMPTY:
                idle_since = idle_since or started
                if started - idle_since >= linger_seconds or others_wait():
                    break
                stream.wait(drain.position, min(0.2, linger_seconds))
                continue
            if outcome is Outcome.TIDIED:
                if others_wait():
                    break
                continue
            idle_since = None
            backoff.reset()
        except TRANSIENT as error:
            pause = backoff.next_seconds()
            logger.warning("shard %d: trying again in %.1f s: %s", stream.shard, pause, error)
            time.sleep(pause)
            continue
        if time.monotonic() >= turn_ends and others_wait():
            break
        if outcome is Outcome.STORED:
            time.sleep(max(0.0, started + interval_seconds - time.monotonic()))
    _finish(drain, stream)
    return _leave(stream)


def _finish(drain: Drain, stream: ShardStream) -> None:
    try:
        drain.finish()
    except TRANSIENT as error:
        logger.warning("shard %d: the roll-ups wait for the next fold: %s", stream.shard, error)
        drain.close()


def _leave(stream: ShardStream) -> bool:
    """Lets go of the bell and looks once more, so that no wake-up is lost."""
    stream.release_bell()
    try:
        return not stream.is_empty() and stream.take_bell()
    except OutOfMemoryError:
        return False  # the sweep rings once there is room


def _hold_bell(stream: ShardStream) -> None:
    try:
        stream.hold_bell()
    except OutOfMemoryError:
        pass  # no room for a bell: all the more reason to drain, which makes room
