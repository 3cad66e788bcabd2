"""The API's end of the stream: group commit. Whatever arrives while one append is in flight goes with the next, so that many
requests share one round trip and one fsync."""

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import redis.asyncio
from redis.exceptions import NoScriptError, RedisError

from events import ids
from events.exceptions import QueueUnavailable
from events.instrumentation import EVENTS_ACCEPTED
from events.stream import APPEND_SCRIPT, NewEntry, append_arguments

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 1


class Appender:
    """Appends entries durably; `run` does the work and must be running."""

    def __init__(self, connection: "redis.asyncio.Redis", shards: int, ring: Callable[[int], None]) -> None:
        # By its digest and without asking first whether Redis knows it, as redis-py's Script does in a pipeline.
        self._script = hashlib.sha1(APPEND_SCRIPT.encode(), usedforsecurity=False).hexdigest()
        self._redis = connection
        self._shards = shards
        self._ring = ring
        self._waiting: list[tuple[Sequence[NewEntry], asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()
        self.appended_events = 0
        self.appended_bytes = 0

    async def append(self, entries: Sequence[NewEntry]) -> None:
        """Returns when the entries are on the queue's disk.

        Raises:
            QueueUnavailable: they may or may not be there. Sent again they do no harm, as events are upserts.
        """
        if not entries:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, future))
        self._arrived.set()
        await future

    async def run(self) -> None:
        """Appends until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            group, self._waiting = self._waiting, []
            try:
                await self._append_group([entry for entries, _ in group for entry in entries])
            except (RedisError, OSError, TimeoutError) as error:
                logger.warning("an append of %d requests failed: %s", len(group), error)
                _fail(group, QueueUnavailable(retry_after=RETRY_AFTER_SECONDS))
            except BaseException as error:
                # Whatever it is, the requests must hear of it: a future left alone is a request that hangs.
                _fail([*group, *self._waiting], QueueUnavailable(retry_after=RETRY_AFTER_SECONDS))
                if not isinstance(error, Exception):
                    raise
                logger.exception("an append of %d requests failed unexpectedly", len(group))
            else:
                for _, future in group:
                    if not future.done():  # its request may have gone away
                        future.set_result(None)

    async def _append_group(self, entries: Sequence[NewEntry]) -> None:
        by_shard: defaultdict[int, list[NewEntry]] = defaultdict(list)
        for entry in entries:
            by_shard[entry.shard].append(entry)
        try:
            answers = await self._execute(by_shard)
        except NoScriptError:  # a Redis that was started anew; nothing was appended
            await self._redis.script_load(APPEND_SCRIPT)
            answers = await self._execute(by_shard)
        for shard, must_ring in zip(by_shard, answers, strict=True):
            if must_ring:
                self._ring(shard)
        events = sum(entry.count for entry in entries)
        EVENTS_ACCEPTED.inc(events)
        self.appended_events += events
        self.appended_bytes += sum(len(entry.events) for entry in entries)

    async def _execute(self, by_shard: Mapping[int, Sequence[NewEntry]]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for shard, members in by_shard.items():
            keys, arguments = append_arguments(shard, members, ids.epoch_id(), self._shards)
            pipeline.evalsha(self._script, len(keys), *keys, *arguments)
        return await pipeline.execute()


def _fail(group: Sequence[tuple[object, asyncio.Future[None]]], error: Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)


async def stop(task: asyncio.Task[None]) -> None:
    """Ends a background task. One cancel is not enough: a client may take it for the timeout it was waiting with."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
