"""A client that sends batches all the time and remembers what was acknowledged."""

import http.client
import json
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from uuid import uuid4

RUNS_A_BATCH = 10
STEPS_A_RUN = 3
EVENTS_A_BATCH = RUNS_A_BATCH * (1 + STEPS_A_RUN)
REQUESTS_A_CONNECTION = 5
"""So that each API process gets its part."""
PAUSE_SECONDS = 0.01


class SteadyLoad:
    """Sends from a thread until it is left. What is not answered is sent again, with the same ids."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send_all, daemon=True)
        self.run_ids: list[str] = []
        """Of the runs that were acknowledged."""
        self.repeated = 0
        self.error: Exception | None = None

    @property
    def steps(self) -> int:
        return STEPS_A_RUN * len(self.run_ids)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join(30)
        if error is None:
            assert not self._thread.is_alive()
            assert self.error is None

    def _send_all(self) -> None:
        try:
            while not self._stopping.is_set():
                self._send_some([_batch() for _ in range(REQUESTS_A_CONNECTION)])
        except Exception as error:  # noqa: BLE001 - told where the load ends
            self.error = error

    def _send_some(self, batches: list[tuple[list[str], bytes]]) -> None:
        deadline = time.monotonic() + 20
        while batches:
            connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=10)
            try:
                while batches:
                    run_ids, body = batches[0]
                    connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
                    response = connection.getresponse()
                    response.read()
                    assert response.status == 202
                    self.run_ids += run_ids
                    batches.pop(0)
                    self._stopping.wait(PAUSE_SECONDS)
            except (OSError, http.client.HTTPException):
                self.repeated += 1
                assert time.monotonic() < deadline
                time.sleep(0.02)
            finally:
                connection.close()


def _batch() -> tuple[list[str], bytes]:
    """The ids of its runs, and the body."""
    run_ids = [str(uuid4()) for _ in range(RUNS_A_BATCH)]
    agent = {"name": "steady", "version": "1"}
    runs = [{"type": "run", "id": run_id, "agent": agent, "status": "SUCCESS"} for run_id in run_ids]
    steps = [
        {"type": "step", "runId": run_id, "id": f"{number + 1:016x}", "toolName": "search", "input": "x" * 50}
        for run_id in run_ids
        for number in range(STEPS_A_RUN)
    ]
    return run_ids, json.dumps([*runs, *steps]).encode()
