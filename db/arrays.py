"""Arrays of integers from PostgreSQL as `array.array`: some times faster than a list of objects, element by element."""

import sys
from array import array
from collections.abc import Sequence

from psycopg import AsyncCursor, postgres
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

_HEADER_BYTES = 20
"""Dimensions, flags, type, length and lower bound. Then each element: its length in 4 bytes, and itself, in network order."""


class _Smallints(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Sequence[int]:
        return _words("h", data)[2::3]


class _Bigints(Loader):
    """Of values that are not negative."""

    format = Format.BINARY

    def load(self, data: Buffer) -> Sequence[int]:
        words = _words("I", data)
        high, low = words[1::3], words[2::3]
        if not any(high):
            return low
        return [upper << 32 | lower for upper, lower in zip(high, low, strict=True)]


def _words(kind: str, data: Buffer) -> "array[int]":
    """Three words an element, two of 2 bytes or one of 4 being its length."""
    words = array(kind, bytes(data)[_HEADER_BYTES:])
    if sys.byteorder == "little":
        words.byteswap()
    return words


def load_fast(cursor: AsyncCursor) -> None:
    """Has a binary cursor give int2[] and int8[] as `array.array`. They must have one dimension and no NULL."""
    cursor.adapters.register_loader(postgres.types["int2"].array_oid, _Smallints)
    cursor.adapters.register_loader(postgres.types["int8"].array_oid, _Bigints)
