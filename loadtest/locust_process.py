"""Locust in processes of its own, beside a watch over what it does."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtest import ledger, phases
from loadtest.display import Display
from loadtest.ledger import Ledger, Mark
from loadtest.phases import Kind, Phase

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "loadtest" / "locust.conf"
USERS = ROOT / "loadtest" / "headline.py"
POLL_SECONDS = 0.1
START_SECONDS_MAX = 60.0
PHASE_EXTRA_SECONDS_MAX = 30.0
"""A phase may take so much longer than planned, as its users finish what they do."""
HOLD_SHARE = 0.05
"""Of a flood: how long the workers stay stopped after the first refusal."""
END_SECONDS_MAX = 20.0
LOG_TAIL_BYTES = 2000


class LocustError(Exception):
    """Locust did not run to its end. The message says what its log says."""


@dataclass(frozen=True, slots=True)
class Locust:
    process: "subprocess.Popen[bytes]"
    log: Path
    ledger_dir: Path

    def cpu_seconds(self) -> float:
        """Of all its processes so far."""
        total = 0.0
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended
            parent = psutil.Process(self.process.pid)
            for process in (parent, *parent.children(recursive=True)):
                times = process.cpu_times()
                total += times.user + times.system
        return total


@contextmanager
def started(url: str, plan: Sequence[Phase], report_dir: Path, ledger_dir: Path, processes: int) -> Iterator[Locust]:
    """Starts Locust against `url`; ends it. Its page, its CSV files and its log go to `report_dir`."""
    options = {
        "--config": CONFIG,
        "--locustfile": USERS,
        "--host": url,
        "--html": report_dir / "locust.html",
        "--csv": report_dir / "locust",
        "--exit-code-on-error": 0,
    }
    argv = [sys.executable, "-m", "locust", *(str(word) for option in options.items() for word in option)]
    argv += ["--headless", "--only-summary", "--csv-full-history"]
    argv += ["--processes", str(processes)] * (processes > 1)
    environment = os.environ | {ledger.VARIABLE: str(ledger_dir), phases.VARIABLE: phases.dump(plan)}
    log = report_dir / "locust.log"
    with log.open("wb") as log_file:
        # A session of its own: Ctrl-C is for us, and we end it.
        process = subprocess.Popen(
            argv, cwd=ROOT, env=environment, stdout=log_file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield Locust(process, log, ledger_dir)
    finally:
        _end(process)


def follow(locust: Locust, plan: Sequence[Phase], worker_pids: Sequence[int], display: Display) -> None:
    """Waits for the end of Locust; meanwhile tells of the phases, and stops the workers where the plan says so.

    Raises:
        LocustError: it failed, or did not end.
    """
    own = Ledger(locust.ledger_dir)
    switch = WorkerSwitch(worker_pids, own)
    total = sum(phase.seconds for phase in plan)
    deadline = time.monotonic() + START_SECONDS_MAX + total + PHASE_EXTRA_SECONDS_MAX * len(plan)
    told: set[str] = set()
    try:
        with display.task("load test, seconds", round(total)) as advance:
            while locust.process.poll() is None:
                if time.monotonic() > deadline:
                    raise LocustError(f"Locust did not end in time; its log ends with:\n{_tail(locust.log)}")
                marks = ledger.marks(locust.ledger_dir)
                switch.heed(plan, marks)
                advance(round(_elapsed(plan, marks, lambda phase: _tell(display, phase, told))))
                time.sleep(POLL_SECONDS)
    finally:
        switch.release()
        own.close()
    if locust.process.returncode:
        raise LocustError(f"Locust failed; its log ends with:\n{_tail(locust.log)}")


class WorkerSwitch:
    """Stops the workers when a flood begins, until something has been refused and a little longer, or the flood ends."""

    def __init__(self, pids: Sequence[int], own: Ledger) -> None:
        self._pids = pids
        self._own = own
        self._stopped_in: str | None = None
        self._done: set[str] = set()

    def heed(self, plan: Sequence[Phase], marks: Sequence[Mark]) -> None:
        for phase in plan:
            at = {mark.what: mark.at for mark in marks if mark.phase == phase.name}
            if phase.kind is not Kind.FLOOD or ledger.BEGAN not in at or phase.name in self._done:
                continue
            if self._stopped_in is None:
                self._stop(phase.name)
            elif ledger.ENDED in at or time.time() > at.get(ledger.REFUSED, float("inf")) + HOLD_SHARE * phase.seconds:
                self.release()

    def release(self) -> None:
        """Lets the workers go on, if they are stopped."""
        if self._stopped_in is not None:
            self._signal(signal.SIGCONT)
            self._own.mark(ledger.CONTINUED, phase=self._stopped_in)
            self._done.add(self._stopped_in)
            self._stopped_in = None

    def _stop(self, phase: str) -> None:
        self._stopped_in = phase
        self._signal(signal.SIGSTOP)
        self._own.mark(ledger.STOPPED, phase=phase)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):  # it died; the supervisor has another one by now
                os.kill(pid, number)


def _elapsed(plan: Sequence[Phase], marks: Sequence[Mark], tell: Callable[[Phase], None]) -> float:
    """Seconds of the plan that are over."""
    begins: Mapping[str, float] = {mark.phase: mark.at for mark in marks if mark.what == ledger.BEGAN}
    elapsed = 0.0
    for phase in plan:
        if phase.name in begins:
            tell(phase)
            elapsed += min(phase.seconds, time.time() - begins[phase.name])
    return elapsed


def _tell(display: Display, phase: Phase, told: set[str]) -> None:
    if phase.name not in told:
        told.add(phase.name)
        display.say(f"{phase.name}: {phase.title}, {phase.seconds:g} s")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Asks; then kills what is left, with its children."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):  # then more firmly
            process.wait(END_SECONDS_MAX)
    if process.poll() is None:
        process.kill()
        process.wait()
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):  # the usual case
            child.kill()


def _tail(log: Path) -> str:
    return log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
