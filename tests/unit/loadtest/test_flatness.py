"""The rules of flatness: they tell a leak from noise, from a saw, and from what only happens at the start."""

import math
import random
from collections.abc import Callable

import pytest

from loadtest.flatness import Bound, Point, Rule, binned, fifth, hold, judge, slope_an_hour

SECONDS = 600.0
MEMORY = Rule(0.02, 2)


def series(of: Callable[[float], float], every: float = 2.0) -> list[Point]:
    return [(at * every, of(at * every)) for at in range(round(SECONDS / every) + 1)]


def is_flat(points: list[Point], rule: Rule = MEMORY) -> bool | None:
    return judge("memory", "MiB", points, rule, SECONDS).flat


def noisy(value: float, noise: float = 3.0) -> Callable[[float], float]:
    generator = random.Random(7)
    return lambda _: value + generator.uniform(-noise, noise)


def test_a_leak_is_told() -> None:
    verdict = judge("memory", "MiB", series(lambda at: 100 + at / 60), MEMORY, SECONDS)
    assert verdict.flat is False
    assert verdict.early == pytest.approx(103, abs=0.1)
    assert verdict.late == pytest.approx(109, abs=0.1)
    assert verdict.a_hour == pytest.approx(60)


def test_a_leak_in_noise_is_told() -> None:
    noise = noisy(0)
    points = series(lambda at: 100 + at / 60 + noise(at))
    assert is_flat(points) is False
    assert slope_an_hour(points) == pytest.approx(60, rel=0.2)


def test_noise_is_flat() -> None:
    points = series(noisy(100))
    assert is_flat(points) is True
    assert slope_an_hour(points) == pytest.approx(0, abs=5)


def test_what_fills_at_the_start_is_flat() -> None:
    assert is_flat(series(lambda at: 100 - 60 * math.exp(-at / 40))) is True


def test_a_saw_is_flat_and_one_that_climbs_is_not() -> None:
    assert is_flat(series(lambda at: 50 + at % 40)) is True
    assert is_flat(series(lambda at: 50 + at % 40 + at / 30)) is False


def test_single_peaks_do_not_make_a_median_grow_but_a_percentile() -> None:
    points = series(lambda at: 1000 if at > 480 and round(at) % 20 < 4 else 10)
    assert is_flat(points) is True
    assert is_flat(points, Rule(0.5, 5, percent=95)) is False


def test_what_shrinks_is_flat() -> None:
    assert is_flat(series(lambda at: 900 - at)) is True


def test_too_few_samples_tell_nothing() -> None:
    verdict = judge("memory", "MiB", series(lambda at: at, every=60), MEMORY, SECONDS)
    assert (verdict.flat, verdict.early, verdict.late, verdict.a_hour) == (None, None, None, None)


def test_a_figure_with_a_bound_is_held_against_it() -> None:
    assert hold("refused", "", 0, Bound(0)).flat is True
    assert hold("refused", "", 1, Bound(0)).flat is False
    assert hold("log", "MiB", 1100, Bound(1100, "1.1 x max_wal_size")).flat is True


def test_rules_say_what_they_ask_for() -> None:
    assert Rule(0.02, 2).text("MiB") == "median grows by at most 2% + 2 MiB"
    assert Rule(0.1, 0).text("B") == "median grows by at most 10%"
    assert Rule(0.5, 5, percent=95).text("ms") == "p95 grows by at most 50% + 5 ms"
    assert Rule(0, 8, percent=100).text("") == "highest grows by at most 8"
    assert Bound(0).text("") == "none"
    assert Bound(4506, "1.1 x max_wal_size").text("MiB") == "at most 4,506 MiB: 1.1 x max_wal_size"


def test_fifths_leave_out_what_is_after_the_load() -> None:
    points = [(float(at), float(at)) for at in range(0, 700, 10)]
    assert min(fifth(points, 4, SECONDS)) == 480
    assert max(fifth(points, 4, SECONDS)) == 600


def test_the_slope_needs_two_points() -> None:
    assert slope_an_hour([]) is None
    assert slope_an_hour([(1.0, 5.0)]) is None
    assert slope_an_hour([(1.0, 5.0), (1.0, 7.0)]) is None


def test_stretches_keep_the_middle_of_their_times() -> None:
    assert binned([(0.0, 1.0), (2.0, 5.0), (4.0, 3.0), (6.0, 9.0)], 2, max) == [(1.0, 5.0), (5.0, 9.0)]
    assert binned([], 2, max) == []
