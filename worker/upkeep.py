"""What a drain does beside storing, with the same connection: the fold, and the search index in its spare time."""

import time
from collections.abc import Callable

from db.pipeline import Connection
from worker.fold import fold

FOLD_SECONDS = 0.5
"""How old the roll-ups may be."""
BUSY_FOLD_SECONDS = 2.0
"""The same while there is no time to spare: the more batches share a fold, the less it costs each."""
BUSY_EVENTS = 250
"""A batch of more says that there is no time to spare."""
BUSY_SHARE = 0.03
"""The part of its time that a busy drain gives to the search index all the same, so that its lag does not grow for ever."""
INDEX_AFTER_SECONDS = 2.0
"""When a busy drain does so first."""


class Upkeep:
    """Of one drain."""

    def __init__(
        self,
        *,
        index: Callable[[Connection], bool],
        others_are_busy: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        fold: Callable[..., bool] = fold,
    ) -> None:
        """`index` indexes some of what there is to index, and says whether it found any."""
        self._clock = clock
        self._fold = fold
        self._index = index
        self._others_are_busy = others_are_busy
        # A drain that was killed may have left something behind.
        self._unfolded = self._unindexed = True
        self._folded_at = clock()
        self._index_due = clock() + INDEX_AFTER_SECONDS

    @property
    def is_folded(self) -> bool:
        """Whether nothing of this drain's waits for the fold, as far as it knows."""
        return not self._unfolded

    def after_batch(self, connection: Connection, events: int) -> None:
        """A batch was stored."""
        self._unfolded = self._unindexed = True
        busy = events > BUSY_EVENTS
        if self._clock() >= self._folded_at + (BUSY_FOLD_SECONDS if busy else FOLD_SECONDS):
            self._fold_now(connection)
        if self._may_index(busy=busy):
            self._index_some(connection)

    def when_idle(self, connection: Connection) -> bool:
        """There is nothing to store. True if something was done, and there may be more to do."""
        if self._unfolded:
            self._fold_now(connection)
            return not self._unfolded
        return self._unindexed and self._may_index(busy=False) and self._index_some(connection)

    def finish(self, connection: Connection) -> None:
        """The drain ends: nothing that it stored stays out of the roll-ups."""
        if self._unfolded:
            self._fold(connection, wait=True)
            self._unfolded = False

    def _may_index(self, *, busy: bool) -> bool:
        return self._clock() >= self._index_due or not (busy or self._others_are_busy())

    def _fold_now(self, connection: Connection) -> None:
        self._unfolded = not self._fold(connection)
        self._folded_at = self._clock()

    def _index_some(self, connection: Connection) -> bool:
        began = self._clock()
        self._unindexed = self._index(connection)
        ended = self._clock()
        self._index_due = ended + (ended - began) / BUSY_SHARE
        return self._unindexed
