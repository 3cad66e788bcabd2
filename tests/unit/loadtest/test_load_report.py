"""What Locust's users saw, summed up by phase and name."""

from pathlib import Path

import pytest

from loadtest import load_plots, load_report
from loadtest.ledger import BEGAN, CONTINUED, ENDED, UNSENT, USERS, Entry, Mark
from loadtest.load_report import WINDOWS, Cpu
from loadtest.observation import Observed
from loadtest.phases import Kind, Phase

STEPS, START = "POST /v1/runs/[id]/steps", "POST /v1/runs"
STEADY = Phase("200/s", "steady", Kind.STEPS, 10.0, 20, 20)
RAMP = Phase("ramp", "ever more", Kind.STEPS, 12.0, 10, 130)
FLOOD = Phase("flood", "batches", Kind.FLOOD, 10.0, 6, 6)
WARM_UP = Phase("warm-up", "", Kind.MIX, 1.0, 1, 1, counts=False)


def entry(phase: Phase, at: float, status: int = 201, *, code: str = "", late: float = 0.0, seconds: float = 0.01) -> Entry:
    return Entry(phase.name, STEPS, at - late, at, seconds, status, code, 7.0 if status == 503 else 0.0, 1)


def marks(phase: Phase, *others: Mark) -> list[Mark]:
    return [Mark(BEGAN, phase.name, 100.0, 0.0), *others, Mark(ENDED, phase.name, 100.0 + phase.seconds, 0.0)]


def test_latency_of_what_was_late_counts_from_when_it_was_due() -> None:
    entries = [entry(STEADY, 100 + number / 10, late=0.5 if number == 99 else 0.0) for number in range(100)]
    (found,) = load_report.summaries([STEADY], entries, marks(STEADY), [])
    heard = found["requests"][STEPS]
    assert heard["latencyMs"] == pytest.approx({"p50": 10, "p95": 10, "p99": 10, "max": 510})
    assert heard["answerMs"]["max"] == pytest.approx(10)
    assert heard["acceptedPerSecond"] == 10


def test_names_and_outcomes_are_counted_apart() -> None:
    entries = [
        entry(STEADY, 101),
        entry(STEADY, 102, 503, code="overloaded"),
        entry(STEADY, 103, 0),
        entry(STEADY, 104, 500, code="internal_error"),
        entry(STEADY, 105)._replace(name=START),
    ]
    (found,) = load_report.summaries([STEADY], entries, marks(STEADY), [])
    steps = found["requests"][STEPS]
    assert [steps[name] for name in ("requests", "accepted", "refused", "unanswered", "failed")] == [4, 1, 1, 1, 1]
    assert steps["errors"] == {"503 overloaded": 1, "no answer": 1, "500 internal_error": 1}
    assert found["requests"][START]["accepted"] == 1
    assert found["all"]["requests"] == 5


def test_what_was_due_and_not_sent_is_told() -> None:
    late = (Mark(UNSENT, STEADY.name, 110.0, 3.0), Mark(UNSENT, STEADY.name, 110.0, 4.0))
    (found,) = load_report.summaries([STEADY], [entry(STEADY, 101)], marks(STEADY, *late), [])
    assert found["unsent"] == 7


def test_a_ramp_is_told_in_parts() -> None:
    entries = [entry(RAMP, 100 + number / 10) for number in range(120)]
    users = [Mark(USERS, RAMP.name, 100.0 + second, 10 + 10 * second) for second in range(12)]
    (found,) = load_report.summaries([RAMP], entries, marks(RAMP, *users), [])
    assert len(found["windows"]) == WINDOWS
    assert sum(window["accepted"] for window in found["windows"]) == 120
    assert [window["askedPerSecond"] for window in found["windows"]] == [100 + 100 * number for number in range(WINDOWS)]


def test_how_a_flood_was_refused() -> None:
    entries = [
        entry(FLOOD, 101),
        entry(FLOOD, 103, 503, code="overloaded"),
        entry(FLOOD, 105, 503, code="overloaded"),
        entry(FLOOD, 106.5),
    ]
    (found,) = load_report.summaries([FLOOD], entries, marks(FLOOD, Mark(CONTINUED, FLOOD.name, 104.5, 0.0)), [])
    assert found["refusal"] == {
        "by": {"503 overloaded": 2},
        "retryAfterSeconds": [7.0, 7.0],
        "firstAtSeconds": 3.0,
        "lastAtSeconds": 5.0,
        "eventsAcceptedBefore": 1,
        "workersContinuedAtSeconds": 4.5,
        "acceptedAfterSeconds": 2.0,
    }
    assert "503 overloaded" in load_report.refusal_line(found)


def test_cpu_is_that_of_the_phase() -> None:
    looks = [Cpu(at, {"ingest-api": (at - 90) / 2}) for at in (95.0, 101.0, 105.0, 109.0, 120.0)]
    (found,) = load_report.summaries([STEADY], [entry(STEADY, 101)], marks(STEADY), looks)
    assert found["cpu"] == {"ingest-api": 0.5}


def test_what_does_not_count_and_what_never_began_is_left_out() -> None:
    entries = [entry(WARM_UP, 100.5), entry(STEADY, 101)]
    found = load_report.summaries([WARM_UP, STEADY, RAMP], entries, [*marks(WARM_UP), *marks(STEADY)], [])
    assert [phase["phase"] for phase in found] == ["200/s"]


def test_tables_show_each_request_of_each_phase() -> None:
    entries = [entry(STEADY, 101), entry(STEADY, 102)._replace(name=START), entry(RAMP, 101)]
    found = load_report.summaries([STEADY, RAMP], entries, [*marks(STEADY), *marks(RAMP)], [])
    assert load_report.phase_table(found).row_count == 3
    assert load_report.window_table(found[1]).row_count == WINDOWS
    assert load_report.refusal_line(found[0]) == "200/s: nothing was refused"


def test_the_picture_shows_all_there_is(tmp_path: Path) -> None:
    path = tmp_path / "load.svg"
    entries = [entry(STEADY, 100 + number / 2, 503 if number > 15 else 201) for number in range(20)]
    looks = [Cpu(100.0 + at, {"locust": at, "worker-1": at / 2}) for at in (0, 5)]
    load_plots.draw(path, [STEADY], Observed(entries, marks(STEADY), looks, [(101.0, 5.0), (102.0, 9.0)], [(101.0, 0.03)]))
    text = path.read_text()
    for word in ("p99", "refused", "Backlog", "Accepted to visible", "worker-1"):
        assert word in text


def test_the_picture_of_a_stack_of_others_has_no_inside(tmp_path: Path) -> None:
    path = tmp_path / "load.svg"
    load_plots.draw(path, [STEADY], Observed([entry(STEADY, 101)], marks(STEADY)))
    assert "Backlog" not in path.read_text()
