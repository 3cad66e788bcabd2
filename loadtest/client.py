"""An HTTP load client that costs little: requests are bytes made beforehand, connections stay open, one event loop serves all.

The client shares the machine with what it measures; it takes some 35 microseconds of CPU a request.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import uvloop

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)
_T = TypeVar("_T")

TIMEOUT_SECONDS = 30.0
RETRY_STATUSES = (429, 503)
RETRIES_MAX = 20


class LoadError(Exception):
    """The server did not answer as it should. The message is a sentence."""


@dataclass(slots=True, frozen=True)
class Address:
    host: str
    port: int

    @staticmethod
    def of(url: str) -> "Address":
        parts = urlsplit(url)
        return Address(parts.hostname or "127.0.0.1", parts.port or 80)


@dataclass(slots=True, frozen=True)
class Response:
    status: int
    body: bytes
    retry_after_seconds: float


@dataclass(slots=True)
class Sent:
    """What became of a load. Times are of `time.perf_counter`."""

    began: float = 0.0
    ended: float = 0.0
    latencies: list[float] = field(default_factory=list)
    """Seconds from the first byte sent to the answer, of each request; of one sent again, the last try's."""
    retries: int = 0

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def get_request(address: Address, path: str) -> bytes:
    """A whole GET request, ready to send."""
    return f"GET {path} HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n\r\n".encode()


def post_request(address: Address, path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """A whole POST request, ready to send."""
    head = f"POST {path} HTTP/1.1\r\nHost: {address.host}:{address.port}\r\nContent-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def parse_response(data: bytes) -> Response | None:
    """The response that the bytes hold; None while they do not hold all of it.

    Raises:
        LoadError: it has no Content-Length.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end]
    length = _CONTENT_LENGTH.search(head)
    if length is None:
        raise LoadError(f"The server answered without a Content-Length: {head[:200]!r}.")
    if len(data) < end + 4 + int(length[1]):
        return None
    retry_after = _RETRY_AFTER.search(head)
    return Response(int(head[9:12]), data[end + 4 :], float(retry_after[1]) if retry_after else 1.0)


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request on its way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answered: Callable[[Response], None] | None = None
        self._failed: Callable[[Exception], None] | None = None

    def send(self, request: bytes, answered: Callable[[Response], None], failed: Callable[[Exception], None]) -> None:
        """Sends a request; one of the two callbacks follows."""
        if self._transport is None or self._transport.is_closing():
            failed(LoadError("The server closed a connection."))
            return
        self._answered, self._failed = answered, failed
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class, but by its methods

    def data_received(self, data: bytes) -> None:
        data = self._received + data if self._received else data
        try:
            response = parse_response(data)
        except LoadError as error:
            self._fail(error)
            return
        if response is None:
            self._received = data
            return
        self._received = b""
        answered, self._answered, self._failed = self._answered, None, None
        if answered is not None:
            answered(response)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(LoadError(f"A connection broke off before its answer: {exc or 'the server closed it'}."))

    def _fail(self, error: Exception) -> None:
        failed, self._answered, self._failed = self._failed, None, None
        if failed is not None:
            failed(error)


@asynccontextmanager
async def connected(address: Address, connections: int) -> AsyncIterator[list[Connection]]:
    loop = asyncio.get_running_loop()
    pairs = [await loop.create_connection(Connection, address.host, address.port) for _ in range(connections)]
    try:
        yield [connection for _, connection in pairs]
    finally:
        for _, connection in pairs:
            connection.close()


class ClosedLoop:
    """As many requests at a time as there are connections, each followed by the next one as soon as it is answered."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests: Iterator[bytes] = iter(requests)
        self._open = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent = Sent()

    async def run(self, connections: Sequence[Connection]) -> Sent:
        self.sent.began = time.perf_counter()
        self._open = len(connections)
        for connection in connections:
            self._send_next(connection)
        await self._done
        return self.sent

    def _send_next(self, connection: Connection) -> None:
        request = next(self._requests, None)
        if request is not None:
            self._send(connection, request, 0)
            return
        self._open -= 1
        if not self._open and not self._done.done():
            self.sent.ended = time.perf_counter()
            self._done.set_result(None)

    def _send(self, connection: Connection, request: bytes, tries: int) -> None:
        began = time.perf_counter()

        def answered(response: Response) -> None:
            if response.status < 300 and response.status != 207:  # 207: some events were refused
                self.sent.latencies.append(time.perf_counter() - began)
                self._send_next(connection)
            elif response.status in RETRY_STATUSES and tries < RETRIES_MAX:
                self.sent.retries += 1
                pause = response.retry_after_seconds
                asyncio.get_running_loop().call_later(pause, self._send, connection, request, tries + 1)
            else:
                self._fail(refusal(response))

        connection.send(request, answered, self._fail)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)


async def send_all(address: Address, requests: Sequence[bytes], connections: int, progress: Callable[[int], None]) -> Sent:
    """Sends every request, a 429 or 503 again after its Retry-After. `progress` gets the answers so far, now and then.

    Raises:
        LoadError: a request failed otherwise, or none was answered for TIMEOUT_SECONDS.
    """
    async with connected(address, min(connections, len(requests))) as open_connections:
        load = ClosedLoop(requests)
        running = asyncio.ensure_future(load.run(open_connections))
        answered, answered_at = 0, time.perf_counter()
        while not (await asyncio.wait([running], timeout=0.25))[0]:
            if (now := len(load.sent.latencies)) > answered:
                answered, answered_at = now, time.perf_counter()
            elif time.perf_counter() - answered_at > TIMEOUT_SECONDS + 60 * bool(load.sent.retries):
                running.cancel()
                raise LoadError(f"The server left {len(open_connections)} requests without an answer.")
            progress(now)
        return running.result()


class OpenLoop:
    """Requests at a steady rate, whether or not earlier ones are answered."""

    def __init__(
        self,
        requests: Iterable[bytes],
        a_second: float,
        answered: Callable[[int, float], None],
        refused: Callable[[Response], None] | None = None,
    ) -> None:
        self._requests = requests
        self._a_second = a_second
        self._answered = answered
        self._refused = refused
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        self._error: Exception | None = None

    async def run(self, connections: Sequence[Connection]) -> None:
        for connection in connections:
            self._free.put_nowait(connection)
        began = time.perf_counter()
        for number, request in enumerate(self._requests):
            await asyncio.sleep(max(0.0, began + number / self._a_second - time.perf_counter()))
            self._send(await self._next_free(), request, number)
        for _ in connections:  # once all are free, all is answered
            await self._next_free()

    async def _next_free(self) -> Connection:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                connection = await self._free.get()
        except TimeoutError:
            raise LoadError(f"The server left requests without an answer for {TIMEOUT_SECONDS:.0f} s.") from None
        if self._error is not None:
            raise self._error
        return connection

    def _send(self, connection: Connection, request: bytes, number: int) -> None:
        def answered(response: Response) -> None:
            if response.status < 300:
                self._answered(number, time.perf_counter())
            elif response.status in RETRY_STATUSES and self._refused is not None:
                self._refused(response)
            else:
                self._error = refusal(response)
            self._free.put_nowait(connection)

        def failed(error: Exception) -> None:
            self._error = error
            self._free.put_nowait(connection)

        connection.send(request, answered, failed)


async def send_steadily(
    address: Address,
    requests: Iterable[bytes],
    a_second: float,
    connections: int,
    answered: Callable[[int, float], None],
    refused: Callable[[Response], None] | None = None,
) -> None:
    """Sends request i at i / `a_second`; waits for all answers. With all connections busy a request waits for one.

    `answered` gets the number of each request and the time of its answer; `refused` gets each 429 and 503, which without it are
    errors.

    Raises:
        LoadError: a request failed.
    """
    async with connected(address, connections) as open_connections:
        await OpenLoop(requests, a_second, answered, refused).run(open_connections)


def refusal(response: Response) -> LoadError:
    return LoadError(f"The server answered {response.status}: {response.body[:300].decode('utf-8', 'replace')}")


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Runs a coroutine on an event loop that costs little."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def discard(_: int) -> None:
    """For `progress`, where nobody looks."""
