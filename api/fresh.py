"""What the database says, remembered for seconds: asked again before it is old, and kept where the database is away."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from events.exceptions import DatabaseUnavailable

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 2.0
"""From this age on a value is asked for again while it still serves."""
STALE_SECONDS = 4.0
"""From this age on it is waited for: so whatever is taken away is gone within five seconds."""
WAIT_SECONDS = 1.0
"""How long; an answer that takes longer is taken for none."""
AWAY_SECONDS = 1.0
"""How long nobody waits after an answer that did not come."""
KEPT_SECONDS = 3600.0
"""How old a value may get while the database does not answer."""
VALUES_MAX = 10_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True, frozen=True)
class Known(Generic[V]):
    value: V
    asked_at: float


class Fresh(Generic[K, V]):
    """Values by key; for one event loop."""

    def __init__(self, load: Callable[[K], Awaitable[V]]) -> None:
        self._load = load
        self._values: dict[K, Known[V]] = {}
        self._loading: dict[K, asyncio.Task[V]] = {}
        self._away_until = 0.0

    def peek(self, key: K) -> Known[V] | None:
        """The value, if nobody has to wait for it. Asks for it anew where that is due."""
        known = self._values.get(key)
        if known is None:
            return None
        age = time.monotonic() - known.asked_at
        if age >= STALE_SECONDS:
            return None
        if age >= REFRESH_SECONDS:
            self._ask(key)
        return known

    async def get(self, key: K) -> V:
        """The value.

        Raises:
            DatabaseUnavailable: it is not known, and the database does not answer.
        """
        known = self.peek(key)
        if known is not None:
            return known.value
        if time.monotonic() >= self._away_until:
            task = self._ask(key)
            # Not cancelled where it takes too long: to break off a query takes as long as the server lets it.
            done, _ = await asyncio.wait([task], timeout=WAIT_SECONDS)
            if done and not task.exception():
                return task.result()
            self._away_until = time.monotonic() + AWAY_SECONDS
        known = self._values.get(key)
        if known is None or time.monotonic() - known.asked_at >= KEPT_SECONDS:
            raise DatabaseUnavailable(retry_after=1)
        return known.value

    def forget(self, key: K) -> None:
        """For who has just changed it: the next one to ask waits for the answer."""
        self._values.pop(key, None)

    async def close(self) -> None:
        tasks = list(self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ask(self, key: K) -> "asyncio.Task[V]":
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._remember(key))
            task.add_done_callback(lambda done: self._answered(key, done))
        return task

    async def _remember(self, key: K) -> V:
        asked_at = time.monotonic()
        value = await self._load(key)
        if len(self._values) >= VALUES_MAX:
            for old in sorted(self._values, key=lambda known: self._values[known].asked_at)[: VALUES_MAX // 2]:
                del self._values[old]
        self._values[key] = Known(value, asked_at)
        return value

    def _answered(self, key: K, task: "asyncio.Task[V]") -> None:
        self._loading.pop(key, None)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, psycopg.Error | PoolTimeout):
            logger.warning("who may come in could not be asked: %s", type(error).__name__)
        elif error is not None:
            logger.error("who may come in could not be asked", exc_info=error)
