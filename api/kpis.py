"""KPIs of runs, from the roll-ups: the same speed for a thousand runs and for a hundred million.

Each function answers with what becomes the JSON of a response: durations in milliseconds, cost in USD, shares from 0 to 1, and
None where there is nothing to divide by.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from api.rollups import Agents, Histogram, fetch, mean_milliseconds, rows_of, share, snapshot
from api.state import AppState
from api.windows import Grain, Window, bucket_grain, bucket_starts
from db import queries

AGENTS_MAX = 100
"""A summary lists at most this many agents."""

SUMMARY_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
BUCKET_PERCENTILES = {"p50": 0.5, "p95": 0.95}


class Totals(NamedTuple):
    """Sums over a roll-up, in the order of the statements; those that may be beyond a bigint are floats."""

    runs: int = 0
    pending: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    timed: int = 0
    microseconds: float = 0.0
    steps: int = 0
    steps_failed: int = 0
    steps_timed: int = 0
    step_microseconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: float = 0.0

    def figures(self, percentiles: dict[str, float | None]) -> dict[str, Any]:
        """What every answer says of its runs; percentiles of their duration come from elsewhere."""
        return {
            "runs": self.runs,
            "runsByStatus": {
                "PENDING": self.pending,
                "RUNNING": self.runs - self.pending - self._ended,
                "SUCCESS": self.succeeded,
                "FAILED": self.failed,
                "CANCELLED": self.cancelled,
            },
            "inFlight": self.runs - self._ended,
            "successRate": share(self.succeeded, self._ended),
            "durationMs": {"avg": mean_milliseconds(self.microseconds, self.timed), **percentiles},
            "steps": self.steps,
            "stepsPerRun": share(self.steps, self.runs),
            "stepErrors": self.steps_failed,
            "stepErrorRate": share(self.steps_failed, self.steps),
            "stepDurationMs": {"avg": mean_milliseconds(self.step_microseconds, self.steps_timed)},
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "costUsd": self.cost_nano_usd / 1e9,
        }

    @property
    def _ended(self) -> int:
        return self.succeeded + self.failed + self.cancelled


async def summary(state: AppState, project_id: int, agents: Agents, window: Window) -> dict[str, Any]:
    """All figures of a window, those of the window before, and those of each agent."""
    covered = window.covered(Grain.MINUTE)
    before = covered.before()
    segments = covered.segments()
    both = segments + before.segments()
    asked = rows_of(project_id, agents, both)
    asked["periods"] = [0] * len(segments) + [1] * (len(both) - len(segments))
    async with snapshot(state) as cursor:
        totals = {period: Totals(*sums) for period, *sums in await fetch(cursor, queries.KPI_TOTALS, **asked)}
        found = await fetch(cursor, queries.KPI_LATENCIES, **asked, subject="run", bucket=None)
        by_agent = rows_of(project_id, agents, segments) | {
            "agent_ids": None if agents is None else list(agents),
            "limit": AGENTS_MAX,
        }
        agent_rows = await fetch(cursor, queries.KPI_AGENTS, **by_agent)

    def figures(period: int) -> dict[str, Any]:
        durations = Histogram(row[3:] for row in found if row[0] == period)
        return totals.get(period, Totals()).figures(durations.percentiles(SUMMARY_PERCENTILES))

    return {
        "window": window.described(covered),
        **figures(0),
        "previous": {"window": window.before().described(before), **figures(1)},
        "agents": [
            {"id": agent_id or None, "name": name, "version": version, **Totals(*sums).figures({})}
            for agent_id, name, version, _, *sums in agent_rows
        ],
        "agentsLeftOut": agent_rows[0][3] - len(agent_rows) if agent_rows else 0,
    }


async def timeseries(
    state: AppState, project_id: int, agents: Agents, window: Window, bucket: Grain | None = None
) -> dict[str, Any]:
    """The figures of each bucket of time, also of those in which nothing happened.

    Raises:
        InvalidQuery: the buckets would be too many.
    """
    bucket = bucket_grain(window, bucket)
    covered = window.covered(Grain.MINUTE)
    asked = rows_of(project_id, agents, covered.segments(bucket)) | {"bucket": bucket.value}
    async with snapshot(state) as cursor:
        totals = {start: Totals(*sums) for start, *sums in await fetch(cursor, queries.KPI_BUCKETS, **asked)}
        asked["periods"] = [0] * len(asked["grains"])
        found = await fetch(cursor, queries.KPI_LATENCIES, **asked, subject="run")
    # Of dozens of agents, as versions are, 2,000 buckets take seconds to merge, and the event loop has others to serve.
    listed = await asyncio.to_thread(_in_buckets, bucket_starts(covered, bucket), totals, found)
    return {"window": window.described(covered), "bucket": bucket.value, "buckets": listed}


def _in_buckets(
    starts: Iterable[datetime], totals: Mapping[datetime, Totals], found: Iterable[tuple[Any, ...]]
) -> list[dict[str, Any]]:
    durations: defaultdict[datetime, Histogram] = defaultdict(Histogram)
    for _, start, _, bins, counts in found:
        durations[start].add(bins, counts)
    nothing = Totals().figures(Histogram().percentiles(BUCKET_PERCENTILES))

    def figures(start: datetime) -> dict[str, Any]:
        if start not in totals:
            return nothing
        return totals[start].figures(durations[start].percentiles(BUCKET_PERCENTILES))

    return [{"start": start.isoformat(), **figures(start)} for start in starts]
