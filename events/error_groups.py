"""Errors that differ only in a number, an id or a quoted word are the same trouble: one group, under one message."""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

MESSAGE_CHARS_MAX = 300
TEXT_CHARS_MAX = 2000
"""What is looked at of a message; its head says what went wrong."""
CACHED_BYTES_MAX = 1 << 10
"""The cache keeps the payloads themselves, so only small ones may go there; they are those that come over and over."""
DEPTH_MAX = 4

_TYPE_KEYS = ("type", "name", "code", "exception.type")
_MESSAGE_KEYS = ("message", "error", "msg", "detail", "details", "description", "reason", "exception.message", "exception")

# The order matters: what is quoted may hold numbers, and an id holds digits.
_FOLDS = (
    (re.compile(r"https?://[^\s\"'<>)]+"), "<url>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\"[^\"\n]{0,500}\"|(?<!\w)'[^'\n]{0,500}'(?!\w)|`[^`\n]{0,500}`"), "<text>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<id>"),
    # Only from where a word begins: to try at each hyphen within it would take time that grows with its square.
    (re.compile(r"(?<![0-9a-zA-Z_-])(?=[0-9a-zA-Z_-]*\d)(?=[0-9a-zA-Z_-]*[a-zA-Z])[0-9a-zA-Z_-]{12,}\b"), "<id>"),
    (re.compile(r"(?<![\w<])[-+]?\d+(?:[.,:]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


@dataclass(slots=True, frozen=True)
class ErrorGroup:
    id: int
    """64 bits of the message's hash, signed as a bigint."""
    message: str


def identify(payload: bytes) -> ErrorGroup:
    """The group of an `error` payload, which is JSON text; the same one however the JSON is written."""
    return _identify_known(payload) if len(payload) <= CACHED_BYTES_MAX else _identify(payload)


def _identify(payload: bytes) -> ErrorGroup:
    message = _fold(_text_of(payload))
    digest = blake2b(message.encode(), digest_size=8).digest()
    return ErrorGroup(int.from_bytes(digest, "big", signed=True), message)


_identify_known = lru_cache(4096)(_identify)


def _text_of(payload: bytes) -> str:
    try:
        value = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return ""  # Postgres takes what this parser does not
    # Postgres keeps neither the order of keys nor blanks, and what it keeps has to be of the same group.
    return _message_of(value) or msgspec.json.encode(value, order="sorted").decode()


def _message_of(value: Any, depth: int = 0) -> str:
    """The message in an error, however its framework wraps it; empty if there is none."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or depth == DEPTH_MAX:
        return ""
    message = next((found for key in _MESSAGE_KEYS if (found := _message_of(value.get(key), depth + 1))), "")
    kinds = (value.get(key) for key in _TYPE_KEYS)
    kind = next((found for found in kinds if isinstance(found, str) and found), "")
    if kind and message and not message.startswith(kind):
        return f"{kind}: {message}"
    return message or kind


def _fold(text: str) -> str:
    text = text[:TEXT_CHARS_MAX]
    for pattern, stand_in in _FOLDS:
        text = pattern.sub(stand_in, text)
    return text.strip()[:MESSAGE_CHARS_MAX] or "(no message)"
