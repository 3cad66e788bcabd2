"""A fresh stack for one benchmark: `agentguide up` in a directory of its own, ended whatever happens."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

START_SECONDS = 120.0
STOP_SECONDS = 60.0
HURRY_SECONDS = 20.0
LOG_TAIL_BYTES = 2000
SERVERS = ("postgres", "valkey")
"""Parts that are not Python."""


class StackError(Exception):
    """The stack did not start, or did not end. The message says what its log says."""


@dataclass(slots=True, frozen=True)
class Stack:
    api_url: str
    database_url: str
    redis_url: str
    pids: dict[str, int]
    """By part; several of a kind are numbered."""
    ready_seconds: float


@dataclass(slots=True, frozen=True)
class Memory:
    """Resident memory of one process, in bytes."""

    part: str
    now: int
    peak: int | None
    """None where nobody keeps it."""
    python: bool


def attached(status: Mapping[str, Any], ready_seconds: float) -> Stack:
    """A stack that runs, by what `agentguide status --json` says of it."""
    return Stack(status["apiUrl"], status["databaseUrl"], status["redisUrl"], _by_part(status["pids"]), ready_seconds)


@contextmanager
def running(
    directory: Path,
    workers: int = 1,
    *,
    shards: int | None = None,
    api_processes: int = 1,
    servers: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Starts a stack whose data stand in `directory`, which is new; ends it.

    Without `shards` there are as many as workers. `servers` are DATABASE_URL and REDIS_URL, if it is to bring none of its own.

    Raises:
        StackError: it does not start.
    """
    log = directory / "up.log"
    data_dir = directory / "data"
    argv = [*_command("up"), "--port", "0", "--workers", str(workers), "--shards", str(shards or workers)]
    argv += ["--api-processes", str(api_processes), "--data-dir", str(data_dir)]
    environment = clean_environment() | dict(servers or {})
    began = time.perf_counter()
    with log.open("wb") as log_file:
        # A session of its own: Ctrl-C is for us, and the stack gets its signal from us, once.
        process = subprocess.Popen(
            argv, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=log_file, start_new_session=True
        )
    try:
        _wait_ready(process, log)
        ready_seconds = time.perf_counter() - began
        yield _look(data_dir, directory, ready_seconds)
    finally:
        _end(process)


def clean_environment() -> dict[str, str]:
    """Ours without settings of AgentGuide: the benchmark never loads a server that somebody uses."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AGENTGUIDE_") and name not in ("DATABASE_URL", "REDIS_URL")
    }


def memory(stack: Stack) -> list[Memory]:
    """Of each process of the stack that lives; Postgres' own children are the last item, all in one."""
    found = []
    for part, pid in stack.pids.items():
        with contextlib.suppress(psutil.NoSuchProcess):  # it died; the supervisor has another one by now
            now = psutil.Process(pid).memory_info().rss
            found.append(Memory(part, now, max(now, _peak_bytes(pid)), python=part not in SERVERS))
    shares = []
    for child in _children(stack.pids["postgres"]) if "postgres" in stack.pids else ():
        with contextlib.suppress(psutil.Error, AttributeError):  # it ended; or only Linux tells its share of shared memory
            shares.append(child.memory_full_info().pss)
    if shares:
        found.append(Memory(f"postgres' {len(shares)} children", sum(shares), None, python=False))
    return found


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """What each part has used so far, Postgres with its children; `others` is the rest of the machine, this process not."""
    used: dict[str, float] = {}
    for part, pid in stack.pids.items():
        with contextlib.suppress(psutil.NoSuchProcess):  # it died
            times = psutil.Process(pid).cpu_times()
            used[part] = times.user + times.system
            if part == "postgres":
                used[part] += times.children_user + times.children_system
                for child in _children(pid):
                    with contextlib.suppress(psutil.NoSuchProcess):  # it ended a moment ago
                        child_times = child.cpu_times()
                        used[part] += child_times.user + child_times.system
    own = psutil.Process().cpu_times()
    machine = psutil.cpu_times()
    busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - getattr(machine, "guest", 0.0)
    used["others"] = busy - sum(used.values()) - own.user - own.system - own.children_user - own.children_system
    return used


def _command(name: str) -> list[str]:
    return [sys.executable, "-P", "-m", "cli.main", name]


def _wait_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    if process.stdout is None:
        raise ValueError("the stack was started without a pipe for its output")
    deadline = time.monotonic() + START_SECONDS
    while not _line(process.stdout, deadline).startswith(b"ready: "):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackError(f"`agentguide up` did not become ready; its log ends with:\n{_tail(log)}")


def _line(pipe: IO[bytes], deadline: float) -> bytes:
    """The next line, or nothing at the pipe's end or the deadline."""
    readable, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
    return pipe.readline() if readable else b""


def _look(data_dir: Path, cwd: Path, ready_seconds: float) -> Stack:
    argv = [*_command("status"), "--json", "--data-dir", str(data_dir)]
    answer = subprocess.run(argv, cwd=cwd, env=clean_environment(), capture_output=True, timeout=30, check=False)
    if answer.returncode:
        raise StackError(f"`agentguide status` failed: {answer.stderr.decode(errors='replace').strip()}")
    return attached(json.loads(answer.stdout), ready_seconds)


def _by_part(pids: Mapping[str, int | list[int] | None]) -> dict[str, int]:
    numbered: dict[str, int] = {}
    for part, value in pids.items():
        if isinstance(value, list):
            numbered |= {f"{part}-{number}": pid for number, pid in enumerate(value, 1)}
        elif value is not None:
            numbered[part] = value
    roles: dict[int, list[str]] = {}  # one process in two roles is one process
    for part, pid in numbered.items():
        roles.setdefault(pid, []).append(part)
    return {" = ".join(parts): pid for pid, parts in roles.items()}


def _peak_bytes(pid: int) -> int:
    """The most that was ever resident; 0 where the system does not tell. Source: proc(5), VmHWM."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Asks, asks again, and at last kills what is left."""
    children = _children(process.pid, recursive=True)
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGTERM, HURRY_SECONDS)):
        if process.poll() is None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):  # then more firmly
                process.wait(seconds)
    if process.poll() is None:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):  # the usual case: the supervisor has ended it
            child.kill()


def _children(pid: int, *, recursive: bool = False) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=recursive)
    except psutil.NoSuchProcess:
        return []


def _tail(log: Path) -> str:
    return log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
