"""Places for what is dear: so many at once, and everybody else comes back later."""

from collections.abc import Iterator
from contextlib import contextmanager

from events.exceptions import Busy


class Slots:
    """A bound on how many of a kind run at once in this process; for one event loop."""

    def __init__(self, what: str, count: int) -> None:
        self._what = what
        self._count = count
        self.taken = 0

    @contextmanager
    def take(self, retry_after: int) -> Iterator[None]:
        """Raises Busy if none is free."""
        if self.taken >= self._count:
            raise Busy(f"{self._count} {self._what} are under way; try again later.", retry_after=retry_after)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
