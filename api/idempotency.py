"""Idempotency keys: the same key again gets the first answer again, and with another request a clear no.

The ids that a request mints are derived from its key and body, so that a retry after an answer that was lost on the way
(or never made) repeats the very same events; as these are upserts, they take effect once.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec
from fastapi import Request, Response
from redis.exceptions import RedisError

from api.state import AppState
from events.exceptions import IdempotencyConflict, InvalidQuery, QueueUnavailable
from events.ids import IdMint

KEY_LENGTH_MAX = 255
ANSWER_BYTES_MAX = 16_384


class Remembered(msgspec.Struct):
    """What stands in Redis for a key: the request's digest and, once there is one, its answer."""

    request: str
    status: int = 0
    body: str = ""


async def answer_once(
    request: Request, body: bytes, state: AppState, project_id: int, answer: Callable[[IdMint], Awaitable[Response]]
) -> Response:
    """Calls `answer` and remembers what it said, or repeats what it said before.

    Raises:
        IdempotencyConflict: the key came with another request before.
        QueueUnavailable: Redis does not answer.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return await answer(IdMint())
    connection, ttl_seconds = state.redis, state.settings.idempotency_hours * 3600
    if not 0 < len(key) <= KEY_LENGTH_MAX:
        raise InvalidQuery(f"An Idempotency-Key has 1 to {KEY_LENGTH_MAX} characters.")
    state.gate.check()
    name = hashlib.sha256(key.encode()).hexdigest()
    redis_key = f"agentguide:idempotency:{project_id}:{name}"
    request_digest = _digest(request, body)
    try:
        claim = msgspec.json.encode(Remembered(request_digest))
        before = await connection.set(redis_key, claim, nx=True, get=True, ex=ttl_seconds)
    except (RedisError, OSError, TimeoutError):
        raise QueueUnavailable(retry_after=1) from None
    if before is not None:
        remembered = msgspec.json.decode(cast("bytes", before), type=Remembered)
        if remembered.request != request_digest:
            raise IdempotencyConflict
        if remembered.status:
            return Response(remembered.body, remembered.status, {"Idempotent-Replayed": "true"}, "application/json")
    seed = hashlib.blake2b(f"{project_id}\0{name}\0{request_digest}".encode(), digest_size=32).digest()
    response = await answer(IdMint(seed))
    if len(response.body) > ANSWER_BYTES_MAX:
        return response  # not kept: a retry does the same again, with the same ids and the same answer
    remembered = Remembered(request_digest, response.status_code, bytes(response.body).decode())
    try:
        await connection.set(redis_key, msgspec.json.encode(remembered), ex=ttl_seconds)
    except (RedisError, OSError, TimeoutError):
        pass  # the claim stands: a retry does the same again, with the same ids and the same answer
    return response


def _digest(request: Request, body: bytes) -> str:
    head = f"{request.method} {request.url.path}\n".encode()
    return hashlib.sha256(head + body).hexdigest()
