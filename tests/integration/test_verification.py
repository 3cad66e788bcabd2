"""The check of a load test: what was acknowledged, against a real database that a real stack filled."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loadtest import verification
from loadtest.ledger import step_row
from loadtest.payloads import Synthesizer
from loadtest.templates import Template
from loadtest.verification import Verdict
from tests.support.stack import Stack

EVENTS = 44
NOBODYS_RUN = "1f" * 16


@pytest.fixture(scope="module")
def rows(stack: Stack) -> bytes:
    """Rows of a batch that is acknowledged."""
    body, rows = Template.batch(Synthesizer(3), EVENTS).fresh()
    status, _, _ = stack.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
    assert status == 202
    return rows


@pytest.fixture
def connection(stack: Stack) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with stack.database() as connection:
        yield connection


def verify(
    connection: psycopg.Connection[tuple[Any, ...]],
    directory: Path,
    acknowledged: bytes,
    unknown: bytes = b"",
    seconds: float = 30,
) -> Verdict:
    (directory / "acknowledged-1.tsv").write_bytes(acknowledged)
    (directory / "unknown-1.tsv").write_bytes(unknown)
    return verification.verify(connection, directory, alone=False, wait_seconds_max=seconds)


def test_all_that_was_acknowledged_is_there_once(
    connection: psycopg.Connection[tuple[Any, ...]], rows: bytes, tmp_path: Path
) -> None:
    verdict = verify(connection, tmp_path, rows)
    assert verdict.exact
    assert verdict.runs.acknowledged == len({line[:32] for line in rows.splitlines()})
    assert verdict.steps.acknowledged == sum(b"\\N" not in line for line in rows.splitlines())
    assert "each once" in verdict.sentence


def test_what_is_not_there_is_missing(connection: psycopg.Connection[tuple[Any, ...]], rows: bytes, tmp_path: Path) -> None:
    verdict = verify(connection, tmp_path, rows + step_row(NOBODYS_RUN, "00000000000000aa", finished=True), seconds=0)
    assert (verdict.runs.missing, verdict.steps.missing) == (1, 1)
    assert not verdict.exact
    assert "steps missing: 1" in verdict.sentence


def test_what_had_no_answer_may_be_there_or_not(
    connection: psycopg.Connection[tuple[Any, ...]], rows: bytes, tmp_path: Path
) -> None:
    first, rest = rows.split(b"\n", 1)
    unknown = first + b"\n" + step_row(NOBODYS_RUN, "00000000000000aa", finished=True)
    verdict = verify(connection, tmp_path, rest, unknown)
    assert verdict.exact
    assert (verdict.steps.unknown, verdict.steps.unknown_stored) == (2, 1)


def test_what_nobody_sent_is_unexpected(connection: psycopg.Connection[tuple[Any, ...]], rows: bytes, tmp_path: Path) -> None:
    verify(connection, tmp_path, rows)  # waits until all of it is there
    verdict = verify(connection, tmp_path, rows.split(b"\n", 1)[1])
    assert verdict.steps.unexpected == 1
    assert not verdict.exact


def test_a_step_that_is_there_twice_is_doubled(
    connection: psycopg.Connection[tuple[Any, ...]], rows: bytes, tmp_path: Path
) -> None:
    verify(connection, tmp_path, rows)
    line = next(line for line in rows.decode().splitlines() if "\\N" not in line)
    run_id, step_id, _ = line.split("\t")
    connection.execute("BEGIN")
    connection.execute(
        "CREATE TEMPORARY TABLE copied ON COMMIT DROP AS SELECT * FROM steps WHERE run_id = %s AND id = %s", [run_id, step_id]
    )
    connection.execute("UPDATE copied SET day = day + 1")
    connection.execute("INSERT INTO steps SELECT * FROM copied")
    verdict = verify(connection, tmp_path, rows)
    connection.execute("ROLLBACK")
    assert verdict.steps.doubled == 1
    assert not verdict.exact


def test_an_end_that_was_acknowledged_and_is_not_there_is_told(
    connection: psycopg.Connection[tuple[Any, ...]], stack: Stack, tmp_path: Path
) -> None:
    run_id, step_id = "2e" * 16, "00000000000000bb"
    body = b'{"id": "%s", "toolName": "t"}' % step_id.encode()
    assert stack.request("POST", f"/v1/runs/{run_id}/steps", body)[0] == 201
    assert verify(connection, tmp_path, step_row(run_id, step_id, finished=False)).exact
    verdict = verify(connection, tmp_path, step_row(run_id, step_id, finished=True), seconds=0)
    assert verdict.steps.unfinished == 1
    assert not verdict.exact
