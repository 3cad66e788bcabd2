"""Adds what a process counted to the figures of all processes. Nothing waits for it, and nothing fails with it."""

import asyncio
import logging
import threading
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import RedisError

from events.figures import TTL_SECONDS, UNFOLDED_KEY, Figures, Growth, bucket_key, bucket_start
from events.instrumentation import FIGURES_UNWRITTEN

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
CLOSE_SECONDS = 2.0


def write(connection: "redis.Redis", figures: Figures) -> None:
    """Writes what grew; what cannot be written stays for the next time."""
    growth = figures.take()
    try:
        pipeline = connection.pipeline(transaction=True)
        _queue(pipeline, figures, growth)
        _written(figures, pipeline.execute())
    except (RedisError, OSError) as error:
        _failed(figures, growth, error)


async def write_async(connection: "redis.asyncio.Redis", figures: Figures) -> None:
    """As `write`."""
    growth = figures.take()
    try:
        pipeline = connection.pipeline(transaction=True)
        _queue(pipeline, figures, growth)
        _written(figures, await pipeline.execute())
    except (RedisError, OSError, TimeoutError) as error:
        _failed(figures, growth, error)


async def keep_writing(connection: "redis.asyncio.Redis", figures: Figures) -> None:
    """Writes once a second until cancelled."""
    while True:
        await write_async(connection, figures)
        await asyncio.sleep(FLUSH_SECONDS)


class Writer:
    """Writes once a second from a thread of its own, for who has no event loop: a drain never waits for it."""

    def __init__(self, connection: "redis.Redis", figures: Figures) -> None:
        self._redis = connection
        self._figures = figures
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="figures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Writes the rest, if Redis answers soon: whoever ends does not wait for figures."""
        self._ending.set()
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._redis.close()

    def _run(self) -> None:
        ending = False
        while not ending:
            write(self._redis, self._figures)
            ending = self._ending.wait(FLUSH_SECONDS)
        write(self._redis, self._figures)


def _queue(pipeline: Any, figures: Figures, growth: Growth) -> None:
    pipeline.time()
    if growth.counts:
        key = bucket_key(bucket_start(figures.now()))
        for name, count in growth.counts.items():
            pipeline.hincrby(key, name, count)
        pipeline.expire(key, TTL_SECONDS)
    for shard, since in growth.unfolded.items():
        if since is None:
            pipeline.hdel(UNFOLDED_KEY, str(shard))
        else:
            pipeline.hset(UNFOLDED_KEY, str(shard), str(since))
    if growth.unfolded:
        pipeline.expire(UNFOLDED_KEY, TTL_SECONDS)


def _written(figures: Figures, answers: list[Any]) -> None:
    seconds, microseconds = answers[0]
    figures.set_clock(seconds + microseconds / 1e6)
    if figures.is_away:
        logger.info("the pipeline's figures are written again")
    figures.is_away = False


def _failed(figures: Figures, growth: Growth, error: Exception) -> None:
    # A Redis that is only slow does it all the same, and what is written twice would be counted twice.
    if not isinstance(error, TimeoutError | redis.TimeoutError):
        figures.put_back(growth)
    FIGURES_UNWRITTEN.inc()
    if not figures.is_away:
        logger.warning("could not write the pipeline's figures, and will go on trying: %s", error)
    figures.is_away = True
