"""Whether the database holds exactly what was acknowledged: every id once, finished where it was finished, and nothing else."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest import database, ledger
from loadtest.database import Connection

WAIT_SECONDS_MAX = 240.0
PAUSE_SHARE = 3
"""A look at everything takes its time, and the drain needs the CPU meanwhile."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Of runs, or of steps. Runs are those that were acknowledged themselves or through a step."""

    acknowledged: int = 0
    missing: int = 0
    """Acknowledged and not stored."""
    doubled: int = 0
    """Stored more than once."""
    unfinished: int = 0
    """Acknowledged as finished, and stored as if not."""
    unknown: int = 0
    """Without an answer, so that they may be stored or not."""
    unknown_stored: int = 0
    unexpected: int = 0
    """Stored though nobody sent them, or though they were refused."""

    @property
    def exact(self) -> bool:
        return not (self.missing or self.doubled or self.unfinished or self.unexpected)


@dataclass(frozen=True, slots=True)
class Verdict:
    runs: Tally
    steps: Tally
    dead_letters: int
    waited_seconds: float
    """Until nothing was missing any more, or it was given up."""

    @property
    def exact(self) -> bool:
        return self.runs.exact and self.steps.exact and not self.dead_letters

    @property
    def sentence(self) -> str:
        if self.exact:
            runs, steps = f"{self.runs.acknowledged:,} runs", f"{self.steps.acknowledged:,} steps"
            return f"All that was acknowledged, {runs} and {steps}, is stored, each once."
        faults = [
            f"{kind} {fault}: {count:,}"
            for kind, tally in (("runs", self.runs), ("steps", self.steps))
            for fault in ("missing", "doubled", "unfinished", "unexpected")
            if (count := getattr(tally, fault))
        ]
        faults += [f"dead letters: {self.dead_letters:,}"] if self.dead_letters else []
        return f"What is stored is not what was acknowledged: {', '.join(faults)}."


def verify(connection: Connection, directory: Path, *, alone: bool, wait_seconds_max: float = WAIT_SECONDS_MAX) -> Verdict:
    """Compares the database with the ledgers in `directory`, as soon as nothing is missing or the time is up.

    `alone`: nobody else has sent anything, so that whatever is not in the ledgers is unexpected. Otherwise only runs of the
    ledgers are looked at.
    """
    database.load_sent(
        connection, ledger.row_files(directory, ledger.ACKNOWLEDGED), ledger.row_files(directory, ledger.UNKNOWN)
    )
    began = time.monotonic()
    while True:
        looked = time.monotonic()
        counts = database.compare_sent(connection, alone=alone)
        runs, steps = Tally(**counts.get("runs", {})), Tally(**counts.get("steps", {}))
        waited = time.monotonic() - began
        if not (runs.missing or steps.missing or runs.unfinished or steps.unfinished) or waited > wait_seconds_max:
            dead_letters = database.count_dead_letters(connection) if alone else 0
            return Verdict(runs, steps, dead_letters, waited)
        time.sleep(max(0.5, PAUSE_SHARE * (time.monotonic() - looked)))


def as_json(verdict: Verdict) -> dict[str, Any]:
    def counts(tally: Tally) -> dict[str, int]:
        return {
            "acknowledged": tally.acknowledged,
            "missing": tally.missing,
            "doubled": tally.doubled,
            "unfinished": tally.unfinished,
            "unknown": tally.unknown,
            "unknownStored": tally.unknown_stored,
            "unexpected": tally.unexpected,
        }

    return {
        "exact": verdict.exact,
        "runs": counts(verdict.runs),
        "steps": counts(verdict.steps),
        "deadLetters": verdict.dead_letters,
        "waitedSeconds": round(verdict.waited_seconds, 1),
    }
