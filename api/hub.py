"""The hub: reads what drains tell of changed runs, once for this process, and hands it on to all who watch."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import redis.asyncio
from redis.exceptions import RedisError

from api.slots import Slots
from events.appender import stop
from events.changes import INDEXED_KEY, START, Place, Position, changes_keys, decode_change, encode_position, place_of
from events.connections import async_redis_connection
from events.instrumentation import STREAM_CLIENTS, STREAM_MISSED
from events.settings import Settings

logger = logging.getLogger(__name__)

AWAY = (RedisError, OSError, TimeoutError)
BLOCK_SECONDS = 1.0
"""How long the hub waits for a change before it looks whether anybody still watches."""
GATHER_SECONDS = 0.05
RETRY_SECONDS = 0.5
BUSY_SECONDS = 5
"""After which a client that there is no room for may try again."""
READ_COUNT = 50
"""Entries of a stream in one answer: at most 400 KiB."""
QUERIES_MAX = 3
"""Lookups of all who watch, at once: the other connections to the database are for those who ask."""

_Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(slots=True, frozen=True)
class News:
    """What came for a watcher since it last asked."""

    runs: list[UUID]
    missed: int
    """Changes of runs that there was no room to remember."""
    gap: bool
    """Nobody knows how many more there were."""


class Watcher:
    """One client's place at the hub: remembers up to `room` changed runs of its project until they are taken."""

    def __init__(self, project_id: int, room: int, *, searches: bool, ids: Collection[UUID] | None = None) -> None:
        """`searches`: the client's filter asks the search index, so what that learns later is news, too. `ids`: of these runs
        only."""
        self.project_id = project_id
        self.searches = searches
        self.since = ""
        """The position at which it began."""
        self.ended = False
        self._room = room
        self._only = None if ids is None else frozenset(run_id.bytes for run_id in ids)
        self._runs: set[bytes] = set()
        self._missed = 0
        self._gap = False
        self._woken = asyncio.Event()

    def add(self, runs: Sequence[bytes]) -> None:
        if self._only is not None:
            runs = [run_id for run_id in runs if run_id in self._only]
            if not runs:
                return
        if len(self._runs) + len(runs) <= self._room:
            self._runs.update(runs)
        else:
            new = [run_id for run_id in runs if run_id not in self._runs]
            room = self._room - len(self._runs)
            self._runs.update(new[:room])
            self._missed += len(new[room:])
            STREAM_MISSED.inc(len(new[room:]))
        self._woken.set()

    def tell_gap(self) -> None:
        self._gap = True
        self._woken.set()

    def end(self) -> None:
        self.ended = True
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Returns when there is news, or the time is up."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._woken.wait()
        except TimeoutError:
            pass

    def take(self) -> News:
        news = News([UUID(bytes=run_id) for run_id in self._runs], self._missed, self._gap)
        self._runs, self._missed, self._gap = set(), 0, False
        if not self.ended:
            self._woken.clear()
        return news


class Hub:
    """Reads while anybody watches. After a pause of Valkey it goes on where it was: the ids say whether anything is missing."""

    def __init__(self, settings: Settings, connection: "redis.asyncio.Redis") -> None:
        self._settings = settings
        self._redis = connection
        self._keys = changes_keys(settings.shards)
        self._slots = Slots("live streams", settings.stream_clients_max)
        self._watchers: set[Watcher] = set()
        self._reading: asyncio.Task[None] | None = None
        self._position: list[Place] = []
        self._located = asyncio.Event()
        self._closed = False
        self._away = False
        self.queries = asyncio.Semaphore(QUERIES_MAX)

    @property
    def position(self) -> str:
        """How far everything was handed on; empty while that is not known."""
        return encode_position(self._position)

    @asynccontextmanager
    async def watch(
        self, project_id: int, since: Position | None, *, searches: bool, ids: Collection[UUID] | None = None
    ) -> AsyncIterator[Watcher]:
        """A watcher that is handed all changes (of runs of these ids) since a position, or from now on.

        Raises:
            Busy: there are as many as there may be.
        """
        watcher = Watcher(project_id, self._settings.stream_pending_max, searches=searches, ids=ids)
        with self._slots.take(retry_after=BUSY_SECONDS), STREAM_CLIENTS.track_inprogress():
            self._watchers.add(watcher)
            try:
                if self._closed:
                    watcher.end()
                else:
                    self._reading = self._reading or asyncio.create_task(self._run())
                    await self._catch_up(watcher, since)
                yield watcher
            finally:
                self._watchers.discard(watcher)

    def end(self) -> None:
        """Ends all streams, for good: the process is about to end."""
        self._closed = True
        for watcher in self._watchers:
            watcher.end()

    async def close(self) -> None:
        self.end()
        if self._reading is not None:
            await stop(self._reading)

    async def _run(self) -> None:
        connection = async_redis_connection(self._settings, block_seconds=BLOCK_SECONDS)
        try:
            while self._watchers and not self._closed:
                await self._read_in_peace(connection)
        finally:
            # Whoever comes from here on starts another task. Who is still here comes again, from where it was.
            self._reading, self._position = None, []
            self._located.clear()
            for watcher in self._watchers:
                watcher.end()
            await connection.aclose()

    async def _read_in_peace(self, connection: "redis.asyncio.Redis") -> None:
        try:
            if not self._position:
                await self._locate(connection)
            await self._read(connection)
        except AWAY as error:
            if not self._away:
                logger.warning("the queue does not tell what changes, and is asked again: %s", error)
            self._away = True
            await asyncio.sleep(RETRY_SECONDS)
        else:
            self._away = False

    async def _locate(self, connection: "redis.asyncio.Redis") -> None:
        """Begins behind what is there now."""
        pipeline = connection.pipeline(transaction=False)
        for key in self._keys:
            pipeline.xrevrange(key, count=1)
        self._position = [place_of(found[0][0]) if found else START for found in await pipeline.execute()]
        self._located.set()
        if self._away:
            self._tell_gap()  # they have waited since before this position

    async def _read(self, connection: "redis.asyncio.Redis") -> None:
        wanted = {key: str(place) for key, place in zip(self._keys, self._position, strict=True)}
        answer = await connection.xread(wanted, count=READ_COUNT, block=int(BLOCK_SECONDS * 1000))  # type: ignore[arg-type]
        for key, entries in cast("list[tuple[bytes, list[_Entry]]]", answer or []):
            stream = self._keys.index(key.decode())
            for entry_id, fields in entries:
                self._hand_on(stream, place_of(entry_id), fields)
        if answer:
            await asyncio.sleep(GATHER_SECONDS)

    def _hand_on(self, stream: int, place: Place, fields: Mapping[bytes, bytes]) -> None:
        follows = place.follows(self._position[stream])
        self._position[stream] = place
        for watcher in self._watchers:
            if self._concerns(stream, watcher):
                if not follows:
                    watcher.tell_gap()
                _tell(watcher, fields)

    def _concerns(self, stream: int, watcher: Watcher) -> bool:
        return watcher.searches or self._keys[stream] != INDEXED_KEY

    def _tell_gap(self) -> None:
        for watcher in self._watchers:
            watcher.tell_gap()

    async def _catch_up(self, watcher: Watcher, since: Position | None) -> None:
        """Hands a watcher what was told between a position and now; what is told from now on it gets from the reading."""
        try:
            async with asyncio.timeout(self._settings.redis_timeout_seconds):
                await self._located.wait()
            if since is None:
                watcher.since = self.position
                return
            watcher.since = encode_position(since)
            if len(since) != len(self._keys):
                watcher.tell_gap()
                return
            for stream, (before, now) in enumerate(zip(since, list(self._position), strict=True)):
                if self._concerns(stream, watcher):
                    await self._catch_up_stream(watcher, self._keys[stream], before, now)
        except AWAY as error:
            logger.warning("what a client missed could not be read: %s", error)
            self._away = True
            watcher.tell_gap()

    async def _catch_up_stream(self, watcher: Watcher, key: str, before: Place, now: Place) -> None:
        while before != now and not (before.life == now.life and before > now):
            found = await self._redis.xrange(key, min=f"({before}", max=str(now), count=READ_COUNT)
            for entry_id, fields in cast("Iterable[_Entry]", found):
                place = place_of(entry_id)
                if not place.follows(before):
                    watcher.tell_gap()
                before = place
                _tell(watcher, fields)
            if not found:
                watcher.tell_gap()
                return


def _tell(watcher: Watcher, fields: Mapping[bytes, bytes]) -> None:
    change = decode_change(fields)
    if change is None:
        watcher.tell_gap()
    elif change.project_id == watcher.project_id:
        watcher.add(change.runs)
