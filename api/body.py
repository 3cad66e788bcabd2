"""Request bodies: read and decompressed as a stream, and never more than the limit of either."""

import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import zstandard
from fastapi import Request

from events.exceptions import BodyTooLarge, MalformedBody, UnsupportedMedia
from events.limits import BODY_VALUES_MAX

ZLIB_PIECE_BYTES = 1 << 16
ZSTD_PIECE_BYTES = 128
"""What comes out of a piece has no bound but 128 KiB for each four bytes of it, as zstandard gives it out all at once."""
ZSTD_WINDOW_BYTES_MAX = 1 << 23
"""What RFC 9659 lets a sender ask for. A frame may name gigabytes, and the window is allocated before a byte is read."""
MEMBERS_MAX = 100
"""Each member sets up a decompressor, and nobody sends so many."""
DENSE_FROM_BYTES = 1 << 20
"""A smaller body cannot hold so many values that they take much memory."""

_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The body, decompressed if Content-Encoding says so. Holds at most twice the limit, as long as it joins the parts.

    Raises:
        BodyTooLarge: it is over the limit, before or after decompression, or is JSON of too many values.
        UnsupportedMedia: a Content-Encoding other than gzip, deflate, zstd or identity.
        MalformedBody: it is not what Content-Encoding says.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > bytes_max):
        raise _too_large(bytes_max)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    inflater = None if encoding in ("", "identity") else _inflater(encoding)
    plain: list[bytes] = []
    received = size = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > bytes_max:
            raise _too_large(bytes_max)
        if inflater is None:
            plain.append(chunk)
        else:
            size = _collect(inflater.feed(chunk), plain, size, bytes_max, encoding)
    if inflater is not None:
        _collect(inflater.finish(), plain, size, bytes_max, encoding)
    del inflater  # its window, before the parts are there twice
    body = plain[0] if len(plain) == 1 else b"".join(plain)
    if len(body) > DENSE_FROM_BYTES and "protobuf" not in request.headers.get("content-type", ""):
        _check_values(body)
    return body


def decompress(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """As `read_body`, for a body that is there already."""
    plain: list[bytes] = []
    inflater = _inflater(encoding)
    size = _collect(inflater.feed(body), plain, 0, bytes_max, encoding)
    _collect(inflater.finish(), plain, size, bytes_max, encoding)
    return b"".join(plain)


def _collect(pieces: Iterator[bytes], plain: list[bytes], size: int, bytes_max: int, encoding: str) -> int:
    """Adds pieces to what there is, and returns how many bytes that are now."""
    try:
        for piece in pieces:
            if piece:
                plain.append(piece)
                size += len(piece)
            if size > bytes_max:
                raise _too_large(bytes_max)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise MalformedBody(f"The body is not valid {encoding}: {error}.") from None
    return size


def _too_large(bytes_max: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The request body is over {bytes_max} bytes (also counted after decompression); send smaller batches.",
        details={"limitBytes": bytes_max},
    )


def _check_values(body: bytes) -> None:
    """Refuses JSON that would be a hundred times larger as Python objects than it is as text: `[[],[],[],...`."""
    excess = _count_values(body, 0, len(body)) - BODY_VALUES_MAX
    if excess > 0 and not any((excess := excess - _count_values(body, *text.span())) <= 0 for text in _TEXT.finditer(body)):
        raise BodyTooLarge(
            f"The body holds more than {BODY_VALUES_MAX} JSON values; send smaller batches.",
            details={"limitValues": BODY_VALUES_MAX},
        )


def _count_values(body: bytes, start: int, end: int) -> int:
    """At least as many as there are: each but the first stands behind a comma or a bracket. So do parts of texts."""
    return body.count(b",", start, end) + body.count(b"[", start, end) + body.count(b"{", start, end)


class _Inflater:
    """Decompresses as the parts come: one member (of gzip) or frame (of zstd) after the other."""

    def __init__(self, begin: Callable[[bytes], Any], piece_bytes: int, *step_options: int) -> None:
        self._begin = begin
        self._piece_bytes = piece_bytes
        self._step_options = step_options
        self._member: Any = None
        self._members = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), self._piece_bytes):
            yield from self._feed_piece(data[start : start + self._piece_bytes])

    def _feed_piece(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member is None or self._member.eof:
                if self._members == MEMBERS_MAX:
                    raise EOFError(f"it has more than {MEMBERS_MAX} parts")
                self._member = self._begin(data)
                self._members += 1
            yield self._member.decompress(data, *self._step_options)
            data = self._member.unused_data or getattr(self._member, "unconsumed_tail", b"")

    def finish(self) -> Iterator[bytes]:
        """What is left. Raises EOFError if that is not the end."""
        while self._member is not None and not self._member.eof:
            rest = self._member.decompress(b"", *self._step_options)
            if not rest:
                break
            yield rest
        if self._member is None or not self._member.eof:
            raise EOFError("it ends too early")


def _inflater(encoding: str) -> _Inflater:
    match encoding:
        case "gzip" | "x-gzip":
            return _Inflater(lambda _: zlib.decompressobj(16 + zlib.MAX_WBITS), ZLIB_PIECE_BYTES, ZLIB_PIECE_BYTES)
        case "deflate":
            return _Inflater(_begin_deflate, ZLIB_PIECE_BYTES, ZLIB_PIECE_BYTES)
        case "zstd":
            decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES_MAX)
            return _Inflater(lambda _: decompressor.decompressobj(), ZSTD_PIECE_BYTES)
    raise UnsupportedMedia(f"Content-Encoding {encoding[:50]!r} is not supported; use gzip, deflate, zstd or identity.")


def _begin_deflate(head: bytes) -> Any:
    # RFC 9110 means zlib's format; some clients send the bare stream instead. That would begin with a stored block whose
    # padding is not zero, if it began like zlib's, and nothing writes such.
    zlib_format = head[0] & 0x0F == 8
    return zlib.decompressobj(zlib.MAX_WBITS if zlib_format else -zlib.MAX_WBITS)
