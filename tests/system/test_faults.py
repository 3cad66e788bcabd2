"""What breaks must not lose or double anything: every acknowledged event is there once, whatever was killed meanwhile."""

import http.client
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from tests.support.stack import Stack
from tests.support.waiting import wait_until

EVENTS_A_BATCH = 100


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own, as it will be hurt."""
    running = Stack(tmp_path_factory.mktemp("faults") / "data", "--workers", "2", "--shards", "2")
    try:
        yield running
    finally:
        code = running.stop()
        print("\n".join(running.log))  # noqa: T201 - shown with a failure
        assert code == 0


class Senders:
    """Clients that send batches until there are enough acknowledged, and send again whatever was not acknowledged."""

    def __init__(self, stack: Stack, batches: int, senders: int = 3) -> None:
        self.stack = stack
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self._wanted = iter([uuid4().hex for _ in range(batches)])
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send_all) for _ in range(senders)]
        for thread in self._threads:
            thread.start()

    @property
    def active(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "a sender hangs"

    def _send_all(self) -> None:
        while True:
            with self._lock:
                run_id = next(self._wanted, None)
            if run_id is None:
                return
            batch = _batch(run_id)
            deadline = time.monotonic() + 60
            while not self._sent(batch):
                assert time.monotonic() < deadline, "no batch was taken for a minute"
                time.sleep(0.05)
            with self._lock:
                self.acknowledged.append(run_id)

    def _sent(self, batch: list[dict[str, object]]) -> bool:
        try:
            status, headers, _ = self.stack.request("POST", "/v1/events", batch, timeout=15)
        except (OSError, http.client.HTTPException):
            return False  # the API itself is away; nothing was acknowledged
        if status == 202:
            return True
        assert status == 503, status
        assert int(headers["retry-after"]) >= 1
        self.refused.append(status)
        return False


def _batch(run_id: str) -> list[dict[str, object]]:
    steps = [
        {"type": "step", "runId": run_id, "id": f"{number:016x}", "toolName": "search", "input": {"n": number}}
        for number in range(1, EVENTS_A_BATCH - 1)
    ]
    agent = {"name": "faulty", "version": "1"}
    return [{"type": "run", "id": run_id, "agent": agent}, *steps, {"type": "run", "id": run_id, "status": "SUCCESS"}]


def assert_all_arrived(senders: Senders) -> None:
    """Each acknowledged run is there with each step once, and the roll-ups count what the tables hold."""
    senders.finish()
    stack = senders.stack
    with stack.database() as database:

        def arrived() -> bool:
            row = database.execute(
                "SELECT count(*), coalesce(sum(step_count), 0), bool_and(status = 'SUCCESS')"
                " FROM runs WHERE id = ANY (%s::uuid[])",
                [senders.acknowledged],
            ).fetchone()
            wanted = len(senders.acknowledged)
            return row == (wanted, wanted * (EVENTS_A_BATCH - 2), True)

        wait_until(arrived, seconds=30, what="all acknowledged runs, complete")
        wait_until(lambda: stack.status()["backlog"]["events"] == 0, seconds=15, what="an empty backlog")
        rows = database.execute(
            "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM steps), (SELECT sum(step_count) FROM runs)"
        )
        runs, steps, step_counts = rows.fetchone() or (0, 0, 0)
        succeeded = database.execute("SELECT count(*) FROM runs WHERE status = 'SUCCESS'").fetchone() or (0,)
        assert steps == step_counts

        def is_rolled_up() -> bool:
            sums = "SELECT sum(runs), sum(steps), sum(runs_succeeded) FROM rollup_totals WHERE grain = 'day' AND agent_id = -1"
            return database.execute(sums).fetchone() == (runs, steps, succeeded[0])

        wait_until(is_rolled_up, seconds=15, what="roll-ups of all rows")
        assert database.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)


def assert_fresh_event_visible(stack: Stack, seconds: float = 5.0) -> None:
    started = time.monotonic()
    run_id = uuid4().hex

    def sent() -> bool:
        try:
            return stack.request("POST", "/v1/runs", {"id": run_id, "agent": {"name": "fresh"}}, timeout=5)[0] == 201
        except (OSError, http.client.HTTPException):
            return False

    wait_until(sent, seconds=seconds, what="an accepted event")
    wait_until(
        lambda: stack.request("GET", f"/v1/runs/{run_id}")[0] == 200,
        seconds=max(0.1, seconds - (time.monotonic() - started)),
        what="a fresh event to be visible",
    )


def _kill_sometimes(senders: Senders, kill: Callable[[], None]) -> int:
    kills = 0
    while senders.active:
        time.sleep(random.uniform(0.1, 0.4))
        if not senders.active:
            break
        kill()
        kills += 1
    return kills


def _kill_a_worker(stack: Stack) -> None:
    pids = [pid for pid in stack.status()["pids"]["worker"] if pid]
    if pids:
        try:
            os.kill(random.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            pass  # it died of the kill before, and the status was a moment older


def test_workers_killed_at_random(stack: Stack) -> None:
    senders = Senders(stack, batches=300)
    kills = _kill_sometimes(senders, lambda: _kill_a_worker(stack))
    assert kills > 0
    assert_all_arrived(senders)
    assert_fresh_event_visible(stack)


@pytest.mark.parametrize("part", ["valkey", "ingest-api", "postgres"])
def test_a_part_killed_under_load(stack: Stack, part: str) -> None:
    senders = Senders(stack, batches=100)
    wait_until(lambda: len(senders.acknowledged) > 10, what="the load to run")
    before = stack.pid(part)
    stack.kill(part)
    wait_until(lambda: stack.status()["pids"][part] not in (before, None), seconds=20, what=f"{part} to be started again")
    assert_all_arrived(senders)
    assert_fresh_event_visible(stack)


def test_postgres_stopped_for_a_while(stack: Stack) -> None:
    """Ingest goes on while the database is away."""
    pid = stack.pid("postgres")
    os.kill(pid, signal.SIGSTOP)
    try:
        senders = Senders(stack, batches=20)
        senders.finish()
        assert senders.refused == []
    finally:
        os.kill(pid, signal.SIGCONT)
    assert_all_arrived(senders)
    assert_fresh_event_visible(stack)


def test_redis_wiped(stack: Stack) -> None:
    """A wiped Redis loses what waits in it, and nothing that comes after."""
    wait_until(lambda: stack.status()["backlog"]["events"] == 0, what="an empty backlog")
    with stack.queue() as queue:
        queue.flushall()
    senders = Senders(stack, batches=20)
    assert_all_arrived(senders)
    assert_fresh_event_visible(stack)


def test_queue_away_is_a_503_and_soon_over(stack: Stack) -> None:
    pid = stack.pid("valkey")
    os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        status, headers, _ = stack.request("POST", "/v1/runs", {"agent": {"name": "a"}})
        assert status == 503
        assert int(headers["retry-after"]) >= 1
        assert time.monotonic() - started < 10
        assert stack.request("GET", "/healthz")[0] == 200
        assert stack.request("GET", "/readyz")[0] == 503
    finally:
        os.kill(pid, signal.SIGCONT)
    assert_fresh_event_visible(stack)


def test_memory_returns_to_its_floor(stack: Stack) -> None:
    with stack.queue() as queue:
        wait_until(lambda: stack.status()["backlog"]["events"] == 0, what="an empty backlog")
        floor = queue.info("memory")["used_memory"]
        assert_all_arrived(Senders(stack, batches=100))

        def back() -> bool:
            return queue.info("memory")["used_memory"] < floor + (1 << 20)

        wait_until(back, seconds=15, what="the queue's memory to be free again")
        forever = [key for key in queue.scan_iter("agentguide:*") if queue.ttl(key) == -1]
        assert all(key.endswith((b":stream", b":epoch", b":changes")) for key in forever)
