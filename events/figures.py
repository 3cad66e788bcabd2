"""What one process adds to the pipeline's figures, and where those of all stand: a hash in Redis for every ten seconds.

A process counts in its own memory and adds what came since to the hash of the moment, once a second. A process that is killed
takes up to a second of figures with it: they are for looking at, and events are counted elsewhere.
"""

import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import prometheus_client

from events.histogram import ZERO_BIN, bin_of, lower_bound
from events.instrumentation import EVENTS_ACCEPTED, EVENTS_REJECTED, PAYLOADS_CUT, REDACTIONS, REQUESTS_REFUSED
from events.stream import Entry

BUCKET_SECONDS = 10
WINDOW_SECONDS = 900
"""How far back they are shown."""
TTL_SECONDS = 1200
"""Longer than that by some minutes, in which clocks may differ."""

ACCEPTED = "accepted"
STORED = "stored"
BURIED = "buried"
REJECTED = "rejected"
CUT = "cut"
REDACTED = "redacted"
REFUSED = "refused:"
"""In front of a code."""
LAG = "lag:"
"""In front of a bin of the time from an event's acceptance to its commit."""

UNFOLDED_KEY = "agentguide:{figures}:unfolded"
"""By shard: since when sums of its batches wait for the fold, in milliseconds since 1970."""

BINS_A_LAG = 5
"""A bin of lags is five of the histogram's, so at most 5 % off: some thirty fields where the finer ones would be hundreds."""
LAG_MAX_MS = 86_400_000
"""What took longer than a day counts as a day."""

_SOURCES = ((ACCEPTED, EVENTS_ACCEPTED), (REJECTED, EVENTS_REJECTED), (CUT, PAYLOADS_CUT), (REDACTED, REDACTIONS))


def bucket_key(start: int) -> str:
    """`start` is in seconds since 1970. One hash tag for all that is read or written together."""
    return f"agentguide:{{figures}}:{start}"


def bucket_start(seconds: float) -> int:
    return int(seconds) // BUCKET_SECONDS * BUCKET_SECONDS


def lag_bin(milliseconds: int) -> int:
    return bin_of(min(milliseconds, LAG_MAX_MS) * 1000) // BINS_A_LAG


def histogram_bin(lag: int) -> int:
    """The bin of the histogram in the middle of a bin of lags."""
    return ZERO_BIN if lag < 0 else lag * BINS_A_LAG + BINS_A_LAG // 2


def lags_of(entries: Sequence[Entry], stored_at_ms: int) -> dict[int, int]:
    """How many events of a batch, whose entries are in order, lie in each bin."""
    found: dict[int, int] = {}
    place = 0
    while place < len(entries):
        # All up to the bin's bound at once: a batch may have thousands of entries, and has few bins.
        bin_number = lag_bin(max(0, stored_at_ms - entries[place].accepted_at // 1000))
        bound = stored_at_ms - lower_bound(bin_number * BINS_A_LAG) / 1000 if bin_number > 0 else stored_at_ms
        after = max(place + 1, bisect_right(entries, bound * 1000, lo=place, key=lambda entry: entry.accepted_at))
        found[bin_number] = found.get(bin_number, 0) + sum(entry.count for entry in entries[place:after])
        place = after
    return found


@dataclass(slots=True)
class Growth:
    """What is still to be written."""

    counts: Counter[str] = field(default_factory=Counter)
    unfolded: dict[int, int | None] = field(default_factory=dict)
    """By shard, as it stands in Redis; None: nothing waits any more."""

    def __bool__(self) -> bool:
        return bool(self.counts or self.unfolded)


class Figures:
    """What this process counted since it was last written; for any number of threads."""

    def __init__(self, totals: Callable[[], Counter[str]] | None = None) -> None:
        """`totals` is what the process counted in its life; without it, what its metrics say."""
        self._lock = threading.Lock()
        self._totals = totals or _totals
        self._counts: Counter[str] = Counter()
        self._before = self._totals()
        self._unfolded: dict[int, int | None] = {}
        self._ahead_seconds = time.time() - time.monotonic()
        self.is_away = False
        """Whether the last write failed."""

    def now(self) -> float:
        """Seconds since 1970 by Redis' clock, of which ids of entries are made, too."""
        return time.monotonic() + self._ahead_seconds

    def set_clock(self, seconds: float) -> None:
        """Redis' clock says so now."""
        self._ahead_seconds = seconds - time.monotonic()

    def note_stored(self, shard: int, entries: Sequence[Entry], buried: int) -> None:
        """A batch is in the database; so many of its events are dead letters."""
        now_ms = int(self.now() * 1000)
        lags = lags_of(entries, now_ms)
        events = sum(lags.values())
        with self._lock:
            self._counts[STORED] += max(0, events - buried)
            self._counts[BURIED] += buried
            for bin_number, count in lags.items():
                self._counts[f"{LAG}{bin_number}"] += count
            if self._unfolded.get(shard) is None:
                self._unfolded[shard] = now_ms

    def note_folded(self, shard: int) -> None:
        """Nothing of the shard's batches waits for the fold."""
        with self._lock:
            self._unfolded[shard] = None

    def take(self) -> Growth:
        """What came since it was last taken."""
        with self._lock:
            totals = self._totals()
            counts = self._counts + (totals - self._before)
            growth = Growth(counts, dict(self._unfolded))
            self._counts, self._before = Counter(), totals
            self._unfolded = {shard: since for shard, since in self._unfolded.items() if since is not None}
        return growth

    def put_back(self, growth: Growth) -> None:
        """It was not written."""
        with self._lock:
            self._counts += growth.counts
            self._unfolded = growth.unfolded | self._unfolded


def _totals() -> Counter[str]:
    found: Counter[str] = Counter()
    for name, counter in _SOURCES:
        for _, value in _values(counter):
            found[name] += value
    for code, value in _values(REQUESTS_REFUSED):
        found[f"{REFUSED}{code}"] += value
    return found


def _values(counter: prometheus_client.Counter) -> Iterator[tuple[str, int]]:
    """The first label's value, if there is one, and how much was counted."""
    for metric in counter.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                yield next(iter(sample.labels.values()), ""), int(sample.value)
