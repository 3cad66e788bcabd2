"""What is read of a job, whoever wrote it."""

import json
import zlib
from datetime import UTC, datetime

import pytest

from events.jobs import DRAIN, TIDY
from events.workers import Job, parse_job

STARTED = b"2026-11-23T12:00:00.000250Z"
AT = datetime(2026, 11, 23, 12, 0, 0, 250, tzinfo=UTC)


def _packed(call: object) -> bytes:
    return zlib.compress(json.dumps(call).encode())


def test_a_drain_tells_its_shard() -> None:
    assert parse_job(_packed([DRAIN, None, [7], {}]), STARTED) == Job("drain", 7, AT)
    assert parse_job(_packed([TIDY, None, [7], {}]), STARTED) == Job("tidy", None, AT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not compressed",
        zlib.compress(b"\x80\x04pickle"),
        _packed("drain"),
        _packed([None, None, [], {}]),
        _packed([DRAIN, None, {}, {}]),
        _packed([DRAIN, None, [1]]),
        zlib.compress(b" " * 10_000_000),
    ],
)
def test_what_is_no_job_of_ours_is_unknown(data: bytes) -> None:
    assert parse_job(data, b"yesterday") == Job("unknown", None, None)


def test_a_drain_of_nonsense_has_no_shard() -> None:
    assert parse_job(_packed([DRAIN, None, ["0"], {}]), None) == Job("drain", None, None)
    assert parse_job(_packed([DRAIN, None, [True], {}]), None) == Job("drain", None, None)
