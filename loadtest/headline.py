"""The headline case for Locust, phase by phase; `make loadtest` runs it, and so can you against any AgentGuide:

    locust --config loadtest/locust.conf --locustfile loadtest/headline.py --headless

A StepSender appends 10 steps a second to runs of its own, so users x 10 = steps, requests and events a second. It keeps its
timetable: a step that is late, as the answer before it was, is sent as soon as that is there, and its latency counts from when
it was due. What was due and not sent when the phase ended is counted, too.

A Flooder sends batches of 200 events one after the other, and where it is refused waits as long as Retry-After says.

LOADTEST_PHASES holds other phases, as JSON; `loadtest.phases` has them.
"""

import os
import random
import time
from typing import Any
from uuid import uuid4

from locust import LoadTestShape, User, events, task
from locust.runners import MasterRunner, WorkerRunner

from loadtest import phases
from loadtest.ledger import BEGAN, ENDED, UNSENT, USERS, run_row, step_row
from loadtest.locustfile import (
    APPEND,
    START,
    BatchSender,
    Client,
    OtlpExporter,
    Reader,
    StepByStepAgent,
    ledger,
    run_start,
    step_templates,
    synthesizer,
)
from loadtest.payloads import EVENTS_A_BATCH
from loadtest.phases import STEPS_A_USER, Kind, Phase
from loadtest.templates import Template

STEPS_A_RUN = 50
SPAWNED_A_SECOND, STOPPED_A_SECOND = 100, 2000
REST_SECONDS_MAX = 1.0
LEAVE_SECONDS_MAX = 25.0
"""A little more than the stop-timeout of locust.conf."""
POLL_SECONDS = 0.02
PAUSE_SECONDS_MAX = 0.5
"""Then a user looks whether it is to go, however long it still has to wait."""
DEFAULT_SECONDS = 60.0
MESSAGE = "phase"


class StepSender(Client):
    weight = 1

    def on_start(self) -> None:
        self.templates = step_templates(finished=True)
        self.run_id, self.steps_left = "", 0
        time.sleep(random.random() / STEPS_A_USER)  # not all of them at once
        self.due_at = time.time()

    def wait_time(self) -> float:
        return max(0.0, self.due_at - time.time()) if self.due_at else 0.0

    def on_stop(self) -> None:
        super().on_stop()
        if self.due_at and (late := int((time.time() - self.due_at) * STEPS_A_USER)) > 0:
            ledger.mark(UNSENT, late, self.phase)

    @task
    def append(self) -> None:
        if self.steps_left or self._start_run():
            step_id, body = random.choice(self.templates).fresh()
            rows = step_row(self.run_id, step_id, finished=True)
            self.send("POST", f"/v1/runs/{self.run_id}/steps", APPEND, body, rows=rows)
            self.steps_left -= 1
        if self.due_at:
            self.due_at += 1 / STEPS_A_USER

    def _start_run(self) -> bool:
        self.run_id = uuid4().hex
        answer = self.send("POST", "/v1/runs", START, run_start(self.run_id), rows=run_row(self.run_id, finished=False))
        self.steps_left = STEPS_A_RUN if answer.accepted else 0
        return answer.accepted


class Flooder(Client):
    weight = 2

    def on_start(self) -> None:
        self.template = Template.batch(synthesizer)
        self.resumes_at = 0.0

    def wait_time(self) -> float:
        return min(PAUSE_SECONDS_MAX, max(0.0, self.resumes_at - time.time()))

    @task
    def send_batch(self) -> None:
        if time.time() < self.resumes_at:
            return
        body, rows = self.template.fresh()
        answer = self.send("POST", "/v1/events", "POST /v1/events", body, rows=rows, count=EVENTS_A_BATCH)
        if answer.refused:
            self.resumes_at = time.time() + (answer.retry_after_seconds or 1.0)


USER_CLASSES: dict[Kind, list[type[User]]] = {
    Kind.STEPS: [StepSender],
    Kind.MIX: [StepByStepAgent, BatchSender, OtlpExporter, Reader],
    Kind.FLOOD: [Flooder, StepSender],
}


class Headline(LoadTestShape):
    """One phase after the other. Between two all users go, and it rests a little."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        given = os.environ.get(phases.VARIABLE)
        self._phases = iter(phases.load(given) if given else phases.plan(DEFAULT_SECONDS))
        self._phase: Phase | None = None
        self._began = 0.0
        self._users = 0

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        if self._phase is None or time.monotonic() - self._began >= self._phase.seconds:
            if self._phase is not None:
                self._end(self._phase)
            self._phase = next(self._phases, None)
            if self._phase is None:
                return None
            self._begin(self._phase)
        users = self._phase.users_at(time.monotonic() - self._began)
        if users != self._users:
            self._users = users
            ledger.mark(USERS, users)
        return users, SPAWNED_A_SECOND, USER_CLASSES[self._phase.kind]

    def _begin(self, phase: Phase) -> None:
        self._began, self._users = time.monotonic(), 0
        if isinstance(self.runner, MasterRunner):
            self.runner.send_message(MESSAGE, {"name": phase.name})
        ledger.phase = phase.name
        ledger.mark(BEGAN)

    def _end(self, phase: Phase) -> None:
        ledger.mark(ENDED)
        runner = self.runner
        if runner is None:
            return
        runner.start(0, STOPPED_A_SECOND)
        runner.shape_last_tick = None  # the same number of users again is a new beginning
        deadline = time.monotonic() + LEAVE_SECONDS_MAX
        while runner.user_count and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        time.sleep(min(REST_SECONDS_MAX, phase.seconds / 10))


def listen(environment: Any, **_: Any) -> None:
    """The shape runs in one process; the others are told of the phase."""

    def begin(msg: Any, **_: Any) -> None:
        ledger.phase = msg.data["name"]

    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message(MESSAGE, begin)


events.init.add_listener(listen)  # type: ignore[no-untyped-call]
