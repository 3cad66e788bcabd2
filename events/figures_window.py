"""The pipeline's figures of the last minutes, of all processes together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import redis.asyncio

from events.figures import (
    BUCKET_SECONDS,
    LAG,
    REFUSED,
    UNFOLDED_KEY,
    WINDOW_SECONDS,
    bucket_key,
    bucket_start,
    histogram_bin,
)
from events.histogram import percentiles

RATE_SECONDS = 60
"""What rates and lags of the moment are of: long enough not to jump, short enough to be of now."""
PERCENTILES = (0.5, 0.99)


@dataclass(slots=True)
class Bucket:
    """Ten seconds; the last one may have begun just now."""

    start: int
    """Seconds since 1970."""
    counts: Counter[str] = field(default_factory=Counter)
    """By name, without those below."""
    refused: Counter[str] = field(default_factory=Counter)
    """Requests by code."""
    lags: Counter[int] = field(default_factory=Counter)
    """Events by bin."""


@dataclass(slots=True)
class Window:
    now: float
    """By Redis' clock."""
    buckets: list[Bucket]
    """In order, empty ones too."""

    @property
    def _recent(self) -> list[Bucket]:
        since = bucket_start(self.now) - RATE_SECONDS
        return [bucket for bucket in self.buckets if bucket.start >= since]

    def rate(self, name: str) -> float:
        """Events a second."""
        recent = self._recent
        return sum(bucket.counts[name] for bucket in recent) / max(1.0, self.now - recent[0].start)

    @property
    def lags(self) -> list[float | None]:
        return lag_percentiles(self._recent)

    def total(self, name: str) -> int:
        return sum(bucket.counts[name] for bucket in self.buckets)

    @property
    def refused(self) -> Counter[str]:
        return sum((bucket.refused for bucket in self.buckets), Counter())


def lag_percentiles(buckets: Iterable[Bucket]) -> list[float | None]:
    """Milliseconds from acceptance to commit, at each of PERCENTILES; at most 5 % off. None each without events."""
    lags = sum((bucket.lags for bucket in buckets), Counter[int]())
    bins = sorted(lags)
    found = percentiles([histogram_bin(one) for one in bins], [lags[one] for one in bins], PERCENTILES)
    return [None if value is None else round(value / 1000, 3) for value in found]


def parse_bucket(start: int, fields: Mapping[bytes, bytes]) -> Bucket:
    bucket = Bucket(start)
    for name, value in fields.items():
        text, count = name.decode(), int(value)
        if text.startswith(REFUSED):
            bucket.refused[text.removeprefix(REFUSED)] = count
        elif text.startswith(LAG):
            bucket.lags[int(text.removeprefix(LAG))] = count
        else:
            bucket.counts[text] = count
    return bucket


async def read_window(connection: "redis.asyncio.Redis") -> Window:
    """Raises redis.RedisError, OSError or TimeoutError if Redis does not answer."""
    seconds, microseconds = await connection.time()
    last = bucket_start(seconds)
    starts = range(last - WINDOW_SECONDS + BUCKET_SECONDS, last + 1, BUCKET_SECONDS)
    pipeline = connection.pipeline(transaction=False)
    for start in starts:
        pipeline.hgetall(bucket_key(start))
    found = await pipeline.execute()
    buckets = [parse_bucket(start, fields) for start, fields in zip(starts, found, strict=True)]
    return Window(seconds + microseconds / 1e6, buckets)


async def read_unfolded(connection: "redis.asyncio.Redis") -> float:
    """For how many seconds sums have been waiting for the fold; 0 if drains know of none. Raises as `read_window`."""
    pipeline = connection.pipeline(transaction=False)
    pipeline.time()
    pipeline.hvals(UNFOLDED_KEY)
    (seconds, microseconds), since = await pipeline.execute()
    now: float = seconds + microseconds / 1e6
    return max((now - int(value) / 1000 for value in since), default=0.0)
