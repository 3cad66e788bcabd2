"""A client of a live stream."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

from tests.support.waiting import wait_until


@dataclass(slots=True, frozen=True)
class Message:
    event: str = ""
    data: str = ""
    id: str = ""
    comment: str = ""


class EventStream:
    """Reads in a thread, at once or when told to. `receive_bytes` makes its end of the connection small."""

    def __init__(
        self,
        url: str,
        query: str = "",
        headers: dict[str, str] | None = None,
        *,
        read: bool = True,
        receive_bytes: int | None = None,
    ) -> None:
        place = urlparse(url)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        self._connection.sock = socket.socket()
        if receive_bytes:
            self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._connection.sock.connect((place.hostname, place.port))
        self._socket = self._connection.sock
        self._connection.request("GET", f"/v1/stream?{query}", headers=headers or {})
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.read()
        assert self._response.headers["Content-Type"].startswith("text/event-stream")
        self.messages: list[Message] = []
        self.ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        if read:
            self.read()

    def read(self) -> None:
        self._thread.start()
        self.wait(lambda: self.messages, "the stream to begin")

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            while line := self._response.readline():
                text = line.decode().rstrip("\n")
                if not text:
                    self.messages.append(Message(**{name: value for name, value in fields.items() if name != "retry"}))
                    fields = {}
                    continue
                name, _, value = text.partition(":")
                fields[name or "comment"] = value.removeprefix(" ")
        except (OSError, ValueError, http.client.HTTPException):
            pass  # closed, or cut off
        self.ended = True

    def wait(self, found: Callable[[], Any], what: str) -> None:
        wait_until(found, what=what)

    def wait_for_runs(self, count: int) -> None:
        self.wait(lambda: len(self.runs) >= count, f"{count} runs")
        assert len(self.runs) == count

    def wait_for_all(self, run_ids: Iterable[str]) -> None:
        wanted = set(run_ids)
        self.wait(lambda: wanted <= set(self.run_ids), f"{len(wanted)} certain runs")

    @property
    def last_id(self) -> str:
        """Where one would go on, as a browser keeps it."""
        return next((message.id for message in reversed(self.messages) if message.id), "")

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [json.loads(message.data) for message in self.messages if message.event == "run"]

    @property
    def run_ids(self) -> list[str]:
        return [run["id"] for run in self.runs]

    @property
    def missed(self) -> int:
        return sum(json.loads(message.data)["changes"] for message in self.messages if message.event == "missed")

    @property
    def gaps(self) -> int:
        return sum(message.event == "gap" for message in self.messages)

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other end was quicker
        if self._thread.is_alive():
            self._thread.join(10)
        self._response.close()
        self._connection.close()
        self._socket.close()

    def __enter__(self) -> "EventStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
