"""The probe of `loadtest.visibility` in a thread, beside a load in other processes."""

import asyncio
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from events.records import StepRecord
from loadtest import client, visibility
from loadtest.client import Response
from loadtest.visibility import VISIBLE_SECONDS_MAX, Seen

END_SECONDS_EXTRA = 30.0


class VisibleProbe:
    """Sends steps at a steady rate until the end of `with`; what goes wrong is raised there."""

    def __init__(self, api_url: str, database_url: str, steps: Sequence[StepRecord], a_second: float) -> None:
        self.refused = 0
        self.seen: list[tuple[float, float]] = []
        """When a step was answered, by `time.time`, and the seconds from then until it was seen."""
        self._arguments = (api_url, database_url, steps, a_second)
        self._error: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._until: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="visible", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if self._loop is not None and self._until is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._until.set)
        if kind is not None:
            return
        self._thread.join(VISIBLE_SECONDS_MAX + END_SECONDS_EXTRA)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            seen = client.run(self._watch())
            offset = time.time() - time.perf_counter()
            self.seen = sorted((one.answered_at + offset, one.seconds) for one in seen)
        except Exception as error:  # noqa: BLE001 - raised at the end
            self._error = error
        finally:
            self._ready.set()

    async def _watch(self) -> list[Seen]:
        self._loop, self._until = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        return await visibility.watch_visible(*self._arguments, until=self._until, refused=self._count)

    def _count(self, _: Response) -> None:
        self.refused += 1
