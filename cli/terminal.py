"""What others wrote, on a terminal: shown, and never obeyed."""

import re

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but for tab and line feed, and marks of direction."""


def harmless(text: str) -> str:
    r"""Text whose control characters are spelled out: `\x1b` instead of an escape."""
    return _OBEYED.sub(lambda found: repr(found[0])[1:-1], text)
