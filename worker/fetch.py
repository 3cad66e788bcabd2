"""Takes entries off a shard's stream and decodes them; for the next batch while Postgres is busy with this one."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from events import records
from events.stream import Entry, ShardStream
from worker.batch import Event

Position = tuple[str, str]
"""The stream's epoch and the id after which to read."""


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
    """Fetches batches; `start` fetches the next one in a thread, for the `fetch` that will ask for it."""

    def __init__(self, stream: ShardStream, events_max: int) -> None:
        self._stream = stream
        self._events_max = events_max
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fetch")
        self._started: tuple[Position, Future[Fetched]] | None = None

    def start(self, position: Position) -> None:
        self._started = position, self._thread.submit(self._fetch, position)

    def fetch(self, position: Position) -> Fetched:
        """The batch behind a position.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        started, self._started = self._started, None
        if started is not None:
            fetched = started[1].result()
            # An empty answer may be old by now; a full one is as true as when it was read.
            if started[0] == position and fetched.entries:
                return fetched
        return self._fetch(position)

    def forget(self) -> None:
        """Drops what was started, and waits until its thread has let go of the stream."""
        started, self._started = self._started, None
        if started is not None:
            wait([started[1]])

    def _fetch(self, position: Position) -> Fetched:
        entries, full = self._stream.read(position[1], self._events_max)
        try:
            return Fetched(
                entries,
                [
                    Event(entry.project_id, entry.accepted_at, entry.id, record)
                    for entry in entries
                    for record in records.decode(entry.events)
                ],
                full,
            )
        except (ValueError, RecursionError) as error:
            return Fetched(entries, [], full, str(error))
