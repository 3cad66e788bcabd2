"""Passwords: kept as argon2id hashes, which are dear to make and as dear to check."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.slots import Slots

CHARS_MIN = 8
CHARS_MAX = 1000

HASHER = PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1)
"""46 MiB and some 80 ms a hash; above what OWASP asks for. A hash of other parameters is made anew at the next sign-in."""

HASHES_MAX = 2
"""At once: each takes its memory and a core."""
WAITING_MAX = 20
RETRY_AFTER_SECONDS = 2


def hash_password(password: str) -> str:
    return HASHER.hash(_normal(password))


def is_right(password: str, stored: str | None) -> bool:
    """None: there is no hash, and to find that out takes as long."""
    nobodys = _nobodys()
    try:
        HASHER.verify(nobodys if stored is None else stored, _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    return HASHER.check_needs_rehash(stored)


def _normal(password: str) -> str:
    """One password, however a keyboard puts its accents together."""
    return unicodedata.normalize("NFKC", password)


@cache
def _nobodys() -> str:
    return HASHER.hash("nobody has this password")


class Passwords:
    """The same beside an event loop: in a few threads, and never with more than so many waiting."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(HASHES_MAX, "passwords")
        self._slots = Slots("sign-ins", WAITING_MAX)

    async def hash(self, password: str) -> str:
        """Raises Busy if too many wait."""
        with self._slots.take(RETRY_AFTER_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(self._threads, hash_password, password)

    async def is_right(self, password: str, stored: str | None) -> bool:
        """Raises Busy if too many wait."""
        with self._slots.take(RETRY_AFTER_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(self._threads, is_right, password, stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
