"""Clients under a fault: they send runs by every way of ingest, repeat what was not acknowledged, and remember what was.

Everything a unit holds follows from its mark, so what must be stored can be told from the marks alone.
"""

import hashlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from events.exceptions import QueueUnavailable

TIMEOUT_SECONDS = 5.0
GIVE_UP_SECONDS = 180.0
"""How long a client tries one request; longer than any fault lasts."""
PAUSE_SECONDS = 0.1
"""Between two tries of a client that got no answer."""
BATCH_STEPS = 18
SINGLE_STEPS = 3
SPANS = 10
TOOLS = ("search", "fetch", "écrire")
PROTOBUF = "application/x-protobuf"
WAIT_FOR_NOW = (429, 503)

Payload = dict[str, Any]


class LoadError(Exception):
    """A client got an answer that it must never get, or none for minutes."""


def payload(mark: str, number: int) -> Payload:
    """What a step (or, as number 0, a run) bears; a negative number is the output."""
    text = hashlib.sha256(f"{mark}{number}".encode()).hexdigest()
    return {"unit": mark, "n": number, "text": f"{text} é\u2028\U0001f9ea", "list": [number, None, {"deep": text[:8]}]}


@dataclass(slots=True)
class Unit:
    """A run whose every request was acknowledged."""

    mark: str
    run_id: str
    steps: int
    patched: bool
    """Its steps have outputs, and ids that follow from their numbers."""
    run_input: int = 0
    """The number of the payload that is the run's input; of a trace it is that of the root."""


class Refused(Exception):
    """No acknowledgement this time."""

    def __init__(self, reason: str, retry_after_seconds: float) -> None:
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds
        super().__init__(reason)


class Client:
    """One connection to the API, made anew when it breaks."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout_seconds)

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """The status and the body of a good answer.

        Raises:
            Refused: there was none, or one that says to come again.
            LoadError: an answer that no fault may cause.
        """
        try:
            self._connection.request(method, path, body, headers or {})
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Refused("no answer", PAUSE_SECONDS) from error
        if response.status in WAIT_FOR_NOW:
            seconds = response.getheader("Retry-After", "")
            if not seconds.isdigit() or int(seconds) < 1:
                raise LoadError(f"{response.status} without a Retry-After")
            raise Refused(_reason(answer) or str(response.status), float(seconds))
        if response.status >= 400 and response.status != 404:
            raise LoadError(f"{method} {path}: {response.status} {answer[:300]!r}")
        return response.status, answer

    def close(self) -> None:
        self._connection.close()


def _reason(answer: bytes) -> str:
    """The error's code; of OTLP's answers, which have none, only that of a queue that does not answer can be told."""
    try:
        return str(json.loads(answer)["error"]["code"])
    except ValueError:
        return QueueUnavailable.code if QueueUnavailable().message.encode() in answer else ""


@dataclass
class Tally:
    units: list[Unit] = field(default_factory=list)
    events: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class Load:
    """Threads that send until told to finish, each by its way of ingest."""

    def __init__(self, url: str, *, pause_seconds: float = 0.1) -> None:
        self.tally = Tally()
        self._url = url
        self._pause_seconds = pause_seconds
        self._finishing = threading.Event()
        self._lock = threading.Lock()
        ways: tuple[Callable[[Client, str], Unit], ...] = (
            *(self._batch, self._batch, self._single, self._minted, self._export),
        )
        self._threads = [threading.Thread(target=self._send_all, args=[way], daemon=True) for way in ways]
        for thread in self._threads:
            thread.start()

    def finish(self) -> Tally:
        """Lets each client complete the run in hand. Returns all that was acknowledged."""
        self._finishing.set()
        for thread in self._threads:
            thread.join(GIVE_UP_SECONDS + 30)
            if thread.is_alive():
                self.tally.errors.append("a client hangs")
        return self.tally

    def add(self, unit: Unit, events: int) -> None:
        """Counts a unit that came to the queue by another way as acknowledged."""
        with self._lock:
            self.tally.units.append(unit)
            self.tally.events += events

    def _send_all(self, way: Callable[[Client, str], Unit]) -> None:
        client = Client(self._url)
        try:
            while not self._finishing.wait(self._pause_seconds):
                unit = way(client, uuid4().hex)
                with self._lock:
                    self.tally.units.append(unit)
        except LoadError as error:
            with self._lock:
                self.tally.errors.append(str(error))
        finally:
            client.close()

    def _deliver(
        self, client: Client, method: str, path: str, body: Any, events: int, headers: dict[str, str] | None = None
    ) -> bytes:
        """Sends a request until it is acknowledged, in the same words each time. Returns the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            try:
                status, answer = client.send(method, path, data, headers)
            except Refused as refusal:
                with self._lock:
                    self.tally.refused[refusal.reason] += 1
                time.sleep(refusal.retry_after_seconds)
                continue
            if status not in (200, 201, 202):
                raise LoadError(f"{method} {path}: {status} {answer[:300]!r}")
            with self._lock:
                self.tally.events += events
            return answer
        raise LoadError(f"{method} {path} was not taken for {GIVE_UP_SECONDS:.0f} s")

    def _batch(self, client: Client, mark: str) -> Unit:
        """A whole run in one request."""
        run = {"type": "run", "id": mark, "agent": {"name": "batch", "version": "1"}, "input": payload(mark, 0)}
        metrics = [{"id": uuid4().hex, "name": "score", "value": 0.5}]
        steps = [
            {"type": "step", "runId": mark, "id": f"{n:016x}", **_step(mark, n), "output": payload(mark, -n)}
            for n in range(1, BATCH_STEPS + 1)
        ]
        events = [run, *steps, {"type": "run", "id": mark, "status": "SUCCESS", "metrics": metrics}]
        answer = self._deliver(client, "POST", "/v1/events", events, len(events))
        if json.loads(answer) != {"accepted": len(events)}:
            raise LoadError(f"a batch was taken in part: {answer[:300]!r}")
        return Unit(mark, mark, BATCH_STEPS, patched=True)

    def _single(self, client: Client, mark: str) -> Unit:
        """A run, event by event, with ids of the client's."""
        self._deliver(client, "POST", "/v1/runs", {"id": mark, **_run(mark, "single")}, 1)
        for n in range(1, SINGLE_STEPS + 1):
            self._deliver(client, "POST", f"/v1/runs/{mark}/steps", {"id": f"{n:016x}", **_step(mark, n)}, 1)
            self._deliver(client, "PATCH", f"/v1/runs/{mark}/steps/{n:016x}", {"output": payload(mark, -n)}, 1)
        self._deliver(client, "PATCH", f"/v1/runs/{mark}", {"status": "SUCCESS"}, 1)
        return Unit(mark, mark, SINGLE_STEPS, patched=True)

    def _minted(self, client: Client, mark: str) -> Unit:
        """A run whose ids the server makes: only the Idempotency-Key keeps a repetition from being another run."""
        answer = self._deliver(client, "POST", "/v1/runs", _run(mark, "minted"), 1, {"Idempotency-Key": mark})
        run_id = json.loads(answer)["id"].replace("-", "")
        for n in range(1, SINGLE_STEPS + 1):
            step = {"index": n, **_step(mark, n)}
            self._deliver(client, "POST", f"/v1/runs/{run_id}/steps", step, 1, {"Idempotency-Key": f"{mark}-{n}"})
        self._deliver(client, "PATCH", f"/v1/runs/{run_id}", {"status": "SUCCESS"}, 1)
        return Unit(mark, run_id, SINGLE_STEPS, patched=False)

    def _export(self, client: Client, mark: str) -> Unit:
        """A trace by OpenTelemetry: children in one export, the root in the next."""
        for numbers in (range(2, SPANS + 1), range(1, 2)):
            body = _trace(mark, numbers).SerializeToString()
            answer = self._deliver(client, "POST", "/v1/traces", body, len(numbers), {"Content-Type": PROTOBUF})
            if ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans:
                raise LoadError("an export was taken in part")
        return Unit(mark, mark, SPANS, patched=True, run_input=1)


def _run(mark: str, agent: str) -> Payload:
    return {"agent": {"name": agent, "version": "1"}, "input": payload(mark, 0)}


def _step(mark: str, number: int) -> Payload:
    failed = {"error": {"message": f"tool {number} failed"}} if number % 7 == 0 else {}
    return {"toolName": TOOLS[number % len(TOOLS)], "input": payload(mark, number), "inputTokens": number, **failed}


def _trace(mark: str, numbers: range) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in numbers:
        span = spans.add(trace_id=bytes.fromhex(mark), span_id=number.to_bytes(8, "big"), name=f"span {number}")
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + number * 1_000_000
        if number > 1:
            span.parent_span_id = (1).to_bytes(8, "big")
        values = {
            "openinference.span.kind": "TOOL" if number > 1 else "AGENT",
            "tool.name": TOOLS[number % len(TOOLS)],
            "input.value": json.dumps(payload(mark, number)),
            "output.value": json.dumps(payload(mark, -number)),
        }
        for key, value in values.items():
            span.attributes.add(key=key).value.string_value = value
    return request
