"""Every error that can reach a client. The docstring is the default message; data about one case goes into `details`."""

from typing import Any, ClassVar


class AgentGuideError(Exception):
    """Something went wrong."""

    status_code: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str | None = None, *, details: Any = None, retry_after: int | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.details = details
        self.retry_after = retry_after
        super().__init__(self.message)


class InvalidEvent(AgentGuideError):
    """The event is not valid; see `details` for each problem and where it is."""

    status_code = 422
    code = "invalid_event"


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
