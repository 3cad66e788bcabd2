"""The picture of a load test: what its users saw and what the stack did, over the seconds since the load began."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from loadtest import ledger, load_report, plots
from loadtest.figures import percentile
from loadtest.ledger import Entry, Mark
from loadtest.load_report import PERCENTS, Cpu
from loadtest.observation import Observed
from loadtest.phases import Phase
from loadtest.plots import Line, Panel

SINGLE_EVENTS_MAX = 1
Points = list[tuple[float, float]]


def draw(path: Path, plan: Sequence[Phase], observed: Observed) -> None:
    entries, marks = observed.entries, observed.marks
    began = min((mark.at for mark in marks), default=0.0)
    panels = [
        Panel(
            "Single requests, from when they were due until their answer", "ms", _latencies(entries, began), logarithmic=True
        ),
        Panel("Requests", "a second", _rates(plan, entries, marks, began)),
        Panel("Events accepted", "a second", [Line("events", _a_second(entries, began, _accepted_events))]),
    ]
    if observed.visible:
        shown = [(at - began, seconds * 1e3) for at, seconds in observed.visible if at >= began]
        panels.append(Panel("Accepted to visible", "ms", [Line("each probe", shown)], logarithmic=True))
    if observed.backlog:
        waiting = [(at - began, events) for at, events in observed.backlog if at >= began]
        panels.append(Panel("Backlog", "events", [Line("backlog", waiting)]))
    if observed.cpu:
        panels.append(Panel("CPU, of one", "%", _cpu_lines(observed.cpu, began)))
    title = "Load test: " + ", ".join(f"{phase.name} from {at:.0f} s" for phase, at in _begins(plan, marks, began))
    plots.draw(path, title, panels, "seconds since the load began")


def _begins(plan: Sequence[Phase], marks: Sequence[Mark], began: float) -> list[tuple[Phase, float]]:
    by_name = {mark.phase: mark.at - began for mark in marks if mark.what == ledger.BEGAN}
    return [(phase, by_name[phase.name]) for phase in plan if phase.counts and phase.name in by_name]


def _latencies(entries: Sequence[Entry], began: float) -> list[Line]:
    accepted: dict[int, list[float]] = defaultdict(list)
    refused: dict[int, list[float]] = defaultdict(list)
    for entry in entries:
        if entry.events == SINGLE_EVENTS_MAX and (entry.accepted or entry.refused):
            second = int(entry.sent_at + entry.seconds - began)
            (accepted if entry.accepted else refused)[second].append(entry.latency_seconds)
    lines = [Line(f"p{percent}", _percentiles(accepted, percent)) for percent in PERCENTS]
    return lines + [Line("refusals, p50", _percentiles(refused, 50), marks=True)] * bool(refused)


def _percentiles(by_second: Mapping[int, Sequence[float]], percent: float) -> Points:
    return [(second + 0.5, percentile(by_second[second], percent) * 1e3) for second in sorted(by_second)]


def _rates(plan: Sequence[Phase], entries: Sequence[Entry], marks: Sequence[Mark], began: float) -> list[Line]:
    asked: Points = []
    for phase, _ in _begins(plan, marks, began):
        own = [mark for mark in marks if mark.phase == phase.name]
        changes = [(at - began, phase.asked(users)) for at, users in load_report.users_of(own)]
        ended = next((mark.at - began for mark in own if mark.what == ledger.ENDED), None)
        if phase.asked(1) is None or not changes or ended is None:
            continue
        for (at, rate), (until, _) in pairwise([*changes, (ended, None)]):
            asked += [(at, rate or 0.0), (until, rate or 0.0)]
        asked.append((ended, float("nan")))  # a gap
    return [
        Line("asked for", asked),
        Line("accepted", _a_second(entries, began, lambda entry: entry.accepted)),
        Line("refused", _a_second(entries, began, lambda entry: entry.refused)),
    ]


def _accepted_events(entry: Entry) -> int:
    return entry.events if entry.accepted else 0


def _a_second(entries: Sequence[Entry], began: float, weight: Callable[[Entry], int]) -> Points:
    sums: dict[int, int] = defaultdict(int)
    for entry in entries:
        sums[int(entry.sent_at + entry.seconds - began)] += weight(entry)
    return [(second + 0.5, sums.get(second, 0)) for second in range(max(sums, default=0) + 1)]


def _cpu_lines(cpu: Sequence[Cpu], began: float) -> list[Line]:
    points: dict[str, Points] = defaultdict(list)
    for before, after in pairwise(look for look in cpu if look.at >= began):
        for part, used in after.seconds.items():
            share = (used - before.seconds.get(part, used)) / (after.at - before.at)
            points[part].append((after.at - began, 100 * share))
    return [Line(part, found) for part, found in points.items()]
