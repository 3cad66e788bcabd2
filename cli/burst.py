"""`agentguide simulate --burst`: so many events as fast as they are accepted, watched until they are in the database."""

import json
import resource
import threading
import time

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.burst_bodies import Bodies, runs_of
from cli.burst_check import SETTLE_SECONDS, Totals, Verdict, check
from cli.burst_report import Report
from cli.burst_screen import Screen, screen_of
from cli.burst_view import Scene
from cli.burst_watch import Watch
from cli.errors import CommandError
from cli.sender import Sender
from cli.simulate import ARRIVE_SECONDS, Place, interruptions, percentiles_ms
from events.simulation import Simulation

FRAME_SECONDS = 0.25


def send_burst(place: Place, simulation: Simulation, events: int, *, as_json: bool) -> None:
    """Prepares, sends, waits, checks and tells.

    Raises:
        CommandError: nothing could be sent, or the database does not answer.
        typer.Exit: something is missing, differs, or was not sent.
    """
    console = Console(stderr=True, quiet=as_json)
    with Bodies() as bodies:
        began = time.monotonic()
        _prepare(simulation, events, place.events_a_batch, bodies, console)
        preparing_seconds = time.monotonic() - began
        report = _Course(place, bodies, simulation.seed, console).run(preparing_seconds)
    if as_json:
        typer.echo(json.dumps(report.described(), indent=2))
    else:
        Console().print(report.shown())
        if report.failure:
            typer.echo(f"agentguide: {report.failure}", err=True)
    if not report.ok:
        raise typer.Exit(1)


def _prepare(simulation: Simulation, events: int, events_a_batch: int, bodies: Bodies, console: Console) -> None:
    if not console.is_terminal:
        console.print(f"preparing {events:,} events", highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("events"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("preparing", total=events)
        bodies.fill(runs_of(simulation, events), events_a_batch, lambda count: progress.advance(task, count))


class _Course:
    """One burst, from the first byte to the check."""

    def __init__(self, place: Place, bodies: Bodies, seed: int, console: Console) -> None:
        self._place = place
        self._bodies = bodies
        self._seed = seed
        self._events = bodies.events
        totals = Totals.of(bodies.expected)
        self._rows = None if place.database_url is None else totals.runs + totals.steps
        self._console = console

    def run(self, preparing_seconds: float) -> Report:
        place, bodies = self._place, self._bodies
        watching = Watch(bodies.expected, place.api_url, place.headers, place.database_url, place.project)
        with interruptions() as interrupted, watching as watch, screen_of(self._console) as screen:
            cpu_before = _cpu_seconds()
            sender = Sender(
                place.api_url, bodies.batches(), threads=place.concurrency, events_a_second=None, headers=place.headers
            )
            try:
                watch.follow(sender)
                failure = self._watch_sending(sender, watch, screen, interrupted)
                cpu_seconds = _cpu_seconds() - cpu_before
                tally = sender.tally
                if failure and not tally.run_ids:
                    raise CommandError(failure)
                failure = self._watch_arriving(sender, watch, screen, interrupted, failure)
                self._show(screen, sender, watch, "checking")
                verdict = self._check(watch, tally.run_ids)
                self._show(screen, sender, watch, "done")
            finally:
                sender.finish()
        backlogs = [sample.backlog for sample in watch.samples if sample.backlog is not None]
        return Report(
            seed=self._seed,
            events=self._events,
            bytes=bodies.bytes,
            preparing_seconds=preparing_seconds,
            tally=tally,
            acknowledged_seconds=tally.ended_at - sender.started_at,
            visible_seconds=None if watch.visible_at is None else watch.visible_at - sender.started_at,
            latencies_ms=percentiles_ms(tally.latencies_seconds),
            backlog_most=max(backlogs) if backlogs else None,
            sending_cpu_seconds=cpu_seconds,
            verdict=verdict,
            failure=failure,
        )

    def _watch_sending(self, sender: Sender, watch: Watch, screen: Screen, interrupted: threading.Event) -> str | None:
        """Until all is acknowledged; returns why it is not, if so."""
        failure, done = None, False
        while not done:
            try:
                done = sender.wait(FRAME_SECONDS)
            except CommandError as error:
                sender.stop()
                return error.message
            watch.check()
            if interrupted.is_set() and not done:
                failure = "interrupted before all was sent"
                sender.finish()
            self._show(screen, sender, watch, "ending" if failure else "sending")
        return failure

    def _watch_arriving(
        self, sender: Sender, watch: Watch, screen: Screen, interrupted: threading.Event, failure: str | None
    ) -> str | None:
        """Until all that is acknowledged is visible, or nothing more becomes so for ARRIVE_SECONDS."""
        if self._rows is None:
            return failure
        was_interrupted = interrupted.is_set()
        watch.hurry()
        while watch.visible_at is None and time.monotonic() < watch.changed_at + ARRIVE_SECONDS:
            watch.check()
            if interrupted.is_set() and not was_interrupted:
                return failure or "interrupted before all was visible"
            self._show(screen, sender, watch, "draining")
            time.sleep(FRAME_SECONDS / 2)
        return failure

    def _check(self, watch: Watch, run_ids: list[str]) -> Verdict | None:
        place = self._place
        if place.database_url is None:
            return None
        expected = {run_id: self._bodies.expected[run_id] for run_id in run_ids}
        # Where rows have been missing for long already, they are not waited for once more.
        return check(place.database_url, place.project, expected, SETTLE_SECONDS if watch.visible_at is not None else 0.0)

    def _show(self, screen: Screen, sender: Sender, watch: Watch, stage: str) -> None:
        now, tally = watch.look_at(sender), sender.tally
        begun = sender.started_at
        scene = Scene(
            title=f"burst of {self._events:,} events to {self._place.api_url}",
            events=self._events,
            rows=self._rows,
            now=now,
            samples=list(watch.samples),
            stage=stage,
            latencies_ms=percentiles_ms(list(tally.latencies_seconds)),
            sent_again=tally.told_to_wait + tally.connections_lost,
            acknowledged_seconds=tally.ended_at - begun if tally.events >= self._events else now.at_seconds,
            visible_seconds=now.at_seconds if watch.visible_at is None else watch.visible_at - begun,
        )
        screen.show(scene)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
