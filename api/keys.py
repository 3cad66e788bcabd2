"""API keys: `ag_<prefix>_<secret>_<crc>`. The prefix names a key in lists and logs, the secret proves it, and the checksum
tells a mistyped key, or a leaked one in a scan, without asking anybody."""

import hashlib
import re
import secrets
import string
from typing import NamedTuple
from zlib import crc32

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX_CHARS = 8
SECRET_CHARS = 32
CRC_CHARS = 6

_KEY = re.compile(
    rf"ag_(?P<prefix>[0-9A-Za-z]{{{PREFIX_CHARS}}})_(?P<secret>[0-9A-Za-z]{{{SECRET_CHARS}}})_(?P<crc>[0-9A-Za-z]{{{CRC_CHARS}}})"
)


class NewKey(NamedTuple):
    """A key that was just made: the only time its text is known."""

    text: str
    prefix: str
    sha256: bytes
    """Of the secret, which has 190 random bits: no dictionary knows it, so it needs no salt and no slow hash."""


class PresentedKey(NamedTuple):
    """What a client shows; whether there is such a key, the database knows."""

    prefix: str
    sha256: bytes


def new_key() -> NewKey:
    prefix, secret = _random(PREFIX_CHARS), _random(SECRET_CHARS)
    body = f"ag_{prefix}_{secret}"
    return NewKey(f"{body}_{_checksum(body)}", prefix, hashlib.sha256(secret.encode()).digest())


def parse(text: str) -> PresentedKey | None:
    """None if this is no key at all, or a mistyped one."""
    match = _KEY.fullmatch(text)
    if match is None or _checksum(text[: -CRC_CHARS - 1]) != match["crc"]:
        return None
    return PresentedKey(match["prefix"], hashlib.sha256(match["secret"].encode()).digest())


def _random(chars: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(chars))


def _checksum(text: str) -> str:
    rest, digits = crc32(text.encode()), ""
    for _ in range(CRC_CHARS):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
