"""The sharded stream: the keys, the entries, and the two ends (the API appends, the drain reads and trims).

An entry holds the events of one request that go to one shard: `project`, `count`, and `events`, a JSON array of records.
The stream's epoch is a hash beside it: the random `id` of this life of the stream, what was appended in it (`events`,
`bytes`), what was drained of it (`drained_events`, `drained_bytes`), and over how many `shards` runs were spread.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast
from zlib import crc32

import redis
from redis.exceptions import OutOfMemoryError

from events import ids, records
from events.changes import CHANGES_MAX, INDEXED_KEY, RunKey, change_arguments, changes_key
from events.instrumentation import EVENTS_ACCEPTED
from events.records import Record

APPEND_SCRIPT = files("events").joinpath("append.lua").read_text()
_TELL = files("events").joinpath("tell.lua").read_text()
TRIM_SCRIPT = _TELL + files("events").joinpath("trim.lua").read_text()
INDEXED_SCRIPT = _TELL + files("events").joinpath("indexed.lua").read_text()
BELL_TTL_MS = 3000
"""A bell that nobody refreshes falls silent after this time, and the sweep may ring it anew."""

BUSY_KEY = "agentguide:busy"
BUSY_TTL_MS = 1000

ENTRY_EVENTS_MAX = 500
ENTRY_BYTES_MAX = 1 << 20
BATCH_BYTES_MAX = 16 << 20
"""A drain takes no more into one batch: it holds the batch, its rows and the next batch in memory."""
INTEGER_DIGITS_MAX = 9


def stream_key(shard: int) -> str:
    return f"agentguide:{{{shard}}}:stream"


ANY_STREAM = "agentguide:{*}:stream"
_STREAM_KEY = re.compile(rb"agentguide:\{(\d+)\}:stream")


def epoch_key(shard: int) -> str:
    return f"agentguide:{{{shard}}}:epoch"


def bell_key(shard: int) -> str:
    return f"agentguide:{{{shard}}}:bell"


def shard_of(run_id: str, shards: int) -> int:
    """The shard of a run: all its events go there, so they keep their order."""
    return crc32(run_id.encode()) % shards


@dataclass(slots=True, frozen=True)
class NewEntry:
    """Events of one project for one shard, ready to append."""

    shard: int
    project_id: int
    count: int
    events: bytes


def entries_of(project_id: int, events: Iterable[Record], shards: int) -> list[NewEntry]:
    """Cuts events into entries by shard, keeping their order; no entry is much over the size limits."""
    by_shard: dict[int, list[Record]] = {}
    for event in events:
        by_shard.setdefault(shard_of(event.run_id, shards), []).append(event)
    entries: list[NewEntry] = []
    for shard, members in by_shard.items():
        for start in range(0, len(members), ENTRY_EVENTS_MAX):
            entries += _entries_of_shard(shard, project_id, members[start : start + ENTRY_EVENTS_MAX])
    return entries


def _entries_of_shard(shard: int, project_id: int, members: list[Record]) -> list[NewEntry]:
    data = records.encode(members)
    if len(data) > ENTRY_BYTES_MAX and len(members) > 1:
        middle = len(members) // 2
        return _entries_of_shard(shard, project_id, members[:middle]) + _entries_of_shard(shard, project_id, members[middle:])
    return [NewEntry(shard, project_id, len(members), data)]


def append_arguments(
    shard: int, entries: Sequence[NewEntry], epoch_id: str, shards: int
) -> tuple[list[str], list[str | int | bytes]]:
    """KEYS and ARGV of `append.lua`."""
    size = sum(len(entry.events) for entry in entries)
    count = sum(entry.count for entry in entries)
    arguments: list[str | int | bytes] = [epoch_id, BELL_TTL_MS, shards, count, size]
    for entry in entries:
        arguments += (entry.project_id, entry.count, entry.events)
    return [stream_key(shard), epoch_key(shard), bell_key(shard)], arguments


def append_now(connection: "redis.Redis", entries: Iterable[NewEntry], shards: int) -> list[int]:
    """Appends durably, for who has no event loop. Returns the shards whose bell it took: the caller must ring those.

    Raises:
        redis.RedisError: they may or may not be there. Sent again they do no harm, as events are upserts.
    """
    by_shard: dict[int, list[NewEntry]] = {}
    for entry in entries:
        by_shard.setdefault(entry.shard, []).append(entry)
    script = connection.register_script(APPEND_SCRIPT)
    took = []
    for shard, members in by_shard.items():
        keys, arguments = append_arguments(shard, members, ids.epoch_id(), shards)
        if script(keys=keys, args=arguments):
            took.append(shard)
        EVENTS_ACCEPTED.inc(sum(entry.count for entry in members))
    return took


def shard_numbers(keys: Iterable[bytes]) -> set[int]:
    """The shards of stream keys, whatever number of shards they were made for."""
    found = (_STREAM_KEY.fullmatch(key) for key in keys)
    return {int(match[1]) for match in found if match}


@dataclass(slots=True, frozen=True)
class Entry:
    """An entry as the drain reads it."""

    id: str
    project_id: int
    count: int
    events: bytes

    @property
    def accepted_at(self) -> int:
        """Microseconds since 1970, from the id, which Valkey made of its clock."""
        return int(self.id.partition("-")[0]) * 1000


def id_order(entry_id: str) -> tuple[int, int]:
    """A stream id as something that sorts."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence)


def following(entry_id: str) -> str:
    """The smallest id after this one."""
    milliseconds, sequence = id_order(entry_id)
    return f"{milliseconds}-{sequence + 1}"


class ShardStream:
    """The drain's end of a shard's stream."""

    def __init__(self, connection: "redis.Redis", shard: int) -> None:
        self._redis = connection
        self._trim = connection.register_script(TRIM_SCRIPT)
        self._tell_indexed = connection.register_script(INDEXED_SCRIPT)
        self.shard = shard

    def epoch(self) -> str:
        """The id of the stream's life; empty if nothing was ever appended."""
        value = cast("bytes | None", self._redis.hget(epoch_key(self.shard), "id"))
        return value.decode() if value else ""

    def read(self, after: str, events_max: int, bytes_max: int = BATCH_BYTES_MAX) -> tuple[list[Entry], bool]:
        """Entries after an id, until they hold that many events or bytes or there are no more.

        The second value says that it stopped early: there may be more.
        """
        entries: list[Entry] = []
        events = size = 0
        count = 16
        while events < events_max and size < bytes_max:
            page = cast(
                "list[tuple[bytes, dict[bytes, bytes]]]",
                self._redis.xrange(stream_key(self.shard), min=f"({after}", max="+", count=count),
            )
            for entry_id, fields in page:
                entry = _entry(entry_id, fields)
                entries.append(entry)
                events += entry.count
                size += len(entry.events)
            if len(page) < count:
                return entries, False
            after = entries[-1].id
            count = min(_still_to_read(events_max, events, len(entries)), _still_to_read(bytes_max, size, len(entries)), 1000)
        return entries, True

    def wait(self, after: str, seconds: float) -> bool:
        """Waits until there is an entry after an id; False if there is none in this time."""
        found = self._redis.xread({stream_key(self.shard): after}, count=1, block=max(1, int(seconds * 1000)))
        return bool(found)

    def is_empty(self) -> bool:
        return self._redis.xlen(stream_key(self.shard)) == 0

    def trim(
        self, epoch: str, drained: str, events: int, size: int, *, entries: int = 0, changed: Iterable[RunKey] = ()
    ) -> None:
        """Drops the entries up to an id, which are in the database, and notes what was drained in this epoch.

        `entries` of them were the last batch, which `changed` some runs: those who listen are told. Full memory stops
        nothing of it; the listeners then learn that they missed something.
        """
        self._trim(
            [stream_key(self.shard), epoch_key(self.shard), changes_key(self.shard)],
            [epoch, following(drained), events, size, entries, CHANGES_MAX, *change_arguments(changed)],
        )

    def tell_indexed(self, runs: Iterable[RunKey], *, gap: bool = False) -> None:
        """Tells those who listen that the search index knows these runs now; `gap`: and others, perhaps, that nobody told."""
        arguments = change_arguments(runs)
        if arguments or gap:
            self._tell_indexed([INDEXED_KEY], [CHANGES_MAX, int(gap), *arguments])

    def say_busy(self) -> None:
        """For a second others know that this shard's drain has all it can do."""
        try:
            self._redis.set(BUSY_KEY, self.shard, px=BUSY_TTL_MS)
        except OutOfMemoryError:
            pass  # it is a courtesy, and what makes room goes first

    def others_are_busy(self) -> bool:
        """Whether the drain of another shard has all it can do, and wants the machine to itself."""
        busy = cast("bytes | None", self._redis.get(BUSY_KEY))
        return busy is not None and busy != str(self.shard).encode()

    def hold_bell(self) -> None:
        self._redis.set(bell_key(self.shard), 1, px=BELL_TTL_MS)

    def release_bell(self) -> None:
        self._redis.delete(bell_key(self.shard))

    def bell_is_lost(self) -> bool:
        """Whether the bell would be held for longer than anybody asks for: the server's clock was set back meanwhile."""
        return self._redis.pttl(bell_key(self.shard)) > BELL_TTL_MS

    def take_bell(self) -> bool:
        """True if nobody held the bell: whoever takes it enqueues the job."""
        return bool(self._redis.set(bell_key(self.shard), 1, nx=True, px=BELL_TTL_MS))


def _entry(entry_id: bytes, fields: dict[bytes, Any]) -> Entry:
    events = fields.get(b"events", b"")
    return Entry(
        entry_id.decode(), _integer(fields.get(b"project"), 0), _integer(fields.get(b"count"), 1), cast("bytes", events)
    )


def _still_to_read(wanted: int, have: int, entries: int) -> int:
    """How many more entries of the mean size so far it takes to have what is wanted."""
    return max(1, (wanted - have) * entries // max(1, have) + 1)


def _integer(value: bytes | None, default: int) -> int:
    """A field of an entry; whatever else stands there, the entry must not stop its stream."""
    return int(value) if value is not None and value.isdigit() and len(value) <= INTEGER_DIGITS_MAX else default
