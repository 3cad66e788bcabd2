"""The address that the API listens on."""

import errno
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cli.errors import CommandError

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel may hold fewer (net.core.somaxconn)."""


def check_reach(host: str, *, require_auth: bool) -> None:
    """Raises CommandError if others than this machine could reach the address, and nobody had to prove who they are."""
    if not require_auth and not _is_loopback(host):
        raise CommandError(
            f"AgentGuide does not listen on {host} without authentication: set AGENTGUIDE_REQUIRE_AUTH=true, or use 127.0.0.1."
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one.

    Raises:
        CommandError: the port is taken, or the address cannot be used.
    """
    with _explained(host, port):
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)


def reserve(host: str, port: int) -> socket.socket:
    """A socket that takes no connections, and holds an address for the processes that `join` it; port 0 picks a free one.

    Raises:
        CommandError: as `listen`.
    """
    with _explained(host, port), _unbound(host, port) as (holder, address):
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # also soon after somebody else was there
        holder.bind(address)
        # What binds to the address later is held against these: our processes get in, another program does not.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return holder


def join(host: str, port: int) -> socket.socket:
    """A socket for an address that another process may share. Once it listens, the kernel gives it its part of the connections.

    Raises:
        CommandError: as `listen`.
    """
    with _explained(host, port), _unbound(host, port) as (member, address):
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        member.bind(address)
        # Its connections inherit this: those that linger after its end do not keep the next `reserve` away.
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return member


@contextmanager
def _unbound(host: str, port: int) -> Iterator[tuple[socket.socket, Any]]:
    """A socket and the address to bind it to; closed if that fails."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        yield made, address
    except OSError:
        made.close()
        raise


@contextmanager
def _explained(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {port} on {host} is taken by another program: give --port another one (0 picks a free one)."
            ) from error
        raise CommandError(f"AgentGuide cannot listen on {host} port {port}: {error.strerror or error}.") from error


def base_url(host: str, port: int) -> str:
    """Where this machine reaches a server that listens on `host`: one on every address is on the loopback one, too."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
