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
LatencyKey = tuple[int, int, int, str, str, int]
"""project, agent, minute (of a step: of the hour's start), 'run' or 'step', tool name, bin."""
ErrorKey = tuple[int, int, int, str, str, int]
"""project, agent, minute of the hour's start, 'run' or 'step', tool name, error group."""


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
        self.latencies: dict[LatencyKey, int] = {}
        self.errors: dict[ErrorKey, ErrorCount] = {}

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
            self._add_latency((run.project_id, agent_id, minute, "run", "", bin_of(duration)), sign)
        if error_id is not None:
            hour = minute - minute % MINUTES_AN_HOUR
            self._add_error((run.project_id, agent_id, hour, "run", "", error_id), run.id, sign)

    def _add_step(self, run: RunState, agent_id: int, step: StepSnapshot, sign: int) -> None:
        tool_name, kind, model, failed, error_id, started_at, finished_at, tokens_in, tokens_out, cost = step
        project_id = run.project_id
        minute = (run.accepted_at if started_at is None else started_at) // MICROSECONDS_A_MINUTE
        hour = minute - minute % MINUTES_AN_HOUR
        totals = self._totals((project_id, agent_id, minute))
        tool_key = (project_id, agent_id, hour, tool_name, kind, model)
        tool_sums = self.tools.get(tool_key)
        if tool_sums is None:
            tool_sums = self.tools[tool_key] = [0] * len(TOOL_TOTALS)
        totals[7] += sign
        tool_sums[0] += sign
        run.step_count += sign
        if failed:
            totals[8] += sign
            tool_sums[1] += sign
            run.error_count += sign
        if error_id is not None:
            self._add_error((project_id, agent_id, hour, "step", tool_name, error_id), run.id, sign)
        if started_at is not None and finished_at is not None and 0 <= finished_at - started_at <= DURATION_MAX:
            duration = finished_at - started_at
            totals[9] += sign
            totals[10] += sign * duration
            tool_sums[2] += sign
            tool_sums[3] += sign * duration
            self._add_latency((project_id, agent_id, hour, "step", tool_name, bin_of(duration)), sign)
        if tokens_in or tokens_out or cost:
            for sums, first in ((totals, 11), (tool_sums, 4)):
                sums[first] += sign * tokens_in
                sums[first + 1] += sign * tokens_out
                sums[first + 2] += sign * cost
            run.input_tokens += sign * tokens_in
            run.output_tokens += sign * tokens_out
            run.cost_nano_usd += sign * cost

    def _totals(self, key: TotalsKey) -> list[int]:
        sums = self.totals.get(key)
        if sums is None:
            sums = self.totals[key] = [0] * len(TOTALS)
        return sums

    def _add_latency(self, key: LatencyKey, sign: int) -> None:
        self.latencies[key] = self.latencies.get(key, 0) + sign

    def _add_error(self, key: ErrorKey, run_id: str, sign: int) -> None:
        known = self.errors.get(key)
        if known is None:
            known = self.errors[key] = ErrorCount(run_id)
        known.count += sign
        if sign > 0:
            known.run_id = run_id
