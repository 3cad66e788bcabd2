"""Waits for the API to say that it is ready."""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

import psutil

from cli.contradictions import REFUSED_CODE
from cli.errors import CommandError, with_reason
from cli.supervisor import Keeper

READY_SECONDS = 60.0
DEATHS_MAX = 4
ANSWER_SECONDS = 3.0
POLL_SECONDS = 0.05


async def wait_ready(api_url: str, keepers: Sequence[Keeper]) -> None:
    """Waits until each API process listens and `GET /readyz` answers 200.

    Raises:
        CommandError: not in time, or one refuses to start or dies again and again.
    """
    last = "no answer"
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not _all_listen(api_url, keepers) or (last := await _ask(api_url)) != "200":
                for keeper in keepers:
                    _check_alive(keeper)
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise CommandError(
            f"The API is not ready after {READY_SECONDS:.0f} s (its last answer to /readyz: {last}); see the log above."
        ) from None


def _check_alive(keeper: Keeper) -> None:
    if keeper.last_code == REFUSED_CODE:
        raise CommandError(keeper.last_words.rpartition("agentguide: ")[2], REFUSED_CODE)
    if keeper.deaths >= DEATHS_MAX:
        raise CommandError(with_reason("The API does not start", keeper.last_words))


def _all_listen(api_url: str, keepers: Sequence[Keeper]) -> bool:
    """Whether each of several listens: which of them answers a request is up to the kernel."""
    return len(keepers) == 1 or all(_listens(keeper.pid, urlsplit(api_url).port) for keeper in keepers)


def _listens(pid: int | None, port: int | None) -> bool:
    try:
        sockets = psutil.Process(pid).net_connections("tcp") if pid is not None else []
    except psutil.Error:
        return False  # it has died; its keeper knows
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)


async def _ask(api_url: str) -> str:
    """The status code of the answer, or why there is none."""
    address = urlsplit(api_url)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                writer.write(f"GET /readyz HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
                status_line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        return str(error) or "none in time"
    words = status_line.split()
    return words[1].decode() if len(words) > 1 else "none"
