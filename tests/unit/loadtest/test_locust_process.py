"""The switch that stops workers during a flood, on a process that stands for one."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadtest import ledger
from loadtest.ledger import BEGAN, CONTINUED, ENDED, REFUSED, STOPPED, Ledger, Mark
from loadtest.locust_process import WorkerSwitch
from loadtest.phases import Kind, Phase
from tests.support.waiting import wait_until

FLOOD = Phase("flood", "", Kind.FLOOD, 20.0, 6, 6)
PLAN = [Phase("200/s", "", Kind.STEPS, 5.0, 20, 20), FLOOD]


@pytest.fixture
def worker() -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


@pytest.fixture
def switch(worker: psutil.Process, tmp_path: Path) -> Iterator[WorkerSwitch]:
    own = Ledger(tmp_path)
    switch = WorkerSwitch([worker.pid], own)
    yield switch
    switch.release()
    own.close()


def mark(what: str, *, ago: float = 0.0, phase: str = "flood") -> Mark:
    return Mark(what, phase, time.time() - ago, 0.0)


def is_stopped(worker: psutil.Process) -> bool:
    return worker.status() == psutil.STATUS_STOPPED


def test_workers_run_until_the_flood_begins(switch: WorkerSwitch, worker: psutil.Process) -> None:
    switch.heed(PLAN, [mark(BEGAN, phase="200/s"), mark(REFUSED, phase="200/s")])
    assert not is_stopped(worker)


def test_they_stay_stopped_a_little_longer_than_until_the_first_refusal(
    switch: WorkerSwitch, worker: psutil.Process, tmp_path: Path
) -> None:
    switch.heed(PLAN, [mark(BEGAN, ago=9)])
    wait_until(lambda: is_stopped(worker))
    switch.heed(PLAN, [mark(BEGAN, ago=9), mark(REFUSED)])
    assert is_stopped(worker)
    switch.heed(PLAN, [mark(BEGAN, ago=9), mark(REFUSED, ago=5)])
    wait_until(lambda: not is_stopped(worker))
    switch.heed(PLAN, [mark(BEGAN, ago=9), mark(REFUSED, ago=5)])
    assert not is_stopped(worker)
    assert [one.what for one in ledger.marks(tmp_path)] == [STOPPED, CONTINUED]


@pytest.mark.parametrize("by_the_end", [True, False])
def test_a_flood_that_is_not_refused_leaves_no_worker_stopped(
    switch: WorkerSwitch, worker: psutil.Process, by_the_end: bool
) -> None:
    switch.heed(PLAN, [mark(BEGAN, ago=20)])
    wait_until(lambda: is_stopped(worker))
    if by_the_end:
        switch.heed(PLAN, [mark(BEGAN, ago=20), mark(ENDED)])
    else:
        switch.release()
    wait_until(lambda: not is_stopped(worker))


def test_a_worker_that_died_is_no_error(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    switch = WorkerSwitch([process.pid], Ledger(None))
    switch.heed(PLAN, [mark(BEGAN)])
    switch.release()
