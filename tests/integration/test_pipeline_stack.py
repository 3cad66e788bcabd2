"""Freshness and the pipeline's figures, of a running stack."""

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.support.stack import Stack
from tests.support.waiting import wait_until


def _events(count: int) -> list[dict[str, Any]]:
    return [{"type": "run", "id": str(uuid4()), "agent": {"name": "a"}} for _ in range(count)]


def _drains(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The workers that drain."""
    return [worker for worker in found["workers"] if worker["job"] and worker["job"]["name"] == "drain"]


def _workers_of(stack: Stack) -> list[int]:
    pids = stack.status()["pids"]["worker"]
    return pids if isinstance(pids, list) else [pids]


def _ask(stack: Stack, path: str) -> Any:
    status, answer = stack.json("GET", path)
    assert status == 200, answer
    return answer


def _wait_for(stack: Stack, path: str, found: Callable[[Any], Any], what: str, seconds: float = 20) -> Any:
    return wait_until(lambda: found(one := _ask(stack, path)) and one, seconds=seconds, what=what)


def _since(before: dict[str, Any], found: dict[str, Any]) -> tuple[int, int]:
    """What was accepted and stored since, whatever left the window meanwhile."""
    known = {bucket["start"]: bucket for bucket in before["buckets"]}
    accepted, stored = (
        sum(bucket[name] - known.get(bucket["start"], {name: 0})[name] for bucket in found["buckets"])
        for name in ("accepted", "stored")
    )
    return accepted, stored


def _settled(stack: Stack) -> dict[str, Any]:
    """The figures when nothing was added to them for a while: the stack is not only this test's."""
    seen: list[tuple[float, dict[str, Any]]] = []

    def is_still() -> bool:
        found = _ask(stack, "/v1/pipeline")
        if not seen or _since(seen[0][1], found) != (0, 0) or found["backlog"]["events"]:
            seen[:] = [(time.monotonic(), found)]
        return time.monotonic() - seen[0][0] > 3

    wait_until(is_still, seconds=30, what="the figures to settle")
    return seen[0][1]


def test_a_running_stack_tells_what_it_does(stack: Stack) -> None:
    before = _settled(stack)
    for _ in range(4):
        assert stack.json("POST", "/v1/events", _events(250))[0] == 202
    found = _wait_for(
        stack,
        "/v1/pipeline",
        lambda one: _since(before, one) == (1000, 1000),
        "all to be counted as accepted and as stored",
    )
    assert 0 < found["lagMs"]["p50"] <= found["lagMs"]["p99"] < 5000
    assert found["acceptedPerSecond"] > 10
    assert found["backlog"]["events"] == 0
    fresh = _wait_for(stack, "/v1/freshness", lambda one: one["state"] == "fresh", "the data to be fresh")
    assert fresh["lagSeconds"] < 2
    alive = {worker["pid"]: worker for worker in found["workers"] if not worker["lost"]}
    assert set(alive) == set(_workers_of(stack))
    assert all(worker["host"] == socket.gethostname() for worker in alive.values())
    assert sum(worker["jobsDone"] for worker in alive.values()) > 0


def test_what_workers_send_themselves_counts_as_accepted(stack: Stack) -> None:
    """Else more would be stored than was ever accepted."""
    before = _settled(stack)
    status, begun = stack.json("POST", "/v1/simulate", {"runs": 20, "steps": 5})
    assert status == 202
    done = _wait_for(stack, begun["url"], lambda one: one["status"] == "DONE", "the simulation")
    expected = (done["eventsSent"], done["eventsSent"])
    _wait_for(stack, "/v1/pipeline", lambda one: _since(before, one) == expected, "its events")


def test_a_drain_shows_with_its_shard_and_stopped_workers_make_the_data_stale(stack: Stack) -> None:

    def seen_draining(found: Any) -> Any:
        stack.json("POST", "/v1/events", _events(1))  # a drain ends soon after its last event
        return _drains(found)

    found = _wait_for(stack, "/v1/pipeline", seen_draining, "a drain")
    drain = _drains(found)[0]
    assert drain["state"] == "busy"
    assert drain["job"]["startedAt"]
    shards = {shard["shard"]: shard["worker"] for shard in found["backlog"]["shards"]}
    assert shards[drain["job"]["shard"]] == drain["name"]
    pids = _workers_of(stack)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        stack.json("POST", "/v1/events", _events(50))
        behind = _wait_for(stack, "/v1/freshness", lambda one: one["state"] in ("behind", "stalled"), "the data to be behind")
        assert behind["backlogEvents"] == 50
        assert 2 <= behind["lagSeconds"] < 20
        assert stack.status()["ingestLagSeconds"] >= 2
        _wait_for(stack, "/v1/freshness", lambda one: one["state"] == "stalled", "the data to be stalled", seconds=30)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    fresh = _wait_for(stack, "/v1/freshness", lambda one: one["state"] == "fresh", "the data to be fresh again", seconds=40)
    assert fresh["backlogEvents"] == 0
