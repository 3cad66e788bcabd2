"""Waits for the API to say that it is ready."""

import asyncio
from urllib.parse import urlsplit

from cli.contradictions import REFUSED_CODE
from cli.errors import CommandError, with_reason
from cli.supervisor import Keeper

READY_SECONDS = 60.0
DEATHS_MAX = 4
ANSWER_SECONDS = 3.0
POLL_SECONDS = 0.05


async def wait_ready(api_url: str, keeper: Keeper) -> None:
    """Raises CommandError if `GET /readyz` does not answer 200 in time, or the API refuses to start or dies again and again."""
    last = "no answer"
    try:
        async with asyncio.timeout(READY_SECONDS):
            while (last := await _ask(api_url)) != "200":
                if keeper.last_code == REFUSED_CODE:
                    raise CommandError(keeper.last_words.rpartition("agentguide: ")[2], REFUSED_CODE)
                if keeper.deaths >= DEATHS_MAX:
                    raise CommandError(with_reason("The API does not start", keeper.last_words))
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise CommandError(
            f"The API is not ready after {READY_SECONDS:.0f} s (its last answer to /readyz: {last}); see the log above."
        ) from None


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
