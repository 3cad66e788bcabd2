"""Roll-ups: sums that answer questions about all runs without reading them.

A row of `runs` or `steps` contributes to them what a function of that row says, so a batch adds, for every row it changes,
its contribution after less its contribution before; and the roll-ups are at any time the sum over all rows.
"""

import math

from worker.state import RunSnapshot, RunState, StepSnapshot

MICROSECONDS_A_MINUTE = 60 * 1_000_000
MICROSECONDS_AN_HOUR = 3600 * 1_000_000

BIN_GROWTH = 1.02
"""Each bin of a latency histogram is 2 % wider than the one before, so its middle is at most 1 % off."""

_BINS_AN_E = 1 / math.log(BIN_GROWTH)

DURATION_MAX = 366 * 24 * MICROSECONDS_AN_HOUR
"""A longer one is of a clock that was not set; it is not counted, as a few thousand of those would be too much for a sum."""

MINUTE_SUMS = 13
TOOL_SUMS = 7

MinuteKey = tuple[int, int, int]
"""project, minute since 1970, agent."""
ToolKey = tuple[int, int, int, str, str, str]
"""project, hour since 1970, agent, tool name, kind, model."""
LatencyKey = tuple[int, int, int, str, str, int]
"""project, hour since 1970, agent, 'run' or 'step', tool name, bin."""


def latency_bin(microseconds: int) -> int:
    """The histogram bin of a duration; anything under a microsecond is in bin 0."""
    return int(math.log(microseconds) * _BINS_AN_E) if microseconds > 1 else 0


class RollupDeltas:
    """What a batch adds to the roll-ups."""

    def __init__(self) -> None:
        self.minutes: dict[MinuteKey, list[int]] = {}
        self.tools: dict[ToolKey, list[int]] = {}
        self.latencies: dict[LatencyKey, int] = {}

    def settle(self, run: RunState) -> RunState:
        """Counts a run and its touched steps, and brings the run's own totals up to date. Gives the run back."""
        before, after = run.before, run.snapshot()
        if before != after:
            if before is not None:
                self._add_run(run.project_id, before, -1)
            self._add_run(run.project_id, after, 1)
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

    def _add_run(self, project_id: int, run: RunSnapshot, sign: int) -> None:
        agent_id, status, started_at, finished_at = run
        sums = self._minute((project_id, started_at // MICROSECONDS_A_MINUTE, agent_id))
        sums[0] += sign
        if status == "SUCCESS":
            sums[1] += sign
        elif status == "FAILED":
            sums[2] += sign
        elif status == "CANCELLED":
            sums[3] += sign
        if finished_at is not None and 0 <= finished_at - started_at <= DURATION_MAX:
            duration = finished_at - started_at
            sums[4] += sign
            sums[5] += sign * duration
            hour = started_at // MICROSECONDS_AN_HOUR
            self._add_latency((project_id, hour, agent_id, "run", "", latency_bin(duration)), sign)

    def _add_step(self, run: RunState, agent_id: int, step: StepSnapshot, sign: int) -> None:
        tool_name, kind, model, failed, started_at, finished_at, tokens_in, tokens_out, cost = step
        project_id = run.project_id
        at = run.accepted_at if started_at is None else started_at
        hour = at // MICROSECONDS_AN_HOUR
        minute_sums = self._minute((project_id, at // MICROSECONDS_A_MINUTE, agent_id))
        tool_key = (project_id, hour, agent_id, tool_name, kind, model)
        tool_sums = self.tools.get(tool_key)
        if tool_sums is None:
            tool_sums = self.tools[tool_key] = [0] * TOOL_SUMS
        minute_sums[6] += sign
        tool_sums[0] += sign
        run.step_count += sign
        if failed:
            minute_sums[7] += sign
            tool_sums[1] += sign
            run.error_count += sign
        if started_at is not None and finished_at is not None and 0 <= finished_at - started_at <= DURATION_MAX:
            duration = finished_at - started_at
            minute_sums[8] += sign
            minute_sums[9] += sign * duration
            tool_sums[2] += sign
            tool_sums[3] += sign * duration
            self._add_latency((project_id, hour, agent_id, "step", tool_name, latency_bin(duration)), sign)
        if tokens_in or tokens_out or cost:
            for sums, first in ((minute_sums, 10), (tool_sums, 4)):
                sums[first] += sign * tokens_in
                sums[first + 1] += sign * tokens_out
                sums[first + 2] += sign * cost
            run.input_tokens += sign * tokens_in
            run.output_tokens += sign * tokens_out
            run.cost_nano_usd += sign * cost

    def _minute(self, key: MinuteKey) -> list[int]:
        sums = self.minutes.get(key)
        if sums is None:
            sums = self.minutes[key] = [0] * MINUTE_SUMS
        return sums

    def _add_latency(self, key: LatencyKey, sign: int) -> None:
        self.latencies[key] = self.latencies.get(key, 0) + sign
