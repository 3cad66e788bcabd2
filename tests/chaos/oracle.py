"""The one oracle of all faults: what was acknowledged is stored as it was sent, once, and all figures count what is stored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.chaos.load import TOOLS, Unit, payload
from worker import checkup

EXAMPLES_MAX = 5
UNITS_A_QUERY = 2000

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass
class Verdict:
    lost: int = 0
    """Runs and steps that were acknowledged, and are not there or are not what was sent."""
    doubled: int = 0
    """Rows that are there more than once, and steps or runs that nobody sent."""
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        if len(self.problems) < EXAMPLES_MAX:
            self.problems.append(problem)


def judge(database: Connection, units: Sequence[Unit], verdict: Verdict) -> None:
    """Compares every acknowledged unit with its rows."""
    for start in range(0, len(units), UNITS_A_QUERY):
        _compare(database, units[start : start + UNITS_A_QUERY], verdict)
    _find_doubles(database, verdict)
    (dead,) = _row(database, "SELECT count(*) FROM dead_letters")
    if dead:
        verdict.note(f"{dead} dead letters")


def _compare(database: Connection, units: Sequence[Unit], verdict: Verdict) -> None:
    run_ids = [unit.run_id for unit in units]
    runs = {
        row[0].hex: row[1:]
        for row in database.execute("SELECT id, status, input, step_count FROM runs WHERE id = ANY (%s::uuid[])", [run_ids])
    }
    steps: dict[str, dict[Any, tuple[Any, ...]]] = {}
    found: Counter[str] = Counter()
    for run_id, number, index, *row in database.execute(
        "SELECT run_id, id, index, tool_name, input, output FROM steps WHERE run_id = ANY (%s::uuid[])", [run_ids]
    ):
        found[run_id.hex] += 1
        # A step whose id the server made is known by its index.
        of_run = steps.setdefault(run_id.hex, {})
        of_run["id", number] = of_run["index", index] = tuple(row)
    for unit in units:
        _compare_unit(unit, runs.get(unit.run_id), steps.get(unit.run_id, {}), found[unit.run_id], verdict)


def _compare_unit(
    unit: Unit, run: tuple[Any, ...] | None, steps: dict[Any, tuple[Any, ...]], found: int, verdict: Verdict
) -> None:
    by = "id" if unit.patched else "index"
    wanted_input = payload(unit.mark, unit.run_input)
    if run is None or run[:2] != ("SUCCESS", wanted_input):
        verdict.lost += 1
        verdict.note(f"run {unit.run_id}: {'missing' if run is None else run[0]}")
    for number in range(1, unit.steps + 1):
        step = steps.get((by, number))
        output = payload(unit.mark, -number) if unit.patched else None
        if (
            step is None
            or step[1:] != (payload(unit.mark, number), output)
            or step[0] not in (TOOLS[number % len(TOOLS)], None)
        ):
            verdict.lost += 1
            verdict.note(f"step {number} of run {unit.run_id}: {'missing' if step is None else 'not as it was sent'}")
    extra = max(found, run[2] if run else 0) - unit.steps
    if extra > 0:
        verdict.doubled += extra
        verdict.note(f"run {unit.run_id}: {found} steps stored, {run[2] if run else 0} counted, {unit.steps} sent")


def _find_doubles(database: Connection, verdict: Verdict) -> None:
    """Steps and runs whose ids the server made have the unit's mark, and nobody else's."""
    (runs,) = _row(
        database,
        "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM runs WHERE input->>'unit' IS NOT NULL"
        " GROUP BY input->>'unit') AS r WHERE n > 1",
    )
    (steps,) = _row(
        database,
        "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM steps GROUP BY run_id, id) AS s WHERE n > 1",
    )
    if runs or steps:
        verdict.doubled += int(runs) + int(steps)
        verdict.note(f"{runs} runs and {steps} steps are there more than once")


def recount(database_url: str, verdict: Verdict) -> None:
    """What `agentguide doctor` finds."""
    with checkup.open_session(database_url) as session:
        for check in checkup.check(session, days_ahead=0, task=lambda _, __: lambda ___: None):
            if check.differences:
                verdict.note(f"doctor: {check.name}: {check.differences} differences ({'; '.join(check.examples[:2])})")


def _row(database: Connection, statement: str) -> tuple[Any, ...]:
    row = database.execute(statement.encode()).fetchone()
    assert row is not None
    return row
