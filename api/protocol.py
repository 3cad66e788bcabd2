"""One connection: uvicorn's, with bounds on what a client may send before the app sees it, and on how slowly.

httptools keeps whatever comes until a head is whole, and uvicorn waits for it, and for a body, for ever.
"""

import asyncio
import math
from dataclasses import dataclass
from typing import Any

import httptools
from pydantic_core import to_json
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPResponseBodyEvent, HTTPResponseStartEvent, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.headers import HEADERS
from events.exceptions import (
    AgentGuideError,
    HeadersTooLarge,
    MalformedRequest,
    RequestTimeout,
    TooManyConnections,
    UrlTooLong,
)
from events.instrumentation import CONNECTIONS_CUT, REQUESTS_REFUSED
from events.limits import HEAD_BYTES_MAX, HEADERS_MAX, PIPELINED_MAX, URL_BYTES_MAX

CONNECTIONS_SPARE = 100
"""Connections over the limit that are still told so; what is beyond them is closed at once."""
LINGER_SECONDS = 2.0
"""What a client that was refused has to read why: if we closed while it still sends, its system would drop the answer."""
STALL_SECONDS = 60.0
"""How long a client may read nothing of an answer that waits for it."""


@dataclass(slots=True, frozen=True)
class Bounds:
    connections_max: int
    head_seconds: float
    body_seconds: float


class Protocol(HttpToolsProtocol):
    def __init__(self, *, bounds: Bounds, **given: Any) -> None:
        super().__init__(**given)
        self._bounds = bounds
        self._deadline = math.inf
        """When the head or the body that is being received has to be whole."""
        self._stalled_at = math.inf
        """Since when the client reads nothing of what waits for it."""
        self._in_head = False
        self._is_refused = False
        self._refusal: AgentGuideError | None = None
        self._progressed = False
        self._dry_bytes = 0
        """What came since a head began or since the last byte of a body: a head, trailers, the extensions of a chunk."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.time() + self._bounds.head_seconds
        over = len(self.connections) - self._bounds.connections_max
        if over > CONNECTIONS_SPARE:
            CONNECTIONS_CUT.labels("too_many").inc()
            transport.abort()
        elif over > 0:
            self.app = _no_room

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._deadline == math.inf:
            self._deadline = self.loop.time() + self._bounds.head_seconds
        self._progressed = False
        self._feed(data)
        self._dry_bytes = 0 if self._progressed else self._dry_bytes + len(data)
        if self._dry_bytes > HEAD_BYTES_MAX:
            self._refuse(_headers_too_large())

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            self._decline_upgrade(data[stopped.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._refusal or MalformedRequest())

    def _decline_upgrade(self, rest: bytes) -> None:
        """Reads the request again as if it offered no other protocol: the parser took its body for that protocol's.

        Java's client makes such an offer (of HTTP/2) with each of its first requests, and curl if it is asked to.
        """
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does, for pipelined requests
        self._feed(b"".join([b"%b %b HTTP/%b\r\n" % (method, self.url, version), *lines, b"\r\n", rest]))

    @property
    def _offers_upgrade(self) -> bool:
        return self.parser.should_upgrade() and any(name == b"upgrade" for name, _ in self.headers)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._progressed = self._in_head = True
        self._deadline = self.loop.time() + self._bounds.head_seconds

    def on_headers_complete(self) -> None:
        self._refusal = self._error_of_head()
        if self._refusal is not None:
            raise self._refusal
        if self._offers_upgrade:
            return
        super().on_headers_complete()
        self.headers = []  # what trailers bring goes there, and not to the app
        self._in_head = False
        self._deadline = self.loop.time() + self._bounds.body_seconds

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._progressed = True

    def on_message_complete(self) -> None:
        if self._in_head:
            return  # an offer of another protocol
        super().on_message_complete()
        self._progressed = True
        self._deadline = math.inf

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled_at = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled_at = math.inf

    def check(self, now: float) -> None:
        """Ends the connection if its client takes too long. `now` is the loop's time."""
        if now - self._stalled_at > STALL_SECONDS:
            CONNECTIONS_CUT.labels("stalled").inc()
            self.transport.abort()
        elif now <= self._deadline or self._is_answering:
            return
        elif self._is_refused:
            self.transport.abort()
        elif self._in_head or self._awaits_body:
            self._refuse(RequestTimeout())
        else:
            self.transport.close()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    @property
    def _awaits_body(self) -> bool:
        return self.cycle is not None and not self.cycle.response_started and self.cycle.more_body

    @property
    def _may_answer(self) -> bool:
        """Whether the next answer that the client waits for is the one to what it sends just now."""
        if self._in_head:
            return self.cycle is None or self.cycle.response_complete
        return self.cycle is None or (self._awaits_body and not self.pipeline)

    def _error_of_head(self) -> AgentGuideError | None:
        if len(self.url) > URL_BYTES_MAX:
            return UrlTooLong(details={"limitBytes": URL_BYTES_MAX})
        if len(self.headers) > HEADERS_MAX or sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MAX:
            return _headers_too_large()
        if len(self.pipeline) >= PIPELINED_MAX:
            return MalformedRequest(f"More than {PIPELINED_MAX} requests wait on this connection; read answers in between.")
        return None

    def _refuse(self, error: AgentGuideError) -> None:
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        REQUESTS_REFUSED.labels(error.code).inc()
        if not self._may_answer:
            self.transport.close()
            return
        self.transport.write(_answer(error, self.server_state.default_headers))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._deadline = self.loop.time() + LINGER_SECONDS
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()


def _headers_too_large() -> HeadersTooLarge:
    return HeadersTooLarge(details={"limitBytes": HEAD_BYTES_MAX, "limitHeaders": HEADERS_MAX})


def _headers(error: AgentGuideError, body: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        *HEADERS,
        *([] if error.retry_after is None else [(b"retry-after", b"%d" % error.retry_after)]),
    ]


def _body(error: AgentGuideError) -> bytes:
    return to_json({"error": {"code": error.code, "message": error.message, "details": error.details}})


def _answer(error: AgentGuideError, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    body = _body(error)
    lines = [b"%b: %b\r\n" % header for header in (*default_headers, *_headers(error, body))]
    return b"".join([STATUS_LINE[error.status_code], *lines, b"\r\n", body])


async def _no_room(_: Scope, __: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    error = TooManyConnections(retry_after=1)
    REQUESTS_REFUSED.labels(error.code).inc()
    body = _body(error)
    start = HTTPResponseStartEvent(type="http.response.start", status=error.status_code, headers=_headers(error, body))
    await send(start)
    await send(HTTPResponseBodyEvent(type="http.response.body", body=body, more_body=False))
