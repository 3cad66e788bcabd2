"""What waits in each shard: the events that are not in the database. Entries that are there and were not trimmed yet, as a trim
comes after its commit, do not wait."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

import redis.asyncio

from events.stream import epoch_key, id_order, stream_key

_SCRIPT = files("events").joinpath("waiting.lua").read_text()


class Drained(NamedTuple):
    """How far a shard is drained, as the database has it."""

    shard: int
    epoch: str
    entry_id: str
    events: int
    bytes: int
    idle_seconds: float
    """How long ago the last batch was stored."""


@dataclass(slots=True, frozen=True)
class Waiting:
    """What waits in a shard."""

    shard: int
    events: int
    bytes: int
    oldest_seconds: float | None
    """The age of the first entry that waits; None if none does."""
    idle_seconds: float | None
    """How long ago the last batch was stored; None if none ever was."""


async def look(connection: "redis.asyncio.Redis", cursors: Iterable[Drained], shards: int) -> list[Waiting]:
    """What waits, by shard. The cursors were read before: what was stored meanwhile counts as it was then.

    Raises:
        redis.RedisError, OSError, TimeoutError: Redis does not answer.
    """
    known = {cursor.shard: cursor for cursor in cursors}
    numbers = sorted({*range(shards), *known})
    pipeline = connection.pipeline(transaction=False)
    pipeline.time()
    for shard in numbers:
        cursor = known.get(shard)
        place = (cursor.epoch, cursor.entry_id) if cursor else ("", "0-0")
        pipeline.eval(_SCRIPT, 2, stream_key(shard), epoch_key(shard), *place)
    (seconds, microseconds), *rows = await pipeline.execute()
    now_ms = seconds * 1000 + microseconds // 1000
    found = [_waiting(shard, known.get(shard), row, now_ms) for shard, row in zip(numbers, rows, strict=True)]
    # Of a former, larger number of shards the cursors stay; they are of interest only while something waits there.
    return [one for one in found if one.shard < shards or one.oldest_seconds is not None]


def lag_seconds(waiting: Iterable[Waiting]) -> float:
    """The age of the oldest entry that waits; 0 if none does."""
    return max((shard.oldest_seconds for shard in waiting if shard.oldest_seconds is not None), default=0.0)


def _waiting(shard: int, cursor: Drained | None, row: list[bytes], now_ms: int) -> Waiting:
    epoch, first = row[0].decode(), row[5].decode()
    appended, appended_bytes, drained, drained_bytes = map(int, row[1:5])
    if cursor is not None and cursor.epoch == epoch:
        drained, drained_bytes = max(drained, cursor.events), max(drained_bytes, cursor.bytes)
    oldest = max(0, now_ms - id_order(first)[0]) / 1000 if first else None
    idle = cursor.idle_seconds if cursor is not None and cursor.entry_id != "0-0" else None
    return Waiting(shard, max(0, appended - drained), max(0, appended_bytes - drained_bytes), oldest, idle)
