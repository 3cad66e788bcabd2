"""The end of a log that was never written is cut off before Valkey reads it, and nothing else."""

from pathlib import Path

import pytest

from cli.embedded.valkey import CHUNK_BYTES, _cut_unwritten_end

COMMAND = b"*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"


@pytest.mark.parametrize(
    ("found", "left"),
    [
        (b"", b""),
        (COMMAND, COMMAND),
        (COMMAND + b"\0", COMMAND),
        (COMMAND + b"\0" * (3 * CHUNK_BYTES), COMMAND),
        (b"\0" * 10, b""),
        (b"\0\0" + COMMAND, b"\0\0" + COMMAND),
        (COMMAND + b"*2\r\n$4\0\0", COMMAND + b"*2\r\n$4"),
    ],
)
def test_zeros_at_the_end_are_cut(tmp_path: Path, found: bytes, left: bytes) -> None:
    log = tmp_path / "appendonly.aof.1.incr.aof"
    log.write_bytes(found)
    _cut_unwritten_end(log)
    assert log.read_bytes() == left
