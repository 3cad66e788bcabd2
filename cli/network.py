"""The address that the API listens on."""

import errno
import ipaddress
import socket

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
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
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
