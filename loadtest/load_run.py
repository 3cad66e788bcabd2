"""`make loadtest`, or `python -m loadtest.load_run`: the headline case with Locust, on a fresh stack of its own.

Tables go to stdout, progress to stderr, the report to `loadtest/reports/<UTC time>/`, its figures also to `bench/results/`.
"""

import json
import os
import platform
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console

from db.urls import psycopg_url
from loadtest import command, commits, database, load_plots, load_report, observation, phases, stack, verification
from loadtest.client import LoadError
from loadtest.database import Connection
from loadtest.display import Display
from loadtest.locust_process import LocustError
from loadtest.observation import Observed
from loadtest.phases import Phase
from loadtest.stack import StackError
from loadtest.verification import Verdict

SECONDS = 60.0
QUICK_SECONDS = 1.0
QUICK_SETTINGS = {
    "AGENTGUIDE_BACKLOG_HIGH_EVENTS": 4000,
    "AGENTGUIDE_BACKLOG_LOW_EVENTS": 2000,
    "AGENTGUIDE_BATCH_EVENTS_MAX": 2000,
}


@dataclass(frozen=True, slots=True)
class Options:
    seconds: float
    quick: bool
    processes: int
    workers: int


def main(
    seconds: Annotated[
        float, typer.Option(min=1, help="Length of the phase with 200 steps a second; others are in proportion.")
    ] = SECONDS,
    quick: Annotated[
        bool, typer.Option("--quick", help="All phases in seconds: shows that all works; the figures mean nothing.")
    ] = False,
    url: Annotated[str | None, typer.Option(help="Load this AgentGuide, not a fresh one; without the flood.")] = None,
    database_url: Annotated[
        str | None, typer.Option(help="With --url: its database, to check there what was acknowledged.", envvar="DATABASE_URL")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Workers and shards of the fresh stack.")] = 2,
    processes: Annotated[int, typer.Option(min=1, help="Processes of Locust; one drives some 2,000 requests a second.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    reports_dir: Annotated[Path, typer.Option(help="Where the report's folder is made.")] = command.REPORTS,
    results_dir: Annotated[Path, typer.Option(help="Where the figures are kept as JSON.")] = command.RESULTS,
    scratch_dir: Annotated[
        Path | None, typer.Option(help="Where the stack's data stand meanwhile; on a real disk, not in memory.")
    ] = None,
) -> None:
    """Load AgentGuide with Locust: 200 steps a second, 1,000, a mix with readers, and more until it refuses.

    Exits with 1 if anything acknowledged is missing in the database afterwards, or there twice.
    With --url and AGENTGUIDE_API_KEY it loads a stack of yours, and fills it: take one that you can do without.
    """
    command.end_as_by_ctrl_c()
    display = Display()
    options = Options(QUICK_SECONDS if quick else seconds, quick, processes, workers)
    try:
        report_dir = _new_folder(reports_dir)
        with tempfile.TemporaryDirectory(prefix="agentguide-loadtest-", dir=scratch_dir) as scratch:
            if url is None:
                report = load_fresh(Path(scratch), report_dir, options, display)
            else:
                report = load_given(url.rstrip("/"), database_url, Path(scratch), report_dir, options, display)
    except (LoadError, LocustError, StackError, OSError, psycopg.Error) as error:
        display.say(f"loadtest: {error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        display.say("loadtest: ended before its end; Locust and the stack are stopped, and no figures are kept")
        raise typer.Exit(130) from None
    text = json.dumps(report, indent=2) + "\n"
    (report_dir / "report.json").write_text(text)
    results_dir.mkdir(parents=True, exist_ok=True)
    kept = results_dir / f"loadtest-{report_dir.name}.json"
    kept.write_text(text)
    if as_json:
        print(text, end="")
    else:
        _show(report, [report_dir, kept])
    if report["verification"] is not None and not report["verification"]["exact"]:
        raise typer.Exit(1)


def load_fresh(scratch: Path, report_dir: Path, options: Options, display: Display) -> dict[str, Any]:
    """Loads a stack of its own, with default settings; only for --quick a queue that is full soon.

    Raises:
        LoadError, LocustError, StackError: there is no result.
    """
    plan = phases.plan(options.seconds, quick=options.quick)
    settings = QUICK_SETTINGS if options.quick else {}
    (scratch / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    report = _head(options)
    display.say("starting a stack")
    with stack.running(scratch, options.workers) as running, database.connected(running.database_url) as connection:
        ledger_dir = scratch / "ledger"
        observed = observation.observe(running, plan, report_dir, ledger_dir, options.processes, display)
        verdict = _verify(connection, ledger_dir, display, alone=True)
        report["versions"] = {"postgres": database.server_version(connection), "python": platform.python_version()}
        display.say("stopping the stack")
    return report | {"workers": options.workers, "settings": settings} | _body(plan, observed, verdict, report_dir)


def load_given(
    url: str, database_url: str | None, scratch: Path, report_dir: Path, options: Options, display: Display
) -> dict[str, Any]:
    """Loads a stack that is not ours: none of its workers is stopped.

    Raises:
        LoadError, LocustError: there is no result.
    """
    _check_reachable(url)
    plan = phases.plan(options.seconds, quick=options.quick, flood=False)
    ledger_dir = scratch / "ledger"
    report = _head(options)
    with ExitStack() as around:
        connection = around.enter_context(database.connected(psycopg_url(database_url))) if database_url else None
        observed = observation.observe_given(url, plan, report_dir, ledger_dir, options.processes, display)
        verdict = _verify(connection, ledger_dir, display, alone=False) if connection else None
    if verdict is None:
        display.say("not checked in the database: --database-url or DATABASE_URL names it")
    return report | {"url": url} | _body(plan, observed, verdict, report_dir)


def _check_reachable(url: str) -> None:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=10):  # noqa: S310 - of the user's own
            return
    except (OSError, ValueError) as error:
        raise LoadError(
            f"No AgentGuide answers at {url}/healthz ({error}); `agentguide status` tells where yours is."
        ) from None


def _verify(connection: Connection, ledger_dir: Path, display: Display, *, alone: bool) -> Verdict:
    display.say("checking that everything acknowledged is in the database")
    verdict = verification.verify(connection, ledger_dir, alone=alone)
    display.say(verdict.sentence)
    return verdict


def _head(options: Options) -> dict[str, Any]:
    return {
        "takenAt": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": commits.current(),
        "quick": options.quick,
        "machine": {"cpus": os.cpu_count(), "loadAverageBefore": [round(value, 2) for value in os.getloadavg()]},
        "locustProcesses": options.processes,
    }


def _body(plan: Sequence[Phase], observed: Observed, verdict: Verdict | None, report_dir: Path) -> dict[str, Any]:
    """The figures; draws the picture, too.

    Raises:
        LoadError: nothing was accepted.
    """
    found = load_report.summaries(plan, observed.entries, observed.marks, observed.cpu)
    if not any(phase["all"]["accepted"] for phase in found):
        reasons = Counter(load_report.reason(entry) for entry in observed.entries).most_common(3)
        raise LoadError(f"Nothing was accepted: {', '.join(f'{count} x {name}' for name, count in reasons) or 'nothing sent'}.")
    for phase in found:
        phase["visibleMs"] = load_report.visible_ms(observed.visible, phase["beganAt"], phase["seconds"])
    load_plots.draw(report_dir / "load.svg", plan, observed)
    return {"phases": found, "verification": verdict and verification.as_json(verdict)}


def _show(report: Mapping[str, Any], kept: Sequence[Path]) -> None:
    console = Console(width=None if os.isatty(1) else 140)
    console.print(load_report.phase_table(report["phases"]))
    for phase in report["phases"]:
        if phase["windows"]:
            console.print(load_report.window_table(phase))
    for phase in report["phases"]:
        console.print(load_report.refusal_line(phase), highlight=False, soft_wrap=True)
    console.print(f"kept in {' and '.join(map(str, kept))}", highlight=False, soft_wrap=True)


def _new_folder(parent: Path) -> Path:
    folder = parent / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    typer.run(main)
