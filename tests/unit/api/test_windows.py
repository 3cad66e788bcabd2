"""Windows: what may be asked for, and that their segments are the window itself, no more and no less."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.windows import BUCKETS_MAX, LENGTH_MAX, Covered, Grain, Window, asked_window, bucket_grain, bucket_starts
from events.exceptions import InvalidQuery

NOW = datetime(2026, 11, 23, 14, 50, 12, 345678, UTC)

moments = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
lengths = st.one_of(
    st.timedeltas(timedelta(microseconds=1), timedelta(hours=3)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=40)),
    st.timedeltas(timedelta(microseconds=1), LENGTH_MAX),
)
windows = st.builds(lambda start, length: Window(start, start + length), moments, lengths)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(windows, st.sampled_from([Grain.MINUTE, Grain.HOUR]))
def test_what_is_covered_is_the_least_that_holds_the_window(window: Window, grain: Grain) -> None:
    covered = window.covered(grain)
    assert covered.start <= window.start < covered.start + grain.length
    assert covered.end - grain.length < window.end <= covered.end
    assert grain.floor(covered.start) == covered.start
    assert grain.floor(covered.end) == covered.end


@given(windows, st.sampled_from([Grain.MINUTE, Grain.HOUR]), st.sampled_from(list(Grain)))
def test_segments_are_the_window_without_gap_or_overlap(window: Window, grain: Grain, coarsest: Grain) -> None:
    covered = window.covered(grain)
    if coarsest.length < grain.length:
        coarsest = grain
    segments = covered.segments(coarsest)
    assert segments[0].start == covered.start
    assert segments[-1].end == covered.end
    assert [segment.end for segment in segments[:-1]] == [segment.start for segment in segments[1:]]
    assert len(segments) <= 5
    rows = 0
    for segment in segments:
        assert segment.start < segment.end
        assert grain.length <= segment.grain.length <= coarsest.length
        assert segment.grain.floor(segment.start) == segment.start
        assert segment.grain.floor(segment.end) == segment.end
        if segment.grain is not coarsest:
            rows += (segment.end - segment.start) // segment.grain.length
    # At the edges of days at most 23 hours, at the edges of hours at most 59 minutes, on either side.
    assert rows <= 2 * (23 + 59) or coarsest is Grain.MINUTE


@given(windows)
def test_the_window_before_is_as_long_and_ends_where_this_begins(window: Window) -> None:
    before = window.before()
    assert before.end - before.start == window.end - window.start
    assert before.end == window.start
    covered = window.covered(Grain.MINUTE)
    assert covered.before().end == covered.start
    assert covered.before().end - covered.before().start == covered.end - covered.start


def test_a_month_takes_five_ranges() -> None:
    covered = Window(moment("2026-11-01T10:17:30"), moment("2026-11-30T18:44:10")).covered(Grain.MINUTE)
    assert [(segment.grain.value, str(segment.start)[5:16]) for segment in covered.segments()] == [
        ("minute", "11-01 10:17"),
        ("hour", "11-01 11:00"),
        ("day", "11-02 00:00"),
        ("hour", "11-30 00:00"),
        ("minute", "11-30 18:00"),
    ]
    assert covered.segments()[-1].end == moment("2026-11-30T18:45:00")


def test_without_a_word_it_is_the_last_24_hours() -> None:
    assert asked_window(None, None, NOW) == Window(NOW - timedelta(hours=24), NOW)
    start = NOW - timedelta(days=3)
    assert asked_window(start, None, NOW) == Window(start, NOW)
    assert asked_window(None, start, NOW) == Window(start - timedelta(hours=24), start)


def test_a_time_without_an_offset_is_utc_and_one_with_an_offset_counts() -> None:
    plain = datetime(2026, 11, 1, 12)  # noqa: DTZ001
    offset = datetime.fromisoformat("2026-11-01T14:30:00+02:00")
    assert asked_window(plain, offset, NOW) == Window(moment("2026-11-01T12:00"), moment("2026-11-01T12:30"))


@pytest.mark.parametrize(
    ("start", "end", "path"),
    [
        (NOW, NOW, "query.from"),
        (NOW, NOW - timedelta(seconds=1), "query.from"),
        (NOW + timedelta(days=1), None, "query.from"),
        (datetime(1969, 12, 31, 23, 59, tzinfo=UTC), NOW, "query.from"),
        (datetime(1970, 1, 1, tzinfo=UTC), NOW, "query.from"),
        (NOW - LENGTH_MAX - timedelta(seconds=1), NOW, "query.from"),
        (NOW, datetime(2200, 1, 1, tzinfo=UTC), "query.to"),
        (NOW, datetime.fromisoformat("2199-12-31T23:30:00-01:00"), "query.to"),
    ],
)
def test_windows_that_are_refused(start: datetime, end: datetime | None, path: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        asked_window(start, end, NOW)
    assert [detail["path"] for detail in refused.value.details] == [path]
    assert refused.value.details[0]["reason"] in refused.value.message


@given(windows)
def test_a_bucket_is_found_for_every_window(window: Window) -> None:
    bucket = bucket_grain(window, None)
    assert 1 <= len(bucket_starts(window.covered(Grain.MINUTE), bucket)) <= BUCKETS_MAX


@pytest.mark.parametrize(
    ("length", "bucket"),
    [
        (timedelta(hours=3), Grain.MINUTE),
        (timedelta(hours=3, seconds=1), Grain.HOUR),
        (timedelta(days=8), Grain.HOUR),
        (timedelta(days=8, seconds=1), Grain.DAY),
    ],
)
def test_the_bucket_fits_the_window(length: timedelta, bucket: Grain) -> None:
    assert bucket_grain(Window(NOW, NOW + length), None) is bucket


def test_too_many_buckets_are_refused() -> None:
    assert bucket_grain(Window(NOW, NOW + timedelta(minutes=BUCKETS_MAX - 1)), Grain.MINUTE) is Grain.MINUTE
    with pytest.raises(InvalidQuery, match="2001 buckets of a minute are more than 2000"):
        bucket_grain(Window(NOW, NOW + timedelta(minutes=BUCKETS_MAX)), Grain.MINUTE)


def test_buckets_at_the_edges_are_there_in_part() -> None:
    covered = Covered(moment("2026-11-01T10:17"), moment("2026-11-01T12:01"), Grain.MINUTE)
    assert bucket_starts(covered, Grain.HOUR) == [moment(f"2026-11-01T{hour}:00") for hour in (10, 11, 12)]
    assert bucket_starts(covered, Grain.DAY) == [moment("2026-11-01T00:00")]
    assert len(bucket_starts(covered, Grain.MINUTE)) == 104
