"""Histograms: percentiles within 1 % of the exact ones, however their parts are cut and merged."""

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from events.histogram import BIN_GROWTH, ZERO_BIN, bin_of, lower_bound, merge, middle, percentiles

DURATION_MAX = 366 * 86_400 * 10**6
FRACTIONS = (0.0, 0.5, 0.9, 0.95, 0.99, 1.0)

POWERS = [round(BIN_GROWTH**number) for number in range(1500)]
durations = st.one_of(
    st.sampled_from([0, 1, 2, 3, 10, 1000, 10**6, DURATION_MAX]),
    st.sampled_from(POWERS),
    st.sampled_from([10**digits for digits in range(13)]),
    st.integers(0, 100),
    st.integers(0, DURATION_MAX),
)


def histogram(values: Sequence[int]) -> tuple[list[int], list[int]]:
    counted = Counter(bin_of(value) for value in values)
    return sorted(counted), [counted[number] for number in sorted(counted)]


def nearest_rank(values: Sequence[int], fraction: float) -> int:
    rank = max(1, math.ceil(len(values) * Fraction(str(fraction))))
    return sorted(values)[rank - 1]


def assert_close(values: Sequence[int], found: Sequence[float | None]) -> None:
    for fraction, value in zip(FRACTIONS, found, strict=True):
        exact = nearest_rank(values, fraction)
        assert value is not None
        assert abs(value - exact) <= exact / 100


@given(durations)
def test_a_duration_is_in_its_bin_and_1_percent_from_its_middle(duration: int) -> None:
    number = bin_of(duration)
    assert abs(middle(number) - duration) <= duration / 100
    slack = 1e-9  # a power of 1.02 is not exact
    assert lower_bound(number) * (1 - slack) <= duration <= lower_bound(number + 1) * (1 + slack)


@given(st.lists(durations, min_size=1, max_size=300))
def test_percentiles(values: list[int]) -> None:
    assert_close(values, percentiles(*histogram(values), FRACTIONS))


@given(st.lists(st.lists(durations, max_size=60), max_size=8))
def test_merged_parts_are_the_histogram_of_all(parts: list[list[int]]) -> None:
    values = [value for part in parts for value in part]
    merged = merge(histogram(part) for part in parts)
    assert merged == histogram(values)
    if values:
        assert_close(values, percentiles(*merged, FRACTIONS))


def test_what_was_taken_back_leaves_nothing() -> None:
    assert merge([([ZERO_BIN, 4, 9], [0, 2, 0])]) == ([4], [2])
    assert merge([]) == ([], [])
    assert percentiles([], [], FRACTIONS) == [None] * len(FRACTIONS)
    assert percentiles([3, 4], [0, 0], (0.5,)) == [None]
    assert percentiles([3, 4, 5], [0, 1, 0], FRACTIONS) == [middle(4)] * len(FRACTIONS)


def test_nothing_lasts_nothing() -> None:
    assert bin_of(0) == ZERO_BIN
    assert percentiles(*histogram([0, 0, 0, 5]), (0.5, 0.75, 1.0)) == [0.0, 0.0, middle(bin_of(5))]
