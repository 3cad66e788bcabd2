"""What the pipeline must come to, written the plain way: one event after the other, no batches, sums over the final rows."""

import math
from collections import Counter, defaultdict
from typing import Any

from events.records import AgentRef, Record, RunRecord, StepRecord

TERMINAL = {"SUCCESS", "FAILED", "CANCELLED"}
RUN_FIELDS = ("user_id", "session_id", "name", "started_at", "finished_at")
STEP_FIELDS = (
    *("parent_id", "index", "tool_name", "name", "kind", "model", "started_at", "finished_at"),
    *("input_tokens", "output_tokens", "cost_nano_usd"),
)
USAGE = ("input_tokens", "output_tokens", "cost_nano_usd")
PAYLOADS = ("input", "output", "error", "attributes")


class Model:
    """Runs and steps by their ids, as dicts of what is known of them."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.steps: dict[tuple[str, str], dict[str, Any]] = {}
        self.metrics: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.artifacts: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._next_index: Counter[str] = Counter()

    def apply(self, record: Record, accepted_at: int) -> None:
        run = self.runs.get(record.run_id)
        if run is None:
            run = self.runs[record.run_id] = {"status": "RUNNING", "accepted_at": accepted_at, "started_at": accepted_at}
            if isinstance(record, StepRecord) and record.started_at is not None:
                run["started_at"] = record.started_at
        if isinstance(record, RunRecord):
            self._apply_run(run, record, accepted_at)
        else:
            self._apply_step(record, accepted_at)

    def _apply_run(self, run: dict[str, Any], record: RunRecord, accepted_at: int) -> None:
        run |= _present(record, RUN_FIELDS) | _payloads(record, (*PAYLOADS, "tags"))
        if record.agent is not None:
            run["agent"] = record.agent
        if record.status is not None and not (run["status"] in TERMINAL and record.status not in TERMINAL):
            run["status"] = record.status
        for metric in record.metrics:
            self.metrics[record.id, metric.id] = (metric.name, metric.value, accepted_at)

    def _apply_step(self, record: StepRecord, accepted_at: int) -> None:
        key = (record.run_id, record.id)
        if key not in self.steps:
            self.steps[key] = {"index": self._next_index[record.run_id] if record.index is None else record.index}
        self.steps[key] |= _present(record, STEP_FIELDS) | _payloads(record, PAYLOADS)
        self._next_index[record.run_id] = max(self._next_index[record.run_id], self.steps[key]["index"] + 1)
        for artifact in record.artifacts:
            self.artifacts[record.run_id, artifact.id] = (record.id, artifact.type, artifact.url, accepted_at)

    def counted_usage(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """The usage of each step that has no step with usage anywhere below it."""
        with_usage = {key for key, step in self.steps.items() if any(name in step for name in USAGE)}
        above = set()
        for run_id, step_id in with_usage:
            parent = self.steps[run_id, step_id].get("parent_id")
            while parent is not None:
                above.add((run_id, parent))
                parent = self.steps.get((run_id, parent), {}).get("parent_id")
        return {
            key: tuple(self.steps[key].get(name, 0) for name in USAGE)  # type: ignore[misc]
            for key in with_usage - above
        }

    def rollups(self, agent_ids: dict[AgentRef, int]) -> dict[str, dict[tuple[Any, ...], Any]]:
        """The three roll-up tables by their keys, shard left out."""
        minutes: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        tools: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        latencies: Counter[tuple[Any, ...]] = Counter()
        agent_of = {run_id: agent_ids[run["agent"]] if "agent" in run else 0 for run_id, run in self.runs.items()}
        for run_id, run in self.runs.items():
            sums = minutes[run["started_at"] // 60_000_000, agent_of[run_id]]
            sums["runs"] += 1
            outcome = {"SUCCESS": "runs_succeeded", "FAILED": "runs_failed", "CANCELLED": "runs_cancelled"}.get(run["status"])
            if outcome:
                sums[outcome] += 1
            duration = _duration(run)
            if duration is not None:
                sums["runs_timed"] += 1
                sums["run_microseconds"] += duration
                latencies[run["started_at"] // 3_600_000_000, agent_of[run_id], "run", "", _bin(duration)] += 1
        usage = self.counted_usage()
        for (run_id, step_id), step in self.steps.items():
            at = step.get("started_at", self.runs[run_id]["accepted_at"])
            minute_sums = minutes[at // 60_000_000, agent_of[run_id]]
            hour = at // 3_600_000_000
            tool = step.get("tool_name", "")
            tool_sums = tools[hour, agent_of[run_id], tool, step.get("kind", ""), step.get("model", "")]
            duration = _duration(step)
            minute_sums["steps"] += 1
            tool_sums["calls"] += 1
            if "error" in step:
                minute_sums["steps_failed"] += 1
                tool_sums["calls_failed"] += 1
            if duration is not None:
                minute_sums["steps_timed"] += 1
                tool_sums["calls_timed"] += 1
                minute_sums["step_microseconds"] += duration
                tool_sums["microseconds"] += duration
                latencies[hour, agent_of[run_id], "step", tool, _bin(duration)] += 1
            for name, value in zip(USAGE, usage.get((run_id, step_id), (0, 0, 0)), strict=True):
                minute_sums[name] += value
                tool_sums[name] += value
        return {
            "rollup_minutes": {key: {n: v for n, v in sums.items() if v} for key, sums in minutes.items()},
            "rollup_tools": {key: {n: v for n, v in sums.items() if v} for key, sums in tools.items()},
            "rollup_latencies": dict(latencies),
        }


def _present(record: Record, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(record, name)) is not None}


def _payloads(record: Record, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: bytes(value) for name in names if (value := getattr(record, name, b""))}


def _duration(timed: dict[str, Any]) -> int | None:
    if "started_at" not in timed or "finished_at" not in timed or timed["finished_at"] < timed["started_at"]:
        return None
    return timed["finished_at"] - timed["started_at"]


def _bin(microseconds: int) -> int:
    return int(math.log(microseconds) / math.log(1.02)) if microseconds > 1 else 0
