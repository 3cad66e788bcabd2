"""`agentguide up` as a person uses it: one stack for all tests of this module, ended by the last of them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

COMMAND = [sys.executable, "-m", "cli.main"]
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"DATABASE_URL", "REDIS_URL"} and not name.startswith("AGENTGUIDE_")
}


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return value


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False
    )


class Stack:
    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self._environment = ENVIRONMENT | environment
        self.log = data_dir.with_suffix(".log")
        self.start()

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--port", "0", "--workers", "2", "--data-dir", str(self.data_dir)],
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready: http://127.0.0.1:"), self.log.read_text()
        self.url = line.removeprefix("ready: ").strip()

    def status(self) -> dict[str, Any]:
        done = run("status", "--json", "--data-dir", str(self.data_dir))
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def pids(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.data_dir / "state.json").read_bytes())
        pids: dict[str, Any] = state["pids"]
        return pids

    def processes(self) -> list[psutil.Process]:
        """Every process of the stack, also Postgres' own children."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=5) as response:  # noqa: S310 - http, our own
                return bool(response.status == 200)
        except OSError:
            return False

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    started = Stack(tmp_path_factory.mktemp("up") / "data")
    yield started
    started.close()


def all_gone(processes: list[psutil.Process]) -> bool:
    return not [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_status_tells_where_everything_is(stack: Stack) -> None:
    found = stack.status()
    pids = found["pids"]

    assert found["apiUrl"] == stack.url
    assert found["databaseUrl"].startswith("postgresql://agentguide@/agentguide?host=/")
    assert found["redisUrl"].startswith("unix:///")
    assert found["backlog"] == {"events": 0, "bytes": 0}
    assert found["ingestLagSeconds"] == 0
    assert set(pids) == {"supervisor", "ingest-api", "read-api", "worker", "scheduler", "postgres", "valkey"}
    assert pids["supervisor"] == stack.process.pid
    assert pids["ingest-api"] == pids["read-api"]
    assert len(pids["worker"]) == 2
    assert found["memoryBytes"][str(pids["supervisor"])] < 100 * 1024 * 1024
    assert (stack.data_dir / "state.json").stat().st_mode & 0o777 == 0o600


def test_status_for_a_person(stack: Stack) -> None:
    done = run("status", "--data-dir", str(stack.data_dir))

    assert done.returncode == 0
    assert stack.url in done.stdout
    assert "scheduler" in done.stdout


@pytest.mark.parametrize("name", ["ingest-api", "scheduler", "valkey", "postgres"])
def test_a_killed_part_is_started_again(stack: Stack, name: str) -> None:
    before = stack.pids()[name]

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: stack.pids()[name] not in {None, before}, f"a new {name}")
    wait_until(stack.is_ready, f"ready again without the first {name}")


def test_a_killed_worker_is_started_again_and_the_log_says_so(stack: Stack) -> None:
    first, second = stack.pids()["worker"]

    os.kill(first, signal.SIGKILL)

    after = wait_until(lambda: len(pids := stack.pids()["worker"]) == 2 and first not in pids and pids, "a new worker")
    assert second in after
    wait_until(lambda: f"worker-1 (pid {first}) ended with SIGKILL" in stack.log.read_text(), "a line in the log")


def test_a_second_up_on_the_same_directory_is_refused(stack: Stack) -> None:
    done = run("up", "--port", "0", "--data-dir", str(stack.data_dir))

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"already running on {stack.data_dir} (pid {stack.process.pid})" in done.stderr


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("up", "--port", str(port), "--data-dir", str(tmp_path / "data"))

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104 - it must refuse it
def test_an_address_that_others_could_reach_is_refused(tmp_path: Path, host: str) -> None:
    done = run("up", "--host", host, "--data-dir", str(tmp_path / "data"))

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "set AGENTGUIDE_REQUIRE_AUTH=true" in done.stderr


def test_a_file_in_the_place_of_the_data_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a directory")

    done = run("up", "--port", "0", "--data-dir", str(tmp_path / "data"))

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "is not a directory" in done.stderr


def test_status_without_a_stack(tmp_path: Path) -> None:
    for_program = run("status", "--json", "--data-dir", str(tmp_path))
    for_person = run("status", "--data-dir", str(tmp_path))

    assert (for_program.returncode, json.loads(for_program.stdout)) == (3, {"running": False})
    assert (for_person.returncode, len(for_person.stderr.splitlines())) == (3, 1)


def test_servers_of_the_users_own_replace_the_embedded_ones(stack: Stack, tmp_path: Path) -> None:
    theirs = stack.status()
    other = Stack(tmp_path / "other", DATABASE_URL=theirs["databaseUrl"], REDIS_URL=theirs["redisUrl"])
    try:
        found = other.status()
        assert (found["databaseUrl"], found["redisUrl"]) == (theirs["databaseUrl"], theirs["redisUrl"])
        assert (found["pids"]["postgres"], found["pids"]["valkey"]) == (None, None)
        assert not (tmp_path / "other" / "postgres").exists()
        other.process.terminate()
        assert other.process.wait(30) == 0
        assert stack.is_ready()
    finally:
        other.close()


def test_a_killed_supervisor_takes_its_parts_along_and_a_new_one_starts(stack: Stack) -> None:
    processes = stack.processes()

    stack.process.kill()
    stack.process.wait()
    stack.close()
    stack.start()

    assert all_gone(processes)
    assert stack.is_ready()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(stack: Stack, number: signal.Signals) -> None:
    if stack.process.poll() is not None:
        stack.close()
        stack.start()
    processes = stack.processes()
    assert len(processes) > 6

    stack.process.send_signal(number)

    assert stack.process.wait(30) == 0
    assert all_gone(processes)
    assert not (stack.data_dir / "state.json").exists()
