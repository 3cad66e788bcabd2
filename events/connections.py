"""Connections to Redis, each with its time limits, so that nothing hangs on it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.retry
from redis.backoff import NoBackoff

from events.settings import Settings

WAIT_SECONDS = 5
"""How long workers and scheduler wait for an answer: longer than any command of theirs blocks."""


_T = TypeVar("_T")


class _Once(redis.asyncio.retry.Retry):
    """No second try; and uvloop's word for a connection that was reset under a command becomes redis-py's."""

    def __init__(self) -> None:
        super().__init__(NoBackoff(), 0)

    async def call_with_retry(self, do: Callable[[], Awaitable[_T]], *arguments: Any, **options: Any) -> _T:
        async def attempt() -> _T:
            try:
                return await do()
            except RuntimeError as error:
                raise redis.ConnectionError(str(error)) from error

        return await super().call_with_retry(attempt, *arguments, **options)


def _url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise ValueError("REDIS_URL is not set; this part has no Redis of its own")
    return settings.redis_url.get_secret_value()


def redis_connection(settings: Settings) -> "redis.Redis":
    """For workers and scheduler, which wait and retry on their own: only a broken connection is made anew at once."""
    return redis.Redis.from_url(
        _url(settings),
        socket_connect_timeout=settings.redis_timeout_seconds,
        socket_timeout=WAIT_SECONDS,
        health_check_interval=15,
        retry=redis.retry.Retry(NoBackoff(), 1),
    )


def async_redis_connection(settings: Settings, *, block_seconds: float = 0.0) -> "redis.asyncio.Redis":
    """For the API: a command either succeeds in time or fails, as trying again is the client's to decide.

    `block_seconds` is how long commands may be asked to wait for something.
    """
    return redis.asyncio.Redis.from_url(
        _url(settings),
        socket_connect_timeout=settings.redis_timeout_seconds,
        socket_timeout=settings.redis_timeout_seconds + block_seconds,
        retry=_Once(),
    )
