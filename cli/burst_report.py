"""What came of a burst: a table for a person, JSON for a program."""

from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.burst_check import Totals, Verdict
from cli.sender import Tally

NAMED_MAX = 3
"""Runs that are named where some are missing or differ."""


@dataclass(slots=True, frozen=True)
class Report:
    seed: int
    events: int
    """Wanted."""
    bytes: int
    """Of all bodies."""
    preparing_seconds: float
    tally: Tally
    acknowledged_seconds: float
    """From the first byte sent to the last answer, as the next to the moment when all was visible."""
    visible_seconds: float | None
    """None: not all became visible, or nobody looked."""
    latencies_ms: dict[str, float]
    backlog_most: int | None
    sending_cpu_seconds: float
    """Of this process, with all that it shows."""
    verdict: Verdict | None
    """None: nobody looked."""
    failure: str | None

    @property
    def ok(self) -> bool:
        return self.failure is None and (self.verdict is None or self.verdict.equal)

    def described(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "ok": self.ok,
            "error": self.failure,
            "seed": self.seed,
            "burst": self.events,
            "bytes": self.bytes,
            "preparingSeconds": round(self.preparing_seconds, 3),
            "sent": tally.sent_events,
            "acknowledged": {"runs": len(tally.run_ids), "steps": tally.steps, "events": tally.events},
            "refused": {"requests": tally.told_to_wait, "events": tally.refused_events},
            "connectionsLost": tally.connections_lost,
            "retried": tally.told_to_wait + tally.connections_lost,
            "acknowledgedSeconds": round(self.acknowledged_seconds, 3),
            "acknowledgedPerSecond": _a_second(tally.events, self.acknowledged_seconds),
            "visibleSeconds": None if self.visible_seconds is None else round(self.visible_seconds, 3),
            "visiblePerSecond": _a_second(tally.events, self.visible_seconds),
            "backlogMost": self.backlog_most,
            "requests": len(tally.latencies_seconds),
            "latencyMs": {name: round(value, 3) for name, value in self.latencies_ms.items()},
            "sendingCpuSeconds": round(self.sending_cpu_seconds, 3),
            "check": None if self.verdict is None else _verdict_json(self.verdict),
        }

    def shown(self) -> RenderableType:
        tally = self.tally
        table = Table("", "events", "seconds", "events/s")
        for column in table.columns[1:]:
            column.justify = "right"
        for name, seconds in (("acknowledged", self.acknowledged_seconds), ("visible in the database", self.visible_seconds)):
            if seconds is None:
                table.add_row(name, "-", "-", "-")
            else:
                table.add_row(name, f"{tally.events:,}", f"{seconds:.1f}", f"{_a_second(tally.events, seconds) or 0:,.0f}")
        latencies = ", ".join(f"{name} {value:.1f} ms" for name, value in self.latencies_ms.items())
        lost = f", {tally.connections_lost:,} more without an answer" if tally.connections_lost else ""
        lines = [
            f"{len(tally.latencies_seconds):,} requests accepted: {latencies}" if latencies else "no request accepted",
            f"{tally.told_to_wait:,} requests of {tally.refused_events:,} events refused and sent again{lost}",
            f"most that waited in the queue: {'unknown' if self.backlog_most is None else f'{self.backlog_most:,} events'}",
        ]
        parts: list[RenderableType] = [table, *map(Text, lines)]
        if self.verdict is None:
            parts.append(Text("not checked: nobody looked into the database", style="yellow"))
        else:
            parts += [_verdict_table(self.verdict), *(Text(line, style="red") for line in _complaints(self.verdict))]
        return Group(*parts)


def _a_second(events: int, seconds: float | None) -> float | None:
    return round(events / seconds, 1) if seconds else None


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "equal": verdict.equal,
        "expected": _totals_json(verdict.expected),
        "found": _totals_json(verdict.found),
        "missingRuns": len(verdict.missing),
        "differingRuns": len(verdict.differing),
        "firstMissing": verdict.missing[:NAMED_MAX],
        "firstDiffering": verdict.differing[:NAMED_MAX],
    }


def _totals_json(totals: Totals) -> dict[str, Any]:
    return {"runs": totals.runs, "steps": totals.steps, "checksum": f"{totals.checksum:016x}"}


def _verdict_table(verdict: Verdict) -> Table:
    style, word = ("green", "equal") if verdict.equal else ("red", "NOT EQUAL")
    table = Table(f"check: [{style}]{word}[/]", "runs", "steps", "checksum")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, totals in (("acknowledged", verdict.expected), ("found in the database", verdict.found)):
        table.add_row(name, f"{totals.runs:,}", f"{totals.steps:,}", f"{totals.checksum:016x}")
    return table


def _complaints(verdict: Verdict) -> list[str]:
    lines = []
    for what, run_ids in (("missing", verdict.missing), ("there with other steps or values", verdict.differing)):
        if run_ids:
            more = ", ..." if len(run_ids) > NAMED_MAX else ""
            lines.append(f"{len(run_ids):,} runs are {what}: {', '.join(run_ids[:NAMED_MAX])}{more}")
    return lines
