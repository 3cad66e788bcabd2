import asyncio
import gzip
import os
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from api.body import MEMBERS_MAX, decompress, read_body
from events.exceptions import BodyTooLarge, MalformedBody, UnsupportedMedia
from events.limits import BODY_VALUES_MAX

MIB = 1 << 20
CAP = 20 * MIB

Compress = Callable[[bytes], bytes]


def bare_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


FORMATS: dict[str, tuple[str, Compress]] = {
    "gzip": ("gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "zstd": ("zstd", zstandard.compress),
}


def read(
    body: bytes, encoding: str = "identity", *, bytes_max: int = CAP, piece: int = 65536, kind: str = "application/json"
) -> bytes:
    places = iter(range(0, len(body), piece))

    async def receive() -> dict[str, object]:
        place = next(places, None)
        if place is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": body[place : place + piece], "more_body": True}

    headers = [(b"content-encoding", encoding.encode()), (b"content-type", kind.encode())]
    return asyncio.run(read_body(Request({"type": "http", "method": "POST", "headers": headers}, receive), bytes_max))


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.binary(max_size=300), copies=st.integers(1, 300), piece=st.sampled_from([1, 2, 7, 65536]))
def test_what_was_compressed_comes_back_in_any_pieces(name: str, data: bytes, copies: int, piece: int) -> None:
    encoding, compress = FORMATS[name]
    assert read(compress(data * copies), encoding, piece=piece) == data * copies


@pytest.mark.parametrize("name", FORMATS)
def test_half_of_it_is_malformed_and_so_is_none(name: str) -> None:
    encoding, compress = FORMATS[name]
    whole = compress(os.urandom(1000))
    for part in (b"", whole[:1], whole[:500], whole[:-1], whole + b"rest of no kind"):
        if name == "bare deflate" and part.startswith(whole):
            continue  # it has no end that could be told from more of it
        with pytest.raises(MalformedBody, match="not valid"):
            decompress(part, encoding, CAP)


@pytest.mark.parametrize("name", ["gzip", "zlib", "zstd"])
def test_members_are_joined_up_to_a_bound(name: str) -> None:
    encoding, compress = FORMATS[name]
    assert read(compress(b"ab") * MEMBERS_MAX, encoding) == b"ab" * MEMBERS_MAX
    with pytest.raises(MalformedBody, match="parts"):
        decompress(compress(b"ab") * (MEMBERS_MAX + 1), encoding, CAP)


@pytest.mark.parametrize("name", FORMATS)
def test_limit_is_exact(name: str) -> None:
    encoding, compress = FORMATS[name]
    assert len(decompress(compress(bytes(1000)), encoding, 1000)) == 1000
    with pytest.raises(BodyTooLarge):
        decompress(compress(bytes(1001)), encoding, 1000)


@pytest.mark.parametrize("name", FORMATS)
def test_a_bomb_costs_little_more_than_the_limit(name: str) -> None:
    encoding, compress = FORMATS[name]
    bomb = compress(bytes(100 * MIB))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            read(bomb, encoding)
        assert tracemalloc.get_traced_memory()[1] < 1.5 * CAP
    finally:
        tracemalloc.stop()


def test_a_frame_that_asks_for_gigabytes_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(MalformedBody, match="memory"):
        decompress(compressor.compress(b"x") + compressor.flush(), "zstd", CAP)


def test_other_encodings_are_named() -> None:
    with pytest.raises(UnsupportedMedia, match="'br'"):
        read(b"x", "br")


def test_json_of_too_many_values_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BodyTooLarge, match="JSON values"):
        read(b"[" + b"[]," * BODY_VALUES_MAX + b"[]]")
    with pytest.raises(BodyTooLarge, match="JSON values"):
        read(b'["a,b","\\"",' + b"0," * BODY_VALUES_MAX + b"0]")


def test_commas_in_texts_are_no_values() -> None:
    body = b'{"a": "' + b"x, [ { \\\\ " * (BODY_VALUES_MAX // 2) + b'"}'
    assert read(body) == body
