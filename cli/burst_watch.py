"""Looks at the server twice a second while a burst goes on: the backlog by the API, the rest by the database.

It costs the server one answer that the API keeps for a second, and an index look-up for each run: those that have arrived
with all their steps are not asked for again.
"""

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import psycopg

from cli.burst_check import Connection, Kept, connect
from cli.errors import CommandError
from cli.sender import Sender
from db import queries

EVERY_SECONDS = 0.5
HURRY_SECONDS = 0.1
"""The pause between two looks once all is sent: then the moment at which the last row is visible counts."""
TIMEOUT_SECONDS = 2.0
CHUNK_RUNS = 500
CHUNKS_AHEAD = 4
"""Chunks to look at behind the first of which nothing is there yet: the shards do not drain in step."""


@dataclass(slots=True, frozen=True)
class Sample:
    """The state at a moment. None: not known, as nobody answers or may."""

    at_seconds: float = 0.0
    """Since the sending began."""
    sent: int = 0
    """Events; so are all up to `drained`."""
    acknowledged: int = 0
    refused: int = 0
    """Each time anew."""
    backlog: int | None = None
    """Of the whole server; so is `drained`."""
    drained: int | None = None
    """Since the watch began."""
    visible: int | None = None
    """Rows: runs and their steps."""


class Arrivals:
    """Counts the rows that have arrived, of runs in the order in which they were acknowledged."""

    def __init__(self, expected: Mapping[str, Kept]) -> None:
        self._expected = expected
        self._taken = 0
        self._open: list[tuple[list[str], int]] = []
        """Runs, and the rows that they will have."""
        self._whole_rows = 0

    @property
    def complete(self) -> bool:
        """Whether all were there at the last look."""
        return not self._open

    def look(self, connection: Connection, project: str, acknowledged: list[str]) -> int:
        """The rows that are there now. `acknowledged` is the same list each time; it grows."""
        self._take(acknowledged)
        rows, whole_rows, still_open, ahead = 0, self._whole_rows, [], CHUNKS_AHEAD
        for run_ids, rows_expected in self._open:
            found = 0
            if ahead:
                values = {"project": project, "run_ids": run_ids}
                row = connection.execute(queries.COUNT_ARRIVED, values).fetchone()
                found = int(row[0]) + int(row[1]) if row else 0
            if found >= rows_expected:
                whole_rows += found
                continue
            ahead -= not found and ahead > 0
            rows += found
            still_open.append((run_ids, rows_expected))
        self._open, self._whole_rows = still_open, whole_rows
        return whole_rows + rows

    def _take(self, acknowledged: list[str]) -> None:
        count = len(acknowledged)
        for start in range(self._taken, count, CHUNK_RUNS):
            run_ids = acknowledged[start : min(count, start + CHUNK_RUNS)]
            self._open.append((run_ids, sum(1 + self._expected[run_id].steps for run_id in run_ids)))
        self._taken = count


class Watch:
    """A context manager: looks from a thread of its own. Without a database it leaves out what only that can tell."""

    def __init__(
        self, expected: Mapping[str, Kept], api_url: str, headers: Mapping[str, str], database_url: str | None, project: str
    ) -> None:
        """Raises CommandError if the database does not answer."""
        self._arrivals = Arrivals(expected)
        self._api = urlsplit(api_url)
        self._headers = headers
        self._database_url = database_url
        self._project = project
        self._connection: Connection | None = None
        self._drained_before = 0
        self._ended = threading.Event()
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        nothing = None if database_url is None else 0
        self._seen = Sample(drained=nothing, visible=nothing)
        self.samples: list[Sample] = [self._seen]
        """One for every half second."""
        self.changed_at = time.monotonic()
        """When more rows became visible last, on the monotonic clock."""
        self.visible_at: float | None = None
        """When all that is acknowledged was visible, on the monotonic clock; None: it is not."""
        self._hurries = False
        if database_url is not None:
            self._take_baseline()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(3 * TIMEOUT_SECONDS)
        elif self._connection is not None:
            self._connection.close()

    def follow(self, sender: Sender) -> None:
        self._thread = threading.Thread(target=self._work, args=(sender,), name="burst-watch", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """To be called when all is sent: from now on the moment at which the last row is visible counts."""
        self.changed_at = time.monotonic()
        self._hurries = True

    def check(self) -> None:
        """Raises what ended the watch, if something has."""
        if self._error is not None:
            raise self._error

    def _take_baseline(self) -> None:
        try:
            self._drained_before = self._stored(self._connect())
        except psycopg.Error as error:
            raise CommandError(f"The database does not answer, so nothing is sent: {str(error).strip()}") from error

    def _work(self, sender: Sender) -> None:
        try:
            while not self._ended.is_set():
                self._look(sender)
                self._ended.wait(HURRY_SECONDS if self._hurries else EVERY_SECONDS)
        except Exception as error:  # noqa: BLE001 - `check` raises it where somebody sees it
            self._error = error
        finally:
            if self._connection is not None:
                self._connection.close()

    def _look(self, sender: Sender) -> None:
        before, hurries = self._seen, self._hurries
        is_due = time.monotonic() - sender.started_at - self.samples[-1].at_seconds >= 0.9 * EVERY_SECONDS
        backlog = self._backlog() if is_due else before.backlog
        drained, visible = self._ask_database(sender.tally.run_ids)
        self._seen = replace(self._seen, backlog=backlog, drained=drained, visible=visible)
        at = time.monotonic()
        if visible != before.visible:
            self.changed_at = at
        if hurries and visible is not None and self._arrivals.complete:
            self.visible_at = self.visible_at or at
        if is_due:
            self.samples.append(self.look_at(sender))

    def look_at(self, sender: Sender) -> Sample:
        """What the sender has done by now, with what the last look found."""
        tally = sender.tally
        return replace(
            self._seen,
            at_seconds=time.monotonic() - sender.started_at,
            sent=tally.sent_events,
            acknowledged=tally.events,
            refused=tally.refused_events,
        )

    def _backlog(self) -> int | None:
        kind = http.client.HTTPSConnection if self._api.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._api.hostname or "", self._api.port, timeout=TIMEOUT_SECONDS)
        # Also an answer without it: the key may not read, or a proxy lets through ingest only.
        with (
            contextlib.suppress(OSError, http.client.HTTPException, ValueError, KeyError, TypeError),
            contextlib.closing(connection),
        ):
            connection.request("GET", self._api.path.rstrip("/") + "/v1/freshness", headers=dict(self._headers))
            response = connection.getresponse()
            found: int | None = json.loads(response.read())["backlogEvents"]
            return found
        return None

    def _ask_database(self, acknowledged: list[str]) -> tuple[int | None, int | None]:
        """Events that the drains have stored since the watch began, and rows of the burst."""
        if self._database_url is None:
            return None, None
        try:
            connection = self._connection or self._connect()
            rows = self._arrivals.look(connection, self._project, acknowledged)
            return self._stored(connection) - self._drained_before, rows
        except psycopg.OperationalError:
            # It starts again, perhaps: shown as unknown. The check at the end says so if it does not come back.
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return None, None

    def _connect(self) -> Connection:
        self._connection = connect(self._database_url or "", TIMEOUT_SECONDS)
        return self._connection

    def _stored(self, connection: Connection) -> int:
        return sum(row[3] for row in connection.execute(queries.LIST_DRAINED))


def rate(samples: list[Sample], value: Callable[[Sample], int | None], seconds: float = 1.0) -> float | None:
    """How much a counter grew a second over the last samples; None if it is not known."""
    last = samples[-1]
    first = next((sample for sample in reversed(samples[:-1]) if last.at_seconds - sample.at_seconds >= seconds), samples[0])
    before, now = value(first), value(last)
    return None if before is None or now is None else (now - before) / max(1e-3, last.at_seconds - first.at_seconds)


def growths(samples: list[Sample], value: Callable[[Sample], int | None]) -> list[float]:
    """How much a counter grew a second from each sample to the next; 0 where it is not known."""
    found = []
    for before, after in itertools.pairwise(samples):
        start, end = value(before), value(after)
        seconds = max(1e-3, after.at_seconds - before.at_seconds)
        found.append(0.0 if start is None or end is None else (end - start) / seconds)
    return found
