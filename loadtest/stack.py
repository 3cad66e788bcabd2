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
from typing import IO

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


@contextmanager
def running(directory: Path, workers: int = 1) -> Iterator[Stack]:
    """Starts a stack whose data stand in `directory`, which is new; ends it.

    Raises:
        StackError: it does not start.
    """
    log = directory / "up.log"
    data_dir = directory / "data"
    argv = [*_command("up"), "--port", "0", "--workers", str(workers), "--shards", str(workers), "--data-dir", str(data_dir)]
    began = time.perf_counter()
    with log.open("wb") as log_file:
        # A session of its own: Ctrl-C is for us, and the stack gets its signal from us, once.
        process = subprocess.Popen(
            argv, cwd=directory, env=clean_environment(), stdout=subprocess.PIPE, stderr=log_file, start_new_session=True
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
    with contextlib.suppress(psutil.Error, AttributeError):  # only Linux tells each one's share of shared memory
        children = psutil.Process(stack.pids["postgres"]).children()
        shares = sum(child.memory_full_info().pss for child in children)
        found.append(Memory(f"postgres' {len(children)} children", shares, None, python=False))
    return found


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """What each part has used so far, Postgres with its children; `others` is the rest of the machine, this process not."""
    used: dict[str, float] = {}
    for part, pid in stack.pids.items():
        with contextlib.suppress(psutil.NoSuchProcess):  # it died
            process = psutil.Process(pid)
            children = [child.cpu_times() for child in process.children()] if part == "postgres" else []
            times = process.cpu_times()
            ended = times.children_user + times.children_system if part == "postgres" else 0.0
            used[part] = times.user + times.system + ended + sum(child.user + child.system for child in children)
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
    found = json.loads(answer.stdout)
    return Stack(found["apiUrl"], found["databaseUrl"], found["redisUrl"], _by_part(found["pids"]), ready_seconds)


def _by_part(pids: Mapping[str, int | list[int] | None]) -> dict[str, int]:
    named: dict[str, int] = {}
    for part, value in pids.items():
        if isinstance(value, list):
            named |= {f"{part}-{number}": pid for number, pid in enumerate(value, 1)}
        elif value is not None and value in named.values():
            # One process in two roles is one process.
            named = {f"{other} = {part}" if pid == value else other: pid for other, pid in named.items()}
        elif value is not None:
            named[part] = value
    return named


def _peak_bytes(pid: int) -> int:
    """The most that was ever resident; 0 where the system does not tell. Source: proc(5), VmHWM."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Asks, asks again, and at last kills what is left."""
    children = _descendants(process.pid)
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


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _tail(log: Path) -> str:
    return log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
