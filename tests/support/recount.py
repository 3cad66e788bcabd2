"""KPIs the plain way: every row of a window fetched and counted, one after the other."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import psycopg

DURATION_MAX = timedelta(days=366)
STATUSES = ("PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED")
RUNS = """
SELECT id, coalesce(agent_id, 0) AS agent_id, status, started_at, finished_at, started_at AS at, error_id FROM runs
WHERE project_id = %s
"""
STEPS = """
SELECT s.run_id, coalesce(r.agent_id, 0) AS agent_id, coalesce(s.tool_name, '') AS tool_name, s.model,
    s.error IS NOT NULL AS failed, s.started_at, s.finished_at, coalesce(s.started_at, r.accepted_at) AS at, s.error_id,
    CASE WHEN s.usage_below THEN 0 ELSE coalesce(s.input_tokens, 0) END AS input_tokens,
    CASE WHEN s.usage_below THEN 0 ELSE coalesce(s.output_tokens, 0) END AS output_tokens,
    CASE WHEN s.usage_below THEN 0 ELSE coalesce(s.cost_nano_usd, 0) END AS cost_nano_usd
FROM steps AS s JOIN runs AS r ON (r.project_id, r.id) = (s.project_id, s.run_id)
WHERE s.project_id = %s
"""

Row = dict[str, Any]


@dataclass
class Recount:
    """The rows of some agents in a stretch of time."""

    runs: list[Row]
    steps: list[Row]

    @classmethod
    def fetch(cls, database: psycopg.Connection[tuple[Any, ...]], project_id: int) -> "Recount":
        with database.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            runs = cursor.execute(RUNS, [project_id]).fetchall()
            steps = cursor.execute(STEPS, [project_id]).fetchall()
        return cls(runs, steps)

    def of(self, agents: Sequence[int] | None, start: datetime, end: datetime) -> "Recount":
        def wanted(row: Row) -> bool:
            return start <= row["at"] < end and (agents is None or row["agent_id"] in agents)

        return Recount([row for row in self.runs if wanted(row)], [row for row in self.steps if wanted(row)])

    def within(self, covered: Row, agents: Sequence[int] | None = None) -> "Recount":
        """Of what an answer says that it covers."""
        return self.of(agents, datetime.fromisoformat(covered["from"]), datetime.fromisoformat(covered["to"]))

    def figures(self) -> Row:
        """The figures of a summary, without percentiles."""
        statuses = Counter(run["status"] for run in self.runs)
        ended = statuses["SUCCESS"] + statuses["FAILED"] + statuses["CANCELLED"]
        failed = sum(step["failed"] for step in self.steps)
        return {
            "runs": len(self.runs),
            "runsByStatus": {status: statuses[status] for status in STATUSES},
            "inFlight": len(self.runs) - ended,
            "successRate": statuses["SUCCESS"] / ended if ended else None,
            "durationMs": {"avg": mean_milliseconds(durations(self.runs))},
            "steps": len(self.steps),
            "stepsPerRun": len(self.steps) / len(self.runs) if self.runs else None,
            "stepErrors": failed,
            "stepErrorRate": failed / len(self.steps) if self.steps else None,
            "stepDurationMs": {"avg": mean_milliseconds(durations(self.steps))},
            **usage(self.steps),
        }

    def agents(self) -> dict[int, Row]:
        ids = {row["agent_id"] for row in (*self.runs, *self.steps)}
        everything = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
        return {agent_id: self.of([agent_id], *everything).figures() for agent_id in ids}

    def by(self, name: str) -> dict[str, Row]:
        """The figures of the steps of each tool, or of each model, if they have one; without percentiles."""
        groups: defaultdict[str, list[Row]] = defaultdict(list)
        for step in self.steps:
            if step[name] is not None:
                groups[step[name]].append(step)
        return {key: calls(steps) for key, steps in groups.items()}

    def errors(self) -> Counter[tuple[str, str | None, int]]:
        """How often each error group was met: by subject, tool and group."""
        met: Counter[tuple[str, str | None, int]] = Counter()
        met.update(("run", None, run["error_id"]) for run in self.runs if run["error_id"] is not None)
        met.update(("step", step["tool_name"] or None, step["error_id"]) for step in self.steps if step["error_id"] is not None)
        return met


def calls(steps: Sequence[Row]) -> Row:
    failed = sum(step["failed"] for step in steps)
    return {
        "calls": len(steps),
        "failures": failed,
        "failureRate": failed / len(steps),
        "durationMs": {"avg": mean_milliseconds(durations(steps))},
        **usage(steps),
    }


def usage(steps: Iterable[Row]) -> Row:
    tokens_in, tokens_out, cost = (
        sum(step[name] for step in steps) for name in ("input_tokens", "output_tokens", "cost_nano_usd")
    )
    return {"inputTokens": tokens_in, "outputTokens": tokens_out, "costUsd": cost / 1e9}


def durations(rows: Iterable[Row]) -> list[int]:
    """In microseconds, of what has begun and ended and did not take more than a year."""
    taken = (row["finished_at"] - row["started_at"] for row in rows if row["started_at"] and row["finished_at"])
    return sorted(duration // timedelta(microseconds=1) for duration in taken if timedelta() <= duration <= DURATION_MAX)


def mean_milliseconds(values: Sequence[int]) -> float | None:
    return round(sum(values) / len(values) / 1000, 3) if values else None


def assert_percentiles(found: Row, values: Sequence[int]) -> None:
    """Each is at most 1 % off the exact one, by nearest rank; `values` are microseconds in order."""
    percents = [name for name in found if name.startswith("p")]
    for name in percents:
        if not values:
            assert found[name] is None
            continue
        exact = values[math.ceil(len(values) * Fraction(int(name[1:]), 100)) - 1] / 1000
        assert abs(found[name] - exact) <= exact / 100, (name, found, exact)


def without(answer: Row, drop: Callable[[str], bool]) -> Row:
    """An answer without some of its keys, at any depth."""
    return {key: without(value, drop) if isinstance(value, dict) else value for key, value in answer.items() if not drop(key)}


def without_percentiles(answer: Row) -> Row:
    return without(answer, lambda key: key in {"p50", "p90", "p95", "p99"})
