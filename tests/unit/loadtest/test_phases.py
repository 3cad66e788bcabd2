"""The phases of the load test, as they are planned."""

import pytest

from loadtest import phases
from loadtest.phases import CONNECTIONS_MAX, Kind, Phase


def asked(phase: Phase, elapsed_seconds: float) -> float | None:
    return phase.asked(phase.users_at(elapsed_seconds))


def test_the_headline_case_is_in_the_plan() -> None:
    plan = {phase.name: phase for phase in phases.plan(60)}
    assert (asked(plan["200/s"], 0), asked(plan["200/s"], 60), plan["200/s"].seconds) == (200, 200, 60)
    assert asked(plan["1,000/s"], 5) == 1000
    assert plan["mix"].kind is Kind.MIX
    assert plan["ramp"].users_at(plan["ramp"].seconds) > CONNECTIONS_MAX
    assert plan["flood"].kind is Kind.FLOOD


def test_a_stack_of_others_is_not_flooded() -> None:
    assert all(phase.kind is not Kind.FLOOD for phase in phases.plan(60, flood=False))


def test_a_ramp_is_even_and_ends_where_it_is_told() -> None:
    ramp = Phase("ramp", "", Kind.STEPS, 10.0, 100, 200)
    assert [ramp.users_at(seconds) for seconds in (-1, 0, 5, 10, 99)] == [100, 100, 150, 200, 200]
    assert asked(ramp, 5) == 1500


def test_users_who_wait_for_answers_ask_for_no_rate() -> None:
    assert asked(Phase("mix", "", Kind.MIX, 10.0, 5, 5), 1) is None


@pytest.mark.parametrize("quick", [True, False])
def test_a_plan_goes_through_the_environment(quick: bool) -> None:
    plan = phases.plan(12.5, quick=quick)
    assert phases.load(phases.dump(plan)) == plan
