"""A mix of agents for Locust, against any AgentGuide:

    locust -f loadtest/locustfile.py --host http://127.0.0.1:8000

| user | share | what it does |
| --- | --- | --- |
| StepByStepAgent | 6 of 10 | starts a run, sends 9 steps one by one, 20 to 200 ms apart, finishes it; 1 of 20 runs fails |
| BatchSender | 3 of 10 | sends 200 events in one `POST /v1/events`, four times a second at most |
| OtlpExporter | 1 of 10 | sends 100 spans in one `POST /v1/traces`, as an exporter does, every second |

Where the API wants a key, it is taken from AGENTGUIDE_API_KEY. A 429 or 503 is an answer, not a failure: the user waits as long
as Retry-After says. Every event has ids of its own, so what Locust counts as sent can be counted in the database.
"""

import os
import random
import time
from typing import Any

from locust import FastHttpUser, between, constant_throughput, task

from loadtest import payloads
from loadtest.payloads import Synthesizer

JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}
PAUSE_SECONDS = (0.02, 0.2)
POOL = 50
"""Step bodies made beforehand: a user's CPU is for sending."""


KEY = os.environ.get("AGENTGUIDE_API_KEY")


class Sender(FastHttpUser):
    abstract = True
    default_headers = {"Authorization": f"Bearer {KEY}"} if KEY else None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.synthesizer = Synthesizer()

    def post(self, path: str, body: bytes, headers: dict[str, str], name: str, method: str = "POST") -> dict[str, Any]:
        """Sends, and waits where the server asks for it. Returns the answer's JSON, if that is an object."""
        data: Any = body  # declared as text, but bytes are sent as they are
        with self.client.request(method, path, data=data, headers=headers, name=name, catch_response=True) as response:
            if response.status_code in (429, 503):
                response.success()
                _wait_as_told(response)
                return {}
            if not 200 <= response.status_code < 300 or response.status_code == 207:
                response.failure(f"{response.status_code}: {response.text[:200]}")
                return {}
            found = response.json() if "json" in response.headers.get("content-type", "") else {}
            return found if isinstance(found, dict) else {}


def _wait_as_told(response: Any) -> None:
    retry_after = str(response.headers.get("retry-after", "1"))
    time.sleep(float(retry_after) if retry_after.isdigit() else 1.0)  # Locust lets other users work meanwhile


class StepByStepAgent(Sender):
    weight = 6
    wait_time = between(*PAUSE_SECONDS)

    def on_start(self) -> None:
        steps = payloads.steps_of(self.synthesizer.records(POOL // payloads.SPANS_A_RUN))
        for step in steps:
            step.parent_id = None  # it is none of the run that the body goes to
        self.bodies = [payloads.step_body(step, with_id=False) for step in steps]

    @task
    def work(self) -> None:
        start = b'{"agent": {"name": "locust-agent", "version": "1"}, "input": {"prompt": "fetch facts"}}'
        run_id = self.post("/v1/runs", start, JSON, "/v1/runs").get("id")
        if run_id is None:
            return
        for body in random.sample(self.bodies, payloads.SPANS_A_RUN - 1):
            time.sleep(random.uniform(*PAUSE_SECONDS))
            self.post(f"/v1/runs/{run_id}/steps", body, JSON, "/v1/runs/[id]/steps")
        failed = random.random() < payloads.FAILED_SHARE
        end = b'{"status": "FAILED", "error": {"message": "gave up"}}' if failed else b'{"status": "SUCCESS"}'
        self.post(f"/v1/runs/{run_id}", end, JSON, "/v1/runs/[id]", method="PATCH")


class BatchSender(Sender):
    weight = 3
    wait_time = constant_throughput(4)

    @task
    def send(self) -> None:
        records = self.synthesizer.records(-(-payloads.EVENTS_A_BATCH // (payloads.SPANS_A_RUN + 1)))
        self.post("/v1/events", payloads.event_batches(records[: payloads.EVENTS_A_BATCH])[0], JSON, "/v1/events")


class OtlpExporter(Sender):
    weight = 1
    wait_time = constant_throughput(1)

    @task
    def export(self) -> None:
        self.post("/v1/traces", self.synthesizer.export(), PROTOBUF, "/v1/traces")
