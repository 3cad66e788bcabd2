"""`make bench-scale`, or `python -m loadtest.scaling`: what more workers and API processes bring, and what is used up first.

Figures go to stdout, progress to stderr, all of it as JSON into `bench/results/`, and a picture into `loadtest/reports/`.
"""

import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.table import Table

from loadtest import command, commits, fleet, plots
from loadtest.client import LoadError
from loadtest.display import Display
from loadtest.fleet import Fleet, Material
from loadtest.measures import MeasureError, Sizes
from loadtest.plots import Line, Panel
from loadtest.servers import Servers, ServersError
from loadtest.stack import StackError

PROCESSES_MAX = 8
SHOWN_CPUS = 0.05
"""A kind of process that uses less has no line in the picture."""

SIZES = Sizes(
    copy_rows=40_000,
    drain_runs=8_000,
    batch_requests=300,
    batch_connections=16,
    single_requests=10_000,
    single_connections=32,
)
QUICK = Sizes(
    copy_rows=2_000, drain_runs=200, batch_requests=10, batch_connections=8, single_requests=200, single_connections=16
)
"""Enough to see that every measure works; the figures mean nothing."""

LOADS = {
    "drain": ("drain of full streams", "events/s"),
    "batch": ("HTTP batch to visible", "events/s"),
    "single": ("single-step POSTs", "requests/s"),
}


def main(
    workers: Annotated[str, typer.Option(help="Numbers of workers, with commas between them.")] = "1,2,4",
    api_processes: Annotated[str, typer.Option(help="Numbers of API processes, with commas between them.")] = "1,2",
    shards: Annotated[
        int | None,
        typer.Option(min=1, help="Queues, the same for all. Without it 4, or as many as the most workers."),
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="A PostgreSQL of your own, with an empty database. DATABASE_URL is never looked at.")
    ] = None,
    redis_url: Annotated[
        str | None, typer.Option(help="A Valkey or Redis of your own that nothing waits in. REDIS_URL is never looked at.")
    ] = None,
    used_servers: Annotated[bool, typer.Option("--used-servers", help="Load your servers although they hold data.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes: shows that all works; the figures mean nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    results_dir: Annotated[Path, typer.Option(help="Where the figures are kept as JSON.")] = command.RESULTS,
    reports_dir: Annotated[Path, typer.Option(help="Where the picture is drawn, in a folder for each run.")] = command.REPORTS,
    scratch_dir: Annotated[
        Path | None, typer.Option(help="Where the stacks' data stand meanwhile; on a real disk, not in memory.")
    ] = None,
) -> None:
    """Measure stacks with more and more workers and API processes, each on servers of its own or on yours."""
    asked_workers, asked_apis = _numbers(workers, "--workers"), _numbers(api_processes, "--api-processes")
    fleets = fleets_of(asked_workers, asked_apis, shards or max(4, *asked_workers))
    servers = _servers(database_url, redis_url)
    command.end_as_by_ctrl_c()
    display, began, sizes = Display(), datetime.now(UTC), QUICK if quick else SIZES
    try:
        if servers and not used_servers:
            servers.check_unused()
        found = _measure_all(fleets, sizes, display, servers, scratch_dir)
    except (MeasureError, LoadError, StackError, ServersError) as error:
        display.say(f"bench-scale: {error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        display.say("bench-scale: ended before its end; the stack is stopped and nothing is kept")
        raise typer.Exit(130) from None
    report = {
        "takenAt": began.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": commits.current(),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "servers": "own" if servers else "embedded",
        "quick": quick,
        "sizes": {name: value for name, value in asdict(sizes).items() if name.split("_")[0] in ("copy", *LOADS)},
        "fleets": found,
    }
    _tell(report, results_dir, reports_dir / f"{began:%Y-%m-%dT%H-%M-%SZ}" / "scaling.svg", as_json=as_json)


def fleets_of(workers: list[int], api_processes: list[int], shards: int) -> list[Fleet]:
    """Raises typer.BadParameter if there are fewer shards than workers."""
    if max(workers) > shards:
        raise typer.BadParameter(f"{max(workers)} workers cannot share {shards} shards, each of which has one writer.")
    return [Fleet(count, apis, shards) for apis, count in product(api_processes, workers)]


def _measure_all(
    fleets: list[Fleet], sizes: Sizes, display: Display, servers: Servers | None, scratch_dir: Path | None
) -> list[dict[str, Any]]:
    display.say("making the events")
    material = Material.make(sizes, fleets[0].shards)
    found = []
    for one in fleets:
        with tempfile.TemporaryDirectory(prefix="agentguide-scale-", dir=scratch_dir) as directory:
            found.append(fleet.measure(Path(directory), one, sizes, material, display, servers))
    return found


def _tell(report: dict[str, Any], results_dir: Path, picture: Path, *, as_json: bool) -> None:
    results_dir.mkdir(parents=True, exist_ok=True)
    path = results_dir / f"scaling-{report['takenAt'].replace(':', '-')}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    draw(picture, report)
    if as_json:
        print(json.dumps(report, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(tables(report["fleets"]))
    for file in (path, picture):
        console.print(f"kept in {file}", highlight=False, soft_wrap=True)


def tables(fleets: list[dict[str, Any]]) -> Group:
    """Rates, and what was used up first."""
    rates = Table("workers", "API processes", title="Throughput")
    for title, unit in LOADS.values():
        rates.add_column(f"{title}, {unit}", justify="right")
    rates.add_column("bare COPY, rows/s", justify="right")
    first = Table("workers", "API processes", "load", "what is used up first", title="What saturates first")
    for one in fleets:
        counts = str(one["workers"]), str(one["apiProcesses"])
        shown = [f"{one[name]['perSecond']:,.0f} ({one[name]['ratioToCopy']:.3f})" for name in LOADS]
        rates.add_row(*counts, *shown, f"{one['copyRowsPerSecond']:,.0f}")
        for name in LOADS:
            first.add_row(*counts, name, one[name]["saturated"])
    return Group(rates, "in brackets: the ratio to bare COPY on the same stack", first)


def draw(path: Path, report: dict[str, Any]) -> None:
    """Throughput against workers, and who uses the CPUs, with the fewest API processes."""
    by_apis: dict[int, list[dict[str, Any]]] = {}
    for one in sorted(report["fleets"], key=lambda one: one["workers"]):
        by_apis.setdefault(one["apiProcesses"], []).append(one)
    panels = [
        Panel(
            title,
            unit,
            [
                Line(f"{apis} API process{'es' if apis > 1 else ''}", _points(fleets, name), marks=True)
                for apis, fleets in by_apis.items()
            ],
        )
        for name, (title, unit) in LOADS.items()
    ]
    fewest = by_apis[min(by_apis)]
    panels += [_cpu_panel(fewest, name, report["machine"]["cpus"]) for name in ("drain", "single")]
    plots.draw(path, f"Throughput against workers, {report['machine']['cpus']} CPUs", panels, x_label="workers")


def _cpu_panel(fleets: list[dict[str, Any]], name: str, cpus: int) -> Panel:
    kinds = dict.fromkeys(kind for one in fleets for kind, used in one[name]["cpusUsed"].items() if used >= SHOWN_CPUS)
    lines = [Line("all", [(one["workers"], sum(one[name]["cpusUsed"].values())) for one in fleets], marks=True)]
    lines += [
        Line(kind, [(one["workers"], one[name]["cpusUsed"].get(kind, 0.0)) for one in fleets], marks=True) for kind in kinds
    ]
    return Panel(f"CPUs in use: {LOADS[name][0]}", "CPUs", lines, limit=cpus)


def _points(fleets: list[dict[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(one["workers"], one[name]["perSecond"]) for one in fleets]


def _numbers(text: str, option: str) -> list[int]:
    """Raises typer.BadParameter if they are none."""
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise typer.BadParameter(f"{option} takes numbers with commas between them, as in 1,2,4.") from None
    most = PROCESSES_MAX if option == "--api-processes" else 64
    if found[0] < 1 or found[-1] > most:
        raise typer.BadParameter(f"{option} takes numbers from 1 to {most}.")
    return found


def _servers(database_url: str | None, redis_url: str | None) -> Servers | None:
    """Raises typer.BadParameter if one of two is missing."""
    if database_url and redis_url:
        return Servers(database_url, redis_url)
    if database_url or redis_url:
        raise typer.BadParameter("--database-url and --redis-url go together: give both, or neither.")
    return None


if __name__ == "__main__":
    typer.run(main)
