"""What fuzzing has found stays mended, and the fuzzer itself runs: each target of `make fuzz`, briefly."""

import importlib.util
from pathlib import Path

import pytest

from tests.fuzz.__main__ import MISSING, fuzz
from tests.fuzz.targets import TARGETS

RUN = b'{"type":"run","id":"00000000000000000000000000000001","name":"a\\u0000"}'
SPAN = b'{"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","kind":%b}'


@pytest.mark.parametrize(
    ("target", "found"),
    {
        "NUL in another line": ("events-ndjson", b'{"type":"\0"}\n' + RUN),
        "integer beyond doubles": ("otlp-json", b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + SPAN % b"1e400" + b"]}]}]}"),
    }.values(),
    ids=("NUL in another line", "integer beyond doubles"),
)
def test_what_was_found(target: str, found: bytes) -> None:
    TARGETS[target].check(found)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason=MISSING)
def test_a_second_of_each_target_finds_nothing(tmp_path: Path) -> None:
    rows = list(fuzz(list(TARGETS.values()), 1, tmp_path))
    assert [row.log for row in rows if not row.good] == []
    assert all(row.executions > 0 for row in rows)
