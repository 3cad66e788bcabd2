"""The web server: uvicorn, which waits for open requests when it ends. Live streams would last for ever, so they are ended."""

import asyncio
import socket

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api import live

CUT_SECONDS = 1.0
"""What a client has to take the end of its stream; one that does not read would hold up everything."""


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.agentguide.hub.end()
        cutting = asyncio.create_task(self._cut_streams())
        await super().shutdown(sockets)
        cutting.cancel()

    async def _cut_streams(self) -> None:
        await asyncio.sleep(CUT_SECONDS)
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpToolsProtocol) and connection.scope and connection.scope["path"] == live.PATH:
                connection.transport.abort()
