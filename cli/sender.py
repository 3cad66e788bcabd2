"""Sends batches of events to `POST /v1/events` from several threads, as clients should: what is refused for now comes again."""

import contextlib
import http.client
import json
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cli.errors import CommandError

TIMEOUT_SECONDS = 30.0
GIVE_UP_SECONDS = 120.0
"""How long a batch is sent again and again while no other one is accepted either."""
FIRST_ANSWER_SECONDS = 5.0
"""The same while the API has not answered at all: then it is more likely not there than busy."""
RETRY_AFTER_SECONDS = 1.0
WAIT_FOR_NOW = (429, 503)


@dataclass(slots=True, frozen=True)
class Batch:
    body: bytes
    events: int
    run_ids: list[str]
    steps: int


@dataclass(slots=True)
class Tally:
    """What was acknowledged, and how it went."""

    events: int = 0
    steps: int = 0
    run_ids: list[str] = field(default_factory=list)
    sent_events: int = 0
    """Of all batches that were sent, each counted once."""
    refused_events: int = 0
    """Of all requests that were told to wait, each time anew."""
    latencies_seconds: list[float] = field(default_factory=list)
    """Of each request that was accepted."""
    told_to_wait: int = 0
    connections_lost: int = 0
    ended_at: float = 0.0
    """On the monotonic clock: the last acknowledgement; 0 before the first."""


class Sender:
    """Sends all batches, at most so many events a second (None: as fast as they are accepted)."""

    def __init__(
        self,
        url: str,
        batches: Iterable[Batch],
        *,
        threads: int,
        events_a_second: float | None,
        first_answer_seconds: float = FIRST_ANSWER_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Raises CommandError if it is not the URL of an API."""
        address = urlsplit(url)
        try:
            port = address.port
        except ValueError:
            port = -1
        if address.scheme not in ("http", "https") or not address.hostname or port == -1:
            raise CommandError(f"{url!r} is not the URL of an API: that looks like http://127.0.0.1:8000.")
        self._url = url
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._https = address.scheme == "https"
        self._host, self._port = address.hostname, port
        self._path = address.path.rstrip("/") + "/v1/events"
        self._batches = _Paced(batches, events_a_second)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._error: CommandError | None = None
        self._answered = False
        self._first_answer_seconds = first_answer_seconds
        self.tally = Tally()
        self.started_at = time.monotonic()
        self._threads = [threading.Thread(target=self._work, name=f"sender-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether all has been sent, waiting up to this long for it.

        Raises:
            CommandError: a batch could not be sent.
        """
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._error is not None:
            raise self._error
        return not any(thread.is_alive() for thread in self._threads)

    def finish(self) -> None:
        """Sends no further batches; those on the way are still answered."""
        self._stopping.set()

    def stop(self) -> None:
        """Sends no further batches; returns when those on the way have been answered."""
        self.finish()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        connection = self._connect()
        try:
            while not self._stopping.is_set():
                with self._lock:
                    planned = self._batches.next()
                if planned is None:
                    return
                batch, due_at = planned
                if self._stopping.wait(max(0.0, due_at - time.monotonic())) or not self._send(connection, batch):
                    return
        except CommandError as error:
            self._fail(error)
        except Exception as error:
            self._fail(CommandError(f"Sending failed: {type(error).__name__}: {error}"))
            raise
        finally:
            connection.close()

    def _fail(self, error: CommandError) -> None:
        self._error = self._error or error
        self._stopping.set()

    def _send(self, connection: http.client.HTTPConnection, batch: Batch) -> bool:
        """True when it is acknowledged, False when it is time to stop before that."""
        began = time.monotonic()
        with self._lock:
            self.tally.sent_events += batch.events
        while True:
            started = time.monotonic()
            try:
                status, retry_after, answer = self._request(connection, batch.body)
            except (OSError, http.client.HTTPException) as error:
                # Whether it arrived is unknown. It goes again with the same ids, which does no harm.
                connection.close()
                reason, seconds = f"no answer ({error or type(error).__name__})", RETRY_AFTER_SECONDS
                with self._lock:
                    self.tally.connections_lost += 1
            else:
                self._answered = True
                if status == 202:
                    self._note(batch, started)
                    return True
                reason, seconds = f"{status}: {_message(answer)}", retry_after
                if status not in WAIT_FOR_NOW:
                    raise CommandError(f"The API at {self._url} did not accept a batch of {batch.events} events: {reason}")
                with self._lock:
                    self.tally.told_to_wait += 1
                    self.tally.refused_events += batch.events
            patience = GIVE_UP_SECONDS if self._answered else self._first_answer_seconds
            if seconds > GIVE_UP_SECONDS:
                raise CommandError(f"The API at {self._url} asks for {seconds:.0f} s of patience, too long to wait: {reason}")
            # As long as others get through, it is a matter of time until this one does.
            if time.monotonic() + seconds > max(began, self.tally.ended_at) + patience:
                raise CommandError(f"The API at {self._url} took no batch for {patience:.0f} s; last answer: {reason}")
            # Spread, so that those who were told the same time do not all come back at once.
            if self._stopping.wait(seconds * random.uniform(1.0, 1.2)):
                return False

    def _note(self, batch: Batch, started: float) -> None:
        now = time.monotonic()
        with self._lock:
            tally = self.tally
            tally.events += batch.events
            tally.steps += batch.steps
            tally.run_ids += batch.run_ids
            tally.latencies_seconds.append(now - started)
            tally.ended_at = now

    def _request(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, float, bytes]:
        """Status, Retry-After in seconds, and the answer's body."""
        connection.request("POST", self._path, body, self._headers)
        with connection.getresponse() as response:
            answer = response.read()
            return response.status, _seconds(response.headers.get("Retry-After")), answer

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=TIMEOUT_SECONDS)


class _Paced:
    """Batches, each with the moment on the monotonic clock at which it is due."""

    def __init__(self, batches: Iterable[Batch], events_a_second: float | None) -> None:
        self._batches: Iterator[Batch] = iter(batches)
        self._rate = events_a_second
        self._started_at = 0.0
        self._events = 0

    def next(self) -> tuple[Batch, float] | None:
        batch = next(self._batches, None)
        if batch is None:
            return None
        self._started_at = self._started_at or time.monotonic()
        due_at = self._started_at + (self._events / self._rate if self._rate else 0.0)
        self._events += batch.events
        return batch, due_at


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdecimal() else RETRY_AFTER_SECONDS


def _message(answer: bytes) -> str:
    """The sentence in an answer, as far as it has one."""
    with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
        found = json.loads(answer)
        error = found["error"] if "error" in found else {"message": found["errors"][0]["reason"]}
        return str(error["message"])
    return answer[:200].decode("utf-8", "replace") or "an empty answer"
