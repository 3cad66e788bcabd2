"""A steady mixed load through the public API, on one event loop, for as long as one likes.

| kind | share of the events | what it does |
| --- | --- | --- |
| steps | 2 of 10 | agents that start a run, append ten steps one by one, patch one of them, and finish the run |
| batches | 5 of 10 | `POST /v1/events` with 198 events: 18 runs of eleven events |
| exports | 3 of 10 | `POST /v1/traces` in protobuf with 10 traces of 10 spans: 110 events |
| reads | none | 6 a second in turn: a run, the list of runs, the KPIs of the last hour |

Every request has a time at which it is due, and its latency counts from then, so that a server that stands still is not spared.
All ids are the client's: what got no answer is sent again and is stored once, and all rows can be counted at the end.
"""

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar
from urllib.parse import quote

import msgspec

from events.records import StepRecord
from loadtest import client, payloads
from loadtest.client import RETRIES_MAX, RETRY_STATUSES, TIMEOUT_SECONDS, Address, Connection, LoadError, Response
from loadtest.payloads import RUNS_AN_EXPORT, SPANS_A_RUN, Synthesizer

T = TypeVar("T")

EVENTS_A_RUN = SPANS_A_RUN + 1
RUNS_A_BATCH = 18
SHARES = {"steps": 0.2, "batches": 0.5, "exports": 0.3}
EVENTS_A_REQUEST = {"steps": 1, "batches": RUNS_A_BATCH * EVENTS_A_RUN, "exports": RUNS_AN_EXPORT * EVENTS_A_RUN}
READS_A_SECOND = 6.0
REQUESTS_A_CONNECTION = {"steps": 25.0, "batches": 2.5, "exports": 2.5, "reads": 3.0}
"""How many a second; there are as many connections as that takes."""
KINDS = tuple(REQUESTS_A_CONNECTION)

KNOWN_RUNS = 1000
READ_AFTER_SECONDS = 3.0
REPEAT_SECONDS = 0.5
STOCK_RUNS = 60
STOCK_PAUSE_SECONDS = 0.002


@dataclass(slots=True)
class Tally:
    """What was acknowledged, and what it took."""

    runs: int = 0
    steps: int = 0
    events: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    """Answers 429 and 503; the request was sent again."""
    failures: Counter[str] = field(default_factory=Counter)
    """By what went wrong: no answer, or a 5xx; the request was sent again."""
    answered_at: dict[str, "array[float]"] = field(default_factory=lambda: {kind: array("d") for kind in KINDS})
    latencies: dict[str, "array[float]"] = field(default_factory=lambda: {kind: array("d") for kind in KINDS})
    """By kind: when each request was answered (`time.perf_counter`), and seconds since it was due."""


@dataclass(slots=True, frozen=True)
class Job:
    """A request, and what is in the database more than before once it is acknowledged."""

    request: bytes
    runs: int = 0
    steps: int = 0
    events: int = 0
    known: str | None = None
    """A run that may be read from then on."""


class Mix:
    """`run` sends until `until` is set; what was sent by then is answered when it returns."""

    def __init__(self, address: Address, events_a_second: float, synthesizer: Synthesizer, until: asyncio.Event) -> None:
        self.tally = Tally()
        self._address = address
        self._until = until
        self._records = Stock(lambda: synthesizer.records(1))
        self._exports = Stock(lambda: synthesizer.export(1))
        self._known: deque[tuple[float, str]] = deque(maxlen=KNOWN_RUNS)
        self._knows = asyncio.Event()
        self._rates = {kind: share * events_a_second / EVENTS_A_REQUEST[kind] for kind, share in SHARES.items()}
        self._rates["reads"] = READS_A_SECOND

    async def run(self) -> None:
        """
        Raises:
            LoadError: the server refused a request for good, or did not take one after many tries.
        """
        made: dict[str, Callable[[], Iterator[Job]]] = {
            "steps": self._agent_jobs,
            "batches": self._batch_jobs,
            "exports": self._export_jobs,
            "reads": self._read_jobs,
        }
        filling = [asyncio.create_task(stock.fill()) for stock in (self._records, self._exports)]
        try:
            async with asyncio.TaskGroup() as group:
                for kind, jobs in made.items():
                    senders = max(1, round(self._rates[kind] / REQUESTS_A_CONNECTION[kind] + 0.5))
                    for number in range(senders):
                        sender = Sender(kind, self._address, self.tally, self._learn)
                        a_second = self._rates[kind] / senders
                        group.create_task(sender.run(jobs(), a_second, number / senders / a_second, self._until))
        except* LoadError as errors:
            raise errors.exceptions[0] from None
        finally:
            for task in filling:
                task.cancel()

    def probe_steps(self) -> Iterator[StepRecord]:
        """Steps for runs that are known by then, for ever; those that are sent are no part of the tally."""
        while True:
            run_id = self._known_run()
            for step in payloads.steps_of(self._records.take(1)[0]):
                step.run_id, step.parent_id = run_id, None
                yield step

    def refused(self, _: Response) -> None:
        """For the probe: one of its steps was refused, and nobody sends it again."""
        self.tally.refused += 1

    async def wait_known(self) -> None:
        """Until there is a run that may be read and appended to."""
        await self._knows.wait()
        await asyncio.sleep(READ_AFTER_SECONDS)

    def _learn(self, run_id: str) -> None:
        self._known.append((time.perf_counter(), run_id))
        self._knows.set()

    def _known_run(self) -> str:
        """One that was acknowledged a while ago; each in its turn."""
        at, run_id = self._known[0]
        if at < time.perf_counter() - READ_AFTER_SECONDS:
            self._known.rotate(-1)
        return run_id

    def _agent_jobs(self) -> Iterator[Job]:
        while True:
            steps = payloads.steps_of(self._records.take(1)[0])
            run_id = steps[0].run_id
            started_at = _rfc3339(min(step.started_at or 0 for step in steps) / 1e6)
            finished_at = _rfc3339(max(step.finished_at or 0 for step in steps) / 1e6)
            agent = {"name": "soak-agent", "version": "1"}
            start = {"id": run_id, "agent": agent, "input": {"prompt": "fetch facts"}, "startedAt": started_at}
            yield Job(self._request("POST", "/v1/runs", start), runs=1, events=1)
            for step in steps:
                path = f"/v1/runs/{run_id}/steps"
                yield Job(client.post_request(self._address, path, payloads.step_body(step, with_id=True)), steps=1, events=1)
            patch = {"output": {"answer": "found after all"}}
            yield Job(self._request("PATCH", f"/v1/runs/{run_id}/steps/{steps[0].id}", patch), events=1)
            end = {"status": "SUCCESS", "output": {"answer": "done"}, "finishedAt": finished_at}
            yield Job(self._request("PATCH", f"/v1/runs/{run_id}", end), events=1, known=run_id)

    def _batch_jobs(self) -> Iterator[Job]:
        while True:
            records = [record for run in self._records.take(RUNS_A_BATCH) for record in run]
            (body,) = payloads.event_batches(records, len(records))
            request = client.post_request(self._address, "/v1/events", body)
            yield Job(request, runs=RUNS_A_BATCH, steps=RUNS_A_BATCH * SPANS_A_RUN, events=len(records))

    def _export_jobs(self) -> Iterator[Job]:
        while True:
            # Messages of protobuf, one after the other, are one message. Source: protobuf.dev, "Encoding", "Merge".
            body = b"".join(self._exports.take(RUNS_AN_EXPORT))
            request = client.post_request(self._address, "/v1/traces", body, "application/x-protobuf")
            spans = RUNS_AN_EXPORT * SPANS_A_RUN
            yield Job(request, runs=RUNS_AN_EXPORT, steps=spans, events=spans + RUNS_AN_EXPORT)

    def _read_jobs(self) -> Iterator[Job]:
        while True:
            yield Job(client.get_request(self._address, f"/v1/runs/{self._known_run()}?wait=10" if self._known else "/v1/runs"))
            yield Job(client.get_request(self._address, "/v1/runs?limit=50"))
            from_ = quote(_rfc3339(time.time() - 3600))
            yield Job(client.get_request(self._address, f"/v1/metrics/summary?from={from_}"))

    def _request(self, method: str, path: str, body: object) -> bytes:
        return client.post_request(self._address, path, msgspec.json.encode(body)).replace(b"POST", method.encode(), 1)


class Sender:
    """Sends one request after the other over a connection of its own."""

    def __init__(self, kind: str, address: Address, tally: Tally, learn: Callable[[str], None]) -> None:
        self._kind = kind
        self._address = address
        self._tally = tally
        self._learn = learn
        self._connection: Connection | None = None

    async def run(self, jobs: Iterator[Job], a_second: float, delay_seconds: float, until: asyncio.Event) -> None:
        began = time.perf_counter() + delay_seconds
        number = 0
        try:
            while not until.is_set():
                due = began + number / a_second
                number += 1
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                job = next(jobs)
                await self._send(job)
                self._note(job, due)
        finally:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _note(self, job: Job, due: float) -> None:
        now, tally = time.perf_counter(), self._tally
        tally.runs += job.runs
        tally.steps += job.steps
        tally.events += job.events
        tally.requests[self._kind] += 1
        tally.answered_at[self._kind].append(now)
        tally.latencies[self._kind].append(now - due)
        if job.known is not None:
            self._learn(job.known)

    async def _send(self, job: Job) -> None:
        """Until it is taken."""
        for _ in range(RETRIES_MAX):
            pause_seconds = REPEAT_SECONDS
            try:
                response = await self._ask(job.request)
            except (LoadError, OSError, TimeoutError) as error:
                self._tally.failures[str(error) or "no answer in time"] += 1
                self._close()
            else:
                if response.status < 300 and response.status != 207:  # 207: some events were refused
                    return
                if response.status in RETRY_STATUSES:
                    self._tally.refused += 1
                    pause_seconds = response.retry_after_seconds
                elif response.status >= 500:
                    self._tally.failures[f"answer {response.status}"] += 1
                else:
                    raise client.refusal(response)
            await asyncio.sleep(pause_seconds)
        raise LoadError(f"The server did not take a request ({self._kind}) in {RETRIES_MAX} tries.")

    async def _ask(self, request: bytes) -> Response:
        loop = asyncio.get_running_loop()
        if self._connection is None:
            _, self._connection = await loop.create_connection(Connection, self._address.host, self._address.port)
        answer: asyncio.Future[Response] = loop.create_future()

        def answered(response: Response) -> None:
            if not answer.done():  # it may come too late
                answer.set_result(response)

        def failed(error: Exception) -> None:
            if not answer.done():
                answer.set_exception(error)

        self._connection.send(request, answered, failed)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await answer


class Stock(Generic[T]):
    """Things that are made a little ahead, one at a time, so that the loop never stands still for long."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: deque[T] = deque()

    async def fill(self) -> None:
        while True:
            if len(self._made) < STOCK_RUNS:
                self._made.append(self._make())
            await asyncio.sleep(STOCK_PAUSE_SECONDS)

    def take(self, count: int) -> Sequence[T]:
        return [self._made.popleft() if self._made else self._make() for _ in range(count)]


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
