"""The measures. Each takes a running stack and gives figures; `docs/reference/benchmarks.md` says what each means."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import psycopg
import redis

from events.ids import epoch_id
from events.records import StepRecord
from events.stream import APPEND_SCRIPT, append_arguments, entries_of, epoch_key
from loadtest import client, database, payloads, stack
from loadtest.client import Address, Sent
from loadtest.database import Connection
from loadtest.display import Display
from loadtest.figures import COPY, Figure, Target, percentile
from loadtest.payloads import EVENTS_A_BATCH, RUNS_AN_EXPORT, SPANS_A_RUN, Synthesizer
from loadtest.stack import Stack

PROJECT_ID = 1
COPY_BATCH_ROWS = 5000
DRAIN_SHARD = 255
"""A stream that no worker of the stack drains, the sweep does not see, and the API does not fill."""
FILL_ENTRIES = 20
EVENTS_A_RUN = SPANS_A_RUN + 1

VISIBLE_SECONDS_MAX = 180.0
VISIBLE_POLL_SECONDS = 0.003
BACKLOG_POLL_SECONDS = 0.005
DRAIN_SECONDS_MAX = 600.0


class MeasureError(Exception):
    """A measure has no result: something was lost, or did not end. The message says what."""


@dataclass(slots=True, frozen=True)
class Sizes:
    """How much each measure moves."""

    copy_rows: int = 100_000
    drain_runs: int = 10_000
    batch_requests: int = 500
    batch_connections: int = 4
    otlp_requests: int = 1000
    otlp_connections: int = 4
    single_requests: int = 25_000
    single_connections: int = 32
    visible_seconds: int = 10
    visible_a_second: int = 200
    visible_connections: int = 8


QUICK = Sizes(copy_rows=10_000, drain_runs=500, batch_requests=20, otlp_requests=40, single_requests=1000, visible_seconds=2)
"""Enough to see that every measure works; the figures mean nothing."""


@dataclass(slots=True, frozen=True)
class Bench:
    """What the measures share."""

    stack: Stack
    sizes: Sizes
    display: Display
    synthesizer: Synthesizer
    connection: Connection

    @property
    def address(self) -> Address:
        return Address.of(self.stack.api_url)


def copy_rate(bench: Bench, when: str) -> float:
    """Bare COPY in rows a second."""
    rows = bench.sizes.copy_rows
    steps = payloads.steps_of(bench.synthesizer.records(rows // SPANS_A_RUN))
    blocks = [
        payloads.copy_rows(steps[start : start + COPY_BATCH_ROWS], PROJECT_ID)
        for start in range(0, len(steps), COPY_BATCH_ROWS)
    ]
    with bench.display.task(f"bare COPY, {when}", len(blocks)) as advance:
        return len(steps) / database.copy_seconds(bench.connection, blocks, len(steps), advance)


def copy_figures(rates: Sequence[float]) -> list[Figure]:
    figures = [Figure(COPY, "bare COPY", sum(rates) / len(rates), "rows/s")]
    for name, rate in zip(("before", "after"), rates, strict=True):
        figures.append(Figure(f"{COPY}_{name}", f"bare COPY, {name} the rest", rate, "rows/s"))
    return figures


def drain(bench: Bench) -> list[Figure]:
    """A drain alone, in a process of its own, on a stream that was filled beforehand."""
    records = bench.synthesizer.records(bench.sizes.drain_runs)
    entries = entries_of(PROJECT_ID, records, shards=1)
    before = database.count_rows(bench.connection)
    environment = stack.clean_environment() | {"DATABASE_URL": bench.stack.database_url, "REDIS_URL": bench.stack.redis_url}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "loadtest.drainer", str(DRAIN_SHARD)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; we end it
    )
    with process, redis.Redis.from_url(bench.stack.redis_url) as queue:
        try:
            if process.stdin is None or process.stdout is None or process.stdout.readline() != "ready\n":
                raise MeasureError("The process that drains did not start; its error stands above.")
            append = queue.register_script(APPEND_SCRIPT)
            for start in range(0, len(entries), FILL_ENTRIES):
                keys, arguments = append_arguments(
                    DRAIN_SHARD, entries[start : start + FILL_ENTRIES], epoch_id(), DRAIN_SHARD + 1
                )
                append(keys=keys, args=arguments)
            with bench.display.task("drain, one worker", len(records)) as advance:
                answer = _drained(process, lambda: advance(_drained_events(queue)))
        finally:
            process.kill()
    _check_rows(bench, before, runs=bench.sizes.drain_runs, steps=bench.sizes.drain_runs * SPANS_A_RUN)
    seconds, cpu_seconds = answer["seconds"], answer["cpuSeconds"]
    return [
        Figure("drain", "drain, one worker", len(records) / seconds, "events/s", Target(0.45, of_ratio=True)),
        Figure("drain_cpu", "drain: its own CPU", 100 * cpu_seconds / seconds, "%"),
    ]


def _drained(process: "subprocess.Popen[str]", progress: Callable[[], None]) -> dict[str, float]:
    """Lets the process begin and waits for what it says at the end."""
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    request: str | None = "go\n"
    while time.monotonic() < deadline:
        try:
            output, _ = process.communicate(request, timeout=0.5)
        except subprocess.TimeoutExpired:
            request = None
            progress()
            continue
        if process.returncode:
            raise MeasureError("The process that drains failed; its error stands above.")
        return cast("dict[str, float]", json.loads(output))
    raise MeasureError(f"The drain did not end within {DRAIN_SECONDS_MAX:.0f} s.")


def _drained_events(queue: "redis.Redis") -> int:
    value = cast("bytes | None", queue.hget(epoch_key(DRAIN_SHARD), "drained_events"))
    return int(value or 0)


def batch(bench: Bench) -> list[Figure]:
    """`POST /v1/events`, JSON arrays."""
    runs = bench.sizes.batch_requests * EVENTS_A_BATCH // EVENTS_A_RUN
    bodies = payloads.event_batches(bench.synthesizer.records(runs))
    requests = [client.post_request(bench.address, "/v1/events", body) for body in bodies]
    title = f"HTTP batch, {EVENTS_A_BATCH} events a request"
    sent, visible_seconds = _to_visible(bench, title, requests, bench.sizes.batch_connections, runs)
    events = runs * EVENTS_A_RUN
    return [
        Figure("batch", f"{title}, to visible", events / visible_seconds, "events/s", Target(0.20, of_ratio=True)),
        Figure("batch_acknowledged", "HTTP batch, acknowledged", events / sent.seconds, "events/s"),
        Figure("batch_p99", "HTTP batch, p99 of a request", percentile(sent.latencies, 99) * 1e3, "ms"),
    ]


def otlp(bench: Bench) -> list[Figure]:
    """`POST /v1/traces`, protobuf."""
    bodies = [bench.synthesizer.export() for _ in range(bench.sizes.otlp_requests)]
    requests = [client.post_request(bench.address, "/v1/traces", body, "application/x-protobuf") for body in bodies]
    title = f"OTLP protobuf, {RUNS_AN_EXPORT * SPANS_A_RUN} spans a request"
    runs = len(bodies) * RUNS_AN_EXPORT
    sent, visible_seconds = _to_visible(bench, title, requests, bench.sizes.otlp_connections, runs)
    spans = runs * SPANS_A_RUN
    return [
        Figure("otlp", f"{title}, to visible", spans / visible_seconds, "spans/s", Target(0.12, of_ratio=True)),
        Figure("otlp_acknowledged", "OTLP protobuf, acknowledged", spans / sent.seconds, "spans/s"),
        Figure("otlp_p99", "OTLP protobuf, p99 of a request", percentile(sent.latencies, 99) * 1e3, "ms"),
    ]


def single(bench: Bench) -> list[Figure]:
    """`POST /v1/runs/{id}/steps`, to runs that are there already, while the worker drains."""
    steps = _steps_of_new_runs(bench, bench.sizes.single_requests)
    requests = [_step_request(bench, step, with_id=False) for step in steps]
    before = database.count_rows(bench.connection)
    drained = database.drained_events(bench.connection)
    with bench.display.task("single-step POSTs", len(requests)) as advance:
        sent = client.run(client.send_all(bench.address, requests, bench.sizes.single_connections, advance))
    _wait_drained(bench, drained + len(steps))
    _check_rows(bench, before, runs=0, steps=len(steps))
    rate = Figure("single", "single-step POSTs, 32 at a time", len(steps) / sent.seconds, "requests/s", Target(2500))
    return [
        rate,
        *(
            Figure(f"single_p{percent}", f"single-step POSTs, p{percent}", percentile(sent.latencies, percent) * 1e3, "ms")
            for percent in (50, 95, 99)
        ),
    ]


def visible(bench: Bench) -> list[Figure]:
    """From the answer to a single-step POST until a SELECT sees the row, at a steady rate."""
    sizes = bench.sizes
    steps = _steps_of_new_runs(bench, sizes.visible_seconds * sizes.visible_a_second)
    with bench.display.task(f"accept to visible, {sizes.visible_a_second} a second", len(steps)) as advance:
        seconds = client.run(_watch_steps(bench, steps, advance))
    return [
        Figure("visible_p50", f"accept to visible at {sizes.visible_a_second}/s, p50", percentile(seconds, 50) * 1e3, "ms"),
        Figure(
            "visible_p99",
            f"accept to visible at {sizes.visible_a_second}/s, p99",
            percentile(seconds, 99) * 1e3,
            "ms",
            Target(250, at_least=False),
        ),
    ]


def start(bench: Bench) -> list[Figure]:
    """How long `agentguide up` took to be ready, on a directory that was new."""
    return [Figure("ready", "ready after `agentguide up`", bench.stack.ready_seconds, "s", Target(5, at_least=False))]


def memory(bench: Bench) -> list[Figure]:
    """Resident memory of each process, and the most that it ever was."""
    figures = []
    for item in stack.memory(bench.stack):
        target = Target(150, at_least=False) if item.python else None
        figures.append(Figure(f"memory_{item.part}", f"memory of {item.part}", item.now / 2**20, "MiB"))
        if item.peak is not None:
            figures.append(Figure(f"peak_{item.part}", f"memory of {item.part}, peak", item.peak / 2**20, "MiB", target))
    return figures


def warm_up(bench: Bench) -> None:
    """A little of each route, so that no measure pays for what only the first request of a process costs."""
    runs = 40
    bodies = [bench.synthesizer.export() for _ in range(runs // RUNS_AN_EXPORT)]
    requests = [client.post_request(bench.address, "/v1/traces", body, "application/x-protobuf") for body in bodies]
    _to_visible(bench, "warm-up", requests, 4, runs)
    _steps_of_new_runs(bench, 100)


def _steps_of_new_runs(bench: Bench, count: int) -> list[StepRecord]:
    """Steps that were not sent yet, of runs that are in the database, in an order that goes from run to run."""
    runs = -(-count // SPANS_A_RUN)
    records = bench.synthesizer.records(runs)
    starts = [record for record in records if not isinstance(record, StepRecord)]
    requests = [client.post_request(bench.address, "/v1/events", body) for body in payloads.event_batches(starts)]
    drained = database.drained_events(bench.connection)
    client.run(client.send_all(bench.address, requests, 2, client.discard))
    _wait_drained(bench, drained + runs)
    steps = payloads.steps_of(records)
    return [step for position in range(SPANS_A_RUN) for step in steps[position::SPANS_A_RUN]][:count]


def _step_request(bench: Bench, step: StepRecord, *, with_id: bool) -> bytes:
    return client.post_request(bench.address, f"/v1/runs/{step.run_id}/steps", payloads.step_body(step, with_id=with_id))


def _to_visible(bench: Bench, title: str, requests: Sequence[bytes], connections: int, runs: int) -> tuple[Sent, float]:
    """Sends what makes `runs` runs. Returns what became of it, and seconds from its first byte until all rows are visible."""
    before = database.count_rows(bench.connection)
    drained = database.drained_events(bench.connection)
    with bench.display.task(title, len(requests)) as advance:
        sent = client.run(client.send_all(bench.address, requests, connections, advance))
    visible_at = _wait_drained(bench, drained + runs * EVENTS_A_RUN)
    _check_rows(bench, before, runs=runs, steps=runs * SPANS_A_RUN)
    return sent, visible_at - sent.began


def _wait_drained(bench: Bench, events: int) -> float:
    """Waits until so many events are in the database; returns when that was seen.

    A cursor moves in the transaction that stores its events, so to see it is to see the rows, and it costs next to nothing:
    counting rows again and again would take the CPU from what is measured. The rows are counted once, afterwards.

    Raises:
        MeasureError: they did not come.
    """
    deadline = time.perf_counter() + VISIBLE_SECONDS_MAX
    while (found := database.drained_events(bench.connection)) < events:
        if time.perf_counter() > deadline:
            raise MeasureError(f"{events - found} acknowledged events are not visible after {VISIBLE_SECONDS_MAX:.0f} s.")
        time.sleep(BACKLOG_POLL_SECONDS)
    return time.perf_counter()


def _check_rows(bench: Bench, before: tuple[int, int], *, runs: int, steps: int) -> None:
    """Raises MeasureError if the tables did not grow by exactly this."""
    found_runs, found_steps = database.count_rows(bench.connection)
    new_runs, new_steps = found_runs - before[0], found_steps - before[1]
    if (new_runs, new_steps) != (runs, steps):
        raise MeasureError(f"{runs} runs and {steps} steps were acknowledged; the tables grew by {new_runs} and {new_steps}.")


async def _watch_steps(bench: Bench, steps: Sequence[StepRecord], advance: Callable[[int], None]) -> list[float]:
    """Sends steps at the steady rate; returns for each the seconds from its answer until it was seen."""
    requests = [_step_request(bench, step, with_id=True) for step in steps]
    waiting: dict[int, tuple[str, float]] = {}
    seconds: list[float] = []

    def answered(number: int, at: float) -> None:
        waiting[payloads.signed(steps[number].id)] = (steps[number].run_id, at)

    async with await psycopg.AsyncConnection.connect(bench.stack.database_url, autocommit=True) as connection:
        await connection.execute(database.PREFER_INDEXES)
        rate, connections = bench.sizes.visible_a_second, bench.sizes.visible_connections
        sending = asyncio.create_task(client.send_steadily(bench.address, requests, rate, connections, answered))
        deadline: float | None = None
        while waiting or not sending.done():
            if waiting:
                await _look(connection, waiting, seconds)
                advance(len(seconds))
            if sending.done() and deadline is None:
                await sending
                deadline = time.perf_counter() + VISIBLE_SECONDS_MAX
            if deadline is not None and time.perf_counter() > deadline:
                raise MeasureError(f"{len(waiting)} acknowledged steps are not visible after {VISIBLE_SECONDS_MAX:.0f} s.")
            await asyncio.sleep(VISIBLE_POLL_SECONDS)
        await sending
    return seconds


async def _look(
    connection: "psycopg.AsyncConnection[tuple[int]]", waiting: dict[int, tuple[str, float]], seconds: list[float]
) -> None:
    """Takes what a SELECT sees out of `waiting` and notes how long it took to be seen."""
    runs = [UUID(hex=run_id) for run_id, _ in waiting.values()]
    cursor = await connection.execute(database.VISIBLE_STEPS, [PROJECT_ID, runs, list(waiting)], prepare=True)
    rows = await cursor.fetchall()
    now = time.perf_counter()
    for (step_id,) in rows:
        _, answered_at = waiting.pop(step_id)
        seconds.append(now - answered_at)
