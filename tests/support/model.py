"""What the pipeline must come to, written the plain way: one event after the other, no batches, sums over the final rows."""

import math
from collections import Counter, defaultdict
from typing import Any

from events.error_groups import identify
from events.records import AgentRef, CloseRecord, Record, RunRecord, StepRecord

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
        if isinstance(record, CloseRecord):
            self._close(run, record)
            return
        if run is None:
            run = self.runs[record.run_id] = {"status": "RUNNING", "accepted_at": accepted_at, "started_at": accepted_at}
            run["closed_as_stale"] = False
            if isinstance(record, StepRecord) and record.started_at is not None:
                run["started_at"] = record.started_at
        run["last_event_at"] = accepted_at
        if run["closed_as_stale"]:
            run |= {"closed_as_stale": False, "status": "RUNNING"}
            if run.pop("has_stale_error"):
                del run["error"]
        if isinstance(record, RunRecord):
            self._apply_run(run, record, accepted_at)
        else:
            self._apply_step(record, accepted_at)

    def _close(self, run: dict[str, Any] | None, record: CloseRecord) -> None:
        if run is None or run["status"] in TERMINAL or run["last_event_at"] > record.silent_since:
            return
        run |= {"closed_as_stale": True, "status": "FAILED", "has_stale_error": "error" not in run}
        if run["has_stale_error"]:
            run["error"] = bytes(record.error)

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
        """The roll-up tables by their keys, project left out; rows that come to nothing are left out."""
        sums = _Rollups()
        agent_of = {run_id: agent_ids[run["agent"]] if "agent" in run else 0 for run_id, run in self.runs.items()}
        for run_id, run in self.runs.items():
            _count_run(sums, agent_of[run_id], run)
        usage = self.counted_usage()
        for (run_id, step_id), step in self.steps.items():
            at = step.get("started_at", self.runs[run_id]["accepted_at"])
            counted = dict(zip(USAGE, usage.get((run_id, step_id), (0, 0, 0)), strict=True))
            _count_step(sums, agent_of[run_id], at, step, counted)
        return sums.found()


MICROSECONDS = {"minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000}
GRAINS_OF = {
    "rollup_totals": ("minute", "hour", "day"),
    "rollup_latencies": ("minute", "hour", "day"),
    "rollup_tools": ("hour", "day"),
    "rollup_errors": ("hour", "day"),
}
OUTCOMES = {"PENDING": "runs_pending", "SUCCESS": "runs_succeeded", "FAILED": "runs_failed", "CANCELLED": "runs_cancelled"}


class _Rollups:
    """Sums by grain, agent (and -1 for all agents) and start (microseconds since 1970)."""

    def __init__(self) -> None:
        self._tables: dict[str, defaultdict[tuple[Any, ...], Counter[Any]]] = {
            table: defaultdict(Counter) for table in GRAINS_OF
        }

    def add(
        self,
        table: str,
        at: int,
        agent_id: int,
        key: tuple[Any, ...],
        values: dict[Any, int],
        grains: tuple[str, ...] | None = None,
    ) -> None:
        for grain in grains or GRAINS_OF[table]:
            start = at - at % MICROSECONDS[grain]
            for agent in (agent_id, -1):
                self._tables[table][grain, agent, start, *key].update(values)

    def found(self) -> dict[str, dict[tuple[Any, ...], Any]]:
        return {
            table: {key: kept for key, sums in rows.items() if (kept := {name: value for name, value in sums.items() if value})}
            for table, rows in self._tables.items()
        }


def _count_run(sums: _Rollups, agent_id: int, run: dict[str, Any]) -> None:
    totals = {"runs": 1}
    if run["status"] in OUTCOMES:
        totals[OUTCOMES[run["status"]]] = 1
    duration = _duration(run)
    if duration is not None:
        totals |= {"runs_timed": 1, "run_microseconds": duration}
        sums.add("rollup_latencies", run["started_at"], agent_id, ("run", ""), {_bin(duration): 1})
    sums.add("rollup_totals", run["started_at"], agent_id, (), totals)
    if "error" in run:
        sums.add("rollup_errors", run["started_at"], agent_id, ("run", "", identify(run["error"]).id), {"count": 1})


def _count_step(sums: _Rollups, agent_id: int, at: int, step: dict[str, Any], usage: dict[str, int]) -> None:
    tool, failed, duration = step.get("tool_name", ""), int("error" in step), _duration(step)
    totals = {"steps": 1, "steps_failed": failed} | usage
    calls = {"calls": 1, "calls_failed": failed} | usage
    if duration is not None:
        totals |= {"steps_timed": 1, "step_microseconds": duration}
        calls |= {"calls_timed": 1, "microseconds": duration}
        sums.add("rollup_latencies", at, agent_id, ("step", tool), {_bin(duration): 1}, grains=("hour", "day"))
    sums.add("rollup_totals", at, agent_id, (), totals)
    sums.add("rollup_tools", at, agent_id, (tool, step.get("kind", ""), step.get("model", "")), calls)
    if failed:
        sums.add("rollup_errors", at, agent_id, ("step", tool, identify(step["error"]).id), {"count": 1})


def _present(record: Record, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(record, name)) is not None}


def _payloads(record: Record, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: bytes(value) for name in names if (value := getattr(record, name, b""))}


def _duration(timed: dict[str, Any]) -> int | None:
    if "started_at" not in timed or "finished_at" not in timed or timed["finished_at"] < timed["started_at"]:
        return None
    return timed["finished_at"] - timed["started_at"]


def _bin(microseconds: int) -> int:
    return int(math.log(microseconds) / math.log(1.02)) if microseconds > 0 else -1
