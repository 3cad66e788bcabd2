"""The requests of a burst, made before the first is sent, so that making them takes nothing from sending them.

The bodies wait in a temporary file that has no name and ends with the process: some 550 bytes an event, 110 MB for 200,000.
In memory stays what is to be checked at the end, some 70 bytes an event.
"""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO, cast

from cli.burst_check import Kept, expect
from cli.errors import CommandError, explain_os_error
from cli.sender import Batch
from cli.simulate import batches_of
from events.simulation import SimulatedRun, Simulation


class Bodies:
    """A context manager: closes the file."""

    def __init__(self) -> None:
        self._file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - it lives as long as this
        self._batches: list[Batch] = []
        """Without their bodies."""
        self._sizes: list[int] = []
        self.expected: dict[str, Kept] = {}
        """By run, in the order in which they are sent."""

    def __enter__(self) -> "Bodies":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def events(self) -> int:
        return sum(batch.events for batch in self._batches)

    @property
    def bytes(self) -> int:
        return sum(self._sizes)

    def fill(self, runs: Iterable[SimulatedRun], events_a_batch: int, progress: Callable[[int], None]) -> None:
        """`progress` gets the events of each batch.

        Raises:
            CommandError: the file cannot be written.
        """
        try:
            for batch in batches_of(self._noted(runs), events_a_batch):
                self._file.write(batch.body)
                self._sizes.append(len(batch.body))
                self._batches.append(replace(batch, body=b""))
                progress(batch.events)
            self._file.flush()
        except OSError as error:
            place = tempfile.gettempdir()
            raise CommandError(f"{explain_os_error(error, place)} Another place for the burst is TMPDIR.") from error

    def batches(self) -> Iterator[Batch]:
        """Each with its body, which is read when it is asked for."""
        starts = itertools.accumulate(self._sizes, initial=0)
        for batch, size, start in zip(self._batches, self._sizes, starts, strict=False):
            yield replace(batch, body=os.pread(self._file.fileno(), size, start))

    def _noted(self, runs: Iterable[SimulatedRun]) -> Iterator[SimulatedRun]:
        for run in runs:
            self.expected[run.id] = expect(run)
            yield run


def runs_of(simulation: Simulation, events: int) -> Iterator[SimulatedRun]:
    """As many runs as have exactly so many events; the last one is shortened if need be."""
    left = events
    for number in itertools.count():
        if not left:
            return
        run = shorten(simulation.run(number, datetime.now(UTC)), left)
        left -= len(run.events)
        yield run


def shorten(run: SimulatedRun, events: int) -> SimulatedRun:
    """The run with at most so many events: its last steps are left out, and it ends all the same."""
    if len(run.events) <= events:
        return run
    start, *steps, end = run.events
    kept = [start, *steps[: events - 2], end] if events > 1 else [start | end]
    ids = {event["id"] for event in kept if event["type"] == "step"}
    return SimulatedRun(run.id, kept, len(ids), run.failed)
