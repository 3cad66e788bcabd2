"""What a caller may send: looked at before a request is read, taken before it is queued, told with every answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps

from fastapi import Request, Response

from api.access import caller_of
from api.state import state_of
from events.exceptions import AgentGuideError, BodyTooLarge
from events.token_buckets import Quota, Reservation

SPENDING = "agentguide.spending"
"""Where a request's spending stands in its ASGI scope, if its caller has limits."""

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Spending:
    quota: Quota
    reservation: Reservation
    body_bytes: int = 0
    taken: bool = False


def limited(endpoint: Endpoint) -> Endpoint:
    """An endpoint within the limits of its caller.

    Who has used them up is answered before anything is read. What takes no tokens of its own, such as a request that is not
    valid or an answer that is repeated, costs its bytes and one event.
    """

    @wraps(endpoint)
    async def within_limits(request: Request) -> Response:
        state, caller = state_of(request), caller_of(request)
        quota = state.limiter.quota_of(caller.project, caller.key)
        if quota is None:
            return await endpoint(request)
        spending = request.scope[SPENDING] = Spending(quota, await state.limiter.reserve(quota))
        try:
            response = await endpoint(request)
        except AgentGuideError as error:
            if not spending.taken and error.status_code < 500:
                # What was too much to read was read up to the limit.
                unread = state.settings.body_bytes_max if isinstance(error, BodyTooLarge) else 0
                state.limiter.charge(quota, 1, spending.body_bytes or unread)
            error.headers = {**error.headers, **quota.headers()}
            raise
        finally:
            spending.reservation.release()
        if not spending.taken:
            state.limiter.charge(quota, 1, spending.body_bytes)
        response.raw_headers += [(name.lower().encode(), value.encode()) for name, value in quota.headers().items()]
        return response

    return within_limits


def note_body(request: Request, body: bytes) -> None:
    """Says what a request will cost, before it is looked at."""
    if spending := request.scope.get(SPENDING):
        spending.body_bytes = len(body)


async def take_tokens(request: Request, events: int) -> None:
    """Raises RateLimited or QueueUnavailable: nothing of the request may be queued."""
    if spending := request.scope.get(SPENDING):
        spending.taken = True
        try:
            await state_of(request).limiter.take(spending.quota, events, spending.body_bytes)
        finally:
            spending.reservation.release()
