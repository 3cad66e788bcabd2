"""Connections to Redis, each with its time limits, so that nothing hangs on it."""

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from events.settings import Settings


def _url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise ValueError("REDIS_URL is not set; this part has no Redis of its own")
    return settings.redis_url.get_secret_value()


def redis_connection(settings: Settings) -> "redis.Redis":
    """For workers and scheduler, which wait and retry on their own."""
    return redis.Redis.from_url(
        _url(settings),
        socket_connect_timeout=settings.redis_timeout_seconds,
        socket_timeout=60,
        health_check_interval=15,
    )


def async_redis_connection(settings: Settings, *, block_seconds: float = 0.0) -> "redis.asyncio.Redis":
    """For the API: a command either succeeds in time or fails, as trying again is the client's to decide.

    `block_seconds` is how long commands may be asked to wait for something.
    """
    return redis.asyncio.Redis.from_url(
        _url(settings),
        socket_connect_timeout=settings.redis_timeout_seconds,
        socket_timeout=settings.redis_timeout_seconds + block_seconds,
        retry=Retry(NoBackoff(), 0),
    )
