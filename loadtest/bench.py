"""`make bench`, or `python -m loadtest.bench`: every figure in one run, on one fresh stack of its own.

Figures go to stdout, progress to stderr, and all of it as JSON into `bench/results/`.
"""

import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, cast

import redis
import typer
from rich.console import Console

from loadtest import database, figures, measures, stack
from loadtest.client import LoadError
from loadtest.display import Display
from loadtest.figures import Figure
from loadtest.measures import QUICK, Bench, MeasureError, Sizes
from loadtest.payloads import Synthesizer
from loadtest.stack import StackError

RESULTS = Path(__file__).parent.parent / "bench" / "results"
SEED = 20


class Measure(StrEnum):
    COPY = "copy"
    DRAIN = "drain"
    BATCH = "batch"
    OTLP = "otlp"
    SINGLE = "single"
    VISIBLE = "visible"


LOADS: dict[Measure, Callable[[Bench], list[Figure]]] = {
    Measure.DRAIN: measures.drain,
    Measure.BATCH: measures.batch,
    Measure.OTLP: measures.otlp,
    Measure.SINGLE: measures.single,
    Measure.VISIBLE: measures.visible,
}


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes: shows that all works; the figures mean nothing.")] = False,
    only: Annotated[list[Measure] | None, typer.Option(help="Measure this, and bare COPY; may be given several times.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    results_dir: Annotated[Path, typer.Option(help="Where the figures are kept as JSON.")] = RESULTS,
    scratch_dir: Annotated[
        Path | None, typer.Option(help="Where the stack's data stand meanwhile; on a real disk, not in memory.")
    ] = None,
) -> None:
    """Measure a fresh stack on this machine. Missed targets are shown, not punished; a lost event is."""
    signal.signal(signal.SIGTERM, _interrupt)
    sizes = QUICK if quick else Sizes()
    try:
        with tempfile.TemporaryDirectory(prefix="agentguide-bench-", dir=scratch_dir) as directory:
            report = measure(Path(directory), sizes, list(only or Measure))
    except (MeasureError, LoadError, StackError) as error:
        Display().say(f"bench: {error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        Display().say("bench: ended before its end; the stack is stopped and nothing is kept")
        raise typer.Exit(130) from None
    found = cast("list[Figure]", report.pop("figures"))
    kept = {**report, "quick": quick, "figures": figures.as_json(found)}
    path = keep(kept, results_dir)
    if as_json:
        print(json.dumps(kept, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(figures.table(found))
    console.print(figures.cpu_table(kept["cpuSeconds"]))
    console.print(f"kept in {path}", highlight=False, soft_wrap=True)


def measure(directory: Path, sizes: Sizes, wanted: Sequence[Measure]) -> dict[str, Any]:
    """Starts a stack in an empty directory, takes the wanted measures, stops the stack.

    Raises:
        MeasureError, LoadError, StackError: there is no result.
    """
    display = Display()
    began = datetime.now(UTC)
    load_average = os.getloadavg()
    display.say("starting a stack")
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
        rates.append(measures.copy_rate(bench, "after"))
        found = measures.copy_figures(rates) + found + measures.memory(bench)
        report = {
            "takenAt": began.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "machine": {"cpus": os.cpu_count(), "loadAverageBefore": [round(value, 2) for value in load_average]},
            "versions": _versions(bench),
            "sizes": asdict(sizes),
            "cpuSeconds": cpu,
            "figures": found,
        }
        display.say("stopping the stack")
    return report


def keep(report: dict[str, Any], directory: Path) -> Path:
    """Writes the report as `<UTC time>.json` and returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    return path


def _versions(bench: Bench) -> dict[str, str]:
    with redis.Redis.from_url(bench.stack.redis_url) as queue:
        server = cast("dict[str, Any]", queue.info("server"))
    return {
        "postgres": database.server_version(bench.connection),
        "valkey": str(server.get("valkey_version", server.get("redis_version", "unknown"))),
        "python": platform.python_version(),
    }


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(main)
