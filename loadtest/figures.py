"""Figures with their targets, and how they are shown and kept."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.table import Table

COPY = "copy"
"""The figure that the others are a ratio to."""


@dataclass(slots=True, frozen=True)
class Target:
    """What a figure is to reach: `limit` at least, or at most; of its value, or of its ratio to bare COPY."""

    limit: float
    at_least: bool = True
    of_ratio: bool = False

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}{' of bare COPY' if self.of_ratio else ''}"


@dataclass(slots=True, frozen=True)
class Figure:
    name: str
    title: str
    value: float
    unit: str
    target: Target | None = None
    base: float | None = None
    """Rows a second of a bare COPY that is nearer to this figure than the one of the whole run."""

    def ratio(self, copy_rate: float | None) -> float | None:
        """To bare COPY; None for what is not a rate, and for bare COPY itself."""
        copy_rate = self.base or copy_rate
        if copy_rate is None or not self.unit.endswith("/s") or self.name.startswith(COPY):
            return None
        return self.value / copy_rate

    def reached(self, copy_rate: float | None) -> bool | None:
        """None where there is no target, or nothing to hold it against."""
        value = self.ratio(copy_rate) if self.target and self.target.of_ratio else self.value
        if self.target is None or value is None:
            return None
        return value >= self.target.limit if self.target.at_least else value <= self.target.limit


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def copy_rate(figures: Sequence[Figure]) -> float | None:
    """The mean of the measures of bare COPY, in rows a second."""
    return next((figure.value for figure in figures if figure.name == COPY), None)


def medians(runs: Sequence[Sequence[Figure]]) -> list[Figure]:
    """The median of each figure over some runs, and the median of its ratio, which is not the ratio of the medians."""
    found = []
    for figure in runs[0]:
        same = [(one, copy_rate(run)) for run in runs for one in run if one.name == figure.name]
        value = statistics.median(one.value for one, _ in same)
        ratios = [ratio for one, rate in same if (ratio := one.ratio(rate)) is not None]
        found.append(replace(figure, value=value, base=value / statistics.median(ratios) if ratios else None))
    return found


def as_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    rate = copy_rate(figures)
    return [
        {
            "name": figure.name,
            "title": figure.title,
            "value": round(figure.value, 3),
            "unit": figure.unit,
            "ratioToCopy": _rounded(figure.ratio(rate)),
            "target": str(figure.target) if figure.target else None,
            "reached": figure.reached(rate),
        }
        for figure in figures
    ]


def table(figures: Sequence[Figure]) -> Table:
    rate = copy_rate(figures)
    found = Table("figure", title="AgentGuide benchmark")
    for heading in ("value", "of bare COPY", "target"):
        found.add_column(heading, justify="right")
    found.add_column("reached", justify="center")
    for figure in figures:
        ratio, reached = figure.ratio(rate), figure.reached(rate)
        mark = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[reached]
        found.add_row(
            figure.title,
            f"{shown(figure.value)} {figure.unit}",
            "" if ratio is None else f"{ratio:.3f}",
            str(figure.target or ""),
            mark,
        )
    return found


def cpu_table(cpu_seconds: Mapping[str, Mapping[str, float]]) -> Table:
    """What each measure cost whom: on a machine with others on it, the figures to compare."""
    found = Table("measure", title="CPU seconds")
    parts = list(dict.fromkeys(part for used in cpu_seconds.values() for part in used))
    for part in parts:
        found.add_column(part, justify="right")
    for name, used in cpu_seconds.items():
        found.add_row(name, *(f"{used.get(part, 0.0):.2f}" for part in parts))
    return found


def mean_seconds(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """CPU seconds of each part in each measure, in the mean of some runs."""
    return {
        name: {part: round(statistics.fmean(run[name].get(part, 0.0) for run in runs), 2) for part in used}
        for name, used in runs[0].items()
    }


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 4)
