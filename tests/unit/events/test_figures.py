"""What a process counts, and what is made of the figures of all."""

from collections import Counter

import pytest

from events.figures import (
    ACCEPTED,
    BUCKET_SECONDS,
    BURIED,
    LAG,
    LAG_MAX_MS,
    REFUSED,
    STORED,
    Figures,
    bucket_start,
    histogram_bin,
    lag_bin,
    lags_of,
)
from events.figures_window import RATE_SECONDS, Bucket, Window, lag_percentiles, parse_bucket
from events.histogram import middle
from events.instrumentation import EVENTS_ACCEPTED, REDACTIONS, REQUESTS_REFUSED
from events.stream import Entry

NOW_MS = 1_700_000_000_000


def _entry(lag_ms: int, count: int = 1) -> Entry:
    return Entry(f"{NOW_MS - lag_ms}-0", 1, count, b"[]")


@pytest.mark.parametrize("milliseconds", [1, 2, 7, 40, 123, 999, 5000, 61_000, 3_600_000, LAG_MAX_MS])
def test_a_lag_is_at_most_five_percent_off(milliseconds: int) -> None:
    assert middle(histogram_bin(lag_bin(milliseconds))) / 1000 == pytest.approx(milliseconds, rel=0.051)


def test_lags_of_nothing_and_of_very_long_have_bins() -> None:
    assert middle(histogram_bin(lag_bin(0))) == 0
    assert lag_bin(10 * LAG_MAX_MS) == lag_bin(LAG_MAX_MS)
    assert len({lag_bin(milliseconds) for milliseconds in range(1, 60_000)}) < 120


def test_a_batch_is_counted_as_each_of_its_entries_would_be() -> None:
    lags = [90_000, 61_000, 60_500, 1000, 990, 980, 55, 54, 53, 20, 2, 2, 1, 1, 0, 0]
    entries = [_entry(lag, count=place + 1) for place, lag in enumerate(lags)]
    one_by_one: Counter[int] = Counter()
    for place, lag in enumerate(lags):
        one_by_one[lag_bin(lag)] += place + 1
    assert lags_of(entries, NOW_MS) == one_by_one


def test_entries_from_the_future_have_no_lag() -> None:
    """Redis' clock may be ahead of what this process takes it for."""
    assert lags_of([_entry(-50), _entry(-70, count=3)], NOW_MS) == {lag_bin(0): 4}
    assert lags_of([], NOW_MS) == {}


def test_what_was_counted_is_taken_once() -> None:
    EVENTS_ACCEPTED.inc(5)  # of before: another life's
    figures = Figures()
    EVENTS_ACCEPTED.inc(7)
    REQUESTS_REFUSED.labels("rate_limited").inc(2)
    REDACTIONS.labels("test one").inc(1)
    REDACTIONS.labels("test two").inc(3)
    taken = figures.take()
    assert taken.counts == {ACCEPTED: 7, f"{REFUSED}rate_limited": 2, "redacted": 4}
    assert not figures.take()
    figures.put_back(taken)
    EVENTS_ACCEPTED.inc(1)
    assert figures.take().counts == {ACCEPTED: 8, f"{REFUSED}rate_limited": 2, "redacted": 4}


def test_a_batch_waits_for_the_fold_from_its_commit_on() -> None:
    figures = Figures()
    figures.set_clock(NOW_MS / 1000)
    figures.note_stored(3, [_entry(40, count=10)], buried=2)
    first = figures.take()
    assert (first.counts[STORED], first.counts[BURIED]) == (8, 2)
    assert sum(count for name, count in first.counts.items() if name.startswith(LAG)) == 10
    since = first.unfolded[3]
    assert since is not None
    assert abs(since - NOW_MS) < 5000
    figures.note_stored(3, [_entry(30)], buried=0)
    assert figures.take().unfolded == {3: since}
    figures.note_folded(3)
    assert figures.take().unfolded == {3: None}
    assert not figures.take()


def test_what_could_not_be_written_does_not_hide_what_came_since() -> None:
    figures = Figures()
    figures.note_stored(0, [_entry(1)], buried=0)
    growth = figures.take()
    figures.note_folded(0)
    figures.put_back(growth)
    assert figures.take().unfolded == {0: None}


def test_a_bucket_is_read_as_it_was_written() -> None:
    fields = {b"accepted": b"12", b"stored": b"9", b"refused:rate_limited": b"4", b"refused:not_found": b"1"}
    lags = {f"lag:{lag_bin(40)}".encode(): b"9", f"lag:{lag_bin(0)}".encode(): b"1"}
    bucket = parse_bucket(1000, fields | lags)
    assert (bucket.start, bucket.counts) == (1000, {"accepted": 12, "stored": 9})
    assert bucket.refused == {"rate_limited": 4, "not_found": 1}
    assert bucket.lags == {lag_bin(40): 9, lag_bin(0): 1}


def test_rates_and_lags_are_of_the_last_minute() -> None:
    now = bucket_start(1_700_000_000) + 4.0
    starts = range(bucket_start(now) - 890, bucket_start(now) + 1, BUCKET_SECONDS)
    window = Window(now, [Bucket(start) for start in starts])
    assert (window.rate(STORED), window.lags, window.refused) == (0, [None, None], {})
    window.buckets[0].counts[STORED] = 1_000_000
    window.buckets[0].lags[lag_bin(60_000)] = 1_000_000
    window.buckets[-1].counts[STORED] = 64
    window.buckets[-1].lags[lag_bin(100)] = 99
    window.buckets[-2].lags[lag_bin(2000)] = 1
    assert window.rate(STORED) == 64 / (RATE_SECONDS + 4)
    assert window.lags == [pytest.approx(100, rel=0.051)] * 2
    assert lag_percentiles(window.buckets) == [pytest.approx(60_000, rel=0.051)] * 2
    assert window.total(STORED) == 1_000_064
