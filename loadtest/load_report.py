"""What Locust's users saw, phase by phase and request by request: as JSON and as tables."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.markup import escape
from rich.table import Table

from loadtest import ledger
from loadtest.figures import percentile
from loadtest.ledger import Entry, Mark
from loadtest.phases import Phase

PERCENTS = (50, 95, 99)
WINDOWS = 12
"""Parts of a ramp that are shown one by one."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """One look at what each part has used so far; `at` is of `time.time`."""

    at: float
    seconds: Mapping[str, float]


@dataclass(slots=True)
class Heard:
    """All that was asked for by one name, or in one stretch of time."""

    entries: list[Entry] = field(default_factory=list)

    def as_json(self, seconds: float) -> dict[str, Any]:
        accepted = [entry for entry in self.entries if entry.accepted]
        refused = [entry for entry in self.entries if entry.refused]
        unanswered = sum(entry.status == 0 for entry in self.entries)
        return {
            "requests": len(self.entries),
            "accepted": len(accepted),
            "refused": len(refused),
            "unanswered": unanswered,
            "failed": len(self.entries) - len(accepted) - len(refused) - unanswered,
            "acceptedPerSecond": round(len(accepted) / seconds, 1),
            "eventsPerSecond": round(sum(entry.events for entry in accepted) / seconds, 1),
            "errors": dict(Counter(reason(entry) for entry in self.entries if not entry.accepted).most_common()),
            "latencyMs": _milliseconds([entry.latency_seconds for entry in accepted]),
            "answerMs": _milliseconds([entry.seconds for entry in accepted]),
            "refusalMs": _milliseconds([entry.seconds for entry in refused]),
        }


def reason(entry: Entry) -> str:
    return f"{entry.status} {entry.code}".rstrip() if entry.status else "no answer"


def summaries(
    plan: Sequence[Phase], entries: Iterable[Entry], marks: Sequence[Mark], cpu: Sequence[Cpu]
) -> list[dict[str, Any]]:
    """One of each phase that counts and has begun. Of the rest there is nothing to say."""
    by_phase: dict[str, list[Entry]] = {}
    for entry in entries:
        by_phase.setdefault(entry.phase, []).append(entry)
    found = []
    for phase in plan:
        own = [mark for mark in marks if mark.phase == phase.name]
        began = next((mark.at for mark in own if mark.what == ledger.BEGAN), None)
        if phase.counts and began is not None and (heard := by_phase.get(phase.name)):
            ended = next((mark.at for mark in own if mark.what == ledger.ENDED), began + phase.seconds)
            found.append(_summary(phase, heard, own, began, ended, cpu))
    return found


def _summary(
    phase: Phase, heard: Sequence[Entry], marks: Sequence[Mark], began: float, ended: float, cpu: Sequence[Cpu]
) -> dict[str, Any]:
    seconds = ended - began
    names = sorted({entry.name for entry in heard})
    changes = phase.users != phase.users_at_end
    return {
        "phase": phase.name,
        "title": phase.title,
        "users": [phase.users, phase.users_at_end],
        "beganAt": round(began, 3),
        "seconds": round(seconds, 2),
        "askedPerSecond": None if phase.asked(1) is None else [phase.asked(phase.users), phase.asked(phase.users_at_end)],
        "unsent": int(sum(mark.value for mark in marks if mark.what == ledger.UNSENT)),
        "all": Heard(list(heard)).as_json(seconds),
        "requests": {name: Heard([entry for entry in heard if entry.name == name]).as_json(seconds) for name in names},
        "windows": _windows(phase, heard, users_of(marks), began, seconds) if changes else [],
        "refusal": _refusal(heard, marks, began),
        "cpu": _shares(cpu, began, ended),
    }


def users_of(marks: Sequence[Mark]) -> list[tuple[float, int]]:
    """Since when there were how many users, in the order of time."""
    return [(mark.at, int(mark.value)) for mark in marks if mark.what == ledger.USERS]


def _windows(
    phase: Phase, heard: Sequence[Entry], users: Sequence[tuple[float, int]], began: float, seconds: float
) -> list[dict[str, Any]]:
    width = seconds / WINDOWS
    parts: list[list[Entry]] = [[] for _ in range(WINDOWS)]
    for entry in heard:
        parts[min(WINDOWS - 1, max(0, int((entry.sent_at + entry.seconds - began) / width)))].append(entry)
    found = []
    for number, part in enumerate(parts):
        middle = began + (number + 0.5) * width
        present = next((count for at, count in reversed(users) if at <= middle), phase.users)
        found.append(
            {
                "fromSeconds": round(number * width, 1),
                "users": present,
                "askedPerSecond": phase.asked(present),
                **Heard(part).as_json(width),
            }
        )
    return found


def _refusal(heard: Sequence[Entry], marks: Sequence[Mark], began: float) -> dict[str, Any] | None:
    """How it refused. Seconds are since the phase began, but for `acceptedAfterSeconds`: since the workers went on."""
    refused = sorted((entry for entry in heard if entry.refused), key=lambda entry: entry.sent_at)
    if not refused:
        return None
    before = [entry for entry in heard if entry.accepted and entry.sent_at < refused[0].sent_at]
    continued = next((mark.at for mark in marks if mark.what == ledger.CONTINUED), None)
    accepted_again = None
    if continued is not None:
        accepted_again = min((entry.sent_at for entry in heard if entry.accepted and entry.sent_at > continued), default=None)
    waits = [entry.retry_after_seconds for entry in refused]
    return {
        "by": dict(Counter(reason(entry) for entry in refused).most_common()),
        "retryAfterSeconds": [min(waits), max(waits)],
        "firstAtSeconds": round(refused[0].sent_at - began, 2),
        "lastAtSeconds": round(refused[-1].sent_at - began, 2),
        "eventsAcceptedBefore": sum(entry.events for entry in before),
        "workersContinuedAtSeconds": None if continued is None else round(continued - began, 2),
        "acceptedAfterSeconds": None if continued is None or accepted_again is None else round(accepted_again - continued, 2),
    }


def _shares(cpu: Sequence[Cpu], began: float, ended: float) -> dict[str, float]:
    """Of one CPU, by part, between the last look before and the first one after, as far as there are such."""
    if len(cpu) < 2:
        return {}
    first = max((look for look in cpu[:-1] if look.at <= began), key=lambda look: look.at, default=cpu[0])
    last = min((look for look in cpu[1:] if look.at >= ended), key=lambda look: look.at, default=cpu[-1])
    return {part: round((used - first.seconds.get(part, 0.0)) / (last.at - first.at), 3) for part, used in last.seconds.items()}


def visible_ms(visible: Sequence[tuple[float, float]], began: float, seconds: float) -> dict[str, float] | None:
    """Of the probes that were answered in that time."""
    return _milliseconds([took for at, took in visible if began <= at <= began + seconds])


def _milliseconds(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    ordered = sorted(seconds)
    found = {f"p{percent}": round(percentile(ordered, percent) * 1e3, 2) for percent in PERCENTS}
    return found | {"max": round(ordered[-1] * 1e3, 2)}


def phase_table(phases: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Load test: milliseconds from when a request was due until its answer", "phase", "request")
    for phase in phases:
        rows = [*phase["requests"].items()]
        for number, (name, heard) in enumerate(rows):
            table.add_row(
                phase["phase"] if not number else "", escape(name), *_cells(heard), end_section=number == len(rows) - 1
            )
    return table


def window_table(phase: Mapping[str, Any]) -> Table:
    table = _table(f"{phase['phase']}: {phase['title']}", "from second", "asked for")
    for window in phase["windows"]:
        table.add_row(f"{window['fromSeconds']:g}", f"{window['askedPerSecond'] or 0:,.0f}/s", *_cells(window))
    return table


def refusal_line(phase: Mapping[str, Any]) -> str:
    """A sentence or two on how a phase was refused, or that it was not."""
    refusal = phase["refusal"]
    if refusal is None:
        return f"{phase['phase']}: nothing was refused"
    reasons = ", ".join(f"{count:,} x {name}" for name, count in refusal["by"].items())
    low, high = refusal["retryAfterSeconds"]
    text = (
        f"{phase['phase']}: refused {reasons}, Retry-After {low:g} to {high:g} s; first after {refusal['firstAtSeconds']:g} s"
    )
    text += f" and {refusal['eventsAcceptedBefore']:,} events"
    if refusal["workersContinuedAtSeconds"] is not None:
        again = refusal["acceptedAfterSeconds"]
        text += f"; workers went on at {refusal['workersContinuedAtSeconds']:g} s, "
        text += "nothing was accepted again" if again is None else f"accepted again {again:g} s later"
    return text


def _table(title: str, *headings: str) -> Table:
    table = Table(*headings, title=title)
    for heading in ("accepted", "a second", "refused", "other errors", "p50", "p95", "p99", "max"):
        table.add_column(heading, justify="right")
    return table


def _cells(heard: Mapping[str, Any]) -> list[str]:
    latency = heard["latencyMs"] or {}
    counts = [f"{heard['accepted']:,}", f"{heard['acceptedPerSecond']:,.1f}", f"{heard['refused']:,}"]
    counts.append(f"{heard['failed'] + heard['unanswered']:,}")
    return counts + [f"{latency[name]:,.1f}" if latency else "" for name in ("p50", "p95", "p99", "max")]
