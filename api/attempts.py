"""Attempts to sign in, counted in Redis for all API processes together."""

import hashlib
import ipaddress
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from events.exceptions import QueueUnavailable, TooManyAttempts

if TYPE_CHECKING:
    import redis.asyncio

WINDOW_SECONDS = 15 * 60
EMAIL_MAX = 10
"""For one e-mail; its first success forgives those before."""
ADDRESS_MAX = 100
"""From one address, behind which many people may sit."""


async def count(connection: "redis.asyncio.Redis", email: str, address: str | None) -> None:
    """Counts before anything is looked up, so the answer is the same whether there is such a user or not.

    Raises:
        TooManyAttempts: for this e-mail or from this address.
        QueueUnavailable: Redis does not answer; then nobody signs in.
    """
    # The address first: with made-up e-mails one that is over its limit would fill Redis, and with true ones lock people out.
    await _count(connection, _address_key(address), ADDRESS_MAX)
    await _count(connection, _email_key(email), EMAIL_MAX)


async def _count(connection: "redis.asyncio.Redis", key: str, most: int) -> None:
    pipeline = connection.pipeline(transaction=True)
    pipeline.incr(key)
    pipeline.expire(key, WINDOW_SECONDS, nx=True)
    pipeline.ttl(key)
    try:
        attempts, _, seconds = await pipeline.execute()
    except (RedisError, OSError, TimeoutError):
        raise _away() from None
    if attempts > most:
        raise TooManyAttempts(retry_after=max(1, seconds))


async def forgive(connection: "redis.asyncio.Redis", email: str) -> None:
    """Raises QueueUnavailable if Redis does not answer."""
    try:
        await connection.delete(_email_key(email))
    except (RedisError, OSError, TimeoutError):
        raise _away() from None


def _away() -> QueueUnavailable:
    return QueueUnavailable("Attempts to sign in cannot be counted now; try again later.", retry_after=1)


def _email_key(email: str) -> str:
    return f"agentguide:attempts:email:{hashlib.sha256(email.encode()).hexdigest()}"


def _address_key(address: str | None) -> str:
    """Who has one IPv6 address has 2^64 of them."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "agentguide:attempts:address:unknown"
    prefix = 64 if parsed.version == 6 and parsed.ipv4_mapped is None else parsed.max_prefixlen
    return f"agentguide:attempts:address:{ipaddress.ip_network((parsed, prefix), strict=False)}"
