"""Payloads: any JSON value into JSON text that Postgres stores as `jsonb`, whatever the client put in.

NUL and lone surrogates become U+FFFD, a payload over the limit is cut and marked, NaN and Infinity are refused.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from pydantic_core import from_json, to_json

from events.exceptions import InvalidEvent
from events.instrumentation import PAYLOADS_CUT, TEXTS_MENDED
from events.plain_json import kept
from events.records import ABSENT, Record
from events.redaction import Redactor

_HALF_PAIRS = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_MAY_BE_MENDED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
PATH_CHARS_MAX = 300


def storable_json(text: bytes) -> bytes:
    r"""JSON text whose strings Postgres can hold: `\u0000` and lone surrogate escapes become U+FFFD."""
    if b"\\" not in text or _MAY_BE_MENDED.search(text) is None:
        return text
    # Where NUL stands as a byte there is no JSON, but the other lines of NDJSON may be: this will be refused as well.
    text = text.replace(b"\0", b"\1")
    # An escaped backslash does not begin another escape: it is out of the way meanwhile, as what no JSON holds.
    escapes = text.replace(b"\\\\", b"\0\0")
    storable = _HALF_PAIRS.sub(rb"\\ufffd", escapes.replace(b"\\u0000", b"\\ufffd"))
    if storable == escapes:
        return text
    TEXTS_MENDED.inc()
    return storable.replace(b"\0\0", b"\\\\")


def storable_text(text: str) -> str:
    """Text without what Postgres cannot hold."""
    if text.isascii() and "\0" not in text:
        return text
    storable = text.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if storable != text:
        TEXTS_MENDED.inc()
    return storable


class PayloadEncoder:
    """Encodes payloads: without secrets, if there is a `redactor`, and cut where they are over a limit of bytes.

    One for bodies that are plain keeps what is JSON already (`events/plain_json.py`).
    """

    def __init__(self, bytes_max: int, redactor: Redactor | None = None, *, plain: bool = False) -> None:
        self._bytes_max = bytes_max
        self._redactor = redactor
        self.is_plain = plain

    def encode(self, value: Any) -> msgspec.Raw:
        """The JSON text of a value that JSON can say.

        Raises:
            InvalidEvent: the value holds NaN or Infinity, which JSON has no word for.
        """
        text = to_json(value, inf_nan_mode="constants")
        if b"NaN" in text or b"Infinity" in text:
            refuse_non_finite(value)
        if self._redactor is not None and self._redactor.suspects(text.decode()):
            redacted, count = self._redactor.redact(value)
            if count:
                text = to_json(redacted, inf_nan_mode="constants")
        return self.encode_text(text)

    def keep(self, text: msgspec.Raw) -> msgspec.Raw:
        """As `encode`, for a value of a plain body that was not parsed; `null` is absent."""
        if len(b"null") < len(text) <= self._bytes_max:
            return text
        value = from_json(bytes(text))
        return ABSENT if value is None else self.encode(value)

    def redact_names(self, events: Sequence[Record]) -> None:
        """Takes secrets out of what is no payload: names, models, sessions, urls."""
        if self._redactor is not None:
            self._redactor.redact_names(events)

    def encode_text(self, text: bytes) -> msgspec.Raw:
        """As `encode`, for text that is JSON already."""
        text = storable_json(text)
        if len(text) > self._bytes_max:
            text = self._cut(text)
        return msgspec.Raw(text)

    def encode_string(self, text: str) -> msgspec.Raw:
        """A string that may hold JSON: its value where it does, else the string itself."""
        head = text.lstrip()[:1]
        if head in ("{", "["):
            storable = storable_json(text.encode("utf-8", "replace"))
            if self.is_plain and (raw := kept(storable)) is not None:
                return self.keep(raw)
            try:
                return self.encode(from_json(storable, allow_inf_nan=False))
            except (ValueError, InvalidEvent):
                pass  # not JSON after all: it is text that starts with a bracket
        return self.encode(storable_text(text))

    def _cut(self, text: bytes) -> bytes:
        PAYLOADS_CUT.inc()
        head = text[: min(1024, self._bytes_max // 4)].decode("utf-8", "ignore")
        return to_json({"$truncated": True, "bytes": len(text), "head": head})


def refuse_non_finite(value: Any, path: tuple[str | int, ...] = ()) -> None:
    """Raises InvalidEvent with the path of the first NaN or Infinity in a JSON value."""
    if isinstance(value, float) and not math.isfinite(value):
        where = ".".join(map(str, path))[:PATH_CHARS_MAX]
        raise InvalidEvent(details=[{"path": where, "reason": "NaN, Infinity and numbers beyond 1.8e308 are not JSON"}])
    if isinstance(value, dict):
        for key, item in value.items():
            refuse_non_finite(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            refuse_non_finite(item, (*path, index))
