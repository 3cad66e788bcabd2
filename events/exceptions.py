"""Every error that can reach a client. The docstring is the default message; data about one case goes into `details`."""

from collections.abc import Mapping
from typing import Any, ClassVar


class AgentGuideError(Exception):
    """Something went wrong."""

    status_code: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    headers: Mapping[str, str] = {}
    """What the answer's headers say beside `Retry-After`."""

    def __init__(self, message: str | None = None, *, details: Any = None, retry_after: int | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.details = details
        self.retry_after = retry_after
        super().__init__(self.message)


class InvalidEvent(AgentGuideError):
    """The event is not valid; see `details` for each problem and where it is."""

    status_code = 422
    code = "invalid_event"


class Unauthorized(AgentGuideError):
    """This needs an API key or a session: send `Authorization: Bearer ag_...`, or sign in."""

    status_code = 401
    code = "unauthorized"
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer realm="agentguide"'}


class Forbidden(AgentGuideError):
    """The key or the user may not do this."""

    status_code = 403
    code = "forbidden"


class UnknownReference(AgentGuideError):
    """The event refers to an agent or a user that does not exist."""

    status_code = 422
    code = "unknown_reference"


class MalformedBody(AgentGuideError):
    """The request body cannot be parsed."""

    status_code = 400
    code = "malformed_body"


class InvalidQuery(AgentGuideError):
    """A query parameter is not valid."""

    status_code = 422
    code = "invalid_query"


class IdempotencyConflict(AgentGuideError):
    """This Idempotency-Key was used before with another request; use a new key for a new request."""

    status_code = 422
    code = "idempotency_conflict"


class NotFound(AgentGuideError):
    """There is no such thing here."""

    status_code = 404
    code = "not_found"


class BodyTooLarge(AgentGuideError):
    """The request body is larger than the limit."""

    status_code = 413
    code = "body_too_large"


class UnsupportedMedia(AgentGuideError):
    """The Content-Type or Content-Encoding of the request is not supported."""

    status_code = 415
    code = "unsupported_media_type"


class Overloaded(AgentGuideError):
    """The queue is full; send again after the time in Retry-After."""

    status_code = 503
    code = "overloaded"


class QueueUnavailable(AgentGuideError):
    """The queue does not answer. Send the same again after the time in Retry-After; what did arrive counts once."""

    status_code = 503
    code = "queue_unavailable"


class DatabaseUnavailable(AgentGuideError):
    """The database does not answer. Ask again after the time in Retry-After."""

    status_code = 503
    code = "database_unavailable"


class Busy(AgentGuideError):
    """Too many of these are under way at once; try again after the time in Retry-After."""

    status_code = 503
    code = "busy"


class QueryTimeout(AgentGuideError):
    """Looking this up took too long and was broken off; ask for a shorter window or fewer things, or add a filter."""

    status_code = 503
    code = "query_timeout"


class InvalidRequest(AgentGuideError):
    """The request is not valid; see `details` for each problem and where it is."""

    status_code = 422
    code = "invalid_request"


class SignInFailed(AgentGuideError):
    """The e-mail or the password is not right, or this user may not sign in."""

    status_code = 401
    code = "sign_in_failed"


class TooManyAttempts(AgentGuideError):
    """Too many attempts to sign in; try again after the time in Retry-After."""

    status_code = 429
    code = "too_many_attempts"


class Conflict(AgentGuideError):
    """There is one of that name already."""

    status_code = 409
    code = "conflict"


class LastOfAll(AgentGuideError):
    """This is the last who may do this, and nobody could give the right back: give it to somebody else first."""

    status_code = 409
    code = "last_of_all"


class ForeignHost(AgentGuideError):
    """The Host header names a server that this is not; AGENTGUIDE_ALLOWED_HOSTS lists its other names."""

    status_code = 403
    code = "foreign_host"


class ForeignOrigin(AgentGuideError):
    """A page of another origin may not use this API; AGENTGUIDE_CORS_ORIGINS lists those that may."""

    status_code = 403
    code = "foreign_origin"


class MalformedRequest(AgentGuideError):
    """This is not HTTP/1.1 as RFC 9112 has it."""

    status_code = 400
    code = "malformed_request"


class RequestTimeout(AgentGuideError):
    """The request did not arrive in time; send it again, in smaller parts if the line is slow."""

    status_code = 408
    code = "request_timeout"


class UrlTooLong(AgentGuideError):
    """The URL is too long; ask for fewer things at once."""

    status_code = 414
    code = "url_too_long"


class HeadersTooLarge(AgentGuideError):
    """The headers are too many or too large; send fewer of them."""

    status_code = 431
    code = "headers_too_large"


class TooManyConnections(AgentGuideError):
    """Too many connections are open; keep fewer, use each for more, or try again after the time in Retry-After."""

    status_code = 503
    code = "too_many_connections"


class RateLimited(AgentGuideError):
    """More was sent than the limit allows; send again after the time in Retry-After."""

    status_code = 429
    code = "rate_limited"
