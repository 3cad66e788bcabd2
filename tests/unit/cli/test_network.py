"""A port that several processes share is theirs alone."""

import socket
import sys
from collections.abc import Iterator

import pytest

from cli import network
from cli.errors import CommandError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux spreads connections over sockets")
HOST = "127.0.0.1"


@pytest.fixture
def held() -> Iterator[int]:
    """A port that is reserved."""
    with network.reserve(HOST, 0) as holder:
        yield holder.getsockname()[1]


def check_refused(port: int) -> None:
    with pytest.raises(CommandError, match="is taken"):
        network.listen(HOST, port).close()
    with pytest.raises(CommandError, match="is taken"):
        network.reserve(HOST, port).close()


def test_nobody_else_gets_in_whether_one_listens_or_not(held: int) -> None:
    check_refused(held)
    with network.join(HOST, held) as member:
        member.listen()
        check_refused(held)
    check_refused(held)


def test_who_reserves_takes_no_connections(held: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, held))
    with network.join(HOST, held) as first, network.join(HOST, held) as second:
        for member in (first, second):
            member.listen()
        for _ in range(16):
            socket.create_connection((HOST, held)).close()


def test_the_port_is_free_again_although_connections_linger() -> None:
    with network.reserve(HOST, 0) as holder, network.join(HOST, holder.getsockname()[1]) as member:
        member.listen()
        port = holder.getsockname()[1]
        with socket.create_connection((HOST, port)) as client:
            accepted, _ = member.accept()
            accepted.close()  # the end that closes first is the one that lingers
            assert client.recv(1) == b""
    with network.reserve(HOST, port), network.join(HOST, port) as member:
        member.listen()


@pytest.mark.parametrize("take", [network.listen, network.reserve])
def test_a_port_that_somebody_listens_on_is_refused(take: object) -> None:
    assert callable(take)
    with socket.create_server((HOST, 0)) as taken, pytest.raises(CommandError, match="is taken"):
        take(HOST, taken.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_families(host: str) -> None:
    try:
        network.listen(host, 0).close()
    except CommandError:
        pytest.skip(f"this machine has no {host}")
    with network.reserve(host, 0) as holder, network.join(host, holder.getsockname()[1]) as member:
        member.listen()
        socket.create_connection((host, holder.getsockname()[1])).close()
