"""The report of a soak: the verdicts, a table of them, the picture, and what is kept as JSON."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from loadtest import flatness, plots, soak_figures
from loadtest.figures import percentile
from loadtest.flatness import Point, Verdict
from loadtest.plots import Line, Panel
from loadtest.soak_figures import Course, Others, Series

KEPT_POINTS = 100
LINE_POINTS = 200
DRAWN_POINTS = 60
MARKS = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}


def verdicts(course: Course, series: Sequence[Series], wal_bytes_max: int) -> list[Verdict]:
    """What is measured in time is not judged if the rest of the machine was busier in one of the compared fifths."""
    found = [flatness.hold(*bound) for bound in soak_figures.bounds(course, wal_bytes_max)]
    rest = soak_figures.others(course, series)
    for one in series:
        if one.rule is not None and one.points:
            verdict = flatness.judge(one.name, one.unit, one.points, one.rule, course.seconds)
            disturbed = rest is not None and rest.disturbed and one.group in soak_figures.TIMED
            found.append(replace(verdict, flat=None) if disturbed else verdict)
    return found


def is_flat(found: Sequence[Verdict]) -> bool:
    return all(verdict.flat is not False for verdict in found)


def untold(found: Sequence[Verdict]) -> int:
    """How many figures have no verdict."""
    return sum(verdict.flat is None for verdict in found)


def table(found: Sequence[Verdict], title: str) -> Table:
    shown = Table("figure", title=title)
    for heading in ("second fifth", "last fifth", "an hour"):
        shown.add_column(heading, justify="right")
    shown.add_column("rule")
    shown.add_column("flat", justify="center")
    for one in found:
        name = f"{one.name}, {one.unit}" if one.unit else one.name
        slope = "" if one.a_hour is None else f"{one.a_hour:+,.3g}"
        shown.add_row(name, _shown(one.early), _shown(one.late), slope, one.rule, MARKS[one.flat])
    return shown


def as_json(found: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "unit": one.unit,
            "rule": one.rule,
            "secondFifth": _rounded(one.early),
            "lastFifth": _rounded(one.late),
            "anHour": _rounded(one.a_hour),
            "flat": one.flat,
        }
        for one in found
    ]


def others_json(rest: Others | None) -> dict[str, Any] | None:
    if rest is None:
        return None
    return {"secondFifth": round(rest.early, 1), "lastFifth": round(rest.late, 1), "disturbed": rest.disturbed}


def series_json(series: Sequence[Series]) -> list[dict[str, Any]]:
    """Thinned: of each stretch the median, or the percentile that the rule is of."""
    return [soak_figures.as_json(one, flatness.binned(one.points, KEPT_POINTS, _statistic(one))) for one in series]


def draw(path: Path, title: str, series: Sequence[Series]) -> None:
    by_group: dict[str, list[Series]] = {}
    for one in series:
        by_group.setdefault(one.group, []).append(one)

    def lines(group: str) -> list[Line]:
        return [Line(one.name, plots.thin(one.points, LINE_POINTS)) for one in by_group.get(group, [])]

    def percentiles(group: str, *percents: float) -> list[Line]:
        found = {one.name.partition(",")[0]: one.points for one in by_group.get(group, [])}
        return [
            Line(f"{name}, p{percent:g}", _binned(points, percent)) for name, points in found.items() for percent in percents
        ]

    panels = [
        Panel("Memory of each process (of the servers, what is private to them)", "MiB", lines("memory")),
        Panel("Redis: memory in use", "MiB", lines("redis")),
        Panel("Database: it grows with what is stored", "MiB", lines("database")),
        Panel(
            "What each stored event adds to the database, and each table's bytes a row", "B", lines("an event") + lines("row")
        ),
        Panel("Tables that fill and empty all the time, and the roll-ups", "KiB", lines("pending")),
        Panel("Dead rows that wait for autovacuum", "rows", lines("dead")),
        Panel("What waits", "events, runs", lines("backlog")),
        Panel("Latency of requests, from when each was due", "ms", percentiles("latency", 50, 95), logarithmic=True),
        Panel("From the answer to a POST until a SELECT sees the row", "ms", percentiles("visible", 50, 95), logarithmic=True),
        Panel("CPU, of one CPU", "%", lines("cpu")),
        Panel("Logs on disk", "MiB", lines("disk")),
    ]
    plots.draw(path, title, panels)


def _binned(points: Sequence[Point], percent: float) -> list[Point]:
    return flatness.binned(points, DRAWN_POINTS, lambda values: percentile(values, percent))


def _statistic(series: Series) -> Any:
    percent = series.rule.percent if series.rule is not None else 50.0
    return median if percent == 50 else lambda values: percentile(values, percent)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
