"""What is fuzzed. A target takes bytes as a client may send them, and fails where what is promised of them does not hold.

Whatever comes in, only an AgentGuideError gets out, and its answer can be written. What is accepted can be queued, read again
by the drain, and stored by Postgres.
"""

import gzip
import json
import math
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec
import zstandard
from fastapi import Request

from api import batches, errors, ingest
from api.body import decompress, read_body
from events import otlp, records
from events.exceptions import AgentGuideError
from events.ids import IdMint
from events.limits import JSON_DEPTH_MAX, NAME_CHARS_MAX
from events.payloads import PayloadEncoder, storable_json
from events.plain_json import is_plain
from events.records import Record, RunRecord, StepRecord
from events.redaction import redactor_of
from events.stream import entries_of
from tests.fuzz import seeds
from worker import sift
from worker.batch import Event

BODY_BYTES_MAX = 1 << 16
FIELD_BYTES_MAX = 1 << 11
EVENTS_MAX = 20
"""Bounds so small that a fuzzer gets over them."""
URL_CHARS_MAX = 8192
ACCEPTED_AT = 1_795_000_000_000_000
ENCODINGS = ("gzip", "deflate", "zstd")

REDACTOR = redactor_of({})
PLAIN = PayloadEncoder(FIELD_BYTES_MAX)
REDACTING = PayloadEncoder(FIELD_BYTES_MAX, REDACTOR)
KEEPING = PayloadEncoder(FIELD_BYTES_MAX, plain=True)


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    says: str
    check: Callable[[bytes], None]
    """Raises whatever it raises, if something does not hold."""
    seeds: Callable[[], list[bytes]]


# ---- Decompression


def _compressed_seeds() -> list[bytes]:
    return [
        bytes([ENCODINGS.index(encoding), pieces]) + body
        for encoding, bodies in seeds.compressed_bodies().items()
        for body in bodies
        for pieces in (0, 7)
    ]


def check_decompression(data: bytes) -> None:
    """The first byte says which encoding, the second in pieces of how many bytes the body arrives; 0: at once."""
    if len(data) < 2:
        return
    encoding, piece_bytes, body = ENCODINGS[data[0] % len(ENCODINGS)], data[1], data[2:]
    at_once = _attempt(lambda: decompress(body, encoding, BODY_BYTES_MAX))
    in_pieces = _attempt(lambda: _finished(read_body(_request(body, encoding, piece_bytes), BODY_BYTES_MAX)))
    assert at_once == in_pieces, "how it arrives makes a difference"
    if at_once is None:
        return
    assert len(at_once) <= BODY_BYTES_MAX
    if encoding == "gzip":
        assert at_once == gzip.decompress(body)
    if encoding == "zstd":
        reader = zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True)
        assert at_once == reader.read()


def _attempt(work: Callable[[], bytes]) -> bytes | None:
    """None: it was refused."""
    try:
        return work()
    except AgentGuideError as error:
        _check_answer(error)
        return None


def _request(body: bytes, encoding: str, piece_bytes: int) -> Request:
    size = piece_bytes or len(body) or 1
    pieces = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    messages = iter(
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)} for number, piece in enumerate(pieces, 1)
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    return Request({"type": "http", "headers": [(b"content-encoding", encoding.encode())]}, receive)


def _finished(coroutine: Coroutine[Any, Any, bytes]) -> bytes:
    """What comes of a coroutine that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return bytes(done.value)
    raise AssertionError("it waits, though everything is there")


# ---- OTLP


def check_protobuf(body: bytes) -> None:
    _check_export(body, ingest.PROTOBUF, otlp.decode_protobuf)


def check_json(body: bytes) -> None:
    _check_export(storable_json(body), "application/json", otlp.decode_json)


def _check_export(body: bytes, media_type: str, decode: Callable[[bytes, PayloadEncoder, int], otlp.DecodedExport]) -> None:
    def decoded(payloads: PayloadEncoder) -> otlp.DecodedExport:
        return decode(body, payloads, EVENTS_MAX)

    if media_type == ingest.PROTOBUF and is_plain(body, REDACTOR, protobuf=True):
        _check_kept(lambda payloads: decoded(payloads).records)
    try:
        export = decoded(REDACTING)
    except AgentGuideError as error:
        errors._otlp_status(error.message, _check_answer(error))
        return
    steps = sum(isinstance(record, StepRecord) for record in export.records)
    assert steps + export.rejected == export.spans <= EVENTS_MAX
    ingest._export_answer(export, media_type)
    _check_accepted(export.records)
    if _holds_no_secret(body, protobuf=media_type == ingest.PROTOBUF):
        assert decoded(PLAIN).records == export.records, "what is not looked at holds a secret"


# ---- Batches of events


def check_array(body: bytes) -> None:
    _check_batch(storable_json(body), lines=False)


def check_lines(body: bytes) -> None:
    _check_batch(storable_json(body), lines=True)


def _check_batch(body: bytes, *, lines: bool) -> None:
    def decoded(payloads: PayloadEncoder) -> batches.DecodedBatch:
        return batches.decode(body, lines, IdMint(b"fuzz"), payloads, EVENTS_MAX)

    if is_plain(body, REDACTOR):
        _check_kept(lambda payloads: decoded(payloads).records)
    try:
        batch = decoded(REDACTING)
    except AgentGuideError as error:
        _check_answer(error)
        return
    assert len(batch.records) + batch.rejected <= EVENTS_MAX
    assert len(set(batch.places)) == len(batch.places) == len(batch.records)
    assert batch.places == sorted(batch.places)
    ingest._json({"accepted": len(batch.records), "rejected": batch.rejected, "errors": batch.error_list()}, 207)
    _check_accepted(batch.records)
    if _holds_no_secret(body):
        assert decoded(PLAIN).records == batch.records, "what is not looked at holds a secret"


# ---- What holds for all of them


def _holds_no_secret(body: bytes, *, protobuf: bool = False) -> bool:
    return REDACTOR is not None and not REDACTOR.suspects_body(body, protobuf=protobuf)


def _check_kept(decoded: Callable[[PayloadEncoder], Sequence[Record]]) -> None:
    """What is kept as it was sent is what would be made of it, and so is what is refused."""

    def outcome(payloads: PayloadEncoder) -> tuple[Any, Sequence[Record]]:
        try:
            accepted = decoded(payloads)
        except AgentGuideError as error:
            return (error.code, error.message, error.details), ()
        return json.loads(msgspec.json.encode(accepted)), accepted

    kept, accepted = outcome(KEEPING)
    assert kept == outcome(PLAIN)[0], "what is kept is another thing"
    _check_accepted(accepted)


def _check_answer(error: AgentGuideError) -> Any:
    assert 400 <= error.status_code < 500
    return errors.error_response(error)


def _check_accepted(accepted: Sequence[Record]) -> None:
    REDACTING.redact_names(accepted)
    read_again = [record for entry in entries_of(1, accepted, 1) for record in records.decode(entry.events)]
    assert read_again == list(accepted)
    for record in accepted:
        sift._pack(Event(1, ACCEPTED_AT, "1-0", record))  # raises if no row can be made of it
        _check_texts(record)
        for payload in sift._payloads(record):
            _check_payload(bytes(payload))


def _check_texts(record: Record) -> None:
    parts: list[msgspec.Struct] = [record]
    if isinstance(record, RunRecord):
        parts += [*record.metrics, *([record.agent] if record.agent else [])]
    elif isinstance(record, StepRecord):
        parts += record.artifacts
    for part in parts:
        for name, value in msgspec.structs.asdict(part).items():
            if isinstance(value, str):
                assert "\0" not in value
                value.encode()  # raises for half a pair
                assert len(value) <= (URL_CHARS_MAX if name == "url" else NAME_CHARS_MAX), name


def _check_payload(text: bytes) -> None:
    assert len(text) <= FIELD_BYTES_MAX
    _check_value(json.loads(text.decode(), parse_constant=_refuse_constant), 0)


def _refuse_constant(word: str) -> NoReturn:
    raise AssertionError(f"{word} is not JSON")


def _check_value(value: Any, depth: int) -> None:
    assert depth <= JSON_DEPTH_MAX
    if isinstance(value, str):
        assert "\0" not in value
        value.encode()  # raises for half a pair
    elif isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, list):
        for item in value:
            _check_value(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_value(key, depth)
            _check_value(item, depth + 1)


TARGETS = {
    target.name: target
    for target in (
        Target("decompression", "gzip, deflate and zstd, at once and in pieces", check_decompression, _compressed_seeds),
        Target("otlp-protobuf", "exports of spans as protobuf", check_protobuf, seeds.protobuf_bodies),
        Target("otlp-json", "exports of spans as JSON", check_json, seeds.json_bodies),
        Target("events-json", "arrays of events", check_array, seeds.event_arrays),
        Target("events-ndjson", "events, one a line", check_lines, seeds.event_lines),
    )
}
