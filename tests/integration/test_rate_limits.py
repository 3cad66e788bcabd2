"""Token buckets on a real Valkey: what two processes share, debt, refill, and what clients are told."""

import asyncio
import gzip
import json
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, cast
from urllib.parse import urlparse
from uuid import uuid4

import psycopg
import pytest
import redis
import redis.asyncio
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from pydantic import SecretStr

from api.app import create_app
from db.access import ApiKey, Project
from events.connections import async_redis_connection
from events.exceptions import QueueUnavailable, RateLimited
from events.rate_limits import HOLD_SECONDS, RateLimiter
from events.settings import Settings
from events.token_buckets import PROMPT_REFUSALS_A_SECOND, Quota
from tests.support.access import bearer, make_key, make_project
from tests.support.serving import serving
from tests.support.waiting import wait_until

PROJECT = Project(7, "p", "P", None, None, 100, None, {})
BURST = 1000
"""Events at once, of 100 a second in 10 seconds."""
STEP = {"toolName": "t"}


def a_key(identity: int, events_per_second: int | None = None, bytes_per_second: int | None = None) -> ApiKey:
    return ApiKey(identity, "x", PROJECT.id, ("ingest",), None, events_per_second, bytes_per_second)


@asynccontextmanager
async def limiters(settings: Settings, count: int = 1) -> AsyncIterator[list[RateLimiter]]:
    """Limiters as of so many processes."""
    connections = [async_redis_connection(settings) for _ in range(count)]
    found = [RateLimiter(connection, settings) for connection in connections]
    try:
        yield found
    finally:
        for limiter, connection in zip(found, connections, strict=True):
            await limiter.close()
            await connection.aclose()


def quota_of(limiter: RateLimiter, project: Project = PROJECT, key: ApiKey | None = None) -> Quota:
    quota = limiter.quota_of(project, key)
    assert quota is not None
    return quota


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


async def passed(limiter: RateLimiter, quota: Quota, events: int = 1, size: int = 100) -> bool:
    try:
        await limiter.take(quota, events, size)
    except RateLimited:
        return False
    return True


def age(queue: "redis.Redis", seconds: float) -> None:
    """As if so much time had gone by since the buckets were last asked."""
    for key in cast("list[bytes]", queue.keys("agentguide:{limits-*")):
        full_at = float(cast("bytes", queue.get(key)))
        queue.set(key, f"{full_at - seconds * 1e6:.2f}", px=600_000)


def forget(quota: Quota) -> None:
    """As another process would, which has not asked yet."""
    for bucket in quota.buckets:
        bucket.empty_until = bucket.advance = 0.0


@in_a_loop
async def test_two_processes_share_a_bucket(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings, 2) as found:
        quotas = [quota_of(limiter) for limiter in found]
        outcomes = await asyncio.gather(
            *(passed(limiter, quota, 10) for _ in range(100) for limiter, quota in zip(found, quotas, strict=True))
        )
        # What flows in meanwhile lets some more through, and what was taken in advance may be left.
        assert BURST * 0.98 <= 10 * sum(outcomes) <= BURST * 1.2
        for limiter, quota in zip(found, quotas, strict=True):
            forget(quota)
            assert not await passed(limiter, quota)


@in_a_loop
async def test_a_bucket_refills_by_the_clock_of_redis(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        quota = quota_of(limiter)
        assert await passed(limiter, quota, BURST + 100)
        forget(quota)
        assert not await passed(limiter, quota)
        age(queue, 2)  # 100 of debt are paid, and 100 more are there
        forget(quota)
        assert await passed(limiter, quota, 50)
        assert 45 <= quota.buckets[0].tokens + quota.buckets[0].advance <= 150


@in_a_loop
async def test_a_batch_larger_than_the_burst_passes_and_leaves_a_debt(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        quota = quota_of(limiter)
        assert await passed(limiter, quota, 3 * BURST)
        with pytest.raises(RateLimited) as refusal:
            quota.check()
        assert refusal.value.retry_after is not None
        assert 18 <= refusal.value.retry_after <= 20
        forget(quota)
        assert not await passed(limiter, quota)
        age(queue, 21)
        forget(quota)
        assert await passed(limiter, quota, 3 * BURST)


@in_a_loop
async def test_a_debt_has_an_end(settings: Settings, queue: "redis.Redis") -> None:
    """Also if the clock of Redis was set back by years."""
    async with limiters(settings) as (limiter,):
        quota = quota_of(limiter)
        assert await passed(limiter, quota, 10**9)
        age(queue, -(10**8))
        forget(quota)
        assert not await passed(limiter, quota)
        with pytest.raises(RateLimited) as refusal:
            quota.check()
        assert refusal.value.retry_after is not None
        assert 598 <= refusal.value.retry_after <= 600


@in_a_loop
async def test_an_empty_bucket_is_known_without_asking(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        quota = quota_of(limiter)
        assert await passed(limiter, quota, 2 * BURST)
        calls = script_calls(queue)
        assert not any([await passed(limiter, quota) for _ in range(50)])
        assert script_calls(queue) == calls


@in_a_loop
async def test_no_more_is_read_than_there_are_tokens_for(settings: Settings, queue: "redis.Redis") -> None:
    """All that came at the moment of the refill would be read at once, and nearly all of it in vain."""
    async with limiters(settings) as (limiter,):
        quota = quota_of(limiter)
        assert await passed(limiter, quota, BURST - 20)  # about an eighth of that is what the next one will probably cost
        first = await limiter.reserve(quota)
        with pytest.raises(RateLimited) as refusal:
            await limiter.reserve(quota)
        assert refusal.value.retry_after == 1
        first.release()
        first.release()
        (await limiter.reserve(quota)).release()
        assert quota.buckets[0].reserved == 0


@in_a_loop
async def test_most_requests_within_the_limit_ask_nobody(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        quota = quota_of(limiter, Project(8, "q", "Q", None, None, 10_000, None, {}), a_key(1, 10_000, 10**9))
        calls = script_calls(queue)
        assert all([await passed(limiter, quota) for _ in range(1000)])
        assert script_calls(queue) - calls <= 5


@in_a_loop
async def test_concurrent_requests_are_asked_for_together(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        quota = quota_of(limiter)
        calls = script_calls(queue)
        assert all(await asyncio.gather(*(passed(limiter, quota, 9) for _ in range(100))))
        assert script_calls(queue) - calls <= 2


@in_a_loop
async def test_each_limit_counts_for_itself(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        slow, large, other = a_key(1, events_per_second=1), a_key(2, bytes_per_second=1000), a_key(3)
        assert await passed(limiter, quota_of(limiter, key=slow), 11)
        assert not await passed(limiter, quota_of(limiter, key=slow))
        assert await passed(limiter, quota_of(limiter, key=large), 1, 10_001)
        assert not await passed(limiter, quota_of(limiter, key=large))
        assert await passed(limiter, quota_of(limiter, key=other), BURST)
        assert not await passed(limiter, quota_of(limiter, key=other))
        assert limiter.quota_of(Project(9, "r", "R", None, None, None, None, {}), None) is None


@in_a_loop
async def test_what_a_refused_request_takes_of_its_key_the_project_keeps(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        key, other = a_key(1, events_per_second=1), a_key(2)
        assert await passed(limiter, quota_of(limiter, key=key), 11)
        forget(quota_of(limiter, key=key))
        assert not any([await passed(limiter, quota_of(limiter, key=key), 500) for _ in range(10)])
        assert await passed(limiter, quota_of(limiter, key=other), BURST - 11)
        assert await passed(limiter, quota_of(limiter, key=other), 1)


@in_a_loop
async def test_limits_of_the_settings_are_for_those_without_their_own(settings: Settings) -> None:
    settings = settings.model_copy(update={"project_events_per_second": 5, "key_bytes_per_second": 6})
    async with limiters(settings) as (limiter,):
        no_limits = Project(1, "a", "A", None, None, None, None, {})
        described = [
            [(bucket.of, bucket.unit, bucket.rate) for bucket in quota.buckets] if quota else None
            for quota in (
                limiter.quota_of(no_limits, None),
                limiter.quota_of(no_limits, a_key(1)),
                limiter.quota_of(Project(2, "b", "B", None, None, 0, 3, {}), a_key(2, 4, 0)),
                limiter.quota_of(Project(3, "c", "C", None, None, 0, None, {}), None),
            )
        ]
        assert described == [
            [("project", "events", 5)],
            [("project", "events", 5), ("key", "bytes", 6)],
            [("project", "bytes", 3), ("key", "events", 4)],
            None,
        ]
        changed = limiter.quota_of(Project(1, "a", "A", None, None, 50, None, {}), None)
        assert changed is not None
        assert changed.buckets[0].rate == 50


@in_a_loop
async def test_no_tokens_without_redis(settings: Settings) -> None:
    async with limiters(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})) as (limiter,):
        quota = quota_of(limiter)
        outcomes = await asyncio.gather(*(limiter.take(quota, 1, 1) for _ in range(3)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [QueueUnavailable] * 3


@in_a_loop
async def test_a_redis_that_has_forgotten_the_script_is_told_it(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        queue.script_flush()
        assert await passed(limiter, quota_of(limiter))


@in_a_loop
async def test_every_bucket_ends_by_itself(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        assert await passed(limiter, quota_of(limiter, key=a_key(1, 100, 10)), 500, 10**6)
        keys = cast("list[bytes]", queue.keys("agentguide:{limits-7}:*"))
        assert sorted(keys) == [
            b"agentguide:{limits-7}:events", b"agentguide:{limits-7}:key:1:bytes", b"agentguide:{limits-7}:key:1:events",
        ]  # fmt: skip
        assert all(0 < queue.pttl(key) <= 611_000 for key in keys)


def script_calls(queue: "redis.Redis") -> int:
    stats = cast("dict[str, Any]", queue.info("commandstats"))
    return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))


Answer = tuple[int, dict[str, str], bytes]


class Clients:
    """A noisy project and a quiet one, each with a key."""

    def __init__(self, database: "psycopg.Connection[Any]") -> None:
        self.database = database
        self.noisy_id = make_project(database, "noisy")
        self.noisy = bearer(make_key(database, self.noisy_id, "ingest"))
        self.quiet = bearer(make_key(database, make_project(database, "quiet"), "ingest", "read"))

    def limit(self, events: int | None = None, size: int | None = None) -> None:
        self.database.execute(
            "UPDATE projects SET events_per_second = %s, bytes_per_second = %s WHERE id = %s", [events, size, self.noisy_id]
        )


@pytest.fixture
def clients(database: "psycopg.Connection[Any]") -> Clients:
    return Clients(database)


def refused(answer: Any) -> int:
    """Checks a 429, and gives the seconds to wait."""
    assert answer.status_code == 429
    body = answer.json()["error"]
    assert body["code"] == "rate_limited"
    wait = int(answer.headers["Retry-After"])
    name = body["details"]["limit"]
    assert re.search(rf'"{name}";r=0;t={wait}(,|$)', answer.headers["RateLimit"])
    assert f'"{name}";q=' in answer.headers["RateLimit-Policy"]
    return wait


def batch(events: int) -> list[dict[str, Any]]:
    return [{"type": "run", "id": str(uuid4()), "agent": {"name": "a"}} for _ in range(events)]


def test_what_clients_are_told(client: TestClient, clients: Clients) -> None:
    clients.limit(events=2, size=100_000)
    first = client.post("/v1/events", json=batch(5), headers=clients.noisy)
    assert first.status_code == 202
    policy = '"project-events";q=20;w=10;qu="events", "project-bytes";q=1000000;w=10;qu="content-bytes"'
    assert first.headers["RateLimit-Policy"] == policy
    found = re.fullmatch(r'"project-events";r=(\d+);t=(\d+), "project-bytes";r=(\d+);t=\d+', first.headers["RateLimit"])
    assert found
    assert (int(found[1]), int(found[2])) in ((15, 3), (16, 2))
    assert 990_000 < int(found[3]) <= 1_000_000
    before = REGISTRY.get_sample_value("agentguide_requests_limited_total", {"of": "project", "unit": "events"}) or 0
    assert client.post("/v1/events", json=batch(25), headers=clients.noisy).status_code == 202  # into debt
    assert 4 <= refused(client.post("/v1/events", json=batch(1), headers=clients.noisy)) <= 5
    assert 4 <= refused(client.post("/v1/runs", json={"agent": {"name": "a"}}, headers=clients.noisy)) <= 5
    assert REGISTRY.get_sample_value("agentguide_requests_limited_total", {"of": "project", "unit": "events"}) == before + 2
    free = client.post("/v1/events", json=batch(25), headers=clients.quiet)
    assert free.status_code == 202
    assert "RateLimit" not in free.headers


def test_bytes_count_after_decompression(client: TestClient, clients: Clients) -> None:
    clients.limit(size=1000)
    body = json.dumps([{**event, "input": "x" * 20_000} for event in batch(1)]).encode()
    packed = gzip.compress(body)
    assert len(packed) < 1000
    headers = {**clients.noisy, "Content-Encoding": "gzip"}
    assert client.post("/v1/events", content=packed, headers=headers).status_code == 202
    assert 10 <= refused(client.post("/v1/events", content=packed, headers=headers)) <= 11


def test_what_is_refused_or_repeated_costs_an_event(client: TestClient, clients: Clients) -> None:
    clients.limit(events=1)
    assert client.post("/v1/runs", json={"agent": 1}, headers=clients.noisy).status_code == 422
    keyed = {**clients.noisy, "Idempotency-Key": "k"}
    same = {"agent": {"name": "a"}}
    answers = [client.post("/v1/runs", json=same, headers=keyed) for _ in range(14)]
    codes = [answer.status_code for answer in answers]
    assert codes[:8] == [201] * 8
    assert codes[-1] == 429
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1


def test_otlp_is_limited_too(client: TestClient, clients: Clients) -> None:
    clients.limit(events=1)
    spans = [
        {"traceId": "1" * 32, "spanId": f"{number:016x}", "parentSpanId": "a" * 16, "name": "s"} for number in range(1, 31)
    ]
    export = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    assert client.post("/v1/traces", json=export, headers=clients.noisy).status_code == 200
    answer = client.post("/v1/traces", json=export, headers=clients.noisy)
    assert 19 <= refused(answer) <= 20


def test_refused_before_the_body_is_read(settings: Settings, clients: Clients) -> None:
    clients.limit(events=1)
    with serving(settings) as url, socket.create_connection((urlparse(url).hostname or "", urlparse(url).port or 0)) as line:

        def ask(headers: str, body: bytes = b"") -> bytes:
            key = clients.noisy["Authorization"]
            line.sendall(
                f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n{headers}\r\n\r\n".encode() + body
            )
            answer = b""
            while not (length := re.search(rb"content-length: (\d+)\r\n.*?\r\n\r\n", answer, re.S)) or (
                len(answer) < length.end() + int(length[1])
            ):
                answer += line.recv(65536)
            return answer.partition(b"\r\n")[0]

        sent = json.dumps(batch(50)).encode()
        assert b"202" in ask(f"Content-Length: {len(sent)}", sent)
        assert b"429" in ask("Content-Length: 1000000", b"[not json")  # and no more of it


def test_no_tokens_no_events(settings: Settings, clients: Clients) -> None:
    clients.limit(events=100)
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0"), "redis_timeout_seconds": 0.5})
    with TestClient(create_app(away), raise_server_exceptions=False) as client:
        answer = client.post("/v1/events", json=batch(1), headers=clients.noisy)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_a_noisy_project_costs_a_quiet_one_nothing(client: TestClient, clients: Clients, drain: Callable[[], int]) -> None:
    """Far more than its rate, over many connections; the quiet one gets what it would get alone, in its order."""
    clients.limit(events=20)
    noise, codes, over = batch(50), [], threading.Event()
    run_id = client.post("/v1/runs", json={"agent": {"name": "q"}}, headers=clients.quiet).json()["id"]

    def make_noise() -> None:
        while not over.is_set():
            codes.append(client.post("/v1/events", json=noise, headers=clients.noisy).status_code)

    with ThreadPoolExecutor(16) as pool:
        for _ in range(16):
            pool.submit(make_noise)
        wait_until(lambda: codes.count(429) >= 10, what="the noise to be refused")
        quiet = [
            client.post(f"/v1/runs/{run_id}/steps", json={**STEP, "id": f"{number:016x}"}, headers=clients.quiet)
            for number in range(1, 41)
        ]
        over.set()
    assert set(codes) == {202, 429}
    # A burst of 200, a batch that goes into debt, and what flows in meanwhile.
    assert codes.count(202) * 50 <= 200 + 50 + 20 * 20
    assert [answer.status_code for answer in quiet] == [201] * 40
    assert [answer.json() for answer in quiet] == [{"id": f"{number:016x}"} for number in range(1, 41)]
    assert not any("RateLimit" in answer.headers for answer in quiet)
    drain()
    steps = client.get(f"/v1/runs/{run_id}", headers=clients.quiet).json()["steps"]
    assert [(step["id"], step["index"]) for step in steps] == [(f"{number:016x}", number - 1) for number in range(1, 41)]


@in_a_loop
async def test_who_heeds_no_refusal_is_answered_late(settings: Settings, queue: "redis.Redis") -> None:
    async with limiters(settings) as (limiter,):
        quota = quota_of(limiter)
        assert await passed(limiter, quota, 3 * BURST)
        waiting = [asyncio.create_task(limiter.reserve(quota)) for _ in range(PROMPT_REFUSALS_A_SECOND + 30)]
        prompt, late = await asyncio.wait(waiting, timeout=HOLD_SECONDS / 2)
        assert PROMPT_REFUSALS_A_SECOND <= len(prompt) <= PROMPT_REFUSALS_A_SECOND + 1
        age(queue, 60)
        forget(quota)
        quota.buckets[0].tokens, quota.buckets[0].typical = BURST, 1.0
        assert all(isinstance(task.exception(), RateLimited) for task in prompt)
        for reservation in await asyncio.gather(*late):  # there are tokens by now
            reservation.release()
