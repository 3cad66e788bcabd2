"""Which JSON may stay as it was sent: PostgreSQL makes the same of it as of what we would write of it.

Blanks, escapes and repeated names mean the same to `jsonb` as to us. What it takes otherwise, or not at all, is odd: powers
of ten, very long numbers, and what is deeper than a body may be. NUL and halves of surrogate pairs are mended before.
"""

from typing import TYPE_CHECKING

import msgspec
from pydantic_core import from_json

from events.limits import JSON_DEPTH_MAX
from events.secret_patterns import finder

if TYPE_CHECKING:
    from events.redaction import Redactor

ODD_HINT = r"[:,\[][ \t\n\r]*-?(?:[0-9.]+[eE]|[0-9.]{41})"
"""What odd JSON holds; texts that are none may hold it, too."""
LEVELS_ABOVE = 8
"""Of a payload in a body, at the most."""
BRACKETS_MAX = JSON_DEPTH_MAX - LEVELS_ABOVE

_holds_odd = finder([ODD_HINT])
_check = msgspec.json.Decoder(msgspec.Raw).decode


def is_plain(body: bytes, redactor: "Redactor | None", *, protobuf: bool = False) -> bool:
    """Whether all JSON in a body may stay as it is: none of it is odd, and nothing may have to be redacted."""
    try:
        text = body.decode("latin-1" if protobuf else "utf-8")  # any byte may stand before a text in protobuf
    except UnicodeDecodeError:
        return False
    if redactor is None:
        return not _holds_odd(text)
    return not redactor.stops_at(text, protobuf=protobuf)


def kept(text: bytes) -> msgspec.Raw | None:
    """A text of a plain body as the JSON that it is; None if it is none, or too deep."""
    try:
        raw = _check(text)
        check_depth(raw)
    except (ValueError, RecursionError):
        return None
    return raw


def check_depth(text: bytes | msgspec.Raw) -> None:
    """Raises ValueError if JSON may be too deep for a body that it is in."""
    if len(text) < 2 * BRACKETS_MAX:  # what is opened is closed again
        return
    text = bytes(text)
    if text.count(b"[") + text.count(b"{") >= BRACKETS_MAX:
        from_json(b"[" * LEVELS_ABOVE + text + b"]" * LEVELS_ABOVE)
