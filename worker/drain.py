"""The drain: takes batches off one shard's stream and stores each in one transaction, until there is nothing left to do.

The cursor moves in the transaction that stores the events, and the stream is trimmed only after it. A crash anywhere leaves
either the old cursor with all its entries, or the new cursor with entries that the next drain skips.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum, IntEnum

from db import pipeline
from db.dead_letters import Bounds, Letter, bury
from db.pipeline import Connection, Cursor
from events.figures import Figures
from events.stream import Entry, ShardStream
from worker.fetch import Fetched, Fetcher
from worker.search import index_slice
from worker.sift import sift
from worker.store import POISON, Store
from worker.upkeep import BUSY_EVENTS, Upkeep

logger = logging.getLogger(__name__)

PART_EVENTS = 500
"""How many are tried together where some cannot be stored and nobody knows which."""
PARTS_SECONDS = 1.0
"""After so long the rest of such a batch is left to the next transaction."""


class Outcome(Enum):
    STORED = "a batch was stored, and there may be more"
    FULL = "a full batch was stored, so there is more"
    TIDIED = "there was nothing to store, but to fold or to index, and there may be more"
    EMPTY = "there was nothing to do"
    BUSY = "another drain has the shard"


class Care(IntEnum):
    """How a batch is stored; one that cannot be is tried again with more care, and so are the batches after it."""

    NONE = 0
    SIFT = 1
    """Events that cannot be stored, as far as each can be judged alone, are put aside before."""
    PARTS = 2
    """And what still fails is split until the culprits stand alone."""


class Drain:
    """Drains one shard over one connection."""

    def __init__(
        self,
        stream: ShardStream,
        connect: Callable[[], Connection],
        *,
        batch_events: int,
        letters: Bounds,
        figures: Figures | None = None,
    ) -> None:
        """`letters` bounds what is kept of events that cannot be stored; `figures` learn what was stored."""
        self._stream = stream
        self._connect = connect
        self._bounds = letters
        self._figures = figures or Figures()
        self._buried = 0
        self._fetcher = Fetcher(stream, batch_events)
        self._storing = Store(connect, meanwhile=self._fetcher.decode)
        self._connection: Connection | None = None
        self._upkeep = Upkeep(index=self._index, others_are_busy=self._stream.others_are_busy)
        self._indexed_untold = True
        self._care = Care.NONE
        self.position = "0-0"
        """The last entry known to be in the database."""
        self.stored_events = 0
        self.dead_letters = 0
        self.batch_seconds = 0.0
        """What the last batch took, until it was stored."""

    def finish(self) -> None:
        """Brings the roll-ups up to what was stored.

        Raises:
            psycopg.Error: it could not be done; the next drain will do it.
        """
        if self._connection is not None and not self._connection.closed:
            self._upkeep.finish(self._connection)
            self._note_upkeep()

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
        started = time.monotonic()
        connection = self._connected()
        taken: Outcome | tuple[Cursor, Fetched] | None = None
        while taken is None:
            try:
                with connection.transaction():
                    taken = self._take(connection)
            except POISON as error:
                if self._care is Care.PARTS:
                    raise
                self._care = Care(self._care + 1)
                self._storing.forget_partitions()
                logger.warning("shard %d: looking for what cannot be stored: %s", self._stream.shard, error)
        if isinstance(taken, Outcome):
            return taken
        cursor, fetched = taken
        self.batch_seconds = time.monotonic() - started
        if fetched.entries:
            self._figures.note_stored(self._stream.shard, fetched.entries, self._buried)
        self._stream.trim(
            *(cursor.epoch, cursor.entry_id, cursor.events, cursor.bytes),
            entries=len(fetched.entries),
            changed=self._storing.changed,
        )
        self.position = cursor.entry_id
        self.stored_events += fetched.count
        if not fetched.entries:
            tidied = self._upkeep.when_idle(connection)
            self._note_upkeep()
            return Outcome.TIDIED if tidied else Outcome.EMPTY
        if fetched.count > BUSY_EVENTS:
            self._stream.say_busy()
        self._upkeep.after_batch(connection, fetched.count)
        self._note_upkeep()
        return Outcome.FULL if fetched.full else Outcome.STORED

    def _note_upkeep(self) -> None:
        if self._upkeep.is_folded:
            self._figures.note_folded(self._stream.shard)

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            pipeline.prepare_session(self._connection)
            pipeline.create_cursor(self._connection, self._stream.shard)
            self._storing.forget()
            self._upkeep = Upkeep(index=self._index, others_are_busy=self._stream.others_are_busy)
            self._indexed_untold = True
        return self._connection

    def _take(self, connection: Connection) -> Outcome | tuple[Cursor, Fetched]:
        """Stores the entries behind the cursor and moves it. Returns the new cursor and what was stored."""
        cursor = pipeline.lock_cursor(connection, self._stream.shard)
        if cursor is None:
            return Outcome.BUSY
        self._storing.changed.clear()
        self._buried = 0
        epoch = self._stream.epoch()
        if cursor.epoch != epoch:
            cursor = Cursor(epoch, "0-0", 0, 0)
        fetched = self._fetcher.fetch((epoch, cursor.entry_id))
        if self._stream.epoch() != epoch:
            return Outcome.STORED  # wiped while it was read: the next step begins with the new epoch
        if not fetched.entries:
            self._care = Care.NONE
            return cursor, fetched
        if fetched.full:
            self._fetcher.start((epoch, fetched.entries[-1].id))
        entries = self._store(connection, fetched)
        if len(entries) < len(fetched.entries):
            fetched = replace(fetched, entries=entries, full=True)
        cursor = replace(
            cursor,
            entry_id=entries[-1].id,
            events=cursor.events + fetched.count,
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

    def _store(self, connection: Connection, fetched: Fetched) -> list[Entry]:
        """Stores entries, with the care that the last ones needed, and returns those that it is done with: the first ones."""
        if self._care is Care.PARTS:
            return self._store_in_parts(connection, fetched.entries)
        if self._care is Care.SIFT:
            return self._store_sifted(connection, fetched.entries)
        if fetched.error:
            raise ValueError(fetched.error)
        self._storing.store(connection, fetched.events)
        return fetched.entries

    def _store_sifted(self, connection: Connection, entries: list[Entry]) -> list[Entry]:
        """Stores what seems sound, all at once; the rest are dead letters."""
        sifted = sift(connection, entries)
        self._storing.store(connection, [event for one in sifted for event in one.sound])
        if not self._bury(connection, [letter for one in sifted for letter in one.letters(self._stream.shard)]):
            self._care = Care.NONE
        return entries

    def _store_in_parts(self, connection: Connection, entries: list[Entry]) -> list[Entry]:
        """Stores what can be stored of the first entries, until its time is up; the rest of those are dead letters."""
        deadline = time.monotonic() + PARTS_SECONDS
        care = Care.NONE
        letters: list[Letter] = []
        done: list[Entry] = []
        for part in parts_of(entries, PART_EVENTS):
            if done and time.monotonic() >= deadline:
                break
            sifted = sift(connection, part)
            of_event = {id(event): one for one in sifted for event in one.sound}
            for failure in self._storing.store_sound(connection, [event for one in sifted for event in one.sound]):
                of_event[id(failure.event)].failures.append(failure)
                care = Care.PARTS
            letters += [letter for one in sifted for letter in one.letters(self._stream.shard)]
            done += part
        if self._bury(connection, letters):
            care = max(care, Care.SIFT)
        self._care = care
        return done

    def _bury(self, connection: Connection, letters: list[Letter]) -> bool:
        """Whether there are any."""
        if not letters:
            return False
        dropped = bury(connection, letters, self._bounds)
        self.dead_letters += len(letters)
        self._buried = len(letters)
        logger.warning(
            "shard %d: %d events from entry %s on are dead letters, of which %d are not kept; the first: %s",
            *(self._stream.shard, len(letters), letters[0].entry_id, dropped, letters[0].reason[:200]),
        )
        return True


def parts_of(entries: list[Entry], events: int) -> Iterator[list[Entry]]:
    """Entries in parts that hold about so many events."""
    part: list[Entry] = []
    held = 0
    for entry in entries:
        part.append(entry)
        held += entry.count
        if held >= events:
            yield part
            part, held = [], 0
    if part:
        yield part
