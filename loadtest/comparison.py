"""Two results beside each other: what changed, and what of it is a regression."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from loadtest.figures import COPY
from loadtest.results import Kept, Result

LATENCY_UNITS = ("ms", "s")
LATENCY_PERCENT = 50.0
OTHER_PERCENT = 25.0
SHARES = ("growth_kept",)
"""Figures in per cent that are ratios to bare COPY themselves."""


class Mark(StrEnum):
    WORSE = "worse"
    """A regression."""
    BETTER = "better"
    PERHAPS_WORSE = "worse?"
    """Outside the bounds of a figure that has no ratio to bare COPY; for somebody to look at."""
    PERHAPS_BETTER = "better?"
    NONE = ""
    NOT_JUDGED = "not judged"
    """Their sizes or machines differ."""


@dataclass(slots=True, frozen=True)
class Change:
    """A figure before and now. Changes are shares of what was before: 0.1 is ten per cent more."""

    before: Kept
    now: Kept
    of_value: float
    of_ratio: float | None
    """Of the ratio to bare COPY; of a latency, which has none, counted in rows that bare COPY writes in this time."""
    mark: Mark

    @property
    def words(self) -> str:
        ratios = (
            f"from {self.before.ratio:.3f} to {self.now.ratio:.3f} of bare COPY" if self.before.ratio and self.now.ratio else ""
        )
        values = f"from {self.before.value:,.4g} to {self.now.value:,.4g} {self.now.unit}"
        share = self.of_value if self.of_ratio is None else self.of_ratio
        return f"{self.now.title}: {abs(share):.0%} {'less' if share < 0 else 'more'}, {ratios or values}"


@dataclass(slots=True, frozen=True)
class Comparison:
    before: Result
    now: Result
    tolerance_percent: float
    changes: list[Change]
    warnings: list[str]
    """Why not to believe it, or not all of it."""

    @property
    def regressions(self) -> list[Change]:
        return [change for change in self.changes if change.mark is Mark.WORSE]


def compare(before: Result, now: Result, tolerance_percent: float) -> Comparison:
    """Compares the figures that both have. On machines that differ nothing is called a regression."""
    same_machine = not list(_differences("machine", before.machine, now.machine))
    sizes = set(_differing(before.sizes, now.sizes))
    changes = []
    for name, figure in now.figures.items():
        if name in before.figures:
            judged = same_machine and not any(_belongs(size, name) for size in sizes)
            changes.append(_change(before, now, before.figures[name], figure, tolerance_percent, judged=judged))
    return Comparison(before, now, tolerance_percent, changes, list(_warnings(before, now)))


def _change(before: Result, now: Result, then: Kept, figure: Kept, percent: float, *, judged: bool) -> Change:
    of_value = _share(then.value, figure.value)
    of_ratio = None
    if then.ratio and figure.ratio:
        of_ratio = _share(then.ratio, figure.ratio)
    elif figure.unit in LATENCY_UNITS:
        # A machine that is slower at everything takes longer for this too, and writes as much fewer rows in a second.
        of_ratio = _share(then.value * before.copy_rate, figure.value * now.copy_rate)
    mark = _mark(figure, of_value, of_ratio, percent) if judged else Mark.NOT_JUDGED
    return Change(then, figure, of_value, of_ratio, mark)


def _mark(figure: Kept, of_value: float, of_ratio: float | None, percent: float) -> Mark:
    if figure.name.startswith(COPY):
        return Mark.NONE  # that is the machine, not the code
    if figure.ratio is not None or figure.name in SHARES:
        return _outside(of_value if of_ratio is None else of_ratio, percent, (Mark.WORSE, Mark.BETTER))
    doubtful = (Mark.PERHAPS_BETTER, Mark.PERHAPS_WORSE)  # of these less is better
    if of_ratio is not None:
        return _outside(of_ratio, max(percent, LATENCY_PERCENT), doubtful)
    if figure.unit == "%":
        return Mark.NONE
    return _outside(of_value, max(percent, OTHER_PERCENT), doubtful)


def _outside(share: float, percent: float, marks: tuple[Mark, Mark]) -> Mark:
    """The first mark if it is less by so much, the second if it is more."""
    return marks[0] if share < -percent / 100 else marks[1] if share > percent / 100 else Mark.NONE


def _share(before: float, now: float) -> float:
    return now / before - 1 if before else 0.0


def _belongs(size: str, figure: str) -> bool:
    """Whether a figure depends on a size: by the first word of both; and a ratio on that of bare COPY."""
    return size.partition("_")[0] in (figure.partition("_")[0], COPY)


def _warnings(before: Result, now: Result) -> Iterator[str]:
    for name, result in (("before", before), ("now", now)):
        for disturbance in result.disturbances():
            yield f"{name} was disturbed ({disturbance}): measure it again on a quiet machine before you believe this"
        if result.quick:
            yield f"{name} is a quick run, whose figures mean nothing"
    for difference in _differences("machine", before.machine, now.machine):
        yield f"{difference}: nothing is called a regression between machines that differ"
    yield from _differences("versions", before.versions, now.versions)
    for size in _differing(before.sizes, now.sizes):
        yield f"sizes differ: {size} was {before.sizes[size]}, is {now.sizes[size]}; what depends on it is not judged"
    gone = [name for name, figure in before.figures.items() if name not in now.figures and figure.ratio is not None]
    if gone:
        yield f"not measured now: {', '.join(gone)}"


def _differences(what: str, before: Any, now: Any) -> Iterator[str]:
    for name in _differing(before, now):
        yield f"{what} differ: {name} was {before[name]}, is {now[name]}"


def _differing(before: Any, now: Any) -> list[str]:
    """What both know and do not agree on."""
    return [name for name in before if name in now and before[name] != now[name]]
