"""`make bench`, or `python -m loadtest.bench`: every figure in one run, on one fresh stack of its own.

Figures go to stdout, progress to stderr, and all of it as JSON into `bench/results/`.
"""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import psutil
import redis
import typer
from rich.console import Console

from loadtest import command, commits, database, figures, growth, measures, stack
from loadtest.client import LoadError
from loadtest.display import Display
from loadtest.draining import DrainError
from loadtest.figures import Figure
from loadtest.growth import Round
from loadtest.measures import QUICK, Bench, MeasureError, Sizes
from loadtest.payloads import Synthesizer
from loadtest.stack import StackError

SEED = 20


class Measure(StrEnum):
    COPY = "copy"
    DRAIN = "drain"
    BATCH = "batch"
    OTLP = "otlp"
    SINGLE = "single"
    VISIBLE = "visible"
    GROWTH = "growth"


LOADS: dict[Measure, Callable[[Bench], list[Figure]]] = {
    Measure.DRAIN: measures.drain,
    Measure.BATCH: measures.batch,
    Measure.OTLP: measures.otlp,
    Measure.SINGLE: measures.single,
    Measure.VISIBLE: measures.visible,
}
DEFAULT = (Measure.COPY, *LOADS)
"""All that take seconds, not minutes."""


@dataclass(slots=True)
class Report:
    """One run on one stack."""

    taken_at: str
    load_average: tuple[float, ...]
    versions: dict[str, str]
    cpu_seconds: dict[str, dict[str, float]]
    figures: list[Figure]
    rounds: list[Round]
    """Of the measure `growth`."""


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes: shows that all works; the figures mean nothing.")] = False,
    only: Annotated[
        list[Measure] | None,
        typer.Option(help="Measure this, and bare COPY; may be given several times. Without it, all but `growth`."),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="So many runs, each on a stack of its own; medians are kept.")] = 1,
    growth_steps: Annotated[
        int | None, typer.Option(min=1, help="How many steps `growth` stores; ten million if this is not given.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Where `growth` is drawn, as .svg or .png; else in a new folder of loadtest/reports/.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    results_dir: Annotated[Path, typer.Option(help="Where the figures are kept as JSON.")] = command.RESULTS,
    scratch_dir: Annotated[
        Path | None, typer.Option(help="Where the stack's data stand meanwhile; on a real disk, not in memory.")
    ] = None,
) -> None:
    """Measure a fresh stack on this machine. Missed targets are shown, not punished; a lost event is."""
    command.end_as_by_ctrl_c()
    if plot is not None and plot.suffix not in (".svg", ".png"):
        raise typer.BadParameter(f"{plot.name} is neither an .svg nor a .png", param_hint="--plot")
    sizes = QUICK if quick else Sizes()
    if growth_steps is not None:
        sizes = replace(sizes, growth_steps=growth_steps)
    commit = commits.current()
    display = Display()
    try:
        reports = _measure_often(repeat, sizes, only or DEFAULT, scratch_dir, display)
    except (MeasureError, DrainError, LoadError, StackError) as error:
        display.say(f"bench: {error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        display.say("bench: ended before its end; the stack is stopped and nothing is kept")
        raise typer.Exit(130) from None
    found = figures.medians([report.figures for report in reports])
    kept = {"takenAt": reports[0].taken_at, "commit": commit, "quick": quick, **merged(reports, sizes, found)}
    files = [command.keep(kept, results_dir), *_drawn(reports[0], plot)]
    if as_json:
        print(json.dumps(kept, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(figures.table(found))
    if kept["cpuSeconds"]:
        console.print(figures.cpu_table(kept["cpuSeconds"]))
    for file in files:
        console.print(f"kept in {file}", highlight=False, soft_wrap=True)


def _measure_often(
    times: int, sizes: Sizes, wanted: Sequence[Measure], scratch_dir: Path | None, display: Display
) -> list[Report]:
    reports = []
    for number in range(1, times + 1):
        display.say("starting a stack" if times == 1 else f"run {number} of {times}: starting a stack")
        with tempfile.TemporaryDirectory(prefix="agentguide-bench-", dir=scratch_dir) as directory:
            reports.append(measure(Path(directory), sizes, wanted, display))
    return reports


def measure(directory: Path, sizes: Sizes, wanted: Sequence[Measure], display: Display) -> Report:
    """Starts a stack in an empty directory, takes the wanted measures, stops the stack.

    Raises:
        MeasureError, DrainError, LoadError, StackError: there is no result.
    """
    began = datetime.now(UTC)
    load_average = os.getloadavg()
    with stack.running(directory) as running, database.connected(running.database_url) as connection:
        bench = Bench(running, sizes, display, Synthesizer(SEED), connection)
        found = measures.start(bench)
        measures.warm_up(bench)
        rates = [measures.copy_rate(bench, "before")]
        cpu: dict[str, dict[str, float]] = {}
        for name, load in LOADS.items():
            if name in wanted:
                before = stack.cpu_seconds(running)
                found += load(bench)
                used = stack.cpu_seconds(running)
                cpu[name] = {part: round(used[part] - before.get(part, 0.0), 2) for part in used}
        rounds = growth.measure(bench) if Measure.GROWTH in wanted else []
        if rounds:
            found += growth.figures(rounds, database.size_and_dead_rows(connection)[0])
        rates.append(measures.copy_rate(bench, "after"))
        found = measures.copy_figures(rates) + found + measures.memory(bench)
        taken_at = began.isoformat(timespec="seconds").replace("+00:00", "Z")
        report = Report(taken_at, load_average, _versions(bench), cpu, found, rounds)
        display.say("stopping the stack")
    return report


def merged(reports: Sequence[Report], sizes: Sizes, found: Sequence[Figure]) -> dict[str, Any]:
    """Runs as they are kept: as one, and what differed from run to run if there are several."""
    first = reports[0]
    kept: dict[str, Any] = {
        "machine": {
            "cpus": os.cpu_count(),
            "memoryBytes": psutil.virtual_memory().total,
            "loadAverageBefore": [round(value, 2) for value in first.load_average],
        },
        "versions": first.versions,
        "sizes": asdict(sizes),
        "cpuSeconds": figures.mean_seconds([report.cpu_seconds for report in reports]),
        "figures": figures.as_json(found),
    }
    if len(reports) > 1:
        kept["repeats"] = [
            {"takenAt": report.taken_at, "figures": {figure.name: round(figure.value, 3) for figure in report.figures}}
            for report in reports
        ]
    if first.rounds:
        kept["growth"] = growth.as_json(first.rounds)
    return kept


def _drawn(report: Report, path: Path | None) -> list[Path]:
    if not report.rounds:
        return []
    path = path or command.REPORTS / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}" / "growth.svg"
    growth.draw(path, growth.as_json(report.rounds))
    return [path]


def _versions(bench: Bench) -> dict[str, str]:
    with redis.Redis.from_url(bench.stack.redis_url) as queue:
        server = cast("dict[str, Any]", queue.info("server"))
    return {
        "postgres": database.server_version(bench.connection),
        "valkey": str(server.get("valkey_version", server.get("redis_version", "unknown"))),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    typer.run(main)
