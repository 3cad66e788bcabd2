"""One stack with so many workers and API processes, and what it can do."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from events import jobs
from events.ids import epoch_id
from events.stream import APPEND_SCRIPT, NewEntry, ShardStream, append_arguments, entries_of
from loadtest import client, database, measures, payloads, saturation, stack, visibility
from loadtest.display import Display
from loadtest.draining import FILL_ENTRIES, Stencil
from loadtest.measures import EVENTS_A_RUN, Bench, MeasureError, Sizes
from loadtest.payloads import EVENTS_A_BATCH, SPANS_A_RUN, Synthesizer
from loadtest.saturation import GENERATOR, Usage, Waits
from loadtest.servers import Servers
from loadtest.stack import Stack
from loadtest.visibility import PROJECT_ID

DRAIN_SECONDS_MAX = 120.0
POLL_SECONDS = 0.01
IDLE_SECONDS = 0.5
"""What the roll-ups and the search index get before the next load."""


@dataclass(slots=True, frozen=True)
class Fleet:
    workers: int
    api_processes: int
    shards: int


@dataclass(slots=True, frozen=True)
class Material:
    """What all fleets are measured with; made once."""

    synthesizer: Synthesizer
    copy_blocks: Sequence[bytes]
    copy_rows: int
    stencil: Stencil
    """Of entries for the streams of all shards."""
    drain_runs: int

    @classmethod
    def make(cls, sizes: Sizes, shards: int) -> "Material":
        synthesizer = Synthesizer()  # without a seed: on servers that are used for several fleets, or again, all ids are new
        records = synthesizer.records(max(sizes.drain_runs, sizes.copy_rows // SPANS_A_RUN))
        steps = payloads.steps_of(records)[: sizes.copy_rows]
        stencil = Stencil(entries_of(PROJECT_ID, records[: sizes.drain_runs * EVENTS_A_RUN], shards))
        return cls(synthesizer, measures.copy_blocks(steps), len(steps), stencil, sizes.drain_runs)


@dataclass(slots=True, frozen=True)
class Rate:
    """Of one load on one fleet."""

    value: float
    """Events or requests a second."""
    usage: Usage

    def as_json(self, copy_rate: float) -> dict[str, Any]:
        usage = self.usage
        return {
            "perSecond": round(self.value, 1),
            "ratioToCopy": round(self.value / copy_rate, 4),
            "seconds": round(usage.seconds, 3),
            "cpusUsed": {kind: round(used, 3) for kind, used in usage.by_kind().items()},
            "cpuSeconds": {part: round(seconds, 2) for part, seconds in usage.cpu_seconds.items()},
            "waits": {name: round(count, 3) for name, count in usage.waits.items()},
            "saturated": usage.verdict(),
        }


class Meter:
    """What a stack uses from `with` until its end."""

    def __init__(self, running: Stack) -> None:
        self._running = running
        self._waits = Waits(running.database_url)
        self.usage: Usage

    def __enter__(self) -> Self:
        self._waits.__enter__()
        self._before = self._used()
        self._began = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        seconds = time.perf_counter() - self._began
        used = {part: now - self._before.get(part, 0.0) for part, now in self._used().items()}
        self._waits.__exit__(kind, error, trace)
        self.usage = Usage(seconds, os.cpu_count() or 1, used, self._waits.means())

    def _used(self) -> dict[str, float]:
        return stack.cpu_seconds(self._running) | {GENERATOR: saturation.own_cpu_seconds()}


def measure(
    directory: Path, fleet: Fleet, sizes: Sizes, material: Material, display: Display, servers: Servers | None
) -> dict[str, Any]:
    """Starts the fleet, puts each load on it, stops it. Returns the figures.

    Raises:
        MeasureError, LoadError, StackError: there is no result.
    """
    display.say(f"starting: workers {fleet.workers}, API processes {fleet.api_processes}")
    started = stack.running(
        directory,
        fleet.workers,
        shards=fleet.shards,
        api_processes=fleet.api_processes,
        servers=servers.environment if servers else None,
    )
    with started as running, database.connected(running.database_url) as connection:
        bench = Bench(running, sizes, display, material.synthesizer, connection)
        measures.warm_up(bench)
        copy_rate = _copy_rate(bench, material)
        rates = {"drain": _drain(bench, fleet, material), "batch": _batch(bench), "single": _single(bench)}
        return {
            "workers": fleet.workers,
            "apiProcesses": fleet.api_processes,
            "shards": fleet.shards,
            "copyRowsPerSecond": round(copy_rate, 1),
            **{name: rate.as_json(copy_rate) for name, rate in rates.items()},
            "postgresVersion": database.server_version(connection),
        }


def _copy_rate(bench: Bench, material: Material) -> float:
    with bench.display.task("bare COPY", len(material.copy_blocks)) as advance:
        return material.copy_rows / database.copy_seconds(bench.connection, material.copy_blocks, material.copy_rows, advance)


def _drain(bench: Bench, fleet: Fleet, material: Material) -> Rate:
    """All workers at once, on streams that were filled beforehand."""
    entries = material.stencil.entries()
    events = sum(entry.count for entry in entries)
    before, drained = database.count_rows(bench.connection), database.drained_events(bench.connection)
    with redis.Redis.from_url(bench.stack.redis_url) as queue:
        streams = [ShardStream(queue, shard) for shard in range(fleet.shards)]
        _fill(queue, streams, entries)
        with bench.display.task("drain", events) as advance, Meter(bench.stack) as meter:
            for stream in streams:
                stream.hold_bell()
                jobs.ring(queue, stream.shard)
            _wait_drained(bench, drained + events, lambda found: advance(found - drained))
    measures.check_rows(bench, before, runs=material.drain_runs, steps=material.drain_runs * SPANS_A_RUN)
    time.sleep(IDLE_SECONDS)
    return Rate(events / meter.usage.seconds, meter.usage)


def _fill(queue: "redis.Redis", streams: Sequence[ShardStream], entries: Sequence[NewEntry]) -> None:
    """Appends durably, as the API does, and holds all bells meanwhile, so that nobody drains yet."""
    append = queue.register_script(APPEND_SCRIPT)
    for stream in streams:
        of_shard = [entry for entry in entries if entry.shard == stream.shard]
        for start in range(0, len(of_shard), FILL_ENTRIES):
            for held in streams:
                held.hold_bell()
            part = of_shard[start : start + FILL_ENTRIES]
            keys, arguments = append_arguments(stream.shard, part, epoch_id(), len(streams))
            append(keys=keys, args=arguments)


def _batch(bench: Bench) -> Rate:
    """`POST /v1/events`, until all is visible."""
    runs = bench.sizes.batch_requests * EVENTS_A_BATCH // EVENTS_A_RUN
    bodies = payloads.event_batches(bench.synthesizer.records(runs))
    requests = [client.post_request(bench.address, "/v1/events", body) for body in bodies]
    before, drained = database.count_rows(bench.connection), database.drained_events(bench.connection)
    title = f"HTTP batch, {EVENTS_A_BATCH} events a request"
    with bench.display.task(title, len(requests)) as advance, Meter(bench.stack) as meter:
        client.run(client.send_all(bench.address, requests, bench.sizes.batch_connections, advance))
        _wait_drained(bench, drained + runs * EVENTS_A_RUN)
    measures.check_rows(bench, before, runs=runs, steps=runs * SPANS_A_RUN)
    time.sleep(IDLE_SECONDS)
    return Rate(runs * EVENTS_A_RUN / meter.usage.seconds, meter.usage)


def _single(bench: Bench) -> Rate:
    """`POST /v1/runs/{id}/steps` to runs that exist, while the workers drain: requests answered a second."""
    steps = _steps_of_new_runs(bench)
    requests = [visibility.step_request(bench.address, step, with_id=False) for step in steps]
    before, drained = database.count_rows(bench.connection), database.drained_events(bench.connection)
    with bench.display.task("single-step POSTs", len(requests)) as advance, Meter(bench.stack) as meter:
        client.run(client.send_all(bench.address, requests, bench.sizes.single_connections, advance))
    _wait_drained(bench, drained + len(steps))
    measures.check_rows(bench, before, runs=0, steps=len(steps))
    return Rate(len(steps) / meter.usage.seconds, meter.usage)


def _steps_of_new_runs(bench: Bench) -> list[Any]:
    """Steps that were not sent yet, of runs that were; one after the other is of another run."""
    records = bench.synthesizer.records(-(-bench.sizes.single_requests // SPANS_A_RUN))
    steps = payloads.steps_of(records)
    of_steps = {id(step) for step in steps}
    bodies = payloads.event_batches([record for record in records if id(record) not in of_steps])
    drained = database.drained_events(bench.connection)
    requests = [client.post_request(bench.address, "/v1/events", body) for body in bodies]
    client.run(client.send_all(bench.address, requests, 2, client.discard))
    _wait_drained(bench, drained + len(records) - len(steps))
    return [step for place in range(SPANS_A_RUN) for step in steps[place::SPANS_A_RUN]][: bench.sizes.single_requests]


def _wait_drained(bench: Bench, events: int, look: Callable[[int], None] = client.discard) -> None:
    """Waits until the database has drained so many events in its life.

    Raises:
        MeasureError: it takes too long.
    """
    deadline = time.perf_counter() + DRAIN_SECONDS_MAX
    while (found := database.drained_events(bench.connection)) < events:
        look(found)
        if time.perf_counter() > deadline:
            raise MeasureError(f"{events - found} events are not in the database after {DRAIN_SECONDS_MAX:.0f} s.")
        time.sleep(POLL_SECONDS)
