"""Request bodies: read and decompressed as a stream, and never more than the limit of either."""

import zlib
from collections.abc import Callable, Iterator

import zstandard
from fastapi import Request

from events.exceptions import BodyTooLarge, MalformedBody, UnsupportedMedia

CHUNK_BYTES = 1 << 16
ZSTD_PIECE_BYTES = 256
MEMBERS_MAX = 100
"""A body of many tiny members costs a copy of the rest for each, and nobody sends one."""

Inflate = Callable[[bytes, int], Iterator[bytes]]
"""Compressed bytes and a limit to plain chunks; stops a chunk after the limit."""


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The body, decompressed if Content-Encoding says so.

    Raises:
        BodyTooLarge: it is over the limit, before or after decompression.
        UnsupportedMedia: a Content-Encoding other than gzip, deflate, zstd or identity.
        MalformedBody: it is not what Content-Encoding says.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > bytes_max:
        raise _too_large(bytes_max)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise _too_large(bytes_max)
        chunks.append(chunk)
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    return body if encoding in ("", "identity") else decompress(body, encoding, bytes_max)


def decompress(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """As `read_body`, for a body that is there already."""
    inflate = _INFLATE.get(encoding)
    if inflate is None:
        raise UnsupportedMedia(f"Content-Encoding {encoding!r} is not supported; use gzip, deflate, zstd or identity.")
    plain = bytearray()
    try:
        for chunk in inflate(body, bytes_max):
            plain += chunk
            if len(plain) > bytes_max:
                raise _too_large(bytes_max)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise MalformedBody(f"The body is not valid {encoding}: {error}") from None
    return bytes(plain)


def _too_large(bytes_max: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The request body is over {bytes_max} bytes (also counted after decompression); send smaller batches.",
        details={"limitBytes": bytes_max},
    )


def _zlib_chunks(window_bits: int) -> Inflate:
    def inflate(body: bytes, _: int) -> Iterator[bytes]:
        for _member in range(MEMBERS_MAX):  # gzip may hold several
            decompressor = zlib.decompressobj(window_bits)
            while body and not decompressor.eof:
                yield decompressor.decompress(body, CHUNK_BYTES)
                body = decompressor.unconsumed_tail
            if not decompressor.eof:
                yield decompressor.flush(CHUNK_BYTES)
            if not decompressor.eof:
                raise EOFError("it ends too early")
            body = decompressor.unused_data
            if not body:
                return
        raise EOFError(f"it has more than {MEMBERS_MAX} parts")

    return inflate


def _deflate(body: bytes, limit: int) -> Iterator[bytes]:
    # RFC 9110 means zlib's format; some clients send the bare stream instead.
    zlib_format = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _zlib_chunks(zlib.MAX_WBITS if zlib_format else -zlib.MAX_WBITS)(body, limit)


def _zstd(body: bytes, limit: int) -> Iterator[bytes]:
    # A frame may ask for a window of gigabytes: no more memory than the limit (at least zstd's own least).
    decompressor = zstandard.ZstdDecompressor(max_window_size=max(limit, 1 << 23))
    for _frame in range(MEMBERS_MAX):
        frame = decompressor.decompressobj()
        end = 0
        while end < len(body) and not frame.eof:
            # In small pieces: what comes out of a piece has no bound, and only `eof` tells a whole frame from half of one.
            yield frame.decompress(body[end : end + ZSTD_PIECE_BYTES])
            end += ZSTD_PIECE_BYTES
        if not frame.eof:
            raise EOFError("it ends too early")
        body = frame.unused_data + body[end:]
        if not body:
            return
    raise EOFError(f"it has more than {MEMBERS_MAX} parts")


_INFLATE: dict[str, Inflate] = {
    "gzip": _zlib_chunks(16 + zlib.MAX_WBITS),
    "x-gzip": _zlib_chunks(16 + zlib.MAX_WBITS),
    "deflate": _deflate,
    "zstd": _zstd,
}
