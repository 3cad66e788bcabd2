"""Retention: which days are not kept any more, by what each project keeps and by what the disk may hold.

A run belongs to the UTC day on which it was accepted. A day goes as a whole, with its partitions, if none of the projects that
have runs on it keeps it; else those runs of it that are not kept are removed. What goes is asked for as deletions.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from db import queries
from db.partitions import days_on_disk
from db.pipeline import Connection
from events.settings import Settings
from worker.removal import ALL_PROJECTS

logger = logging.getLogger(__name__)

BY_AGE, BY_BUDGET = "retention", "disk budget"
NEVER_DAYS = 2
"""Today and yesterday go for no budget."""


@dataclass(slots=True)
class Share:
    """What a project has on the days that go."""

    project: str
    days_kept: int | None
    """None: for ever; these go for the budget."""
    days: int = 0
    runs: int = 0
    steps: int = 0
    bytes: int = 0
    """About: its part of the partitions by its part of their steps."""


@dataclass(slots=True, frozen=True)
class GoingDay:
    """A day of which something goes."""

    day: date
    reason: str
    project_id: int
    """ALL_PROJECTS: all of it, with its partitions."""
    bytes: int
    """Of the partitions, where these go."""


@dataclass(slots=True)
class Plan:
    """What goes now."""

    going: list[GoingDay] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    database_bytes: int = 0
    budget_bytes: int = 0
    over_bytes: int = 0
    """By how much the database is over its budget even without what goes."""

    @property
    def partitions(self) -> list[GoingDay]:
        return [going for going in self.going if going.project_id == ALL_PROJECTS]


def make_plan(connection: Connection, settings: Settings) -> Plan:
    """Looks at what there is, in one transaction that changes nothing."""
    with connection.transaction():
        connection.execute(queries.PLAN_FOR_ALL)
        today: date = _value(connection, queries.UTC_TODAY)
        sizes = days_on_disk(connection)
        plan = Plan(database_bytes=_value(connection, queries.DATABASE_BYTES), budget_bytes=settings.disk_budget_bytes)
        over_budget = _days_over_budget(plan, sizes, today)
        kept = {"today": today, "retention_days": settings.retention_days}
        shortest = connection.execute(queries.SHORTEST_RETENTION, kept).fetchall()[0][0]
        ends = [today - timedelta(days=shortest)] if shortest else []
        ends += [day + timedelta(days=1) for day in over_budget]
        if ends:
            rows = connection.execute(queries.OLD_DAYS, {**kept, "before": max(ends)}).fetchall()
            empty = today - timedelta(days=shortest) if shortest else date.min
            _plan_days(plan, rows, sizes, over_budget, empty)
    return plan


def _days_over_budget(plan: Plan, sizes: dict[date, int], today: date) -> set[date]:
    """The oldest days, as many as it takes."""
    over = plan.database_bytes - plan.budget_bytes if plan.budget_bytes else 0
    days: set[date] = set()
    for day, size in sizes.items():
        if over > 0 and day <= today - timedelta(days=NEVER_DAYS):
            days.add(day)
            over -= size
    plan.over_bytes = max(0, over)
    return days


def _plan_days(
    plan: Plan, rows: Iterable[tuple[Any, ...]], sizes: dict[date, int], over_budget: set[date], empty_before: date
) -> None:
    """`rows` are those of `old_days`. Days before `empty_before` that have no runs have nothing to keep."""
    shares: dict[int, Share] = {}
    found: set[date] = set()
    for day, members in groupby(rows, key=lambda row: row[0]):
        found.add(day)
        projects = list(members)
        expired = [row for row in projects if row[4]]
        if day in over_budget:
            plan.going.append(GoingDay(day, BY_BUDGET, ALL_PROJECTS, sizes.get(day, 0)))
            expired = projects
        elif len(expired) == len(projects):
            plan.going.append(GoingDay(day, BY_AGE, ALL_PROJECTS, sizes.get(day, 0)))
        else:
            plan.going += [GoingDay(day, BY_AGE, row[1], 0) for row in expired]
        _add_shares(shares, expired, sizes.get(day, 0), sum(row[6] for row in projects))
    for day, size in sizes.items():
        if day not in found and (day < empty_before or day in over_budget):
            plan.going.append(GoingDay(day, BY_BUDGET if day in over_budget else BY_AGE, ALL_PROJECTS, size))
    plan.going.sort(key=lambda going: (going.day, going.project_id))
    plan.shares = [share for _, share in sorted(shares.items())]


def _add_shares(shares: dict[int, Share], rows: list[tuple[Any, ...]], size: int, steps: int) -> None:
    for _, project_id, slug, days_kept, _, run_count, step_count in rows:
        share = shares.setdefault(project_id, Share(slug, days_kept or None))
        share.days += 1
        share.runs += run_count
        share.steps += step_count
        share.bytes += size * step_count // steps if steps else 0


def ask_for(connection: Connection, plan: Plan) -> list[UUID]:
    """Asks for what goes, unless it was asked for already, and says loudly what goes for the budget. Returns the deletions."""
    if plan.budget_bytes and plan.database_bytes > plan.budget_bytes:
        days = [str(going.day) for going in plan.going if going.reason == BY_BUDGET]
        logger.warning(
            "the database takes %d bytes and its budget is %d: %s",
            *(plan.database_bytes, plan.budget_bytes, f"{', '.join(days)} go" if days else "no day is old enough to go"),
        )
    if plan.over_bytes:
        logger.error("%d bytes over the budget are left: it is too small for what two days bring", plan.over_bytes)
    asked = []
    for going in plan.going:
        values = {"project_id": going.project_id, "subject": str(going.day), "requested_by": going.reason}
        asked += [row[0] for row in connection.execute(queries.REQUEST_RETENTION, values)]
    return asked


def drop_old_letters(connection: Connection, settings: Settings) -> int:
    """Dead letters are kept as long as runs."""
    return connection.execute(queries.REMOVE_OLD_LETTERS, {"retention_days": settings.retention_days}).rowcount


def _value(connection: Connection, statement: Any) -> Any:
    return connection.execute(statement).fetchall()[0][0]
