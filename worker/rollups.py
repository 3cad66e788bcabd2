"""Roll-ups: sums that answer questions about all runs without reading them.

A row of `runs` or `steps` contributes to them what a function of that row says, so a batch adds, for every row it changes,
its contribution after less its contribution before; and the roll-ups are the sum over all rows once the fold has added what
batches left for it.
"""

from dataclasses import dataclass

from db.rollups import TOOL_TOTALS, TOTALS
from events.histogram import bin_of
from worker.state import RunSnapshot, RunState, StepSnapshot, StepState

MICROSECONDS_A_MINUTE = 60 * 1_000_000
MINUTES_AN_HOUR = 60

DURATION_MAX = 366 * 24 * 60 * MICROSECONDS_A_MINUTE
"""A longer one is of a clock that was not set; it is not counted."""

TotalsKey = tuple[int, int, int]
"""project, agent, minute since 1970."""
ToolKey = tuple[int, int, int, str, str, str]
"""project, agent, minute of the hour's start, tool name, kind, model."""
LatencyKey = tuple[int, int, int, str, str]
"""project, agent, minute (of a step: of the hour's start), 'run' or 'step', tool name."""
ErrorKey = tuple[int, int, int, str, str, int]
"""project, agent, minute of the hour's start, 'run' or 'step', tool name, error group."""
PlaceKey = tuple[int, int, int, str, str, str]
"""project, agent, minute since 1970, tool name, kind, model."""
Place = tuple[list[int], list[int], dict[int, int]]
"""Where steps of one key count: sums as in `TOTALS`, as in `TOOL_TOTALS`, and a histogram."""

_OUTCOMES = {"PENDING": 1, "SUCCESS": 2, "FAILED": 3, "CANCELLED": 4}
"""Where in `TOTALS` runs of a status are counted; those that are RUNNING are what is left."""


@dataclass(slots=True)
class ErrorCount:
    run_id: str
    """The latest run that had it."""
    count: int = 0


class RollupDeltas:
    """What a batch adds to the roll-ups."""

    def __init__(self) -> None:
        self.totals: dict[TotalsKey, list[int]] = {}
        """Sums as in `TOTALS`."""
        self.tools: dict[ToolKey, list[int]] = {}
        """Sums as in `TOOL_TOTALS`."""
        self.latencies: dict[LatencyKey, dict[int, int]] = {}
        """Counts by bin."""
        self._bins = 0
        self.errors: dict[ErrorKey, ErrorCount] = {}
        self._places: dict[PlaceKey, Place] = {}

    @property
    def held(self) -> int:
        """How many sums there are, with the places that are remembered for them."""
        return len(self.totals) + len(self.tools) + self._bins + len(self.errors) + len(self._places)

    def settle(self, run: RunState) -> RunState:
        """Counts a run and its touched steps, and brings the run's own totals up to date. Gives the run back."""
        before, after = run.before, run.snapshot()
        if before != after:
            if before is not None:
                self._add_run(run, before, -1)
            self._add_run(run, after, 1)
        agent_before = before[0] if before is not None else 0
        steps = run.touched.values()
        if before is not None and agent_before != after[0]:
            steps = run.steps.values()  # all of them: their counts move to the other agent
        for step in steps:
            old, new = step.before, step.snapshot()
            if old is not None:
                if old == new and agent_before == after[0]:
                    continue
                self._add_step(run, agent_before, old, -1)
            self._add_step(run, after[0], new, 1)
        return run

    def take_run(self, run: RunState) -> None:
        """Takes back what a run, as it is in the database, was counted as; its steps are taken one by one."""
        if run.before is not None:
            self._add_run(run, run.before, -1)

    def take_step(self, run: RunState, step: StepState) -> None:
        """The same of one of its steps."""
        if step.before is not None:
            self._add_step(run, run.agent_id or 0, step.before, -1)

    def _add_run(self, run: RunState, counted: RunSnapshot, sign: int) -> None:
        agent_id, status, started_at, finished_at, error_id = counted
        minute = started_at // MICROSECONDS_A_MINUTE
        sums = self._totals((run.project_id, agent_id, minute))
        sums[0] += sign
        if status in _OUTCOMES:
            sums[_OUTCOMES[status]] += sign
        if finished_at is not None and 0 <= finished_at - started_at <= DURATION_MAX:
            duration = finished_at - started_at
            sums[5] += sign
            sums[6] += sign * duration
            counts = self._latencies((run.project_id, agent_id, minute, "run", ""))
            number = bin_of(duration)
            self._bins += number not in counts
            counts[number] = counts.get(number, 0) + sign
        if error_id is not None:
            hour = minute - minute % MINUTES_AN_HOUR
            self._add_error((run.project_id, agent_id, hour, "run", "", error_id), run.id, sign)

    def _add_step(self, run: RunState, agent_id: int, step: StepSnapshot, sign: int) -> None:
        tool_name, kind, model, failed, error_id, started_at, finished_at, tokens_in, tokens_out, cost = step
        minute = (run.accepted_at if started_at is None else started_at) // MICROSECONDS_A_MINUTE
        key = (run.project_id, agent_id, minute, tool_name, kind, model)
        totals, tool_sums, latencies = self._places.get(key) or self._find_place(key)
        totals[7] += sign
        tool_sums[0] += sign
        run.step_count += sign
        if failed:
            totals[8] += sign
            tool_sums[1] += sign
            run.error_count += sign
        if error_id is not None:
            hour = minute - minute % MINUTES_AN_HOUR
            self._add_error((run.project_id, agent_id, hour, "step", tool_name, error_id), run.id, sign)
        if started_at is not None and finished_at is not None and 0 <= finished_at - started_at <= DURATION_MAX:
            duration = finished_at - started_at
            totals[9] += sign
            totals[10] += sign * duration
            tool_sums[2] += sign
            tool_sums[3] += sign * duration
            number = bin_of(duration)
            if number in latencies:
                latencies[number] += sign
            else:
                self._bins += 1
                latencies[number] = sign
        if tokens_in or tokens_out or cost:
            tokens_in, tokens_out, cost = sign * tokens_in, sign * tokens_out, sign * cost
            totals[11] += tokens_in
            totals[12] += tokens_out
            totals[13] += cost
            tool_sums[4] += tokens_in
            tool_sums[5] += tokens_out
            tool_sums[6] += cost
            run.input_tokens += tokens_in
            run.output_tokens += tokens_out
            run.cost_nano_usd += cost

    def _find_place(self, key: PlaceKey) -> Place:
        project_id, agent_id, minute, tool_name, kind, model = key
        hour = minute - minute % MINUTES_AN_HOUR
        tool_key = (project_id, agent_id, hour, tool_name, kind, model)
        tool_sums = self.tools.get(tool_key)
        if tool_sums is None:
            tool_sums = self.tools[tool_key] = [0] * len(TOOL_TOTALS)
        totals = self._totals((project_id, agent_id, minute))
        latencies = self._latencies((project_id, agent_id, hour, "step", tool_name))
        place = self._places[key] = (totals, tool_sums, latencies)
        return place

    def _totals(self, key: TotalsKey) -> list[int]:
        sums = self.totals.get(key)
        if sums is None:
            sums = self.totals[key] = [0] * len(TOTALS)
        return sums

    def _latencies(self, key: LatencyKey) -> dict[int, int]:
        counts = self.latencies.get(key)
        if counts is None:
            counts = self.latencies[key] = {}
        return counts

    def _add_error(self, key: ErrorKey, run_id: str, sign: int) -> None:
        known = self.errors.get(key)
        if known is None:
            known = self.errors[key] = ErrorCount(run_id)
        known.count += sign
        if sign > 0:
            known.run_id = run_id
