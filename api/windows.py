"""Windows of time: what is asked for, what the roll-ups can answer of it, and the few ranges of rows that this takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from events.exceptions import InvalidQuery

DEFAULT_LENGTH = timedelta(hours=24)
LENGTH_MAX = timedelta(days=5 * 366)
YEARS = range(1970, 2200)
BUCKETS_MAX = 2000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Grain(StrEnum):
    """How much time a row of a roll-up covers; each in UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        return _LENGTHS[self]

    def floor(self, moment: datetime) -> datetime:
        return moment - (moment - _EPOCH) % self.length

    def ceil(self, moment: datetime) -> datetime:
        return moment + (_EPOCH - moment) % self.length


_LENGTHS = {Grain.MINUTE: timedelta(minutes=1), Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}
_COARSEST_FIRST = (Grain.DAY, Grain.HOUR, Grain.MINUTE)

_BUCKET_UP_TO = ((timedelta(hours=3), Grain.MINUTE), (timedelta(days=8), Grain.HOUR), (LENGTH_MAX, Grain.DAY))
"""The bucket of a time series that asks for none, by the length of its window."""


@dataclass(slots=True, frozen=True)
class Segment:
    """The rows of one grain that start from `start` on and before `end`."""

    grain: Grain
    start: datetime
    end: datetime


@dataclass(slots=True, frozen=True)
class Covered:
    """A window that begins and ends with a row of the finest roll-up that answers."""

    start: datetime
    end: datetime
    grain: Grain

    def segments(self, coarsest: Grain = Grain.DAY) -> list[Segment]:
        """Cut into as few ranges as there are: whole days, hours at their edges, minutes at the edges of these."""
        grains = _COARSEST_FIRST[_COARSEST_FIRST.index(coarsest) : _COARSEST_FIRST.index(self.grain) + 1]
        return list(_cut(self.start, self.end, grains))

    def before(self) -> "Covered":
        """As long, and ending where this begins."""
        return Covered(self.start - (self.end - self.start), self.start, self.grain)


@dataclass(slots=True, frozen=True)
class Window:
    """From `start` up to but not including `end`."""

    start: datetime
    end: datetime

    def covered(self, grain: Grain) -> Covered:
        """With the whole of the minutes or hours at its edges, as a roll-up cannot tell what is in a part of one."""
        return Covered(grain.floor(self.start), grain.ceil(self.end), grain)

    def before(self) -> "Window":
        return Window(self.start - (self.end - self.start), self.start)

    def described(self, covered: Covered) -> dict[str, Any]:
        """What was asked for, and what the figures are of."""
        return {
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "covered": {"from": covered.start.isoformat(), "to": covered.end.isoformat(), "grain": covered.grain.value},
        }


def asked_window(start: datetime | None, end: datetime | None, now: datetime | None = None) -> Window:
    """The last 24 hours, or those before `end`, unless more is said. A time without an offset is UTC.

    Raises:
        InvalidQuery: it says which of the two is wrong, and why.
    """
    end = (now or datetime.now(UTC)) if end is None else _utc("to", end)
    start = end - DEFAULT_LENGTH if start is None else _utc("from", start)
    if start >= end:
        raise _invalid("from", f"`from` ({start.isoformat()}) is not before `to` ({end.isoformat()})")
    if end - start > LENGTH_MAX:
        raise _invalid("from", f"the window is longer than {LENGTH_MAX.days} days")
    return Window(start, end)


def bucket_grain(window: Window, asked: Grain | None) -> Grain:
    """How long the buckets of a time series are: as asked for, or so that there are some dozens to some hundreds.

    Raises:
        InvalidQuery: there would be too many.
    """
    length = window.end - window.start
    if asked is None:
        return next(grain for most, grain in _BUCKET_UP_TO if length <= most)
    covered = window.covered(asked)
    count = (covered.end - covered.start) // asked.length
    if count > BUCKETS_MAX:
        raise _invalid(
            "bucket", f"{count} buckets of a {asked} are more than {BUCKETS_MAX}: take longer ones or a shorter window"
        )
    return asked


def bucket_starts(covered: Covered, bucket: Grain) -> list[datetime]:
    """Of all buckets that lie in a window, those at its edges in part."""
    first = bucket.floor(covered.start)
    return [first + number * bucket.length for number in range((bucket.ceil(covered.end) - first) // bucket.length)]


def _cut(start: datetime, end: datetime, grains: Sequence[Grain]) -> Iterator[Segment]:
    if start >= end:
        return
    grain, finer = grains[0], grains[1:]
    first, last = grain.ceil(start), grain.floor(end)
    if first >= last:
        yield from _cut(start, end, finer)
        return
    yield from _cut(start, first, finer)
    yield Segment(grain, first, last)
    yield from _cut(last, end, finer)


def _utc(name: str, moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise _invalid(name, f"it is not of the years {YEARS[0]} to {YEARS[-1]}")
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    # An offset may lead out of the years again, and out of what a datetime holds only at years 1 and 9999.
    moment = moment.astimezone(UTC)
    if moment.year not in YEARS:
        raise _invalid(name, f"it is not of the years {YEARS[0]} to {YEARS[-1]}")
    return moment


def _invalid(name: str, reason: str) -> InvalidQuery:
    return InvalidQuery(f"`{name}` is not valid: {reason}.", details=[{"path": f"query.{name}", "reason": reason}])
