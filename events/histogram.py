"""Logarithmic histograms of durations: mergeable by adding counts, and never more than 1 % off.

Bin b holds durations of 1.02^b to 1.02^(b+1) microseconds; a duration of nothing has a bin of its own.
Source: Masson, Rim, Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", 2019.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

BIN_GROWTH = 1.02
"""Each bin is 2 % wider than the one before, so its middle is at most 1 % off."""
ZERO_BIN = -1

_BINS_AN_E = 1 / math.log(BIN_GROWTH)
_MIDDLE = 2 * BIN_GROWTH / (1 + BIN_GROWTH)
"""What, times a bin's lower bound, is as many percent from either bound."""


def bin_of(microseconds: int) -> int:
    return int(math.log(microseconds) * _BINS_AN_E) if microseconds > 0 else ZERO_BIN


def lower_bound(number: int) -> float:
    """Microseconds at which a bin begins."""
    return 0.0 if number <= ZERO_BIN else BIN_GROWTH**number


def middle(number: int) -> float:
    """Microseconds that stand for every duration of a bin, at most 1 % off."""
    return 0.0 if number <= ZERO_BIN else BIN_GROWTH**number * _MIDDLE


def merge(parts: Iterable[tuple[Sequence[int], Sequence[int]]]) -> tuple[list[int], list[int]]:
    """One histogram of several, each as its bins, in order, and their counts."""
    held = [part for part in parts if part[0]]
    # A list is some times faster than a dict. Bin -1 is its last place.
    sums = [0] * (max((bins[-1] for bins, _ in held), default=ZERO_BIN) + 2)
    for bins, counts in held:
        for number, count in zip(bins, counts, strict=True):
            sums[number] += count
    ordered = [number for number in range(ZERO_BIN, len(sums) - 1) if sums[number] > 0]
    return ordered, [sums[number] for number in ordered]


def percentiles(bins: Sequence[int], counts: Sequence[int], fractions: Sequence[float]) -> list[float | None]:
    """Durations in microseconds under which these fractions lie (nearest rank); None each, if nothing was counted.

    `bins` are in order.
    """
    up_to = list(accumulate(counts))
    if not up_to or up_to[-1] <= 0:
        return [None] * len(fractions)
    return [middle(bins[bisect_left(up_to, max(1, math.ceil(up_to[-1] * fraction)))]) for fraction in fractions]
