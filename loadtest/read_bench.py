"""`make bench-read`, or `python -m loadtest.read_bench`: how fast reading is, in a large database and in a small one.

Figures go to stdout, progress to stderr, and all of it as JSON into `bench/results/`.
"""

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console

from loadtest import asking, command, commits, database, loader, questions, read_figures, stack
from loadtest.client import Address, LoadError
from loadtest.database import Connection
from loadtest.display import Display
from loadtest.loader import Loaded
from loadtest.questions import Question
from loadtest.read_figures import Measured
from loadtest.stack import StackError

FULL_RUNS = 1_000_000
SMALL_SHARE = 0.01
SMALL_RUNS_MIN = 200
LOADED = "loaded.json"
"""Beside a stack's data: what they hold."""


@dataclass(slots=True, frozen=True)
class Sizes:
    runs: int
    requests: int = 200
    """Of each question."""
    long_steps: int = loader.LONG_STEPS

    @property
    def small_runs(self) -> int:
        return max(SMALL_RUNS_MIN, round(self.runs * SMALL_SHARE))


QUICK = Sizes(2000, requests=2, long_steps=1500)
"""Enough to see that every question is asked and answered; the figures mean nothing."""


def main(
    scale: Annotated[float, typer.Option(min=0.0001, max=100, help="Of a million runs and ten million steps.")] = 1.0,
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes: shows that all works; the figures mean nothing.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Ask this, or with a `_` at its end all that begins so; may be given several times."),
    ] = None,
    requests: Annotated[int | None, typer.Option(min=1, help="Requests for each question.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Keep the databases here, or use those that an earlier run has kept here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    results_dir: Annotated[Path, typer.Option(help="Where the figures are kept as JSON.")] = command.RESULTS,
    scratch_dir: Annotated[
        Path | None, typer.Option(help="Where the stacks' data stand meanwhile; on a real disk, not in memory.")
    ] = None,
) -> None:
    """Load a database and one of a hundredth of its size, and measure reading in both. Missed targets are shown."""
    command.end_as_by_ctrl_c()
    sizes = QUICK if quick else Sizes(max(SMALL_RUNS_MIN, round(FULL_RUNS * scale)))
    sizes = Sizes(sizes.runs, requests or sizes.requests, sizes.long_steps)
    scratch = nullcontext(str(data)) if data else tempfile.TemporaryDirectory(prefix="agentguide-bench-read-", dir=scratch_dir)
    began, load_average = datetime.now(UTC), os.getloadavg()
    try:
        with scratch as directory:
            small = measure(Path(directory) / "small", sizes.small_runs, sizes, only or [])
            full = measure(Path(directory) / "full", sizes.runs, sizes, only or [])
    except (LoadError, StackError) as error:
        Display().say(f"bench-read: {error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        Display().say("bench-read: ended before its end; the stack is stopped")
        raise typer.Exit(130) from None
    kept = {
        "takenAt": began.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": commits.current(),
        "quick": quick,
        "machine": _machine(load_average),
        "versions": full.versions,
        "sizes": asdict(sizes),
        "databases": {"full": read_figures.database_as_json(full), "small": read_figures.database_as_json(small)},
        "figures": read_figures.as_json(full, small),
    }
    path = command.keep(kept, results_dir, "read-")
    if as_json:
        print(json.dumps(kept, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(read_figures.table(full, small))
    console.print(f"kept in {path}", highlight=False, soft_wrap=True)


def measure(directory: Path, runs: int, sizes: Sizes, only: Sequence[str]) -> Measured:
    """Starts a stack in a directory, loads it if it is new, asks what `only` names, or else everything, stops the stack.

    Raises:
        LoadError, StackError: there is no result.
    """
    display = Display()
    directory.mkdir(parents=True, exist_ok=True)
    display.say(f"starting a stack for {runs:,} runs")
    with stack.running(directory) as running, database.connected(running.database_url) as connection:
        loaded = _load(directory, running.database_url, runs, sizes, display)
        address = Address.of(running.api_url)
        asked = _questions(connection, address, sizes, only, display)
        _warm(directory, display)
        with display.task(f"asking {len(asked)} questions, {sizes.requests} times each", len(asked)) as advance:
            answers = asking.ask_all(address, asked, sizes.requests, advance)
        return Measured(
            loaded,
            connection.execute(database.DATABASE_BYTES).fetchall()[0][0],
            dict(connection.execute(database.TABLE_BYTES).fetchall()),
            {"postgres": database.server_version(connection), "python": platform.python_version()},
            answers,
        )


def _warm(directory: Path, display: Display) -> None:
    """Reads the database's files, so that they are in memory as far as they fit, as they would be after some days of use."""
    files = [path for path in (directory / "data" / "postgres" / "base").rglob("*") if path.is_file()]
    with display.task("reading the database's files", len(files)) as advance:
        for number, path in enumerate(files):
            # One that went away meanwhile was temporary.
            with suppress(FileNotFoundError), path.open("rb", buffering=0) as file:
                while file.read(1 << 20):
                    pass
            advance(number + 1)


def _load(directory: Path, database_url: str, runs: int, sizes: Sizes, display: Display) -> Loaded:
    """Loads a new database; of one that is loaded, looks up what it holds.

    Raises:
        StackError: it holds something else.
    """
    file = directory / LOADED
    if file.exists():
        kept = json.loads(file.read_text())
        if kept["asked"] != [runs, sizes.long_steps]:
            raise StackError(f"{directory} holds {kept['asked'][0]:,} runs: name another directory, or give that scale.")
        return Loaded(**kept["loaded"])
    ended_at = time.time_ns() // 60_000_000_000 * 60_000_000
    loaded = loader.load(database_url, runs, ended_at, display, sizes.long_steps)
    file.write_text(json.dumps({"asked": [runs, sizes.long_steps], "loaded": asdict(loaded)}))
    return loaded


def _questions(connection: Connection, address: Address, sizes: Sizes, only: Sequence[str], display: Display) -> list[Question]:
    marks = questions.landmarks(connection)

    def cursor_behind(path: str, items: int) -> str | None:
        answer = asking.ask_once(address, f"{path}&offset={items - questions.PAGE}")
        return answer["nextCursor"] if answer else None

    def wanted(name: str) -> bool:
        return not only or any(name == one or (one.endswith("_") and name.startswith(one)) for one in only)

    lists = list(questions.lists(marks))
    asked = [question for question in questions.kpis(marks, sizes.requests) if wanted(question.name)]
    asked += [question for question in lists if wanted(question.name)]
    deep = [question for question in lists if wanted(f"{question.name}_deep")]
    with display.task("looking up page 1,000", len(deep)) as advance:
        for number, question in enumerate(deep):
            far = questions.deep(question, cursor_behind)
            asked += [far] if far else []
            advance(number + 1)
    steps = f"/v1/runs/{marks.longest_run}/steps?limit=1000&fields=id"
    for question in (
        *questions.traces(marks, _last_cursor(address, steps) if wanted("steps_last") else ""),
        *questions.texts(marks),
        *questions.others(marks),
    ):
        asked += [question] if wanted(question.name) else []
    return asked


def _last_cursor(address: Address, path: str) -> str:
    """The cursor of the last page but for one item."""
    cursor, found = "", ""
    while (answer := asking.ask_once(address, f"{path}{cursor}")) is not None and answer["nextCursor"]:
        found = answer["nextCursor"]
        cursor = f"&cursor={found}"
    return found


def _machine(load_average: Sequence[float]) -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "memoryBytes": psutil.virtual_memory().total,
        "loadAverageBefore": [round(value, 2) for value in load_average],
        "loadAverageAfter": [round(value, 2) for value in os.getloadavg()],
    }


if __name__ == "__main__":
    typer.run(main)
