"""What users note: each request as a line, and rows by what became of their request."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from loadtest import ledger
from loadtest.ledger import BEGAN, REFUSED, Entry, Ledger, run_row, step_row


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Ledger]:
    found = Ledger(tmp_path)
    yield found
    found.close()


def entry(status: int, code: str = "", phase: str = "ramp") -> Entry:
    return Entry(phase, "POST /v1/runs", 10.0, 10.25, 0.5, status, code, 3.0, 1)


def test_an_entry_is_read_as_it_was_written(kept: Ledger, tmp_path: Path) -> None:
    kept.note(entry(503, "overloaded"), b"")
    kept.flush()
    assert list(ledger.entries(tmp_path)) == [entry(503, "overloaded")]


def test_latency_counts_from_when_it_was_due() -> None:
    assert entry(201).latency_seconds == pytest.approx(0.75)


def test_an_answer_to_a_part_of_a_batch_accepts_nothing() -> None:
    assert entry(202).accepted
    assert not entry(207).accepted


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (201, "", "acknowledged"),
        (0, "", "unknown"),
        (500, "internal", "unknown"),
        (503, "queue_unavailable", "unknown"),
        (503, "overloaded", None),
        (429, "rate_limited", None),
        (422, "invalid", None),
    ],
)
def test_rows_go_where_the_answer_says(kept: Ledger, tmp_path: Path, status: int, code: str, kind: str | None) -> None:
    row = step_row(uuid4().hex, "ffffffffffffffff", finished=True)
    kept.note(entry(status, code), row)
    kept.flush()
    for one in ("acknowledged", "unknown"):
        written = b"".join(path.read_bytes() for path in ledger.row_files(tmp_path, one))
        assert written == (row if one == kind else b"")


def test_step_ids_are_written_as_they_are_stored() -> None:
    run_id = uuid4().hex
    assert step_row(run_id, "ffffffffffffffff", finished=True) == f"{run_id}\t-1\tt\n".encode()
    assert run_row(run_id, finished=False) == f"{run_id}\t\\N\tf\n".encode()


def test_the_first_refusal_of_a_phase_is_marked_once(kept: Ledger, tmp_path: Path) -> None:
    kept.phase = "ramp"
    kept.mark(BEGAN)
    for _ in range(3):
        kept.note(entry(503, "overloaded"), b"")
    kept.note(entry(429, "rate_limited", phase="flood"), b"")
    found = [(mark.what, mark.phase) for mark in ledger.marks(tmp_path)]
    assert found == [(BEGAN, "ramp"), (REFUSED, "ramp"), (REFUSED, "flood")]


def test_without_a_folder_nothing_is_kept() -> None:
    kept = Ledger(None)
    kept.note(entry(201), b"x")
    kept.mark(BEGAN)
    kept.flush()
