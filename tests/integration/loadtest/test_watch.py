"""The watch and the probe of visibility, on a running stack."""

import asyncio
import dataclasses
import time
from itertools import pairwise

import psycopg
import pytest
import redis

from loadtest import client, database, payloads, stack
from loadtest.client import Address, LoadError
from loadtest.payloads import Synthesizer
from loadtest.stack import Stack
from loadtest.visibility import watch_visible
from loadtest.watch import POSTGRES_CHILDREN, Watch
from tests.support import stack as support
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def running(stack: support.Stack) -> Stack:
    """The stack as load tests know it."""
    return looked_at(stack)


def looked_at(running: support.Stack) -> Stack:
    return stack.attached(running.status(), ready_seconds=0.0)


def test_samples_tell_what_was_drained_and_what_it_took(running: Stack) -> None:
    records = Synthesizer().records(300)
    with Watch(running, every_seconds=0.05, also=lambda connection: {"one": 1.0}) as watch:
        wait_until(lambda: len(watch.samples) > 1)
        address = Address.of(running.api_url)
        requests = [client.post_request(address, "/v1/events", body) for body in payloads.event_batches(records)]
        client.run(client.send_all(address, requests, 2, client.discard))
        wait_until(lambda: watch.samples[-1].drained_events - watch.samples[0].drained_events >= len(records))
        wait_until(lambda: watch.samples[-1].backlog_events == 0)
    first, last = watch.samples[0], watch.samples[-1]
    assert all(one.at_seconds < other.at_seconds for one, other in pairwise(watch.samples))
    assert min(last.redis_bytes, last.database_bytes, *last.memory_bytes.values()) > 0
    assert {"worker-1", "postgres", "valkey", POSTGRES_CHILDREN} <= last.memory_bytes.keys()
    assert last.cpu_seconds["worker-1"] > first.cpu_seconds["worker-1"]
    assert last.also == {"one": 1.0}


def test_what_goes_wrong_in_the_watch_is_raised_at_its_end(running: Stack) -> None:
    def fail(_: database.Connection) -> dict[str, float]:
        raise ValueError("as asked")

    with pytest.raises(ValueError, match="as asked"), Watch(running, also=fail):
        pass
    with pytest.raises(KeyError, match="the load"), Watch(running, also=fail):
        raise KeyError("the load")
    nowhere = dataclasses.replace(running, database_url="postgresql://127.0.0.1:1/none")
    with pytest.raises(psycopg.OperationalError), Watch(nowhere):
        pass
    silent = dataclasses.replace(running, redis_url="redis://127.0.0.1:1/0")
    with pytest.raises(redis.ConnectionError), Watch(silent):
        pass


def test_each_acknowledged_step_is_seen(running: Stack) -> None:
    steps = payloads.steps_of(Synthesizer().records(3))
    counts: list[int] = []
    began = time.perf_counter()
    seen = client.run(watch_visible(running.api_url, running.database_url, steps, 200, advance=counts.append))
    assert len(seen) == len(steps) == counts[-1]
    assert all(began < answered_at < time.perf_counter() and seconds > 0 for answered_at, seconds in seen)


def test_the_probe_ends_when_it_is_told(running: Stack) -> None:
    steps = payloads.steps_of(Synthesizer().records(100))

    async def probe() -> int:
        until = asyncio.Event()

        def advance(seen: int) -> None:
            if seen >= 5:
                until.set()

        return len(await watch_visible(running.api_url, running.database_url, steps, 50, until=until, advance=advance))

    assert 5 <= client.run(probe()) < len(steps)


def test_a_refused_step_ends_the_probe(running: Stack) -> None:
    steps = payloads.steps_of(Synthesizer().records(1))
    steps[3].run_id = "no-run-id"
    with pytest.raises(LoadError, match="404"):
        client.run(watch_visible(running.api_url, running.database_url, steps, 200))
