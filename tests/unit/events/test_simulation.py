import statistics
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from events.ids import IdMint
from events.models import EventIn, RunEvent, StepEvent
from events.payloads import PayloadEncoder
from events.simulated_agents import AGENTS, QUESTIONS
from events.simulation import STEPS_MAX, STEPS_MEAN_MAX, SimulatedRun, Simulation

ENDED_AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
RUNS = 2000

_events: TypeAdapter[list[RunEvent | StepEvent]] = TypeAdapter(list[EventIn])

simulations = st.builds(
    Simulation,
    seed=st.integers(0, 2**63 - 1),
    error_rate=st.sampled_from([0, 0.5, 1]),
    steps=st.floats(1, 40),
)


def runs_of(simulation: Simulation, count: int = RUNS) -> list[SimulatedRun]:
    return [simulation.run(number, ENDED_AT) for number in range(count)]


def steps_of(run: SimulatedRun) -> dict[str, dict[str, Any]]:
    """Each step with the events that were sent of it put together."""
    steps: dict[str, dict[str, Any]] = {}
    for event in run.events:
        if event["type"] == "step":
            steps.setdefault(event["id"], {}).update(event)
    return steps


@pytest.fixture(scope="module")
def many() -> list[SimulatedRun]:
    return runs_of(Simulation(5, error_rate=0.2, steps=9.0))


@given(simulations, st.integers(0, 100_000))
def test_the_public_api_takes_every_event(simulation: Simulation, number: int) -> None:
    run = simulation.run(number, ENDED_AT)
    for event in _events.validate_python(run.events):
        event.to_record(IdMint(), PayloadEncoder(1 << 20))


@given(simulations, st.integers(0, 100_000))
def test_a_run_depends_on_seed_and_number_alone(simulation: Simulation, number: int) -> None:
    again = Simulation(simulation.seed, simulation.error_rate, simulation.steps)
    assert again.run(number, ENDED_AT) == simulation.run(number, ENDED_AT)


@given(simulations, st.integers(0, 100_000))
def test_events_come_in_the_order_of_the_agent(simulation: Simulation, number: int) -> None:
    run = simulation.run(number, ENDED_AT)
    start, *steps, end = run.events
    assert (start["type"], start["id"], start["status"]) == ("run", run.id, "RUNNING")
    assert start["agent"]["name"]
    assert (end["type"], end["id"], end["status"]) == ("run", run.id, "FAILED" if run.failed else "SUCCESS")
    assert end["finishedAt"] == ENDED_AT.isoformat()
    begun: set[str] = set()
    for step in steps:
        assert step["runId"] == run.id
        assert step.get("parentId") is None or step["parentId"] in begun
        begun.add(step["id"])
    assert run.steps == len(begun) <= STEPS_MAX


@given(simulations, st.integers(0, 100_000))
def test_steps_lie_within_their_parents(simulation: Simulation, number: int) -> None:
    run = simulation.run(number, ENDED_AT)
    steps = steps_of(run)
    for step in steps.values():
        around = steps[step["parentId"]] if "parentId" in step else {**run.events[-1], **run.events[0]}
        times = [around["startedAt"], step["startedAt"], step["finishedAt"], around["finishedAt"]]
        assert times == sorted(times, key=datetime.fromisoformat)
        assert "parentId" not in step or around["kind"] == "AGENT"


@given(simulations, st.integers(0, 100_000))
def test_a_failing_step_fails_its_run_and_those_above_it(simulation: Simulation, number: int) -> None:
    run = simulation.run(number, ENDED_AT)
    steps = steps_of(run)
    failed = {step_id for step_id, step in steps.items() if "error" in step}
    if not run.failed:
        assert not failed
        assert "error" not in run.events[-1]
        return
    error = run.events[-1]["error"]
    assert error["message"]
    assert error["stack"].endswith(f"{error['type']}: {error['message']}")
    culprit = max((steps[step_id] for step_id in failed if steps[step_id]["kind"] != "AGENT"), key=lambda s: s["startedAt"])
    assert culprit["error"] == error
    assert "output" not in culprit
    chain = {culprit["id"]}
    while "parentId" in culprit:
        culprit = steps[culprit["parentId"]]
        chain.add(culprit["id"])
    assert failed == chain


def test_runs_and_steps_have_ids_of_their_own(many: list[SimulatedRun]) -> None:
    assert len({run.id for run in many}) == RUNS
    assert len({step_id for run in many for step_id in steps_of(run)}) == sum(run.steps for run in many)
    assert {run.id for run in many}.isdisjoint(run.id for run in runs_of(Simulation(6), 100))


def test_means_are_what_was_asked_for(many: list[SimulatedRun]) -> None:
    assert statistics.mean(run.steps for run in many) == pytest.approx(9.0, rel=0.05)
    assert statistics.mean(run.failed for run in many) == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("steps", [1.0, 1.5, float(STEPS_MEAN_MAX)])
def test_means_at_the_ends(steps: float) -> None:
    counts = [run.steps for run in runs_of(Simulation(8, steps=steps), 300)]
    assert statistics.mean(counts) == pytest.approx(steps, rel=0.15)
    assert max(counts) <= STEPS_MAX


def test_agents_are_many_and_each_has_several_tools(many: list[SimulatedRun]) -> None:
    tools: dict[str, set[str]] = {}
    for run in many:
        tools.setdefault(run.events[0]["agent"]["name"], set()).update(step["toolName"] for step in steps_of(run).values())
    assert tools.keys() == {agent.name for agent in AGENTS} == QUESTIONS.keys()
    assert all(len(names) >= 3 for names in tools.values())


def depth(step: dict[str, Any], steps: dict[str, dict[str, Any]]) -> int:
    return 1 + depth(steps[step["parentId"]], steps) if "parentId" in step else 0


def test_sub_agents_have_sub_agents(many: list[SimulatedRun]) -> None:
    trees = [steps_of(run) for run in many]
    assert {depth(step, steps) for steps in trees for step in steps.values()} == {0, 1, 2}


def test_model_calls_have_usage_and_failures_are_of_many_kinds(many: list[SimulatedRun]) -> None:
    steps = [step for run in many for step in steps_of(run).values()]
    calls = [step for step in steps if step["kind"] == "LLM"]
    assert len({call["model"] for call in calls}) >= 3
    assert all(call["inputTokens"] > 0 and call["costUsd"] > 0 for call in calls)
    assert all(call["outputTokens"] > 0 for call in calls if "error" not in call)
    assert len({step["error"]["type"] for step in steps if "error" in step}) >= 5


def test_latencies_are_skewed(many: list[SimulatedRun]) -> None:
    durations = [
        (datetime.fromisoformat(step["finishedAt"]) - datetime.fromisoformat(step["startedAt"])).total_seconds()
        for run in many
        for step in steps_of(run).values()
        if step["kind"] != "AGENT"
    ]
    assert min(durations) > 0
    assert statistics.mean(durations) > 1.3 * statistics.median(durations)


def test_some_runs_have_metrics_and_some_steps_artifacts(many: list[SimulatedRun]) -> None:
    metrics = [metric for run in many for metric in run.events[-1].get("metrics", ())]
    artifacts = [artifact for run in many for step in steps_of(run).values() for artifact in step.get("artifacts", ())]
    assert {metric["name"] for metric in metrics} == {"answer_quality", "user_rating"}
    assert {"url" in artifact for artifact in artifacts} == {True, False}
    identities = [item["id"] for item in (*metrics, *artifacts)]
    assert len(set(identities)) == len(identities)
