import http.server
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from cli.errors import CommandError
from cli.sender import Batch, Sender
from cli.simulate import batches_of, percentiles_ms, simulated
from events.simulation import Simulation


class Api(http.server.ThreadingHTTPServer):
    """Answers each POST with the next of `answers`, at the end with 202; keeps the bodies it said 202 to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[int] = []
        self.retry_after = "0"
        self.accepted: list[bytes] = []
        self.requests = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Api
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.requests += 1
            status = self.server.answers.pop(0) if self.server.answers else 202
            if status == 202:
                self.server.accepted.append(body)
        answer = b'{"error": {"code": "c", "message": "not like this", "details": null}}'
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Says nothing."""


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def batches(count: int) -> list[Batch]:
    return [Batch(b"[%d]" % number, 10, [f"run {number}"], 8) for number in range(count)]


def send(api: Api, count: int, **options: float) -> Sender:
    sender = Sender(api.url, batches(count), threads=3, events_a_second=options.get("rate"))
    try:
        assert sender.wait(10)
    finally:
        sender.stop()
    return sender


def test_each_batch_is_sent_once(api: Api) -> None:
    tally = send(api, 20).tally
    assert sorted(api.accepted) == sorted(batch.body for batch in batches(20))
    assert (tally.events, tally.steps, len(tally.latencies_seconds)) == (200, 160, 20)
    assert sorted(tally.run_ids) == sorted(f"run {number}" for number in range(20))


@pytest.mark.parametrize("status", [429, 503])
def test_what_is_refused_for_now_comes_again(api: Api, status: int) -> None:
    api.answers = [status] * 4
    tally = send(api, 5).tally
    assert sorted(api.accepted) == sorted(batch.body for batch in batches(5))
    assert (tally.told_to_wait, len(tally.latencies_seconds), api.requests) == (4, 5, 9)


@pytest.mark.parametrize("status", [429, 503])
def test_an_api_that_wants_an_hour_is_not_waited_for(api: Api, status: int) -> None:
    api.answers, api.retry_after = [status] * 9, "3600"
    with pytest.raises(CommandError, match=f"asks for 3600 s of patience, too long to wait: {status}: not like this"):
        send(api, 5)


def test_a_time_to_wait_that_is_no_number(api: Api) -> None:
    api.answers, api.retry_after = [503], "²"
    assert send(api, 1).tally.told_to_wait == 1


@pytest.mark.parametrize("status", [207, 422, 500])
def test_what_is_refused_for_good_ends_it(api: Api, status: int) -> None:
    api.answers = [status]
    with pytest.raises(CommandError, match=f"{status}: not like this"):
        send(api, 50)
    assert send(api, 1).tally.events == 10  # the server is fine


def test_the_rate_is_kept(api: Api) -> None:
    sender = send(api, 6, rate=200)
    # 60 events, of which the first 10 are due at once
    assert sender.tally.ended_at - sender.started_at >= 50 / 200


def test_an_api_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    sender = Sender(url, batches(1), threads=1, events_a_second=None, first_answer_seconds=0.5)
    with pytest.raises(CommandError, match="took no batch"):
        sender.wait(10)
    assert sender.tally.connections_lost == 1


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://127.0.0.1:port", "http://"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(CommandError, match="is not the URL of an API"):
        Sender(url, [], threads=1, events_a_second=None)


def test_batches_hold_whole_runs() -> None:
    runs = list(simulated(Simulation(3), 50))
    made = list(batches_of(runs, 40))
    assert [run_id for batch in made for run_id in batch.run_ids] == [run.id for run in runs]
    assert sum(batch.steps for batch in made) == sum(run.steps for run in runs)
    for batch in made:
        events = json.loads(batch.body)
        assert len(events) == batch.events
        assert {event.get("runId", event["id"]) for event in events} == set(batch.run_ids)
        assert batch.events <= 40 or len(batch.run_ids) == 1


def test_percentiles() -> None:
    assert percentiles_ms([]) == {}
    assert percentiles_ms([0.5]) == {"p50": 500, "p95": 500, "p99": 500}
    assert percentiles_ms([n / 1000 for n in range(100, 0, -1)]) == pytest.approx({"p50": 50, "p95": 95, "p99": 99})


def test_what_was_sent_and_refused_is_counted(api: Api) -> None:
    api.answers = [503, 429]
    tally = send(api, 5).tally
    assert (tally.sent_events, tally.refused_events, tally.events) == (50, 20, 50)


def test_after_finish_nothing_new_is_sent(api: Api) -> None:
    sender = Sender(api.url, batches(1000), threads=2, events_a_second=100)
    sender.finish()
    assert sender.wait(10)
    assert sender.tally.events == sender.tally.sent_events < 10_000
