"""A mix of agents and of people who look at them, for Locust, against any AgentGuide:

    locust --config loadtest/locust.conf --host http://127.0.0.1:8000      # with the page of Locust at port 8089
    locust --config loadtest/locust.conf --headless --users 200 --run-time 5m --html report.html

| user | of 20 | requests/s | events/s | what it does |
| --- | --- | --- | --- | --- |
| StepByStepAgent | 12 | 8 | 8 | runs of 20 requests, 20 to 200 ms apart: starts the run, nine times begins a step and patches |
| | | | | it with what came out, finishes the run; 1 of 20 runs fails |
| BatchSender | 2 | 1 | 200 | 200 events in one `POST /v1/events`, every second |
| OtlpExporter | 2 | 1 | 110 | 100 spans of 10 traces in one `POST /v1/traces`, every second; each root is two events |
| Reader | 4 | 2 | 0 | of ten questions, 200 to 800 ms apart: three lists of runs, three runs of such a list, two summaries, |
| | | | | two time series |

Requests and events are of one such user, as long as answers take a few milliseconds. So 20 users make some 110 requests and
720 events a second, and a user of the mix makes on average 5.5 requests and 36 events: users x 36 = events a second. Agents
wait for their answers, so a server that is slow gets less; `loadtest/headline.py` has users that keep their rate.

Where the API wants a key, it is taken from AGENTGUIDE_API_KEY. A 429 or 503 is an answer, not a failure: the user waits as long
as Retry-After says and sends the same again, three times at most. Clients choose the ids, so that what is sent again counts
once; with LOADTEST_LEDGER the ids are kept, see `loadtest.ledger`.
"""

import os
import random
import time
from typing import Any, NamedTuple
from uuid import uuid4

from locust import FastHttpUser, between, constant_throughput, events, task
from locust.user.task import LOCUST_STATE_STOPPING

from loadtest import payloads
from loadtest.ledger import REFUSED_STATUSES, Entry, Ledger, run_row, step_row
from loadtest.payloads import EVENTS_A_BATCH, SPANS_A_RUN, Synthesizer
from loadtest.templates import StepTemplate, Template

JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}
KEY = os.environ.get("AGENTGUIDE_API_KEY")
PAUSE_SECONDS = (0.02, 0.2)
READ_PAUSE_SECONDS = (0.2, 0.8)
TRIES_MAX = 4
WAIT_MAX_SECONDS = 60.0
POOL = 50
"""Step bodies made beforehand, for all users of a process."""

START = "POST /v1/runs"
APPEND = "POST /v1/runs/[id]/steps"
PATCH = "PATCH /v1/runs/[id]/steps/[id]"
FINISH = "PATCH /v1/runs/[id]"

ledger = Ledger.of_environment()
synthesizer = Synthesizer()


def keep(**_: Any) -> None:
    ledger.flush()


events.test_stop.add_listener(keep)  # type: ignore[no-untyped-call]
events.quit.add_listener(keep)  # type: ignore[no-untyped-call]


class Answer(NamedTuple):
    status: int
    json: dict[str, Any]
    retry_after_seconds: float

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300 and self.status != 207

    @property
    def refused(self) -> bool:
        return self.status in REFUSED_STATUSES


class Client(FastHttpUser):
    """Sends, and keeps what became of it. It belongs to the phase in which it began; without phases that is none."""

    abstract = True
    default_headers = {"Authorization": f"Bearer {KEY}"} if KEY else None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.phase = ledger.phase
        self.due_at: float | None = None

    def stop(self, force: bool = False) -> bool:
        """Lets it wait to the end of its pause: Locust would kill it there, and now and then in the request that comes next."""
        if force or self._state is None:
            return bool(super().stop(force))
        self._state = LOCUST_STATE_STOPPING
        return False

    def on_stop(self) -> None:
        self.client.client.close()  # else its connection is open until the garbage is collected

    def send(
        self,
        method: str,
        path: str,
        name: str,
        body: bytes = b"",
        headers: dict[str, str] = JSON,
        rows: bytes = b"",
        count: int = 1,
    ) -> Answer:
        """One request. `rows` and `count` are of the events in it."""
        answer = Answer(0, {}, 0.0)
        sent_at = time.time()
        due_at = sent_at if self.due_at is None else self.due_at
        began = time.perf_counter()
        seconds = None
        try:
            data: Any = body or None  # declared as text, but bytes are sent as they are
            label = f"{self.phase}: {name}" if self.phase else name
            with self.client.request(method, path, data=data, headers=headers, name=label, catch_response=True) as response:
                seconds = time.perf_counter() - began
                answer = _judged(response)
        finally:  # also where the test ends in the middle of a request: nobody knows what became of it
            seconds = time.perf_counter() - began if seconds is None else seconds
            code = str(answer.json.get("error", {}).get("code", "")) if answer.status >= 400 else ""
            entry = Entry(self.phase, name, due_at, sent_at, seconds, answer.status, code, answer.retry_after_seconds, count)
            ledger.note(entry, rows)
        return answer

    def deliver(self, *arguments: Any, **options: Any) -> Answer:
        """Sends; where it is refused, waits as told and sends the same again."""
        for _ in range(TRIES_MAX - 1):
            answer = self.send(*arguments, **options)
            if not answer.refused:
                return answer
            time.sleep(min(answer.retry_after_seconds or 1.0, WAIT_MAX_SECONDS))  # Locust lets other users work meanwhile
        return self.send(*arguments, **options)


def _judged(response: Any) -> Answer:
    """Tells Locust whether it is a failure."""
    status = int(response.status_code or 0)
    found = response.json() if status and "json" in response.headers.get("content-type", "") else {}
    retry_after = str(response.headers.get("retry-after", "")) if status else ""
    seconds = float(retry_after) if retry_after.isdigit() else 0.0
    answer = Answer(status, found if isinstance(found, dict) else {}, seconds)
    if answer.refused:
        response.success()
    elif status and not answer.accepted:
        response.failure(f"{status}: {response.text[:200]}")
    return answer


class StepByStepAgent(Client):
    weight = 12
    wait_time = between(*PAUSE_SECONDS)

    def on_start(self) -> None:
        self.templates = step_templates(finished=False)

    @task
    def work(self) -> None:
        run_id = uuid4().hex
        rows = run_row(run_id, finished=False)
        if not self.deliver("POST", "/v1/runs", START, run_start(run_id), rows=rows).accepted:
            return
        for template in random.sample(self.templates, SPANS_A_RUN - 1):
            self._do_step(run_id, template)
        failed = random.random() < payloads.FAILED_SHARE
        end = b'{"status": "FAILED", "error": {"message": "gave up"}}' if failed else b'{"status": "SUCCESS"}'
        self._pause()
        self.deliver("PATCH", f"/v1/runs/{run_id}", FINISH, end, rows=run_row(run_id, finished=True))

    def _do_step(self, run_id: str, template: StepTemplate) -> None:
        path = f"/v1/runs/{run_id}/steps"
        step_id, body = template.fresh()
        self._pause()
        self.deliver("POST", path, APPEND, body, rows=step_row(run_id, step_id, finished=False))
        self._pause()
        end = b'{"output": {"answer": "some millimetres"}, "finishedAt": "%s"}' % _now().encode()
        self.deliver("PATCH", f"{path}/{step_id}", PATCH, end, rows=step_row(run_id, step_id, finished=True))

    def _pause(self) -> None:
        time.sleep(random.uniform(*PAUSE_SECONDS))


class BatchSender(Client):
    weight = 2
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        self.template = Template.batch(synthesizer)
        time.sleep(random.random())  # or all would send in the same moment of each second

    @task
    def send_batch(self) -> None:
        body, rows = self.template.fresh()
        self.deliver("POST", "/v1/events", "POST /v1/events", body, rows=rows, count=EVENTS_A_BATCH)


class OtlpExporter(Client):
    weight = 2
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        self.template = Template.export(synthesizer)
        time.sleep(random.random())

    @task
    def export(self) -> None:
        body, rows = self.template.fresh()
        self.deliver("POST", "/v1/traces", "POST /v1/traces", body, PROTOBUF, rows, self.template.events)


class Reader(Client):
    weight = 4
    wait_time = between(*READ_PAUSE_SECONDS)
    filters = ("", "&status=FAILED", "&status=RUNNING", "&agentName=bench-agent", "&hasError=true", "&tool=search")

    def on_start(self) -> None:
        self.run_ids: list[str] = []

    @task(3)
    def list_runs(self) -> None:
        answer = self.ask(f"/v1/runs?limit=50{random.choice(self.filters)}", "GET /v1/runs")
        self.run_ids = [str(run["id"]) for run in answer.json.get("items", [])] or self.run_ids

    @task(3)
    def open_run(self) -> None:
        if not self.run_ids:
            self.list_runs()
        if self.run_ids:
            self.ask(f"/v1/runs/{self.run_ids.pop(random.randrange(len(self.run_ids)))}", "GET /v1/runs/[id]")

    @task(2)
    def see_summary(self) -> None:
        self.ask("/v1/metrics/summary", "GET /v1/metrics/summary")

    @task(2)
    def see_time_series(self) -> None:
        self.ask("/v1/metrics/timeseries", "GET /v1/metrics/timeseries")

    def ask(self, path: str, name: str) -> Answer:
        return self.deliver("GET", path, name, count=0)


def run_start(run_id: str) -> bytes:
    """A body of `POST /v1/runs`."""
    return (
        b'{"id": "%s", "agent": {"name": "locust-agent", "version": "1"}, "input": {"prompt": "fetch facts"}}' % run_id.encode()
    )


_TEMPLATES: dict[bool, list[StepTemplate]] = {}


def step_templates(*, finished: bool) -> list[StepTemplate]:
    """The same for all users."""
    if finished not in _TEMPLATES:
        _TEMPLATES[finished] = StepTemplate.some(synthesizer, POOL, finished=finished)
    return _TEMPLATES[finished]


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
