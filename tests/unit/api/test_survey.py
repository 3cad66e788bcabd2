"""What is called fresh, behind and stalled."""

from datetime import UTC, datetime, timedelta

import pytest

from api.survey import FIGURES_FRESH_SECONDS, FRESH_SECONDS, STALLED_SECONDS, Queue, Survey
from events.waiting import Waiting
from events.workers import BUSY_SILENCE_SECONDS, IDLE_SILENCE_SECONDS, Worker

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WORKER = Worker("one", "host", 1, "idle", None, NOW, NOW, 0, 0)
EMPTY = Waiting(0, 0, 0, None, 9999.0)


def _state(*shards: Waiting, workers: int = 1, lost: bool = False, figures: float = 0.0) -> str:
    queue = Queue([EMPTY, *shards], [WORKER] * workers, 0.0, frozenset({"one"} if lost else ()))
    return Survey(NOW, queue, figures, search_lag_seconds=600.0).state


def _waiting(oldest: float, idle: float | None) -> Waiting:
    return Waiting(1, 5, 500, oldest, idle)


@pytest.mark.parametrize(
    ("shard", "state"),
    [
        (_waiting(FRESH_SECONDS - 0.1, 9999.0), "fresh"),
        (_waiting(FRESH_SECONDS, 9999.0), "behind"),
        (_waiting(STALLED_SECONDS - 0.1, None), "behind"),
        (_waiting(STALLED_SECONDS, STALLED_SECONDS), "stalled"),
        (_waiting(STALLED_SECONDS, None), "stalled"),
        (_waiting(9999.0, 0.2), "behind"),  # a long queue that moves
    ],
)
def test_the_oldest_event_that_waits_decides(shard: Waiting, state: str) -> None:
    assert _state(shard) == state


def test_an_empty_queue_is_fresh_whoever_works() -> None:
    assert _state() == "fresh"
    assert _state(workers=0) == "fresh"


def test_events_that_nobody_will_store_are_stalled_at_once() -> None:
    for options in ({"workers": 0}, {"lost": True}):
        assert _state(_waiting(FRESH_SECONDS + 1, 60.0), **options) == "stalled"
        assert _state(_waiting(FRESH_SECONDS / 2, 60.0), **options) == "fresh"
    # A worker drains before it registers, where memory is full.
    assert _state(_waiting(60.0, 0.1), workers=0) == "behind"


def test_rows_without_their_figures_are_behind() -> None:
    assert _state(figures=FIGURES_FRESH_SECONDS - 0.1) == "fresh"
    assert _state(figures=FIGURES_FRESH_SECONDS) == "behind"


def test_nothing_is_known_without_the_queue() -> None:
    survey = Survey(NOW, None, 0.0, 0.0)
    assert (survey.state, survey.lag_seconds, survey.backlog_events) == ("unknown", None, None)


@pytest.mark.parametrize(("state", "silence"), [("idle", IDLE_SILENCE_SECONDS), ("busy", BUSY_SILENCE_SECONDS)])
def test_a_worker_is_lost_when_its_work_explains_its_silence_no_more(state: str, silence: float) -> None:
    worker = Worker("one", "host", 1, state, None, NOW, NOW, 0, 0)
    assert not worker.is_lost((NOW + timedelta(seconds=silence)).timestamp())
    assert worker.is_lost((NOW + timedelta(seconds=silence + 1)).timestamp())
    assert Worker("one", "host", 1, state, None, NOW, None, 0, 0).is_lost(NOW.timestamp())
