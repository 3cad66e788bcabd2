"""A load by Locust on a stack of ours, and what was seen of it: by its users, by a watch over the stack, and by a probe."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from events.records import StepRecord
from loadtest import ledger, locust_process, payloads
from loadtest.display import Display
from loadtest.ledger import Entry, Mark
from loadtest.load_report import Cpu
from loadtest.payloads import SPANS_A_RUN, Synthesizer
from loadtest.phases import Phase
from loadtest.stack import Stack
from loadtest.visible_probe import VisibleProbe
from loadtest.watch import Watch

PROBES_A_SECOND = 5
SEED = 21


@dataclass(slots=True)
class Observed:
    """Times are of `time.time`."""

    entries: list[Entry]
    marks: list[Mark]
    cpu: list[Cpu] = field(default_factory=list)
    backlog: list[tuple[float, float]] = field(default_factory=list)
    """Events that waited."""
    visible: list[tuple[float, float]] = field(default_factory=list)
    """Seconds from an answer until the step was seen, by the time of the answer."""


def observe(
    running: Stack, plan: Sequence[Phase], report_dir: Path, ledger_dir: Path, processes: int, display: Display
) -> Observed:
    """Runs the plan on a fresh stack.

    Raises:
        LocustError, LoadError: Locust, or the probe, did not run to its end.
    """
    steps = _probe_steps(plan)
    _expect(ledger_dir, steps)
    worker_pids = [pid for part, pid in running.pids.items() if part.startswith("worker")]
    with ExitStack() as around:
        locust = around.enter_context(locust_process.started(running.api_url, plan, report_dir, ledger_dir, processes))
        watch = around.enter_context(Watch(running, also=lambda _: {"locust": locust.cpu_seconds()}))
        epoch = time.time() - (time.perf_counter() - watch.began)
        probe = around.enter_context(VisibleProbe(running.api_url, running.database_url, steps, PROBES_A_SECOND))
        locust_process.follow(locust, plan, worker_pids, display)
    cpu = []
    for sample in watch.samples:
        used = dict(sample.cpu_seconds)
        if locust_used := sample.also["locust"]:  # it has not ended
            used["locust"] = locust_used
            used["others"] -= locust_used
            cpu.append(Cpu(epoch + sample.at_seconds, used))
    backlog = [(epoch + sample.at_seconds, float(sample.backlog_events)) for sample in watch.samples]
    return Observed(list(ledger.entries(ledger_dir)), ledger.marks(ledger_dir), cpu, backlog, probe.seen)


def observe_given(
    url: str, plan: Sequence[Phase], report_dir: Path, ledger_dir: Path, processes: int, display: Display
) -> Observed:
    """Runs the plan on a stack that is not ours: what it uses is not watched.

    Raises:
        LocustError: Locust did not run to its end.
    """
    with locust_process.started(url, plan, report_dir, ledger_dir, processes) as locust:
        locust_process.follow(locust, plan, [], display)
    return Observed(list(ledger.entries(ledger_dir)), ledger.marks(ledger_dir))


def _probe_steps(plan: Sequence[Phase]) -> list[StepRecord]:
    """Enough for the whole load, in an order that goes from run to run."""
    seconds = sum(phase.seconds for phase in plan) + locust_process.PHASE_EXTRA_SECONDS_MAX
    runs = -(-int(seconds * PROBES_A_SECOND) // SPANS_A_RUN)
    steps = payloads.steps_of(Synthesizer(SEED).records(runs))
    return [step for position in range(SPANS_A_RUN) for step in steps[position::SPANS_A_RUN]]


def _expect(ledger_dir: Path, steps: Sequence[StepRecord]) -> None:
    """Notes the probe's steps as such that may be stored or not: it looks itself whether those that were acknowledged are."""
    ledger_dir.mkdir(parents=True, exist_ok=True)
    rows = b"".join(ledger.step_row(step.run_id, step.id, finished=False) for step in steps)
    (ledger_dir / f"{ledger.UNKNOWN}-probe.tsv").write_bytes(rows)
