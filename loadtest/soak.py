"""`make soak`, or `python -m loadtest.soak`: a steady mixed load for long, and whether anything grows that should not.

The verdict goes to stdout, progress to stderr, a picture and all samples into a folder of `loadtest/reports/`, and what is
worth keeping as JSON into `bench/results/`.
"""

import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import psutil
import redis
import typer
from rich.console import Console

from loadtest import client, command, commits, database, soak_figures, soak_report, stack
from loadtest.client import Address, LoadError
from loadtest.database import Connection
from loadtest.display import Advance, Display
from loadtest.flatness import Verdict
from loadtest.mix import Mix, Tally
from loadtest.payloads import Synthesizer
from loadtest.soak_figures import Course, Looks, Series
from loadtest.stack import Stack, StackError
from loadtest.visibility import VISIBLE_SECONDS_MAX, Seen, watch_visible
from loadtest.watch import Watch

SEED = 20
SECONDS = 600.0
EVENTS_A_SECOND = 1000.0
QUICK_SECONDS = 6.0
QUICK_EVENTS_A_SECOND = 300.0
PROBES_A_SECOND = 20.0
SAMPLES = 300
SAY_SECONDS = 60.0
POLL_SECONDS = 0.1
PENDING_SECONDS_MAX = 30.0
REST_SECONDS = 2.0
"""Before the last sample, of a stack that has nothing to do."""


@dataclass(slots=True, frozen=True)
class Plan:
    """What is asked for."""

    seconds: float
    events_a_second: float
    quick: bool

    @property
    def title(self) -> str:
        return f"{self.events_a_second:,.0f} events a second for {_duration(self.seconds)}"


@dataclass(slots=True, frozen=True)
class Facts:
    """Of the stack and the machine, when it began."""

    taken_at: datetime
    load_average: tuple[float, float, float]
    versions: dict[str, str]
    wal_bytes_max: int


def main(
    seconds: Annotated[float | None, typer.Option(min=5, help=f"How long the load takes; {SECONDS:.0f} without this.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=50, help=f"Events a second, well below the limit; {EVENTS_A_SECOND:.0f} without this.")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Some seconds: shows that all works; the figures mean nothing, only a loss is an error."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    reports_dir: Annotated[Path, typer.Option(help="Where a folder with picture and samples is made.")] = command.REPORTS,
    results_dir: Annotated[Path, typer.Option(help="Where the verdict is kept as JSON.")] = command.RESULTS,
    scratch_dir: Annotated[
        Path | None, typer.Option(help="Where the stack's data stand meanwhile; on a real disk, not in memory.")
    ] = None,
) -> None:
    """Load a fresh stack steadily for ten minutes, and tell of memory, Redis, tables and latency whether they stay flat.

    Exits with 1 if something acknowledged is missing or there twice, and also if a figure is not flat; a figure that could not
    be told is no error. Ctrl-C ends it and keeps nothing.
    """
    command.end_as_by_ctrl_c()
    plan = Plan(
        seconds or (QUICK_SECONDS if quick else SECONDS), rate or (QUICK_EVENTS_A_SECOND if quick else EVENTS_A_SECOND), quick
    )
    display = Display()
    try:
        with tempfile.TemporaryDirectory(prefix="agentguide-soak-", dir=scratch_dir) as directory:
            course, facts = soak(Path(directory), plan, display)
    except (LoadError, StackError) as error:
        display.say(f"soak: {error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        display.say("soak: ended before its end; the stack is stopped and nothing is kept")
        raise typer.Exit(130) from None
    series = soak_figures.all_series(course)
    found = soak_report.verdicts(course, series, facts.wal_bytes_max)
    kept = _as_json(plan, facts, course, found, series)
    paths = _keep(kept, course, plan, series, reports_dir, results_dir)
    _show(kept, found, plan, paths, as_json=as_json)
    if any(course.missing.values()) or not (kept["flat"] or quick):
        raise typer.Exit(1)


def soak(directory: Path, plan: Plan, display: Display) -> tuple[Course, Facts]:
    """Loads a stack in an empty directory, and stops it. Returns what came of it, and what it was.

    Raises:
        LoadError, StackError: there is no result.
    """
    taken_at, load_average = datetime.now(UTC), os.getloadavg()
    display.say("starting a stack")
    with (
        stack.running(directory) as running,
        database.connected(running.database_url) as connection,
        redis.Redis.from_url(running.redis_url) as queue,
    ):
        facts = Facts(taken_at, load_average, _versions(connection, queue), database.wal_bytes_max(connection))
        with Watch(running, max(1.0, plan.seconds / SAMPLES), Looks(running, queue)) as watch:
            began = time.perf_counter()
            with display.task(f"soak, {plan.events_a_second:,.0f} events a second", round(plan.seconds)) as advance:
                tally, seen = client.run(_load(running, plan, watch, display, advance))
            missing = _missing(connection, tally, seen)
            pending = _pending(connection)
            time.sleep(REST_SECONDS)
        restarted = [part for part, pid in running.pids.items() if not psutil.pid_exists(pid)]
        display.say("stopping the stack")
    offset = began - watch.began
    samples = [replace(sample, at_seconds=sample.at_seconds - offset) for sample in watch.samples]
    return Course(plan.seconds, began, plan.events_a_second, samples, tally, seen, missing, pending, restarted), facts


async def _load(running: Stack, plan: Plan, watch: Watch, display: Display, advance: Advance) -> tuple[Tally, list[Seen]]:
    """The mix, and the probe of visibility beside it once there is a run that it can append to."""
    until = asyncio.Event()
    mix = Mix(Address.of(running.api_url), plan.events_a_second, Synthesizer(SEED), until)

    async def probe() -> list[Seen]:
        await mix.wait_known()
        api_url, database_url = running.api_url, running.database_url
        steps = mix.probe_steps()
        return await watch_visible(api_url, database_url, steps, PROBES_A_SECOND, until=until, refused=mix.refused)

    try:
        async with asyncio.timeout(plan.seconds + VISIBLE_SECONDS_MAX + client.TIMEOUT_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(mix.run())
            group.create_task(_tell(plan.seconds, mix, watch, display, advance, until))
            probing = group.create_task(probe())
    except* LoadError as errors:
        raise errors.exceptions[0] from None
    except* TimeoutError:
        raise LoadError("The load did not end in time: the server left requests without an answer.") from None
    return mix.tally, probing.result()


async def _tell(seconds: float, mix: Mix, watch: Watch, display: Display, advance: Advance, until: asyncio.Event) -> None:
    """Sets `until` when the time is over; moves the bar, and says how it goes now and then."""
    began = time.perf_counter()
    said_at = began
    while (now := time.perf_counter()) < began + seconds:
        advance(round(now - began))
        if now > said_at + SAY_SECONDS and watch.samples:
            said_at, last = now, watch.samples[-1]
            display.say(f"{_duration(now - began)}: {mix.tally.events:,} events acknowledged, {last.backlog_events:,} wait")
        await asyncio.sleep(min(1.0, began + seconds - now))
    until.set()


def _missing(connection: Connection, tally: Tally, seen: list[Seen]) -> dict[str, int]:
    """What was acknowledged and is not there, once all is drained or the time for it is over."""
    deadline = time.perf_counter() + VISIBLE_SECONDS_MAX
    while database.drained_events(connection) < tally.events + len(seen) and time.perf_counter() < deadline:
        time.sleep(POLL_SECONDS)
    runs, steps = database.count_rows(connection)
    return {"runs": tally.runs - runs, "steps": tally.steps + len(seen) - steps}


def _pending(connection: Connection) -> int:
    """Notes for roll-ups and the search index that are left when the worker has had time to catch up."""
    deadline = time.perf_counter() + PENDING_SECONDS_MAX
    while (found := database.count_pending(connection)) and time.perf_counter() < deadline:
        time.sleep(POLL_SECONDS)
    return found


def _versions(connection: Connection, queue: "redis.Redis") -> dict[str, str]:
    server = cast("dict[str, str]", queue.info("server"))
    return {
        "postgres": database.server_version(connection),
        "valkey": server.get("valkey_version", server.get("redis_version", "unknown")),
        "python": platform.python_version(),
    }


def _as_json(plan: Plan, facts: Facts, course: Course, found: Sequence[Verdict], series: Sequence[Series]) -> dict[str, Any]:
    tally = course.tally
    return {
        "takenAt": facts.taken_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": commits.current(),
        "machine": {"cpus": os.cpu_count(), "loadAverageBefore": [round(value, 2) for value in facts.load_average]},
        "versions": facts.versions,
        "quick": plan.quick,
        "seconds": plan.seconds,
        "eventsASecond": plan.events_a_second,
        "acknowledged": {
            "runs": tally.runs,
            "steps": tally.steps + len(course.seen),
            "events": tally.events + len(course.seen),
            "requests": dict(tally.requests) | {"probes": len(course.seen)},
            "refused": tally.refused,
            "failures": dict(tally.failures),
        },
        "flat": soak_report.is_flat(found),
        "others": soak_report.others_json(soak_figures.others(course, series)),
        "verdicts": soak_report.as_json(found),
        "series": soak_report.series_json(series),
    }


def _keep(
    kept: dict[str, Any], course: Course, plan: Plan, series: Sequence[Series], reports_dir: Path, results_dir: Path
) -> list[Path]:
    """Writes the report's folder and the result; returns what a reader wants to open."""
    name = f"soak-{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
    picture, result = reports_dir / name / "soak.svg", results_dir / f"{name}.json"
    soak_report.draw(picture, f"Soak: {plan.title}", series)
    (picture.parent / "samples.json").write_text(json.dumps([asdict(sample) for sample in course.samples]))
    results_dir.mkdir(parents=True, exist_ok=True)
    result.write_text(json.dumps(kept) + "\n")
    return [picture, result]


def _show(kept: dict[str, Any], found: Sequence[Verdict], plan: Plan, paths: Sequence[Path], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(kept, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(soak_report.table(found, f"AgentGuide soak: {plan.title}"))
    untold = soak_report.untold(found)
    console.print(f"flat: {'yes' if kept['flat'] else 'no'}", highlight=False)
    if untold:
        console.print(f"{untold} of {len(found)} figures could not be told, for want of time or of quiet", highlight=False)
    if (others := kept["others"]) is not None:
        shares = f"{others['secondFifth']:.0f} % of a CPU in the second fifth and {others['lastFifth']:.0f} % in the last"
        ending = ", so times are not judged" if others["disturbed"] else ""
        console.print(f"the rest of the machine took {shares}{ending}", highlight=False)
    for path in paths:
        console.print(f"kept in {path}", highlight=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.0f} s"


if __name__ == "__main__":
    typer.run(main)
