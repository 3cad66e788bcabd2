"""Watching a whole stack: what is stored is told, whatever dies meanwhile, and who watches does not hold up its end."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.sse import EventStream
from tests.support.stack import Stack
from tests.support.waiting import wait_until


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(tmp_path / "data")
    yield running
    running.stop()


def _send(stack: Stack, count: int, size: int = 0) -> set[str]:
    """Sends until it is accepted, as a client does."""
    ids = [str(uuid4()) for _ in range(count)]
    events = [{"type": "run", "id": run_id, "agent": {"name": "a"}, "tags": {"padding": "x" * size}} for run_id in ids]

    def accepted() -> bool:
        try:
            return stack.json("POST", "/v1/events", events)[0] == 202
        except (OSError, http.client.HTTPException):
            return False  # the API is away

    wait_until(accepted, seconds=30, what="events to be accepted")
    return set(ids)


def test_runs_are_told_whatever_dies_and_the_end_is_prompt(stack: Stack) -> None:
    stream = EventStream(stack.url)
    stuck = EventStream(stack.url, read=False, receive_bytes=4096)
    stream.wait_for_all(_send(stack, 20))
    for part in ("valkey", "worker"):
        stack.kill(part)
        stream.wait_for_all(_send(stack, 20))
    assert stream.missed == 0
    place = stream.last_id

    stack.kill("read-api")
    stream.wait(lambda: stream.ended, "the stream to end with its process")
    stream.close()
    stuck.close()
    meanwhile = _send(stack, 20)
    stream = EventStream(stack.url, headers={"Last-Event-ID": place})
    stream.wait_for_all(meanwhile)
    assert stream.gaps == 0

    stuck = EventStream(stack.url, read=False, receive_bytes=4096)
    for _ in range(10):
        stream.wait_for_all(_send(stack, 30, size=30_000))
    assert stack.stop() == 0
    assert stream.ended
    assert not [line for line in stack.log if "graceful shutdown exceeded" in line]
    stream.close()
    stuck.close()
