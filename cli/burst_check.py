"""What a burst must have left in the database, and whether it has: a count and a checksum for each run.

The checksum of a row is the first 8 bytes of the SHA-256 of its fields as a JSON array; those of a run and its steps are added
up. So neither order nor batches matter, and a row that is lost, doubled or altered shows. Payloads count as there or not: the
server may redact and cut them.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from cli.errors import CommandError
from db import queries
from db.urls import psycopg_url
from events.simulation import Event, SimulatedRun

Connection = psycopg.Connection[tuple[Any, ...]]

CHUNK_RUNS = 2_000
SETTLE_SECONDS = 10.0
"""How long a run may still change once all rows are there: the event that ends it may come a batch later."""
PAUSE_SECONDS = 0.2
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 60.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NANO = 10**9
# As Postgres' `json_build_array` writes it.
_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(slots=True, frozen=True)
class Kept:
    """One run as the database should have it, or has it."""

    steps: int
    checksum: int
    """The plain sum, not cut to 64 bits."""


@dataclass(slots=True, frozen=True)
class Totals:
    runs: int = 0
    steps: int = 0
    checksum: int = 0

    @staticmethod
    def of(runs: Mapping[str, Kept]) -> "Totals":
        checksum = sum(run.checksum for run in runs.values()) % 2**64
        return Totals(len(runs), sum(run.steps for run in runs.values()), checksum)


@dataclass(slots=True, frozen=True)
class Verdict:
    expected: Totals
    found: Totals
    missing: list[str] = field(default_factory=list)
    """Runs that are not there."""
    differing: list[str] = field(default_factory=list)
    """Runs that are there, but with other steps or other values."""

    @property
    def equal(self) -> bool:
        return self.expected == self.found and not self.missing and not self.differing


def expect(run: SimulatedRun) -> Kept:
    """What the database holds once all events of the run have taken effect."""
    steps: dict[str, Event] = {}
    whole: Event = {}
    for event in run.events:
        if event["type"] == "run":
            whole |= event
        else:
            steps[event["id"]] = steps.get(event["id"], {}) | event
    rows = [_step_row(step, index) for index, step in enumerate(steps.values())]
    totals = [sum(row[column] or 0 for row in rows) for column in (9, 10, 11)]
    rows.append(_run_row(whole, len(steps), sum("error" in step for step in steps.values()), totals))
    return Kept(len(steps), sum(map(checksum_of, rows)))


def checksum_of(row: Sequence[Any]) -> int:
    digest = sha256(_encode(row).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _run_row(run: Event, steps: int, errors: int, totals: Sequence[int]) -> list[Any]:
    return [
        *(run["id"], run["status"], run["name"], run.get("sessionId")),
        *(_microseconds(run["startedAt"]), _microseconds(run.get("finishedAt"))),
        *(steps, errors, *totals, "input" in run, "output" in run, run.get("error", {}).get("type")),
    ]


def _step_row(step: Event, index: int) -> list[Any]:
    return [
        *(step["runId"], _signed(step["id"]), index, _signed(step.get("parentId")), step["toolName"], step["kind"]),
        *(step.get("model"), _microseconds(step["startedAt"]), _microseconds(step.get("finishedAt"))),
        *(step.get("inputTokens"), step.get("outputTokens"), _nano(step.get("costUsd"))),
        *("input" in step, "output" in step, step.get("error", {}).get("type")),
    ]


def _signed(step_id: str | None) -> int | None:
    """A step's id, 16 hex digits, as the bigint of its row."""
    return None if step_id is None else int.from_bytes(bytes.fromhex(step_id), "big", signed=True)


def _microseconds(moment: str | None) -> int | None:
    return None if moment is None else (datetime.fromisoformat(moment) - _EPOCH) // _MICROSECOND


def _nano(usd: float | None) -> int | None:
    return None if usd is None else round(usd * _NANO)


def check(database_url: str, project: str, expected: Mapping[str, Kept], settle_seconds: float) -> Verdict:
    """Compares all runs; those that differ again and again, until none does or nothing has changed for `settle_seconds`.

    Raises:
        CommandError: the database does not answer.
    """
    try:
        with connect(database_url, STATEMENT_SECONDS) as connection:
            found = look(connection, project, list(expected))
            open_ids = [run_id for run_id in expected if found.get(run_id) != expected[run_id]]
            deadline = time.monotonic() + settle_seconds
            while open_ids and time.monotonic() < deadline:
                time.sleep(PAUSE_SECONDS)
                changed = look(connection, project, open_ids)
                if any(found.get(run_id) != kept for run_id, kept in changed.items()):
                    deadline = time.monotonic() + settle_seconds
                found |= changed
                open_ids = [run_id for run_id in open_ids if found.get(run_id) != expected[run_id]]
    except psycopg.Error as error:
        raise CommandError(f"The database does not answer, so nobody knows what has arrived: {str(error).strip()}") from error
    missing = [run_id for run_id in open_ids if run_id not in found]
    return Verdict(Totals.of(expected), Totals.of(found), missing, [run_id for run_id in open_ids if run_id in found])


def connect(database_url: str, statement_seconds: float) -> Connection:
    """A connection whose statements end after so many seconds."""
    url = psycopg_url(database_url)
    options = f"{conninfo_to_dict(url).get('options') or ''} -c statement_timeout={round(1000 * statement_seconds)}"
    return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS, options=options)


def look(connection: Connection, project: str, run_ids: Sequence[str]) -> dict[str, Kept]:
    """Those of the runs that are in the database."""
    found = {}
    for start in range(0, len(run_ids), CHUNK_RUNS):
        values = {"project": project, "run_ids": list(run_ids[start : start + CHUNK_RUNS])}
        for run_id, steps, checksum in connection.execute(queries.CHECKSUM_RUNS, values):
            found[run_id] = Kept(steps, int(checksum))
    return found
