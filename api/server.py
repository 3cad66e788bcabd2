"""The web server: uvicorn, which waits for open requests when it ends. Live streams would last for ever, so they are ended."""

import asyncio
import socket
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI

from api import live
from api.protocol import CONNECTIONS_SPARE, Bounds, Protocol
from events.settings import Settings

CUT_SECONDS = 1.0
"""What a client has to take the end of its stream; one that does not read would hold up everything."""
CHECK_TICKS = 10
"""Of uvicorn, of 0.1 s: how often connections are looked at for what takes too long."""
LATE_SECONDS = 3.0
"""A check that comes so late says that this process stood still, not that its clients did."""
DESCRIPTORS_ELSE = 256
"""What a process has open besides its clients' connections, at the most."""


class Server(uvicorn.Server):
    def __init__(self, app: FastAPI, settings: Settings, **options: Any) -> None:
        """`options` are those of `uvicorn.Config`."""
        bounds = Bounds(settings.connections_max, settings.head_timeout_seconds, settings.body_timeout_seconds)
        fixed: dict[str, Any] = {"http": partial(Protocol, bounds=bounds), "ws": "none"}
        fixed |= {"log_config": None, "access_log": False}
        config = uvicorn.Config(app, timeout_keep_alive=settings.keep_alive_seconds, **fixed, **options)
        super().__init__(config)
        self._app = app
        self._checked_at = 0.0

    async def on_tick(self, counter: int) -> bool:
        if counter % CHECK_TICKS == 0:
            self._check_connections(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def _check_connections(self, now: float) -> None:
        late, self._checked_at = now - self._checked_at > LATE_SECONDS, now
        if late:
            return
        for connection in self._connections():
            connection.check(now)

    def _connections(self) -> list[Protocol]:
        return [connection for connection in self.server_state.connections if isinstance(connection, Protocol)]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.agentguide.hub.end()
        cutting = asyncio.create_task(self._cut_streams())
        await super().shutdown(sockets)
        cutting.cancel()

    async def _cut_streams(self) -> None:
        await asyncio.sleep(CUT_SECONDS)
        for connection in self._connections():
            if connection.scope and connection.scope["path"] == live.PATH:
                connection.transport.abort()


def descriptors_needed(settings: Settings) -> int:
    """File descriptors that an API process may come to have open."""
    return settings.connections_max + CONNECTIONS_SPARE + DESCRIPTORS_ELSE
