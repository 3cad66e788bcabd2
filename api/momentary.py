"""What many ask for all the time and costs something to find out: found out once a second, for all who ask."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

KEPT_SECONDS = 1.0

_V = TypeVar("_V")


class Momentary:
    """Values by name; for one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: dict[str, tuple[float, asyncio.Future[Any]]] = {}

    async def get(self, name: str, find: Callable[[], Awaitable[_V]]) -> _V:
        """What `find` gave less than a second ago, or gives now. Who asks meanwhile waits for the same answer, or error."""
        asked_at, found = self._found.get(name, (0.0, None))
        if found is None or (found.done() and self._clock() - asked_at >= KEPT_SECONDS) or _failed(found):
            # A task of its own: who asked first may go away.
            found = asyncio.ensure_future(find())
            found.add_done_callback(_failed)
            self._found[name] = self._clock(), found
        return cast("_V", await asyncio.shield(found))


def _failed(found: "asyncio.Future[Any]") -> bool:
    """Whether it ended without a value. That somebody asked is also what keeps asyncio from calling the error unseen."""
    return found.done() and (found.cancelled() or found.exception() is not None)
