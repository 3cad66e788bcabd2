"""The measures. Each takes a running stack and gives figures; `docs/reference/benchmarks.md` says what each means."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from events.records import StepRecord
from events.stream import entries_of
from loadtest import client, database, payloads, stack, visibility
from loadtest.client import Address, Sent
from loadtest.database import Connection
from loadtest.display import Display
from loadtest.draining import draining
from loadtest.figures import COPY, Figure, Target, percentile
from loadtest.payloads import EVENTS_A_BATCH, RUNS_AN_EXPORT, SPANS_A_RUN, Synthesizer
from loadtest.stack import Stack
from loadtest.visibility import PROJECT_ID, VISIBLE_SECONDS_MAX

COPY_BATCH_ROWS = 5000
EVENTS_A_RUN = SPANS_A_RUN + 1

BACKLOG_POLL_SECONDS = 0.005


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
    growth_steps: int = 10_000_000
    growth_round_runs: int = 10_000


QUICK = Sizes(
    copy_rows=10_000,
    drain_runs=500,
    batch_requests=20,
    otlp_requests=40,
    single_requests=1000,
    visible_seconds=2,
    growth_steps=20_000,
    growth_round_runs=500,
)
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
    steps = payloads.steps_of(bench.synthesizer.records(bench.sizes.copy_rows // SPANS_A_RUN))
    blocks = copy_blocks(steps)
    with bench.display.task(f"bare COPY, {when}", len(blocks)) as advance:
        return len(steps) / database.copy_seconds(bench.connection, blocks, len(steps), advance)


def copy_blocks(steps: Sequence[StepRecord]) -> list[bytes]:
    """The steps as the transactions of bare COPY."""
    return [
        payloads.copy_rows(steps[start : start + COPY_BATCH_ROWS], PROJECT_ID)
        for start in range(0, len(steps), COPY_BATCH_ROWS)
    ]


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
    with draining(bench.stack) as drainer:
        drainer.fill(entries)
        with bench.display.task("drain, one worker", len(records)) as advance:
            drained = drainer.drain(len(records), advance)
    check_rows(bench, before, runs=bench.sizes.drain_runs, steps=bench.sizes.drain_runs * SPANS_A_RUN)
    return [
        Figure("drain", "drain, one worker", drained.rate, "events/s", Target(0.60, of_ratio=True)),
        Figure("drain_cpu", "drain: its own CPU", 100 * drained.cpu_seconds / drained.seconds, "%"),
    ]


def batch(bench: Bench) -> list[Figure]:
    """`POST /v1/events`, JSON arrays."""
    runs = bench.sizes.batch_requests * EVENTS_A_BATCH // EVENTS_A_RUN
    bodies = payloads.event_batches(bench.synthesizer.records(runs))
    requests = [client.post_request(bench.address, "/v1/events", body) for body in bodies]
    title = f"HTTP batch, {EVENTS_A_BATCH} events a request"
    sent, visible_seconds = _to_visible(bench, title, requests, bench.sizes.batch_connections, runs)
    events = runs * EVENTS_A_RUN
    return [
        Figure("batch", f"{title}, to visible", events / visible_seconds, "events/s", Target(0.30, of_ratio=True)),
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
        Figure("otlp", f"{title}, to visible", spans / visible_seconds, "spans/s", Target(0.22, of_ratio=True)),
        Figure("otlp_acknowledged", "OTLP protobuf, acknowledged", spans / sent.seconds, "spans/s"),
        Figure("otlp_p99", "OTLP protobuf, p99 of a request", percentile(sent.latencies, 99) * 1e3, "ms"),
    ]


def single(bench: Bench) -> list[Figure]:
    """`POST /v1/runs/{id}/steps`, to runs that are there already, while the worker drains."""
    steps = _steps_of_new_runs(bench, bench.sizes.single_requests)
    requests = [visibility.step_request(bench.address, step, with_id=False) for step in steps]
    before = database.count_rows(bench.connection)
    drained = database.drained_events(bench.connection)
    with bench.display.task("single-step POSTs", len(requests)) as advance:
        sent = client.run(client.send_all(bench.address, requests, bench.sizes.single_connections, advance))
    _wait_drained(bench, drained + len(steps))
    check_rows(bench, before, runs=0, steps=len(steps))
    rate = Figure("single", "single-step POSTs, 32 at a time", len(steps) / sent.seconds, "requests/s", Target(4000))
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
        watching = visibility.watch_visible(
            bench.stack.api_url,
            bench.stack.database_url,
            steps,
            sizes.visible_a_second,
            connections=sizes.visible_connections,
            advance=advance,
        )
        seconds = [seen.seconds for seen in client.run(watching)]
    return [
        Figure(
            "visible_p50",
            f"accept to visible at {sizes.visible_a_second}/s, p50",
            percentile(seconds, 50) * 1e3,
            "ms",
            Target(30, at_least=False),
        ),
        Figure(
            "visible_p99",
            f"accept to visible at {sizes.visible_a_second}/s, p99",
            percentile(seconds, 99) * 1e3,
            "ms",
            Target(120, at_least=False),
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


def _to_visible(bench: Bench, title: str, requests: Sequence[bytes], connections: int, runs: int) -> tuple[Sent, float]:
    """Sends what makes `runs` runs. Returns what became of it, and seconds from its first byte until all rows are visible."""
    before = database.count_rows(bench.connection)
    drained = database.drained_events(bench.connection)
    with bench.display.task(title, len(requests)) as advance:
        sent = client.run(client.send_all(bench.address, requests, connections, advance))
    visible_at = _wait_drained(bench, drained + runs * EVENTS_A_RUN)
    check_rows(bench, before, runs=runs, steps=runs * SPANS_A_RUN)
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


def check_rows(bench: Bench, before: tuple[int, int], *, runs: int, steps: int) -> None:
    """Raises MeasureError if the tables did not grow by exactly this."""
    found_runs, found_steps = database.count_rows(bench.connection)
    new_runs, new_steps = found_runs - before[0], found_steps - before[1]
    if (new_runs, new_steps) != (runs, steps):
        raise MeasureError(f"{runs} runs and {steps} steps were acknowledged; the tables grew by {new_runs} and {new_steps}.")
