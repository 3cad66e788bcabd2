"""The supervisor with real processes, small ones."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.output import Output
from cli.process import Part, run_once
from cli.supervisor import Backoff, Supervisor

SLEEPER = "import time; print('awake', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('awake', flush=True); time.sleep(60)"


def part(code: str, name: str = "part", stop_seconds: float = 10.0) -> Part:
    return Part(name, [sys.executable, "-c", code], os.environ, stop=((signal.SIGTERM, stop_seconds),))


async def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


class Log:
    """An Output that writes to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self.output = Output(["part"], self._file.fileno())

    def text(self) -> str:
        return self._path.read_text()

    def close(self) -> None:
        self.output.close()
        self._file.close()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


def test_backoff_doubles_to_its_limit_and_starts_anew_after_a_long_life() -> None:
    backoff = Backoff()

    assert [backoff.after(0.0) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert backoff.after(30.0) == 0.1


def test_a_part_that_dies_is_started_again_until_it_is_stopped(log: Log) -> None:
    async def scenario() -> None:
        changes: list[None] = []
        supervisor = Supervisor(log.output, lambda: changes.append(None))
        supervisor.start(part(SLEEPER))
        await wait_until(lambda: supervisor.pid("part") is not None)
        first = supervisor.pid("part")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await wait_until(lambda: supervisor.pid("part") not in {None, first})
        assert len(changes) == 3
        await supervisor.stop(["part"])
        assert supervisor.pid("part") is None

    asyncio.run(scenario())
    log.close()
    assert "ended with SIGKILL; starting it again in 0.1 s" in log.text()


def test_a_part_that_does_not_heed_its_signal_is_killed(log: Log) -> None:
    async def scenario() -> None:
        supervisor = Supervisor(log.output, lambda: None)
        supervisor.start(part(STUBBORN, stop_seconds=0.2))
        await wait_until(lambda: "awake" in log.text())
        await supervisor.stop(["part"])
        assert supervisor.pid("part") is None

    asyncio.run(scenario())
    log.close()
    assert "does not end by itself and is killed" in log.text()


def test_a_program_that_does_not_exist_is_tried_again(log: Log) -> None:
    async def scenario() -> None:
        supervisor = Supervisor(log.output, lambda: None)
        keeper = supervisor.start(Part("part", ["/nonexistent/program"], {}))
        await wait_until(lambda: keeper.deaths >= 2)
        await supervisor.stop(["part"])

    asyncio.run(scenario())
    log.close()
    assert "cannot be started" in log.text()


def test_a_failing_keeper_does_not_fail_in_silence(log: Log) -> None:
    async def fail() -> None:
        raise RuntimeError("not foreseen")

    async def scenario() -> None:
        supervisor = Supervisor(log.output, lambda: None)
        supervisor.start(Part("part", ["true"], {}, before_start=fail))
        with pytest.raises(RuntimeError, match="not foreseen"):
            await supervisor.broken

    asyncio.run(scenario())
    log.close()


def test_run_once_tells_what_the_program_said_last(log: Log) -> None:
    with pytest.raises(CommandError, match=r"It failed \(exit code 3\): one / two"):
        asyncio.run(run_once(part("import sys; print('one\\ntwo'); sys.exit(3)"), log.output, "It failed"))
    log.close()


def test_long_lines_and_a_last_line_without_an_end_arrive(log: Log) -> None:
    asyncio.run(run_once(part("print('x' * 200_000); print('end', end='')"), log.output, "It failed"))
    log.close()

    lines = log.text().splitlines()
    assert sum(line.count("x") for line in lines) == 200_000
    assert lines[-1] == "part| end"


def test_a_reader_that_does_not_read_holds_nobody_up() -> None:
    read_end, write_end = os.pipe()
    output = Output(["part"], write_end)

    async def scenario() -> None:
        await asyncio.wait_for(run_once(part("for _ in range(60_000): print('x' * 100)"), output, "It failed"), 20)

    asyncio.run(scenario())
    output.close(within_seconds=0.1)
    os.close(read_end)  # ends the writing thread, which waits in the full pipe
    output.close()
    os.close(write_end)
