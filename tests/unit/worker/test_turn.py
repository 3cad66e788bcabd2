"""How long a drain leaves between two batches."""

import pytest

from events.stream import BELL_TTL_MS
from worker.turn import REST_MAX_SECONDS, seconds_between


@pytest.mark.parametrize(
    ("interval", "batch", "wanted"),
    [(0.035, 0.005, 0.035), (0.035, 0.02, 0.06), (0.035, 10.0, 10.0 + REST_MAX_SECONDS), (1.0, 0.02, 1.0)],
)
def test_the_time_between_two_batches(interval: float, batch: float, wanted: float) -> None:
    assert seconds_between(interval, batch) == pytest.approx(wanted)


def test_a_drain_that_rests_keeps_its_bell() -> None:
    assert 2 * REST_MAX_SECONDS < BELL_TTL_MS / 1000
