"""Every metric, each with a sentence, before its first use. The API shows them at `/metrics` in Prometheus' format."""

from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from db.dead_letters import Count, are_rising

_LATEST: dict[str, Any] = {"multiprocess_mode": "mostrecent"}
"""Of what each API process sees alike, the one that looked last is right; counters are sums."""

EVENTS_ACCEPTED = Counter("agentguide_events_accepted", "Events that are on the queue's disk.")
EVENTS_REJECTED = Counter("agentguide_events_rejected", "Events and spans of a batch that were not valid.")
REQUESTS_REFUSED = Counter("agentguide_requests_refused", "Requests answered with an error, by its code.", ["code"])
NAMES_CUT = Counter("agentguide_names_cut", "Names of spans that were too long, stored with an ellipsis at their end.")
TEXTS_MENDED = Counter(
    "agentguide_texts_mended", "Bodies, payloads and names in which NUL or half a surrogate pair became U+FFFD."
)
CONNECTIONS_CUT = Counter("agentguide_connections_cut", "Connections closed without an answer, by the reason.", ["reason"])
FIGURES_UNWRITTEN = Counter(
    "agentguide_figures_unwritten", "Times that what this process counted could not be added to the figures of all."
)
PAYLOADS_CUT = Counter("agentguide_payloads_cut", "Payloads over the field limit, stored as their head and a mark.")
REDACTIONS = Counter("agentguide_redactions", "Secrets taken out of events before they were queued, by kind.", ["what"])
REQUESTS_LIMITED = Counter(
    "agentguide_requests_limited", "Requests answered 429, by whose limit it was and what it counts.", ["of", "unit"]
)
BACKLOG_EVENTS = Gauge("agentguide_backlog_events", "Events that wait in the queue.", **_LATEST)
BACKLOG_BYTES = Gauge("agentguide_backlog_bytes", "Bytes of events that wait in the queue.", **_LATEST)
DELETIONS_OPEN = Gauge(
    "agentguide_deletions_open", "Deletions and days past their retention that are still to be removed.", **_LATEST
)
DELETIONS_FAILED = Gauge("agentguide_deletions_failed", "Of those, the ones that failed and are tried again.", **_LATEST)
DATABASE_BYTES = Gauge("agentguide_database_bytes", "What the database takes on disk.", **_LATEST)
DISK_BUDGET_BYTES = Gauge(
    "agentguide_disk_budget_bytes", "What it may take before the oldest days go; 0 is without bound.", **_LATEST
)
STREAM_CLIENTS = Gauge("agentguide_stream_clients", "Clients that watch runs live.", multiprocess_mode="livesum")
STREAM_EVENTS = Counter("agentguide_stream_events", "Runs sent to clients that watch live.")
STREAM_MISSED = Counter("agentguide_stream_missed", "Changed runs that clients who watch live were told to have missed.")


class DeadLetterFigures(Collector):
    """What workers buried, which have no `/metrics`: as the database counts it, of all projects, alike in every API process."""

    SERIES_MAX = 100

    def __init__(self) -> None:
        self.counts: Sequence[Count] = ()
        """The largest first."""
        self.due = 0.0
        """When they are to be read again, by the clock that only goes forward."""

    def collect(self) -> Iterator[Metric]:
        labels = ("project", "code")
        total = CounterMetricFamily("agentguide_dead_letters", "Events that could not be stored.", labels=labels)
        dropped = CounterMetricFamily("agentguide_dead_letters_dropped", "Of those, the ones over the bounds.", labels=labels)
        kept = GaugeMetricFamily("agentguide_dead_letters_kept", "Dead letters that wait for somebody.", labels=labels)
        rising = GaugeMetricFamily(
            "agentguide_dead_letters_rising", "1: many more in the last hour than in a usual one.", labels=("project",)
        )
        shown, rest = self.counts[: self.SERIES_MAX], self.counts[self.SERIES_MAX :]
        for names, counts in [*(((one.project, one.code), (one,)) for one in shown), (("other", "other"), rest)]:
            if counts:
                total.add_metric(names, sum(one.buried for one in counts))
                dropped.add_metric(names, sum(one.dropped for one in counts))
                kept.add_metric(names, sum(one.kept for one in counts))
        for project in dict.fromkeys(one.project for one in shown):
            rising.add_metric((project,), are_rising([one for one in self.counts if one.project == project]))
        yield from (total, dropped, kept, rising)


DEAD_LETTERS = DeadLetterFigures()
REGISTRY.register(DEAD_LETTERS)
