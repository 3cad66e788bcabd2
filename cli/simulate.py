"""`agentguide simulate`: made-up runs through the public API, and then a look into the database whether all have arrived."""

import json
import math
import secrets
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import CommandError

if TYPE_CHECKING:
    from cli.sender import Batch, Sender
    from events.simulation import SimulatedRun, Simulation

REFRESH_SECONDS = 0.1
ARRIVE_SECONDS = 60.0
"""How long to wait while nothing more arrives."""
CHUNK_RUNS = 5_000
RUNS = 1000


def simulate(
    runs: Annotated[
        int | None, typer.Option(min=1, help="Runs to send; 1000 if nothing else is said.", rich_help_panel="Runs, at a rate")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Events a second; without it as fast as they are accepted.", rich_help_panel="Runs, at a rate"
        ),
    ] = None,
    burst: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Exactly N events, made beforehand, as fast as they are accepted, with a live view until all are visible; "
            "then a check by count and checksum. Takes some 550 bytes an event in a temporary file.",
            rich_help_panel="A burst",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check/--no-check",
            help="Look into the database; without it nobody knows what became visible.",
            rich_help_panel="A burst",
        ),
    ] = True,
    error_rate: Annotated[float, typer.Option(min=0, max=1, help="Which share of the runs fails.")] = 0.1,
    steps: Annotated[float, typer.Option(min=1, max=200, help="Steps a run has in the mean.")] = 8.0,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Requests at the same time.")] = 4,
    batch: Annotated[int, typer.Option(min=1, max=5_000, help="Events in a request; a run is not split.")] = 200,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed sends the same runs, ids included. Without it they are new.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The API; without it that of the running stack.")] = None,
    project: Annotated[str, typer.Option(help="The project that they go to; a key's own, where one is needed.")] = "default",
    data_dir: Annotated[Path | None, typer.Option(help="Where the running stack keeps everything.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and no progress.")] = False,
) -> None:
    """Send made-up runs through the API, and check in the database that all that was acknowledged has arrived.

    `--runs 1000 --rate 500` sends runs at a steady rate, `--burst 200000` so many
    events as fast as they are accepted. What the API refuses for now (429, 503) is
    sent again with the same ids. Ctrl-C ends the sending, and what was acknowledged
    is still checked; a second Ctrl-C ends the command.

    Where the API wants a key, put one with the scope `ingest` into AGENTGUIDE_API_KEY.
    """
    _refuse_contradictions(runs, burst, rate, check=check)
    from cli import target  # noqa: PLC0415 - here and below: `--help` is quick without them
    from events.simulation import Simulation  # noqa: PLC0415

    simulation = Simulation(secrets.randbits(63) if seed is None else seed, error_rate, steps)
    database_url = target.find(url, data_dir).database_url if check else None
    place = Place(target.find_api(url, data_dir), _headers(project), database_url, project, concurrency, batch)
    if burst is None:
        _send_runs(place, simulation, RUNS if runs is None else runs, rate, as_json=as_json)
    else:
        from cli.burst import send_burst  # noqa: PLC0415

        send_burst(place, simulation, burst, as_json=as_json)


def _refuse_contradictions(runs: int | None, burst: int | None, rate: float | None, *, check: bool) -> None:
    if burst is not None and runs is not None:
        raise CommandError("--burst says how many events and --runs how many runs: give one of them.")
    if burst is not None and rate is not None:
        raise CommandError("--burst sends as fast as the API accepts, --rate so many events a second: give one of them.")
    if burst is None and not check:
        raise CommandError("--no-check goes with --burst only.")


@dataclass(frozen=True)
class Place:
    """Where events go, and how."""

    api_url: str
    headers: dict[str, str]
    database_url: str | None
    """None: nobody looks whether they arrive."""
    project: str
    concurrency: int
    events_a_batch: int


def _send_runs(place: Place, simulation: "Simulation", runs: int, rate: float | None, *, as_json: bool) -> None:
    from cli.sender import Sender  # noqa: PLC0415

    batches = batches_of(simulated(simulation, runs), place.events_a_batch)
    with interruptions() as interrupted:
        sender = Sender(place.api_url, batches, threads=place.concurrency, events_a_second=rate, headers=place.headers)
        failure = _watch_sending(sender, runs, interrupted, quiet=as_json)
    tally = sender.tally
    if failure and not tally.run_ids:
        raise CommandError(failure)
    if not as_json and tally.latencies_seconds:
        typer.echo(_sent_text(sender))
    arrived = wait_arrived(place.database_url or "", place.project, tally.run_ids, tally.steps)
    ok = failure is None and arrived == (len(tally.run_ids), tally.steps)
    if as_json:
        typer.echo(json.dumps(_report(sender, simulation.seed, arrived, ok, failure), indent=2))
    else:
        typer.echo(f"{arrived[0]:,} of {len(tally.run_ids):,} runs, {arrived[1]:,} of {tally.steps:,} steps arrived")
        if failure:
            typer.echo(f"agentguide: {failure}", err=True)
    if not ok:
        raise typer.Exit(1)


def _headers(project: str) -> dict[str, str]:
    from cli.options import load_settings  # noqa: PLC0415

    key = load_settings().api_key
    return {"X-AgentGuide-Project": project} | ({} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"})


def simulated(simulation: "Simulation", runs: int) -> "Iterator[SimulatedRun]":
    return (simulation.run(number, datetime.now(UTC)) for number in range(runs))


def batches_of(runs: "Iterable[SimulatedRun]", events_wanted: int) -> "Iterator[Batch]":
    """Whole runs, as several requests at once would not keep the order of events that stand in two of them."""
    import msgspec  # noqa: PLC0415

    from cli.sender import Batch  # noqa: PLC0415

    def close() -> Batch:
        events = [event for run in gathered for event in run.events]
        body = msgspec.json.encode(events)
        return Batch(body, len(events), [run.id for run in gathered], sum(run.steps for run in gathered))

    gathered: list[SimulatedRun] = []
    size = 0
    for run in runs:
        if gathered and size + len(run.events) > events_wanted:
            yield close()
            gathered, size = [], 0
        gathered.append(run)
        size += len(run.events)
    if gathered:
        yield close()


@contextmanager
def interruptions() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C, so that what was sent until then is still looked for; the second one ends the command, as does
    SIGTERM."""
    interrupted = threading.Event()

    def note(*_: object) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, on_interrupt)

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)  # not at once: the terminal gets its cursor back

    on_interrupt, on_end = signal.signal(signal.SIGINT, note), signal.signal(signal.SIGTERM, end)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, on_interrupt)
        signal.signal(signal.SIGTERM, on_end)


def _watch_sending(sender: "Sender", runs: int, interrupted: threading.Event, *, quiet: bool) -> str | None:
    """Shows how far it is until all is sent; returns why it is not, if so."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("runs  {task.fields[rate]:,.0f} events/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("sending", total=runs, rate=0.0)
        failure, done = None, False
        while not (done or failure):
            try:
                done = sender.wait(REFRESH_SECONDS)
            except CommandError as error:
                failure = error.message
            if interrupted.is_set() and not done:
                failure = failure or "interrupted before all was sent"
            seconds = max(1e-3, time.monotonic() - sender.started_at)
            progress.update(task, completed=len(sender.tally.run_ids), rate=sender.tally.events / seconds)
        if failure:
            sender.stop()
    return failure


def wait_arrived(database_url: str, project: str, run_ids: Sequence[str], steps: int) -> tuple[int, int]:
    """How many of these runs, and steps in them, are in the database: when all are, or nothing more arrives for a minute.

    Raises:
        CommandError: the database does not answer.
    """
    import psycopg  # noqa: PLC0415

    from db import queries  # noqa: PLC0415
    from db.urls import psycopg_url  # noqa: PLC0415

    def count(chunk: Sequence[str]) -> tuple[int, int]:
        values = {"project": project, "run_ids": list(chunk)}
        row = connection.execute(queries.COUNT_ARRIVED, values).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    chunks = [run_ids[start : start + CHUNK_RUNS] for start in range(0, len(run_ids), CHUNK_RUNS)]
    found = (0, 0)
    deadline = time.monotonic() + ARRIVE_SECONDS
    try:
        with psycopg.connect(psycopg_url(database_url), autocommit=True, connect_timeout=5) as connection:
            while time.monotonic() < deadline:
                counts = [count(chunk) for chunk in chunks]
                before, found = found, (sum(pair[0] for pair in counts), sum(pair[1] for pair in counts))
                if found == (len(run_ids), steps):
                    break
                if found != before:
                    deadline = time.monotonic() + ARRIVE_SECONDS
                time.sleep(0.2)
    except psycopg.OperationalError as error:
        raise CommandError(f"The database does not answer, so nobody knows what has arrived: {str(error).strip()}") from error
    return found


def percentiles_ms(latencies_seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99: the smallest latency that this share of all does not exceed. Empty without any."""
    ordered = sorted(latencies_seconds)
    count = len(ordered)
    return {f"p{share}": 1000 * ordered[math.ceil(count * share / 100) - 1] for share in (50, 95, 99) if ordered}


def _sent_text(sender: "Sender") -> str:
    tally = sender.tally
    seconds = tally.ended_at - sender.started_at
    latencies = ", ".join(f"{name} {value:.1f} ms" for name, value in percentiles_ms(tally.latencies_seconds).items())
    waits = f", {tally.told_to_wait} more told to wait" if tally.told_to_wait else ""
    losses = f", {tally.connections_lost} more without an answer" if tally.connections_lost else ""
    return (
        f"{tally.events:,} events of {len(tally.run_ids):,} runs accepted in {seconds:.1f} s: "
        f"{tally.events / max(seconds, 1e-3):,.0f} events/s\n"
        f"latency of {len(tally.latencies_seconds):,} requests: {latencies}{waits}{losses}"
    )


def _report(sender: "Sender", seed: int, arrived: tuple[int, int], ok: bool, failure: str | None) -> dict[str, Any]:
    tally = sender.tally
    seconds = max(0.0, tally.ended_at - sender.started_at)
    return {
        "ok": ok,
        "error": failure,
        "seed": seed,
        "seconds": round(seconds, 3),
        "accepted": {"runs": len(tally.run_ids), "steps": tally.steps, "events": tally.events},
        "arrived": {"runs": arrived[0], "steps": arrived[1]},
        "acceptedPerSecond": round(tally.events / seconds, 1) if seconds else 0.0,
        "requests": len(tally.latencies_seconds),
        "toldToWait": tally.told_to_wait,
        "connectionsLost": tally.connections_lost,
        "latencyMs": {name: round(value, 3) for name, value in percentiles_ms(tally.latencies_seconds).items()},
    }
