"""`make fuzz`, or `python -m tests.fuzz`: hostile bytes for what reads them first, led by what code they reach."""

import importlib.util
import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from loadtest.display import Display
from tests.fuzz import trial
from tests.fuzz.targets import TARGETS, Target
from tests.fuzz.trial import Row

NAMES = ", ".join(TARGETS)
MISSING = "atheris is not installed: it comes with `make setup` on Linux x86-64 under Python 3.11 to 3.13, and is nowhere else"


def main(
    seconds: Annotated[int, typer.Option(min=1, help="How long each target is fuzzed.")] = 60,
    only: Annotated[list[str] | None, typer.Option(help=f"Only this target; several times. There are {NAMES}.")] = None,
    again: Annotated[
        Path | None, typer.Option("--input", help="Try this one input, as a finding was kept, with --only.")
    ] = None,
    findings_dir: Annotated[Path, typer.Option(help="Where an input is kept that broke something.")] = Path("fuzz-findings"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Fuzz what reads the bytes of clients; exits with 1 and keeps the input if something gets out, hangs or takes memory.

    As many targets at once as there are processors. A finding becomes a test of its own, and then it is mended.
    """
    if unknown := set(only or ()) - TARGETS.keys():
        raise typer.BadParameter(f"there is no target {', '.join(sorted(unknown))}; there are {NAMES}")
    wanted = [target for target in TARGETS.values() if not only or target.name in only]
    if again is not None:
        for target in wanted:
            target.check(again.read_bytes())
        return
    if importlib.util.find_spec("atheris") is None:
        typer.echo(MISSING, err=True)
        raise typer.Exit(2)
    rows: list[Row] = []
    display = Display()
    with display.task(f"targets, {seconds} s each", len(wanted)) as done:
        for row in fuzz(wanted, seconds, findings_dir):
            rows.append(row)
            display.say(row.log if row.log else f"{row.name}: {row.executions:,} executions, nothing found")
            done(len(rows))
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        Console(width=None if Console().is_terminal else 140).print(_table(rows))
    if not all(row.good for row in rows):
        raise typer.Exit(1)


def fuzz(targets: list[Target], seconds: int, findings_dir: Path) -> Iterator[Row]:
    """The rows of targets, in their order."""
    with tempfile.TemporaryDirectory(prefix="agentguide-fuzz-") as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda target: trial.run(target, seconds, Path(scratch), findings_dir), targets)


def _table(rows: list[Row]) -> Table:
    table = Table("target", "what")
    for name in ("executions", "seconds", "new findings"):
        table.add_column(name, justify="right")
    table.add_column("kept as")
    for row in rows:
        found = "none" if row.good else str(len(row.findings)) if row.findings else "could not be fuzzed"
        table.add_row(row.name, row.says, f"{row.executions:,}", f"{row.lasted_seconds:.0f}", found, "\n".join(row.findings))
    return table


if __name__ == "__main__":
    typer.run(main)
