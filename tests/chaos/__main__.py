"""`make chaos`, or `python -m tests.chaos`: every fault under load, one oracle, one table."""

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from loadtest.display import Display
from tests.chaos import stack, trial
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.trial import Row

RESULTS = Path(__file__).parents[2] / "bench" / "results"


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Every kind of fault, briefly; what `make test` does.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Do this fault, or those whose names begin so; several times.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    results_dir: Annotated[Path, typer.Option(help="Where the table is kept as JSON.")] = RESULTS,
    scratch_dir: Annotated[Path | None, typer.Option(help="Where the stacks' data stand meanwhile.")] = None,
) -> None:
    """Break a fresh stack in every way, under load; exits with 1 if anything acknowledged was lost or doubled, or stayed away.

    It takes some 15 minutes (--quick: one), hurts only processes that it started itself, and listens on loopback only.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    wanted = [fault for fault in FAULTS if (fault.quick or not quick) and fault.name.startswith(tuple(only or [""]))]
    if not wanted:
        raise typer.BadParameter(f"no such fault; there are {', '.join(fault.name for fault in FAULTS)}")
    display = Display()
    began, load_average = datetime.now(UTC), os.getloadavg()
    rows: list[Row] = []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="agentguide-chaos-", dir=scratch_dir) as directory,
            display.task("faults", len(wanted)) as done,
        ):
            for row in _trials(Path(directory), wanted, quick=quick):
                rows.append(row)
                display.say(_line(row))
                done(len(rows))
    except KeyboardInterrupt:
        display.say("chaos: ended before its end; the stacks are stopped and nothing is kept")
        raise typer.Exit(130) from None
    report = {
        "takenAt": began.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "quick": quick,
        "machine": {"cpus": os.cpu_count(), "loadAverageBefore": [round(value, 2) for value in load_average]},
        "good": all(row.good for row in rows),
        "faults": [asdict(row) for row in rows],
    }
    path = _keep(report, results_dir)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        console = Console(width=None if Console().is_terminal else 140)
        console.print(_table(rows))
        console.print(f"kept in {path}", highlight=False, soft_wrap=True)
    if not report["good"]:
        raise typer.Exit(1)


def _trials(directory: Path, faults: list[Fault], *, quick: bool) -> Iterator[Row]:
    """Each kind of stack is started once, for all faults that are done to it."""
    for surrounded, make in ((False, stack.embedded), (True, stack.surrounded)):
        chosen = [fault for fault in faults if fault.surrounded is surrounded]
        if not chosen:
            continue
        with ExitStack() as open_stack:
            place = directory / ("surrounded" if surrounded else "embedded")
            place.mkdir()
            victim = open_stack.enter_context(make(place))
            for fault in chosen:
                # The recount reads everything, so the short cut does it once.
                yield trial.run(fault, victim, quick=quick, recount=not quick or fault is chosen[-1])


def _line(row: Row) -> str:
    if row.not_possible:
        return f"{row.name}: not possible here: {row.not_possible}"
    recovery = "" if row.recovery_seconds is None else f", recovered after {row.recovery_seconds:.1f} s"
    return f"{row.name}: {row.lasted_seconds:.0f} s{recovery}: {'good' if row.good else '; '.join(row.problems)}"


def _table(rows: list[Row]) -> Table:
    table = Table("fault", "what")
    for name in ("times", "seconds", "events", "lost", "doubled", "refused", "seconds to recover"):
        table.add_column(name, justify="right")
    for row in rows:
        if row.not_possible:
            table.add_row(row.name, f"{row.says}: not possible here ({row.not_possible})", *["-"] * 7)
            continue
        counts = [row.events, row.lost, row.doubled, sum(row.refused.values())]
        seconds = "-" if row.recovery_seconds is None else f"{row.recovery_seconds:.1f}"
        says = row.says if row.good else "\n".join([row.says, *row.problems])
        values = [str(row.times), f"{row.lasted_seconds:.0f}", *(f"{count:,}" for count in counts), seconds]
        table.add_row(row.name, says, *values, style=None if row.good else "bold red")
    return table


def _keep(report: dict[str, Any], directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"chaos-{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    return path


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(main)
