"""A TCP proxy that hurts what goes through it: it delays, it resets, and it lets connections fall silent without an end."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

CHUNK_BYTES = 1 << 16
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() send a reset."""


@dataclass(eq=False)
class Link:
    """One connection through the proxy, with both its ends."""

    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    silent: bool = False

    def reset(self) -> None:
        for writer in self.writers:
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):  # it has ended by itself
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            writer.transport.abort()


class Proxy:
    """Listens on a loopback port of its own from construction until `close`."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._links: set[Link] = set()
        self.delay_seconds = 0.0
        """How much later than it came each piece goes on, in each direction."""
        self._loop = asyncio.new_event_loop()
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = listener.getsockname()[1]
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=listener))
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()

    def aim(self, target_port: int) -> None:
        """New connections go to another port from now on."""
        self._target_port = target_port

    def reset_all(self) -> None:
        """Breaks every connection."""
        self._call(lambda: self._reset(list(self._links)))

    def silence_all(self) -> None:
        """From now on nothing goes through the connections that are open, and nobody is told. New ones are well."""

        def silence() -> None:
            for link in self._links:
                link.silent = True

        self._call(silence)

    def reset_silent(self) -> None:
        """At last somebody says that the silent connections are gone."""
        self._call(lambda: self._reset([link for link in self._links if link.silent]))

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            for link in list(self._links):
                link.reset()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _reset(self, links: list[Link]) -> None:
        for link in links:
            link.reset()

    def _call(self, action: Callable[[], object]) -> None:
        async def act() -> None:
            action()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link([writer])
        self._links.add(link)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            link.writers.append(far_writer)
            await asyncio.gather(self._pump(link, reader, far_writer), self._pump(link, far_reader, writer))
        except OSError:
            pass  # one end broke, so the other one has to
        finally:
            self._links.discard(link)
            link.reset()

    async def _pump(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            if link.silent:
                continue  # it goes nowhere, as on a path that has forgotten the connection
            writer.write(data)
            await writer.drain()
        if not link.silent and writer.can_write_eof():
            writer.write_eof()
