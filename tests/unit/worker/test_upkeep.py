"""When a drain folds and indexes, with a clock that stands still unless it is told."""

from typing import Any, cast

import pytest

from worker.upkeep import BUSY_EVENTS, BUSY_FOLD_SECONDS, BUSY_SHARE, FOLD_SECONDS, INDEX_AFTER_SECONDS, Upkeep

CONNECTION = cast("Any", None)
BUSY = BUSY_EVENTS + 1


class Work:
    """Counts what was asked of it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slice_seconds = 0.5
        self.folds = self.slices = 0
        self.lock_is_free = True
        self.others_are_busy = False
        self.to_index = 0
        self.upkeep = Upkeep(
            clock=lambda: self.now, fold=self._fold, index=self._index, others_are_busy=lambda: self.others_are_busy
        )

    def _fold(self, _: Any, *, wait: bool = False) -> bool:
        self.folds += 1
        return self.lock_is_free or wait

    def _index(self, _: Any) -> bool:
        self.slices += 1
        self.now += self.slice_seconds
        self.to_index -= 1
        return self.to_index >= 0


@pytest.mark.parametrize(("events", "seconds"), [(BUSY_EVENTS, FOLD_SECONDS), (BUSY, BUSY_FOLD_SECONDS)])
def test_batches_share_a_fold_the_more_so_the_busier_the_drain_is(events: int, seconds: float) -> None:
    work = Work()
    work.slice_seconds = 0.0
    for folds in range(3):
        for _ in range(10):
            work.upkeep.after_batch(CONNECTION, events)
        assert work.folds == folds
        work.now += seconds


def test_a_busy_drain_gives_a_share_of_its_time_to_the_index() -> None:
    work = Work()
    began = work.now
    while work.now < began + 200:
        work.upkeep.after_batch(CONNECTION, BUSY)
        work.now += 0.1
    share = work.slices * 0.5 / (work.now - began)
    assert 0.8 * BUSY_SHARE < share <= 1.2 * BUSY_SHARE


def test_a_drain_with_little_to_do_indexes_after_each_batch() -> None:
    work = Work()
    for _ in range(5):
        work.upkeep.after_batch(CONNECTION, BUSY_EVENTS)
    assert work.slices == 5


def test_while_another_is_busy_one_with_nothing_to_do_only_takes_its_share() -> None:
    work = Work()
    work.to_index = 1000
    work.others_are_busy = True
    assert work.upkeep.when_idle(CONNECTION)  # the fold
    assert not work.upkeep.when_idle(CONNECTION)
    work.now += INDEX_AFTER_SECONDS
    assert work.upkeep.when_idle(CONNECTION)
    assert not work.upkeep.when_idle(CONNECTION)
    assert work.slices == 1


def test_an_idle_drain_folds_first_then_indexes_until_there_is_nothing() -> None:
    work = Work()
    work.to_index = 3
    assert [work.upkeep.when_idle(CONNECTION) for _ in range(6)] == [True, True, True, True, False, False]
    assert (work.folds, work.slices) == (1, 4)


def test_what_another_folds_meanwhile_is_folded_later() -> None:
    work = Work()
    work.lock_is_free = False
    assert not work.upkeep.when_idle(CONNECTION)
    work.upkeep.finish(CONNECTION)
    assert work.folds == 2
    work.upkeep.finish(CONNECTION)
    assert work.folds == 2
