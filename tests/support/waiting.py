"""Waiting for something to become true, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(found: Callable[[], T], *, seconds: float = 10.0, what: str = "") -> T:
    """Calls `found` until it gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what or found}; last seen: {result!r}")
        time.sleep(0.02)
    return result
