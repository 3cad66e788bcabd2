"""Lets a part start early and begin late: it spends its imports while others get ready, then waits here."""

import os


class Gate:
    """A pipe that nobody writes to: to read from it is to wait until the supervisor opens the gate by closing its end.

    A part that is started again later finds it open. If the supervisor dies, it opens too, and the part ends by the
    signal that it gets then.
    """

    def __init__(self) -> None:
        self.descriptor, self._held = os.pipe()

    def open(self) -> None:
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def close_descriptors(self) -> None:
        self.open()
        os.close(self.descriptor)


def wait_at(descriptor: int | None) -> None:
    """None: there is no gate."""
    if descriptor is not None:
        os.read(descriptor, 1)
        os.close(descriptor)
