"""Ids of runs (32 hex digits, UUIDv7 when minted here) and steps (16 hex digits).

Source: RFC 9562 (UUIDv7); OpenTelemetry trace and span ids.
"""

import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable
from uuid import UUID

ZERO_STEP = "0" * 16


_RUN_ID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STEP_ID = re.compile(r"[0-9a-fA-F]{16}")


def is_run_id(text: str) -> bool:
    """Whether this is a UUID or 32 hex digits, and not all zeros."""
    return bool(_RUN_ID.fullmatch(text)) and UUID(text).int != 0


def is_step_id(text: str) -> bool:
    """Whether this is 16 hex digits, and not all zeros."""
    return _STEP_ID.fullmatch(text) is not None and text != ZERO_STEP


def run_uuid(run_id: str) -> str:
    """32 hex digits as a hyphenated UUID, the form that clients see."""
    return str(UUID(hex=run_id))


class IdMint:
    """Mints ids. With a `seed` the sequence is the same every time, so that a retried request mints what it minted before."""

    def __init__(self, seed: bytes | None = None) -> None:
        self._random: Callable[[int], bytes] = os.urandom if seed is None else _SeededBytes(seed)

    def run_id(self) -> str:
        bits = bytearray(self._random(16))
        if self._random is os.urandom:
            bits[:6] = (time.time_ns() // 1_000_000).to_bytes(6, "big")
            bits[6] = bits[6] & 0x0F | 0x70
        else:
            bits[6] = bits[6] & 0x0F | 0x80  # UUIDv8: derived, so no time to tell
        bits[8] = bits[8] & 0x3F | 0x80
        return bits.hex()

    def step_id(self) -> str:
        while (minted := self._random(8).hex()) == ZERO_STEP:  # OpenTelemetry calls an all-zero span id invalid
            pass
        return minted

    part_id = run_id
    """The id of a metric or an artifact."""


class _SeededBytes:
    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def __call__(self, size: int) -> bytes:
        self._count += 1
        return hashlib.blake2b(self._count.to_bytes(8, "big"), key=self._seed[:64], digest_size=size).digest()


def epoch_id() -> str:
    """A random name for one life of a stream."""
    return secrets.token_hex(8)
