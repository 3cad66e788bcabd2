"""A burst without servers: what is made beforehand, what is expected of it, and how it is shown."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.burst_bodies import Bodies, runs_of, shorten
from cli.burst_check import Kept, Totals, Verdict, expect
from cli.burst_report import Report
from cli.burst_view import Scene, Sparkline, line, live_view
from cli.burst_watch import Sample, growths, rate
from cli.main import app
from cli.sender import Tally
from events.simulation import SimulatedRun, Simulation

SAMPLES = [
    Sample(0.0, 0, 0, 0, None, 0, 0),
    Sample(0.5, 300, 200, 0, 100, 50, 40),
    Sample(1.0, 700, 600, 200, 300, 250, 230),
]


def scene(**changed: Any) -> Scene:
    values: dict[str, Any] = {
        "title": "burst of 1,000 events to http://127.0.0.1:8000",
        "events": 1000,
        "rows": 900,
        "now": SAMPLES[-1],
        "samples": SAMPLES,
        "stage": "sending",
        "latencies_ms": {"p50": 20.0, "p95": 1035.4, "p99": 12085.0},
        "sent_again": 3,
        "acknowledged_seconds": 1.0,
        "visible_seconds": 1.0,
    }
    return Scene(**values | changed)


def drawn(what: Any, width: int, **options: Any) -> str:
    console = Console(width=width, force_terminal=False, **options)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


@pytest.mark.parametrize("events", [1, 2, 3, 57, 1000])
def test_a_burst_has_exactly_so_many_events(events: int) -> None:
    runs = list(runs_of(Simulation(4), events))
    assert sum(len(run.events) for run in runs) == events
    assert len({run.id for run in runs}) == len(runs)
    for run in runs:
        whole: dict[str, Any] = {}
        for event in run.events:
            whole |= event if event["type"] == "run" else {}
        assert whole["status"] in ("SUCCESS", "FAILED"), "a run that is cut short has ended"


@pytest.mark.parametrize("events", range(1, 9))
def test_a_run_that_is_cut_short_counts_its_steps(events: int) -> None:
    run = Simulation(7, steps=20).run(0, datetime.now(UTC))
    short = shorten(run, events)
    ids = {event["id"] for event in short.events if event["type"] == "step"}
    assert (len(short.events), short.steps, expect(short).steps) == (events, len(ids), len(ids))
    assert {event["parentId"] for event in short.events if "parentId" in event} <= ids
    assert shorten(run, len(run.events)) is run


def test_bodies_are_read_as_they_were_made() -> None:
    steps: list[int] = []
    with Bodies() as bodies:
        bodies.fill(runs_of(Simulation(5), 500), 60, steps.append)
        batches = list(bodies.batches())
        again = list(bodies.batches())
    assert (bodies.events, sum(steps), sum(len(batch.body) for batch in batches)) == (500, 500, bodies.bytes)
    assert batches == again
    seen: Counter[str] = Counter()
    for batch in batches:
        events = json.loads(batch.body)
        assert len(events) == batch.events
        seen.update(event.get("runId", event["id"]) for event in events)
    assert list(bodies.expected) == [run_id for batch in batches for run_id in batch.run_ids]
    assert sum(seen.values()) == 500
    assert sum(run.steps for run in bodies.expected.values()) == sum(batch.steps for batch in batches)


@pytest.mark.parametrize(
    ("name", "value"),
    [("toolName", "other"), ("inputTokens", 1), ("startedAt", "2026-01-01T00:00:00+00:00"), ("id", "00000000000000ff")],
)
def test_a_change_of_a_step_changes_the_checksum(name: str, value: Any) -> None:
    run = Simulation(8, 0.0).run(0, datetime.now(UTC))
    before = expect(run)
    events = [dict(event) for event in run.events]
    next(event for event in events if event["type"] == "step")[name] = value
    after = expect(SimulatedRun(run.id, events, run.steps, run.failed))
    assert after.checksum != before.checksum


def test_totals_add_up_in_any_order() -> None:
    runs = {run.id: expect(run) for run in runs_of(Simulation(9), 200)}
    totals = Totals.of(runs)
    assert totals == Totals.of(dict(reversed(runs.items())))
    assert 0 <= totals.checksum < 2**64
    assert totals != Totals.of(dict(list(runs.items())[1:]))


def test_rates() -> None:
    assert rate(SAMPLES, lambda sample: sample.acknowledged) == 600
    assert rate(SAMPLES, lambda sample: sample.backlog) is None, "it was not known a second ago"
    assert growths(SAMPLES, lambda sample: sample.sent) == [600, 800]
    assert growths(SAMPLES, lambda sample: sample.backlog) == [0, 400]
    assert rate(SAMPLES[:1], lambda sample: sample.sent) == 0


@pytest.mark.parametrize("width", [80, 120])
def test_the_view_fits(width: int) -> None:
    shown = drawn(live_view(scene()), width)
    lines = shown.splitlines()
    assert {len(text) for text in lines} == {width}
    assert len(lines) < 24
    for text in ("700 events", "600 events", "230 rows", "p99 12085 ms", "3 requests", "sending, 1.0 s", "60 %"):
        assert text in shown
    assert "…" not in shown


def test_what_is_not_known_is_not_made_up() -> None:
    blind = [Sample(0.0), Sample(0.5, 300, 200)]
    shown = drawn(live_view(scene(rows=None, now=blind[-1], samples=blind)), 80)
    assert shown.count("unknown") == 3  # drained, backlog, visible
    assert "backlog unknown, drained unknown/s, visible unknown" in line(scene(rows=None, now=blind[-1], samples=blind))


@pytest.mark.parametrize(
    ("values", "wanted"), [([], "    "), ([0, 0], "    "), ([1, 800, 400], "▁█▄ "), ([9, 9, 1, 2, 3, 4], "▂▄▆█")]
)
def test_sparklines(values: list[float], wanted: str) -> None:
    assert drawn(Sparkline(values, "green"), 4).rstrip("\n") == wanted


def report(verdict: Verdict | None, failure: str | None = None) -> Report:
    tally = Tally(events=100, steps=80, run_ids=["a", "b"], sent_events=100, told_to_wait=2, refused_events=50)
    return Report(
        seed=1,
        events=100,
        bytes=1,
        preparing_seconds=0.1,
        tally=tally,
        acknowledged_seconds=2.0,
        visible_seconds=None,
        latencies_ms={},
        backlog_most=None,
        sending_cpu_seconds=0.1,
        verdict=verdict,
        failure=failure,
    )


def test_the_report_names_what_is_missing() -> None:
    right, wrong = Kept(4, 2**70), Kept(4, 7)
    runs = {f"run-{number}": right for number in range(6)}
    found = {"run-4": wrong, "run-5": right}
    verdict = Verdict(Totals.of(runs), Totals.of(found), [f"run-{number}" for number in range(4)], ["run-4"])
    told = report(verdict)
    shown = drawn(told.shown(), 100)
    assert not told.ok
    assert "NOT EQUAL" in shown
    assert "4 runs are missing: run-0, run-1, run-2, ..." in shown
    assert "1 runs are there with other steps or values: run-4" in shown
    described = told.described()
    assert described["check"]["missingRuns"] == 4
    assert described["check"]["firstDiffering"] == ["run-4"]
    assert described["refused"] == {"requests": 2, "events": 50}
    assert described["acknowledgedPerSecond"] == 50


def test_a_report_without_a_look_says_so() -> None:
    assert report(None).ok
    assert report(None).described()["check"] is None
    assert "not checked" in drawn(report(None).shown(), 80)
    assert not report(None, "interrupted").ok


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--burst", "10", "--runs", "5"], "--runs"),
        (["--burst", "10", "--rate", "5"], "--rate"),
        (["--no-check"], "--burst"),
    ],
)
def test_options_that_contradict_each_other(options: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["simulate", *options])
    assert done.exit_code == 1
    assert words in done.stderr
