"""What roll-ups hold in memory is known, so that a recount of any size can hand it over in time."""

from events.records import StepRecord
from worker.rollups import MICROSECONDS_A_MINUTE, RollupDeltas
from worker.state import RunState

HOUR = 495_000 * 60


def deltas_of(steps: list[StepRecord]) -> RollupDeltas:
    run = RunState(1, "0" * 32, HOUR * MICROSECONDS_A_MINUTE)
    for step in steps:
        run.apply_step(step, run.accepted_at)
    deltas = RollupDeltas()
    deltas.settle(run)
    return deltas


def test_what_is_held_grows_with_all_that_is_remembered() -> None:
    tools, minutes = 50, 60
    steps = [
        StepRecord("0" * 32, f"{tool * minutes + minute:016x}", tool_name=f"tool {tool}", started_at=at, finished_at=at + 1)
        for tool in range(tools)
        for minute in range(minutes)
        for at in [(HOUR + minute) * MICROSECONDS_A_MINUTE]
    ]
    deltas = deltas_of(steps)
    assert (len(deltas.totals), len(deltas.tools)) == (minutes, tools)
    # A place for each tool in each minute is far more than the sums that these lead to.
    assert deltas.held >= tools * minutes


def test_a_step_that_changed_is_counted_once() -> None:
    at = HOUR * MICROSECONDS_A_MINUTE
    first = StepRecord("0" * 32, "0" * 16, tool_name="a", started_at=at, finished_at=at + 5_000, input_tokens=3)
    deltas = deltas_of([first, StepRecord("0" * 32, "0" * 16, input_tokens=4, cost_nano_usd=1)])
    assert [sum(counts.values()) for counts in deltas.latencies.values()] == [1]
    assert [sums[4:] for sums in deltas.tools.values()] == [[4, 0, 1]]
