"""More processes of a part than one: API processes on one port, workers that come and go while events flow."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support.stack import Stack
from tests.support.steady_load import EVENTS_A_BATCH, RUNS_A_BATCH, SteadyLoad
from tests.support.waiting import wait_until

SHARDS = 4
CONNECTIONS = 32
SHARD_IDLE_SECONDS = 5.0
"""How long a shard may wait after its worker was killed: its bell falls silent in 3 s, and is rung within the next one."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("scaling") / "data"
    started = Stack(directory, "--api-processes", "2", "--workers", "1", "--shards", str(SHARDS))
    try:
        yield started
        counts = Path(psutil.Process(api_pids(started)[0]).environ()["PROMETHEUS_MULTIPROC_DIR"])
        assert list(counts.iterdir())
    finally:
        code = started.stop()
    assert code == 0
    assert not counts.exists()


def api_pids(stack: Stack) -> list[int]:
    pids = stack.status()["pids"]
    assert pids["ingest-api"] == pids["read-api"]
    return list(pids["ingest-api"])


def accepted(stack: Stack) -> int:
    """What `/metrics` of whichever process answers says."""
    text = stack.request("GET", "/metrics")[2].decode()
    found = re.search(r"^agentguide_events_accepted_total (\S+)$", text, re.MULTILINE)
    assert found
    return int(float(found[1]))


def connections_of(pid: int, port: int) -> int:
    sockets = psutil.Process(pid).net_connections("tcp")
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in sockets)


def check_stored(stack: Stack, load: SteadyLoad) -> None:
    """What was acknowledged comes into the database, each run and step once."""
    with stack.database() as connection:

        def stored() -> list[tuple[Any, ...]]:
            return connection.execute(
                "SELECT count(*), coalesce(sum(step_count), 0)::int,"
                " (SELECT count(*) FROM steps WHERE run_id = ANY(%(ids)s::uuid[]))"
                " FROM runs WHERE id = ANY(%(ids)s::uuid[])",
                {"ids": load.run_ids},
            ).fetchall()

        wait_until(lambda: stored() == [(len(load.run_ids), load.steps, load.steps)], seconds=20, what="all in the database")
    assert len(load.run_ids) == len(set(load.run_ids)) > 0


@contextmanager
def worker(stack: Stack, *options: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """One more worker, beside that of `up`."""
    command = [sys.executable, "-m", "cli.main", "worker", *options]
    process = subprocess.Popen(command, env=stack.environment | environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def shards_of(stack: Stack, pid: int) -> set[int]:
    """Which the worker of this pid drains now."""
    status, found = stack.json("GET", "/v1/pipeline")
    assert status == 200
    names = {one["name"] for one in found["workers"] if one["pid"] == pid}
    return {shard["shard"] for shard in found["backlog"]["shards"] if shard["worker"] in names}


def test_connections_are_spread_over_the_api_processes(stack: Stack) -> None:
    address = urlsplit(stack.url)
    pids = api_pids(stack)
    assert len(set(pids)) == 2
    with ExitStack() as opened:
        for _ in range(CONNECTIONS):
            opened.enter_context(socket.create_connection((address.hostname or "", address.port or 0)))
        counts = wait_until(
            lambda: sum(now := [connections_of(pid, address.port or 0) for pid in pids]) == CONNECTIONS and now,
            seconds=10,
            what="all connections to be accepted",
        )
    assert counts
    assert min(counts) > 0


def test_the_port_is_nobody_elses(stack: Stack) -> None:
    address = urlsplit(stack.url)
    with pytest.raises(OSError, match="in use"):
        socket.create_server((address.hostname or "", address.port or 0))
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "up", "--api-processes", "2", "--port", str(address.port)],
        env=stack.environment | {"AGENTGUIDE_DATA_DIR": str(stack.data_dir.with_name("other"))},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "is taken" in done.stderr


def test_an_api_process_dies_and_the_other_goes_on(stack: Stack) -> None:
    before, counted = api_pids(stack), accepted(stack)
    with SteadyLoad(stack.url) as load:
        wait_until(lambda: len(load.run_ids) > 10 * RUNS_A_BATCH, seconds=10, what="load")
        os.kill(before[0], signal.SIGKILL)
        acknowledged = len(load.run_ids)
        wait_until(lambda: len(load.run_ids) > acknowledged + 10 * RUNS_A_BATCH, seconds=10, what="load without it")
        after = wait_until(
            lambda: len(now := api_pids(stack)) == 2 and before[0] not in now and now, seconds=20, what="a new process"
        )
        assert after
        assert before[1] in after
        port = urlsplit(stack.url).port or 0
        fresh = next(pid for pid in after if pid != before[1])
        wait_until(lambda: connections_of(fresh, port), seconds=20, what="connections to the new process")
    check_stored(stack, load)
    # Each process counts for itself; whichever is asked tells of all, also of the one that is no more.
    batches = len(load.run_ids) // RUNS_A_BATCH
    figures = {accepted(stack) - counted for _ in range(8)}
    assert len(figures) == 1
    assert batches * EVENTS_A_BATCH <= figures.pop() <= (batches + load.repeated) * EVENTS_A_BATCH


def test_a_worker_that_comes_takes_work_and_one_that_is_killed_loses_none(stack: Stack) -> None:
    servers = {"DATABASE_URL": stack.database_url, "REDIS_URL": stack.redis_url, "AGENTGUIDE_SHARDS": str(SHARDS)}
    with SteadyLoad(stack.url) as load:
        wait_until(lambda: load.run_ids, seconds=10, what="load")
        with worker(stack, **servers) as added:
            wait_until(lambda: shards_of(stack, added.pid), seconds=10, what="a shard in the hands of the new worker")
            added.kill()
        # Whatever it had in hand is another's soon.
        acknowledged = list(load.run_ids)
        with stack.database() as connection:

            def missing() -> int:
                found = connection.execute("SELECT count(*) FROM runs WHERE id = ANY(%s::uuid[])", [acknowledged]).fetchall()
                return len(acknowledged) - int(found[0][0])

            wait_until(lambda: missing() == 0, seconds=SHARD_IDLE_SECONDS + 10, what="its shards to go on")
    check_stored(stack, load)


def test_a_worker_that_is_asked_to_end_does_so_and_loses_nothing(stack: Stack) -> None:
    with SteadyLoad(stack.url) as load, worker(stack, "--data-dir", str(stack.data_dir)) as added:
        wait_until(lambda: shards_of(stack, added.pid), seconds=10, what="a shard in the hands of the new worker")
        added.terminate()
        assert added.wait(20) == 0
    check_stored(stack, load)
