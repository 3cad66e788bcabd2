"""Whether a figure stays flat over a long load: rules that say so by numbers.

A rule holds the last fifth of the time against the second one. The first fifth is left out: there caches fill and pools open.
The median of a fifth does not move with a few high samples, nor with a figure that goes up and down like a saw, as long as its
teeth are shorter than a fifth.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from loadtest.figures import percentile

Point = tuple[float, float]
"""Seconds since the load began, and the figure then."""

SLOPE_POINTS = 120
FIFTH_POINTS_MIN = 5
SECONDS_AN_HOUR = 3600.0


@dataclass(frozen=True)
class Rule:
    """Flat is what in the last fifth is at most `share` more than in the second one, and `slack` (in the figure's unit)."""

    share: float
    slack: float
    percent: float = 50.0
    """Which percentile of each fifth is compared."""

    def bound(self, early: float) -> float:
        return early * (1 + self.share) + self.slack

    def text(self, unit: str) -> str:
        what = {50.0: "median", 100.0: "highest"}.get(self.percent, f"p{self.percent:g}")
        parts = ([f"{self.share:.0%}"] if self.share else []) + ([f"{self.slack:g} {unit}".strip()] if self.slack else [])
        return f"{what} grows by at most {' + '.join(parts) or 'nothing'}"


@dataclass(frozen=True)
class Bound:
    """Flat is what is at most `most` at the end, whatever it was before: of figures that have a bound of their own."""

    most: float
    why: str = ""

    def text(self, unit: str) -> str:
        most = f"at most {self.most:,g} {unit}".strip() if self.most else "none"
        return f"{most}: {self.why}" if self.why else most


@dataclass(frozen=True)
class Verdict:
    """`early` and `late` are None where there are too few samples to tell."""

    name: str
    unit: str
    rule: str
    early: float | None
    late: float | None
    a_hour: float | None
    """The slope from the second fifth on, per hour (Theil-Sen: the median of the slopes between all pairs of points)."""
    flat: bool | None


def judge(name: str, unit: str, points: Sequence[Point], rule: Rule, seconds: float) -> Verdict:
    """`seconds` is how long the load took."""
    early, late = fifth(points, 1, seconds), fifth(points, 4, seconds)
    if min(len(early), len(late)) < FIFTH_POINTS_MIN:
        return Verdict(name, unit, rule.text(unit), None, None, None, None)
    before, after = percentile(early, rule.percent), percentile(late, rule.percent)
    settled = [point for point in points if seconds / 5 <= point[0] <= seconds]
    return Verdict(name, unit, rule.text(unit), before, after, slope_an_hour(settled), after <= rule.bound(before))


def hold(name: str, unit: str, value: float, bound: Bound) -> Verdict:
    return Verdict(name, unit, bound.text(unit), None, value, None, value <= bound.most)


def fifth(points: Sequence[Point], number: int, seconds: float) -> list[float]:
    """The figures in one fifth of the time, from 0 to 4."""
    return [value for at, value in points if number * seconds / 5 <= at <= (number + 1) * seconds / 5]


def slope_an_hour(points: Sequence[Point]) -> float | None:
    """None of fewer than two points. Of many points, medians of stretches are taken, as all pairs would be too many."""
    found = slope(binned(points, SLOPE_POINTS, statistics.median))
    return None if found is None else found * SECONDS_AN_HOUR


def slope(points: Sequence[Point]) -> float | None:
    """The median of the slopes between all pairs of points (Theil-Sen); None of fewer than two."""
    slopes = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x2 > x1]
    return statistics.median(slopes) if slopes else None


def binned(points: Sequence[Point], most: int, of: Callable[[list[float]], float]) -> list[Point]:
    """At most so many points: of each stretch of as many samples one, at the middle of their times."""
    size = max(1, -(-len(points) // most))
    stretches = [points[start : start + size] for start in range(0, len(points), size)]
    return [(statistics.fmean(at for at, _ in part), of([value for _, value in part])) for part in stretches]
