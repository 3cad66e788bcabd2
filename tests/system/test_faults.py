"""What breaks must not lose or double anything: each kind of fault of `make chaos`, briefly, and what only shows at leisure."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.chaos import oracle, stack, trial
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.load import Load
from tests.chaos.oracle import Verdict
from tests.chaos.stack import Surrounded, Victim
from tests.support.waiting import wait_until

QUICK = [fault for fault in FAULTS if fault.quick]
LOAD_UNITS = 60


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A stack of this module's own, as it will be hurt."""
    with stack.embedded(tmp_path_factory.mktemp("faults")) as running:
        yield running
        print("\n".join(running.log[-300:]))  # noqa: T201 - shown with a failure


@pytest.fixture(scope="module")
def surrounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surrounded]:
    with stack.surrounded(tmp_path_factory.mktemp("surrounded")) as running:
        yield running
        print("\n".join(running.log[-300:]))  # noqa: T201 - shown with a failure


def assert_survived(fault: Fault, victim: Victim) -> None:
    row = trial.run(fault, victim, quick=True, recount=False)
    if row.not_possible:
        pytest.skip(row.not_possible)
    assert row.events > 0
    assert row.good, row


def assert_all_arrived(victim: Victim, load: Load) -> None:
    tally = load.finish()
    victim.wait_drained()
    verdict = Verdict()
    with victim.database() as database:
        oracle.judge(database, tally.units, verdict)
    oracle.recount(victim.database_url, verdict)
    assert (verdict.lost, verdict.doubled, verdict.problems, tally.errors) == (0, 0, [], [])


def load_some(victim: Victim) -> Load:
    load = Load(victim.client_url, pause_seconds=0.01)
    wait_until(lambda: len(load.tally.units) >= LOAD_UNITS, seconds=30, what="some load")
    return load


@pytest.mark.parametrize("fault", [fault for fault in QUICK if not fault.surrounded], ids=lambda fault: fault.name)
def test_survives(victim: Victim, fault: Fault) -> None:
    assert_survived(fault, victim)


def test_queue_away_is_a_503_and_soon_over(victim: Victim) -> None:
    (pid,) = victim.pids("valkey")
    os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        status, headers, _ = victim.request("POST", "/v1/runs", {"agent": {"name": "a"}})
        assert status == 503
        assert int(headers["retry-after"]) >= 1
        assert time.monotonic() - started < 10
        assert victim.request("GET", "/healthz")[0] == 200
        assert victim.request("GET", "/readyz")[0] == 503
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: victim.request("GET", "/readyz")[0] == 200, what="the queue to be back")


def test_redis_wiped(victim: Victim) -> None:
    """A wiped Redis loses what waits in it, and nothing that comes after."""
    victim.wait_drained()
    with victim.queue() as queue:
        queue.flushall()
    assert_all_arrived(victim, load_some(victim))


def test_memory_returns_to_its_floor(victim: Victim) -> None:
    """After all that was done to it, the recount of `assert_all_arrived` holds as well."""
    with victim.queue() as queue:
        victim.wait_drained()
        floor = queue.info("memory")["used_memory"]
        assert_all_arrived(victim, load_some(victim))

        def back() -> bool:
            return queue.info("memory")["used_memory"] < floor + (1 << 20)

        wait_until(back, seconds=15, what="the queue's memory to be free again")
        forever = [key for key in queue.scan_iter("agentguide:*") if queue.ttl(key) == -1]
        assert all(key.endswith((b":stream", b":epoch", b":changes")) for key in forever)


@pytest.mark.parametrize("fault", [fault for fault in QUICK if fault.surrounded], ids=lambda fault: fault.name)
def test_survives_its_surroundings(surrounded: Surrounded, fault: Fault) -> None:
    assert_survived(fault, surrounded)


def test_the_recount_finds_nothing(surrounded: Surrounded) -> None:
    assert_all_arrived(surrounded, load_some(surrounded))
