"""The made-up history: of the size that was asked for, the same each time, and some of it rare."""

from collections import Counter
from itertools import pairwise

from loadtest import corpus, history
from loadtest.history import DAYS, Cast, Part
from worker import rows
from worker.state import MICROSECONDS_A_DAY, RunState

ENDED_AT = 1_795_000_000_000_000
CAST = Cast(tuple((2 * number, 2 * number + 1) for number in range(history.AGENT_NAMES)), tuple(range(1, 50)))


def made(part: Part) -> list[RunState]:
    return list(history.runs_of(part, CAST, ENDED_AT))


def test_parts_cover_thirty_days_and_hold_every_run() -> None:
    parts = history.parts(54_321, ENDED_AT, long_steps=77)
    hours = [hour for part in parts[:-1] for hour in part.hours]
    assert sum(hour.runs for hour in hours) == 54_321
    assert (hours[0].began_at, hours[-1].ended_at) == (ENDED_AT - DAYS * MICROSECONDS_A_DAY, ENDED_AT)
    assert all(one.ended_at == other.began_at for one, other in pairwise(hours))
    for part in parts:
        assert {hour.began_at // MICROSECONDS_A_DAY for hour in part.hours} == {part.day}
        assert {(hour.ended_at - 1) // MICROSECONDS_A_DAY for hour in part.hours} == {part.day}
    assert parts[-1].long_steps == 77


def test_the_same_part_is_made_the_same() -> None:
    part = history.parts(3000, ENDED_AT, long_steps=0)[3]
    assert list(map(rows.run_row, made(part))) == list(map(rows.run_row, made(part)))


def test_runs_have_ten_steps_in_the_mean_and_lie_in_their_part() -> None:
    part = history.parts(30_000, ENDED_AT, long_steps=0)[7]
    runs = made(part)
    assert sum(len(run.touched) for run in runs) == 10 * len(runs)
    assert max(len(run.touched) for run in runs) == 20
    assert [run.started_at for run in runs] == sorted(run.started_at for run in runs)
    assert {run.day for run in runs} == {part.day}
    for run in runs:
        assert (run.finished_at is None) is (run.status in ("RUNNING", "PENDING"))
        assert (run.error_id is not None) is (run.status == "FAILED")


def test_some_agents_are_busy_and_most_are_quiet() -> None:
    runs = made(history.parts(90_000, ENDED_AT, long_steps=0)[9])
    counts = [count for _, count in Counter(run.agent_id for run in runs).most_common()]
    assert counts[0] > len(runs) / 3
    assert counts[len(counts) // 2] < len(runs) / 100


def test_a_tool_is_as_common_as_its_place_says() -> None:
    shares = [kind.share for kind in corpus.kinds() if kind.tool_name in corpus.TOOLS]
    assert shares == sorted(shares, reverse=True)
    assert 1 - (1 - shares[0]) ** history.STEPS_A_RUN > 0.55
    assert 0.5e-4 < 1 - (1 - shares[-1]) ** history.STEPS_A_RUN < 2e-4


def test_errors_are_of_a_dozen_groups() -> None:
    assert len({failure.group.id for failure in corpus.failures()}) == 12


def test_the_long_run_is_one() -> None:
    (run,) = made(history.parts(100, ENDED_AT, long_steps=500)[-1])
    assert len(run.touched) == 500
    assert len({step.index for step in run.touched.values()}) == 500
