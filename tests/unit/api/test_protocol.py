"""What comes before the app: raw bytes to the real web server, hostile or slow, and each is answered or cut in time."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from api import errors, protocol
from api.body import read_body
from api.server import Server
from events.limits import HEAD_BYTES_MAX, HEADERS_MAX, PIPELINED_MAX, URL_BYTES_MAX
from events.settings import Settings
from tests.support.waiting import wait_until

HEAD = b"POST /echo HTTP/1.1\r\nHost: test\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n"
MIB = 1 << 20


def make_app(settings: Settings) -> FastAPI:
    app = FastAPI()
    app.state.agentguide = SimpleNamespace(hub=SimpleNamespace(end=lambda: None))
    errors.install(app)

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(str(len(await read_body(request, settings.body_bytes_max))), headers=dict(request.query_params))

    @app.get("/healthz")
    async def healthz() -> Response:
        return Response("ok")

    @app.get("/large")
    async def large() -> Response:
        return Response(bytes(32 * MIB))

    return app


@contextmanager
def serving(**given: Any) -> Iterator[Server]:
    settings = Settings(_env_file=None, **given)
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(make_app(settings), settings)
    server.port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started, what="the server")
        yield server
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(body_bytes_max=MIB) as running:
        yield running


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        yield connection


class Answer:
    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = dict(line.lower().split(": ", 1) for line in lines[1:])

    @property
    def code(self) -> str:
        return json.loads(self.body)["error"]["code"]


def read_to_end(connection: socket.socket) -> bytes:
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


def ask(server: Server, *parts: bytes) -> Answer:
    """The one answer that the server gives before it closes."""
    with connected(server) as connection:
        for part in parts:
            connection.sendall(part)
        return Answer(read_to_end(connection))


def chunked(*chunks: bytes) -> bytes:
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%b\r\n" % (len(data), data) for data in chunks)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed_request"),  # TLS
        (b"GET / HTTP/9.9\r\n\r\n", 400, "malformed_request"),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: test\r\n\r\n", 400, "malformed_request"),
        (b"CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n", 400, "malformed_request"),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed_request"),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400, "malformed_request"),
        (HEAD + b"Content-Length: -5\r\n\r\n", 400, "malformed_request"),
        (HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n", 400, "malformed_request"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 400, "malformed_request"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello!!\r\n0\r\n\r\n", 400, "malformed_request"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400, "malformed_request"),
        (HEAD + b"Transfer-Encoding: gzip, identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 400, "malformed_request"),
        (HEAD + b"X: a\r\n\x00b\r\n\r\n", 400, "malformed_request"),
        (b"GET /" + b"a" * URL_BYTES_MAX + b" HTTP/1.1\r\nHost: test\r\n\r\n", 414, "url_too_long"),
        (b"GET /" + b"a" * 20 * MIB, 431, "headers_too_large"),
        (HEAD + b"X: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n", 431, "headers_too_large"),
        (HEAD + b"X: " + b"a" * 20 * MIB, 431, "headers_too_large"),
        (HEAD + b"X: a\r\n" * HEADERS_MAX + b"\r\n", 431, "headers_too_large"),
        (HEAD + b"X: a\r\n" * 2 * MIB, 431, "headers_too_large"),
        (chunked(b"a") + b"1;" + b"x" * 20 * MIB, 431, "headers_too_large"),
        (chunked(b"a") + b"0\r\nX: " + b"x" * 20 * MIB, 431, "headers_too_large"),
        (chunked(b"a") + b"0\r\n" + b"X: a\r\n" * 2 * MIB, 431, "headers_too_large"),
    ],
)
def test_what_is_no_request_is_told_why(server: Server, sent: bytes, status: int, code: str) -> None:
    with connected(server) as connection:
        sender = threading.Thread(target=_send, args=(connection, sent))
        sender.start()
        answer = Answer(read_to_end(connection))
        sender.join(20)
    assert (answer.status, answer.code, answer.headers["connection"]) == (status, code, "close")
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert json.loads(answer.body)["error"]["message"]


def _send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:
        pass  # the server has heard enough


def test_body_over_the_limit_is_told_so_while_it_is_sent(server: Server) -> None:
    for head in (b"Content-Length: %d\r\n\r\n" % (40 * MIB), b"Transfer-Encoding: chunked\r\n\r\n2800000\r\n"):
        with connected(server) as connection:
            connection.sendall(HEAD + head)
            sender = threading.Thread(target=_send, args=(connection, bytes(40 * MIB)))
            sender.start()
            answer = Answer(connection.recv(65536))
            sender.join(20)
        assert (answer.status, answer.code) == (413, "body_too_large")
        assert json.loads(answer.body)["error"]["details"] == {"limitBytes": MIB}


def test_a_good_request_in_any_pieces_is_answered(server: Server) -> None:
    body = chunked(b"hello", b" ", b"world") + b"0\r\nTrailer: x\r\nContent-Encoding: gzip\r\n\r\n"
    for size in (1, 7, len(body)):
        with connected(server) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for start in range(0, len(body), size):
                connection.sendall(body[start : start + size])
            assert Answer(connection.recv(65536)).body == b"11"
            connection.sendall(GET)
            assert Answer(connection.recv(65536)).body == b"ok"


def test_pipelined_requests_are_answered_in_order_up_to_a_bound(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(GET * 50 + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_to_end(connection).count(b"HTTP/1.1 200") == 51
    with connected(server) as connection:
        sender = threading.Thread(target=_send, args=(connection, GET * 200_000))
        sender.start()
        try:
            answers = read_to_end(connection)
        except ConnectionResetError:
            answers = b""
        sender.join(20)
        assert answers.count(b"HTTP/1.1 200") <= PIPELINED_MAX


def test_an_offer_to_change_the_protocol_is_answered_in_this_one(server: Server) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    request = HEAD + offer + b"Content-Length: 5\r\n\r\nhello"
    for size in (1, 40, len(request)):
        with connected(server) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(2):
                for start in range(0, len(request), size):
                    connection.sendall(request[start : start + size])
                assert Answer(connection.recv(65536)).body == b"5"


def test_whoever_is_too_slow_is_told_so_and_let_go() -> None:
    with serving(head_timeout_seconds=0.2, body_timeout_seconds=0.2, keep_alive_seconds=3) as server:
        slow = {
            "says nothing": b"",
            "sends blank lines": b"\r\n\r\n",
            "does not end its head": HEAD + b"X: a\r\n",
            "does not begin its body": HEAD + b"Content-Length: 10\r\n\r\n",
            "does not end its body": HEAD + b"Content-Length: 10\r\n\r\nhello",
            "does not end its chunks": chunked(b"hello"),
            "goes on after a refusal": HEAD + b"Content-Length: 99999999\r\n\r\nhello",
            "waits after an answer": GET,
            "reads nothing of an answer that has come": GET + b"GET",
        }
        connections = {name: socket.create_connection(("127.0.0.1", server.port), timeout=20) for name in slow}
        for name, sent in slow.items():
            connections[name].sendall(sent)
        said = {name: read_to_end(connection) for name, connection in connections.items()}
        for connection in connections.values():
            connection.close()
        wait_until(lambda: not server.server_state.connections, what="all to be gone")
    assert said.pop("says nothing") == b""
    assert said.pop("sends blank lines") == b""
    assert said.pop("waits after an answer").count(b"HTTP/1.1 200") == 1
    assert said.pop("goes on after a refusal").count(b"HTTP/1.1 413") == 1
    last = said.pop("reads nothing of an answer that has come")
    assert last.index(b"HTTP/1.1 200") < last.index(b"HTTP/1.1 408")
    assert {name: (Answer(data).status, Answer(data).code) for name, data in said.items()} == dict.fromkeys(
        said, (408, "request_timeout")
    )


def test_an_answer_that_nobody_reads_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALL_SECONDS", 0.1)
    with connected(server) as connection:
        connection.sendall(GET.replace(b"healthz", b"large"))
        wait_until(lambda: server.server_state.connections, what="the connection")
        wait_until(lambda: not server.server_state.connections, what="it to be cut")


def test_one_connection_too_many_is_told_so_and_the_others_are_served() -> None:
    with serving(connections_max=2) as server:
        with connected(server) as first, connected(server) as second:
            for connection in (first, second):
                connection.sendall(GET)
                assert Answer(connection.recv(65536)).body == b"ok"
            refused = ask(server, GET)
            assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "too_many_connections", "1")
            first.sendall(GET)
            assert Answer(first.recv(65536)).body == b"ok"
        wait_until(lambda: not server.server_state.connections, what="room")
        with connected(server) as third:
            third.sendall(GET)
            assert Answer(third.recv(65536)).status == 200


def test_far_too_many_connections_are_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS_SPARE", 1)
    with serving(connections_max=1) as server, connected(server) as first, connected(server) as second:
        for connection in (first, second):
            connection.sendall(GET)
            assert connection.recv(65536)
        with connected(server), connected(server) as fourth:
            try:
                assert fourth.recv(1) == b""
            except ConnectionResetError:
                pass


def test_content_length_that_is_no_number_is_not_an_error_of_ours() -> None:
    client = TestClient(make_app(Settings(_env_file=None)))
    for length in ("²", "9" * 5000, "-1", "1e3"):
        answer = client.post("/echo", content=b"", headers={"Content-Length": length.encode("latin-1")})
        assert answer.status_code in (200, 413)
