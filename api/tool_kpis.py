"""KPIs of steps, from the roll-ups: by tool and by model, the commonest errors, and histograms of durations.

Shapes and units as in `api.kpis`. Roll-ups of steps are by the hour.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from api.rollups import Agents, Histogram, fetch, mean_milliseconds, rows_of, share, snapshot
from api.state import AppState
from api.windows import Grain, Window, bucket_grain, bucket_starts
from db import queries
from events.histogram import lower_bound

TOOLS_MAX = 1000
"""Tools that an answer chooses from: those with most calls, and those with most failures."""

TOOL_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
BUCKET_PERCENTILES = {"p50": 0.5, "p95": 0.95}
LATENCY_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class ToolSort(StrEnum):
    """By what tools are sorted, the largest first."""

    SLOWEST = "slowest"
    FAILING = "failing"
    CALLS = "calls"


class ToolBucket(StrEnum):
    """How long the buckets of a time series of steps are."""

    HOUR = Grain.HOUR.value
    DAY = Grain.DAY.value


class Subject(StrEnum):
    """Whose durations a histogram is of."""

    RUN = "run"
    STEP = "step"


class Calls(NamedTuple):
    """Sums of steps, in the order of the statements."""

    calls: int = 0
    failed: int = 0
    timed: int = 0
    microseconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: float = 0.0

    def figures(self, percentiles: dict[str, float | None]) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "failures": self.failed,
            "failureRate": share(self.failed, self.calls),
            "durationMs": {"avg": mean_milliseconds(self.microseconds, self.timed), **percentiles},
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "costUsd": self.cost_nano_usd / 1e9,
        }


async def tools(
    state: AppState,
    project_id: int,
    agents: Agents,
    window: Window,
    *,
    sort: ToolSort = ToolSort.SLOWEST,
    limit: int = 50,
    top: int = 5,
    errors: int = 10,
) -> dict[str, Any]:
    """Tools, `limit` of them; the `top` that fail most; and the commonest `errors`."""
    covered = window.covered(Grain.HOUR)
    asked = rows_of(project_id, agents, covered.segments())
    async with snapshot(state) as cursor:
        rows = await fetch(cursor, queries.KPI_TOOLS, **asked, limit=TOOLS_MAX)
        sums = {name: Calls(*rest) for _, name, *rest in rows}
        most_failing = sorted(sums, key=lambda name: (-sums[name].failed, -sums[name].calls, name))
        most_called = sorted(sums, key=lambda name: (-sums[name].calls, name))
        chosen = {ToolSort.FAILING: most_failing[:limit], ToolSort.CALLS: most_called[:limit]}.get(sort, most_called)
        failing = [name for name in most_failing[:top] if sums[name].failed]
        durations: defaultdict[str, Histogram] = defaultdict(Histogram)
        for _, name, bins, counts in await fetch(
            cursor, queries.KPI_TOOL_LATENCIES, **asked, tool_names=list({*chosen, *failing}), bucket=None
        ):
            durations[name].add(bins, counts)
        common = await fetch(cursor, queries.KPI_ERRORS, **asked, limit=errors)
    # Thousands of tools take a second to merge, and the event loop has others to serve.
    listed = await asyncio.to_thread(_described, {*chosen, *failing}, sums, durations)
    if sort is ToolSort.SLOWEST:
        chosen = sorted(chosen, key=lambda name: (-(listed[name]["durationMs"]["p95"] or -1), name))[:limit]
    return {
        "window": window.described(covered),
        "tools": [listed[name] for name in chosen],
        "toolsLeftOut": (rows[0][0] if rows else 0) - len(chosen),
        "topFailing": [listed[name] for name in failing],
        "errors": [
            {"subject": subject, "toolName": name or None, "message": message, "count": count, "sampleRunId": run_id}
            for subject, name, message, count, run_id in common
        ],
    }


def _described(
    names: Iterable[str], sums: Mapping[str, Calls], durations: Mapping[str, Histogram]
) -> dict[str, dict[str, Any]]:
    return {
        name: {"toolName": name or None, **sums[name].figures(durations[name].percentiles(TOOL_PERCENTILES))} for name in names
    }


async def tool_timeseries(
    state: AppState, project_id: int, agents: Agents, window: Window, tool: str, bucket: ToolBucket | None = None
) -> dict[str, Any]:
    """The figures of one tool ('': of steps without one) in each bucket of time, also of those in which nothing happened.

    Raises:
        InvalidQuery: the buckets would be too many.
    """
    grain = bucket_grain(window, None if bucket is None else Grain(bucket))
    grain = Grain.HOUR if grain is Grain.MINUTE else grain
    covered = window.covered(Grain.HOUR)
    asked = rows_of(project_id, agents, covered.segments(grain)) | {"bucket": grain.value}
    async with snapshot(state) as cursor:
        rows = await fetch(cursor, queries.KPI_TOOL_BUCKETS, **asked, tool_name=tool)
        found = await fetch(cursor, queries.KPI_TOOL_LATENCIES, **asked, tool_names=[tool])
    sums = {start: Calls(*rest) for start, *rest in rows}
    durations: defaultdict[datetime, Histogram] = defaultdict(Histogram)
    for start, _, bins, counts in found:
        durations[start].add(bins, counts)
    # Of dozens of agents, as versions are, 2,000 hours take seconds to merge.
    listed = await asyncio.to_thread(_in_buckets, bucket_starts(covered, grain), sums, durations)
    return {"window": window.described(covered), "toolName": tool or None, "bucket": grain.value, "buckets": listed}


def _in_buckets(
    starts: Iterable[datetime], sums: Mapping[datetime, Calls], durations: Mapping[datetime, Histogram]
) -> list[dict[str, Any]]:
    nothing = Calls().figures(Histogram().percentiles(BUCKET_PERCENTILES))

    def figures(start: datetime) -> dict[str, Any]:
        if start not in sums:
            return nothing
        return sums[start].figures(durations[start].percentiles(BUCKET_PERCENTILES))

    return [{"start": start.isoformat(), **figures(start)} for start in starts]


async def models(state: AppState, project_id: int, agents: Agents, window: Window, *, limit: int = 50) -> dict[str, Any]:
    """Models, the one with most calls first; steps without a model are in none."""
    covered = window.covered(Grain.HOUR)
    async with snapshot(state) as cursor:
        rows = await fetch(cursor, queries.KPI_MODELS, **rows_of(project_id, agents, covered.segments()), limit=limit)
    return {
        "window": window.described(covered),
        "models": [{"model": name, **Calls(*sums).figures({})} for _, name, *sums in rows],
        "modelsLeftOut": (rows[0][0] if rows else 0) - len(rows),
    }


async def latency(
    state: AppState,
    project_id: int,
    agents: Agents,
    window: Window,
    *,
    subject: Subject = Subject.RUN,
    tool: str | None = None,
) -> dict[str, Any]:
    """The histogram of the durations of runs, or of steps; of those of one tool, if there is one ('': of none)."""
    subject = subject if tool is None else Subject.STEP
    covered = window.covered(Grain.MINUTE if subject is Subject.RUN else Grain.HOUR)
    asked = rows_of(project_id, agents, covered.segments())
    async with snapshot(state) as cursor:
        if tool is not None:
            rows = await fetch(cursor, queries.KPI_TOOL_LATENCIES, **asked, tool_names=[tool], bucket=None)
        else:
            periods = [0] * len(asked["grains"])
            rows = await fetch(cursor, queries.KPI_LATENCIES, **asked, periods=periods, subject=subject.value, bucket=None)
    durations = Histogram(row[-2:] for row in rows)
    bins, counts = durations.merged()
    return {
        "window": window.described(covered),
        "subject": subject.value,
        "toolName": tool,
        "total": sum(counts),
        "durationMs": durations.percentiles(LATENCY_PERCENTILES),
        "buckets": [
            {"fromMs": _bound(number), "toMs": _bound(number + 1), "count": count}
            for number, count in zip(bins, counts, strict=True)
            if count
        ],
    }


def _bound(number: int) -> float:
    return round(lower_bound(number) / 1000, 6)
