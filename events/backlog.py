"""Backpressure: how much waits in the streams, how fast it drains, and whether ingest must wait."""

import asyncio
import logging
import math
import time
from dataclasses import dataclass

import redis.asyncio
from redis.exceptions import RedisError

from events.appender import Appender
from events.exceptions import Overloaded, QueueUnavailable
from events.instrumentation import BACKLOG_BYTES, BACKLOG_EVENTS
from events.settings import MEMORY_SHARE_MAX, Settings
from events.stream import ANY_STREAM, epoch_key, shard_numbers, stream_key

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
RETRY_AFTER_MAX_SECONDS = 60
RATE_WINDOW_SECONDS = 5.0


@dataclass(slots=True, frozen=True)
class Backlog:
    """What waits in all shards."""

    events: int = 0
    bytes: int = 0
    drained_events: int = 0


async def measure(connection: "redis.asyncio.Redis", shards: int) -> Backlog:
    """Reads the counters of all shards' epochs."""
    pipeline = connection.pipeline(transaction=False)
    for shard in range(shards):
        pipeline.hmget(epoch_key(shard), "events", "bytes", "drained_events", "drained_bytes")
    events = size = drained_events = 0
    for row in await pipeline.execute():
        appended, appended_bytes, drained, drained_bytes = (int(value or 0) for value in row)
        events += max(0, appended - drained)
        size += max(0, appended_bytes - drained_bytes)
        drained_events += drained
    return Backlog(events, size, drained_events)


async def memory_share(connection: "redis.asyncio.Redis") -> float:
    """Used memory as a part of what Redis may use; 0 if it has no bound."""
    memory = await connection.info("memory")
    return float(memory["used_memory"]) / bound if (bound := int(memory["maxmemory"])) else 0.0


async def other_layouts(connection: "redis.asyncio.Redis", shards: int) -> list[int]:
    """Shards that hold events from when runs were spread over another number of shards.

    While there are any, nothing may be accepted: a run's new events could go to another shard than its waiting ones, and
    two drains would write the same run at once.
    """
    found = []
    keys = [key async for key in connection.scan_iter(ANY_STREAM, count=10_000)]
    for shard in sorted(shard_numbers(keys)):
        pipeline = connection.pipeline(transaction=False)
        pipeline.xlen(stream_key(shard))
        pipeline.hget(epoch_key(shard), "shards")
        waiting, layout = await pipeline.execute()
        if waiting and int(layout or shards) != shards:
            found.append(shard)
    return found


class BacklogGate:
    """Shut from the high-water mark until the low one; `run` keeps it up to date."""

    def __init__(self, settings: Settings, connection: "redis.asyncio.Redis", appender: Appender) -> None:
        self._settings = settings
        self._redis = connection
        self._appender = appender
        self._backlog = Backlog()
        self._appended_before = (0, 0)
        self._shut = False
        self._rate = 0.0
        self._layout_settled = False
        self._memory_share = 0.0
        self._away = False
        self._measured_at = time.monotonic()

    def check(self) -> None:
        """Raises Overloaded while the gate is shut."""
        if not self._layout_settled and self._away:
            raise QueueUnavailable(retry_after=1)
        if not self._layout_settled:
            raise Overloaded("Events of another number of shards still wait; they are drained first.", retry_after=1)
        self._decide()
        if self._shut:
            full = "memory is nearly full" if self._memory_share >= MEMORY_SHARE_MAX else f"{self._backlog.events} events wait"
            raise Overloaded(
                f"The queue cannot take more ({full}); send again after the time in Retry-After.",
                retry_after=self._retry_after(),
            )

    def _decide(self) -> None:
        settings = self._settings
        # What was appended since the last look counts as well: between two looks a fast client could fill the memory.
        events = self._backlog.events + self._appender.appended_events - self._appended_before[0]
        size = self._backlog.bytes + self._appender.appended_bytes - self._appended_before[1]
        if (
            events >= settings.backlog_high_events
            or size >= settings.backlog_high_bytes
            or self._memory_share >= MEMORY_SHARE_MAX
        ):
            self._shut = True
        elif events <= settings.backlog_low_events and size <= settings.backlog_low_bytes:
            self._shut = False

    def _retry_after(self) -> int:
        """Seconds until the backlog is at the low-water mark, at the rate at which it drained lately."""
        events_over = max(0, self._backlog.events - self._settings.backlog_low_events)
        bytes_over = max(0, self._backlog.bytes - self._settings.backlog_low_bytes)
        bytes_an_event = self._backlog.bytes / max(1, self._backlog.events)
        over = max(events_over, bytes_over / max(1.0, bytes_an_event))
        if self._rate <= 0:
            return RETRY_AFTER_MAX_SECONDS if over else 1
        return max(1, min(RETRY_AFTER_MAX_SECONDS, math.ceil(over / self._rate)))

    async def run(self) -> None:
        """Looks several times a second until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Measures the backlog and decides."""
        appended = (self._appender.appended_events, self._appender.appended_bytes)
        try:
            if not self._layout_settled:
                self._layout_settled = not await other_layouts(self._redis, self._settings.shards)
            self._memory_share = await memory_share(self._redis)
            backlog = await measure(self._redis, self._settings.shards)
        except (RedisError, OSError, TimeoutError) as error:
            if not self._away:
                logger.warning("could not measure the backlog, and will go on trying: %s", error)
            self._away = True
            return
        self._away = False
        BACKLOG_EVENTS.set(backlog.events)
        BACKLOG_BYTES.set(backlog.bytes)
        now = time.monotonic()
        seconds, self._measured_at = now - self._measured_at, now
        drained = max(0, backlog.drained_events - self._backlog.drained_events)
        weight = min(1.0, seconds / RATE_WINDOW_SECONDS)
        self._rate += weight * (drained / max(seconds, 1e-3) - self._rate)
        self._backlog, self._appended_before = backlog, appended
        self._decide()
