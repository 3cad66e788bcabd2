"""Takes entries off a shard's stream and decodes them; for the next batch while Postgres is busy with this one."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from events import records
from events.stream import Entry, ShardStream
from worker.batch import Event

Position = tuple[str, str]
"""The stream's epoch and the id after which to read."""
Page = tuple[list[Entry], bool]
"""Entries, and whether there may be more behind them."""


@dataclass(slots=True, frozen=True)
class Fetched:
    entries: list[Entry]
    events: list[Event]
    """The records of all entries, in order; none if one of the entries cannot be read."""
    full: bool = False
    """The batch is as large as one may be, so there may be more behind it."""
    error: str = ""
    """Why an entry cannot be read."""

    @property
    def count(self) -> int:
        return sum(entry.count for entry in self.entries)


class Fetcher:
    """Fetches batches; the next one in a thread, for the `fetch` that will ask for it."""

    def __init__(self, stream: ShardStream, events_max: int) -> None:
        self._stream = stream
        self._events_max = events_max
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fetch")
        self._reading: tuple[Position, Future[Page]] | None = None
        self._decoding: Future[Fetched] | None = None

    def start(self, position: Position) -> None:
        """Reads the batch behind a position, which costs hardly any CPU."""
        self._reading = position, self._thread.submit(self._read, position)

    def decode(self) -> None:
        """Decodes what is being read: to be called when there is CPU to spare."""
        if self._reading is not None and self._decoding is None:
            reading = self._reading[1]
            self._decoding = self._thread.submit(lambda: _decoded(*reading.result()))

    def fetch(self, position: Position) -> Fetched:
        """The batch behind a position.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        self.decode()
        started, self._reading = self._reading, None
        decoding, self._decoding = self._decoding, None
        if started is not None and decoding is not None:
            fetched = decoding.result()
            # An empty answer may be old by now; a full one is as true as when it was read.
            if started[0] == position and fetched.entries:
                return fetched
        return _decoded(*self._read(position))

    def forget(self) -> None:
        """Drops what was started, and waits until its thread has let go of the stream."""
        started, self._reading, self._decoding = self._reading, None, None
        if started is not None:
            wait([started[1]])

    def _read(self, position: Position) -> Page:
        return self._stream.read(position[1], self._events_max)


def _decoded(entries: list[Entry], full: bool) -> Fetched:
    try:
        return Fetched(entries, [event for entry in entries for event in _events_of(entry)], full)
    except (ValueError, RecursionError) as error:
        return Fetched(entries, [], full, str(error))


def _events_of(entry: Entry) -> list[Event]:
    project_id, accepted_at, entry_id = entry.project_id, entry.accepted_at, entry.id
    return [Event(project_id, accepted_at, entry_id, record) for record in records.decode(entry.events)]
