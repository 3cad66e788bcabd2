"""A program: rows that come in become a Parquet file that goes out.

It is a process of its own, as Arrow takes as much memory as all of the API, keeps it, and is busy for long. Rows come as
frames: four bytes of length, then a list of rows in MessagePack. An empty frame is the end.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

LENGTH_BYTES = 4
ROW_GROUP_ROWS = 20_000
ROW_GROUP_BYTES = 8 * 1024 * 1024
"""A row group is in memory until it is written: it ends with whichever of the two comes first."""

TIMES = ("startedAt", "finishedAt", "lastEventAt")
PAYLOADS = ("input", "output", "error", "attributes")
KINDS: dict[str, str] = {
    "id": "string",
    "agentId": "int32",
    "agentName": "string",
    "agentVersion": "string",
    "userId": "int32",
    "sessionId": "string",
    "name": "string",
    "status": "string",
    **dict.fromkeys(("startedAt", "finishedAt"), "timestamp[us, UTC]"),
    "durationMs": "float64",
    **dict.fromkeys(("stepCount", "errorCount", "inputTokens", "outputTokens"), "int64"),
    "costUsd": "float64",
    "tags": "string",
    "lastEventAt": "timestamp[us, UTC]",
    "stale": "bool",
    **dict.fromkeys(PAYLOADS, "string"),
}
"""The type of each column. Times come in microseconds since 1970, JSON as text."""
REPETITIVE = ("agentName", "agentVersion", "name", "status", "tags")

Row = Sequence[Any]


def frame(rows: Sequence[Row]) -> bytes:
    body = msgspec.msgpack.encode(rows) if rows else b""
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def read_frames(source: BinaryIO) -> Iterator[list[Row]]:
    """Raises EOFError if the last frame is not empty."""
    while length := int.from_bytes(_read(source, LENGTH_BYTES), "big"):
        yield msgspec.msgpack.decode(_read(source, length))


def _read(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError("the rows ended without an end")
    return data


def write_file(source: BinaryIO, sink: BinaryIO) -> None:
    import pyarrow as pa  # noqa: PLC0415 - not for whoever only sends rows
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {"timestamp[us, UTC]": pa.timestamp("us", tz="UTC")}
    schema = pa.schema([(name, kinds.get(kind) or pa.type_for_alias(kind)) for name, kind in KINDS.items()])
    writer = parquet.ParquetWriter(
        _Counted(sink),
        schema,
        compression="zstd",
        use_dictionary=list(REPETITIVE),
        write_statistics=[name for name in KINDS if name not in PAYLOADS],
    )

    def write_group(rows: list[Row]) -> None:
        columns = zip(*rows, strict=True)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
        writer.write_batch(pa.record_batch(arrays, schema=schema))
        sink.flush()

    held: list[Row] = []
    size = 0
    for rows in read_frames(source):
        held += rows
        size += sum(len(value) for row in rows for value in row if isinstance(value, str))
        if len(held) >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES:
            write_group(held)
            held, size = [], 0
    if held:
        write_group(held)
    writer.close()
    sink.flush()


class _Counted:
    """A pipe that knows how much went through it, which Parquet's footer tells."""

    closed = False

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._size = 0

    def write(self, data: Any) -> int:
        self._size += self._sink.write(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        self._sink.flush()

    def close(self) -> None:
        self._sink.flush()


if __name__ == "__main__":
    os.nice(5)  # others wait for answers, this one's client for a file
    write_file(sys.stdin.buffer, sys.stdout.buffer)
