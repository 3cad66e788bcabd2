"""The API in this process, but over a real connection."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from api.app import create_app
from api.server import Server
from events.settings import Settings
from tests.support.waiting import wait_until


@contextmanager
def serving(settings: Settings, create: Callable[[Settings], FastAPI] = create_app) -> Iterator[str]:
    """The API on a port of its own, as its process serves it."""
    app = create(settings)
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(app, settings, timeout_graceful_shutdown=8)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started, what="the API")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()
        assert not thread.is_alive()
