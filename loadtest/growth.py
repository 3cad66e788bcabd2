"""Whether a drain slows down as the tables grow: the measure `drain`, again and again on one stack, until they hold enough.

Each round fills the stream and then drains it, so all rounds meet the same conditions: one drain process, warm, with nothing
else to do in the stack but the upkeep that it always does. The runs are all accepted today, so they fall into one partition,
whose indexes grow with it, and their ids are random: nothing is worse for an index. The times in the events move on from round
to round, as they do in life.
"""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from events.stream import NewEntry, entries_of
from loadtest import database, flatness, measures, payloads, plots
from loadtest.database import Activity
from loadtest.draining import Drained, Drainer, Stencil, draining
from loadtest.figures import Figure, Target
from loadtest.measures import Bench, check_rows
from loadtest.payloads import SPANS_A_RUN
from loadtest.visibility import PROJECT_ID

COPY_EVERY_ROUNDS = 5
STEP_SECONDS = 86_400 / 10_000_000
"""By how much time moves on with each step: as if ten million came in a day."""
END_ROUNDS_MAX = 10
KEPT_MIN = 90


@dataclass(slots=True, frozen=True)
class Round:
    steps_before: int
    """In the tables, when it began."""
    drained: Drained
    copy_rate: float
    """Of bare COPY, rows a second: the mean of the last before it and the first after it."""
    activity: Activity
    """Of Postgres, during the round."""
    waiting_documents: int
    """Notes of changed runs that the search index does not know yet, when it ended."""

    @property
    def ratio(self) -> float:
        return self.drained.rate / self.copy_rate


def measure(bench: Bench) -> list[Round]:
    """Takes all rounds.

    Raises:
        DrainError, MeasureError: there is no result.
    """
    sizes = bench.sizes
    steps_a_round = sizes.growth_round_runs * SPANS_A_RUN
    rounds = max(2, -(-sizes.growth_steps // steps_a_round))
    records = bench.synthesizer.records(sizes.growth_round_runs)
    blocks = measures.copy_blocks(payloads.steps_of(records))
    stencil = Stencil(entries_of(PROJECT_ID, records, shards=1))
    before = database.count_rows(bench.connection)
    found: list[Round] = []
    with draining(bench.stack) as drainer, bench.display.task("growth, in steps", rounds * steps_a_round) as advance:
        copy_rate = _copy_rate(bench, blocks, steps_a_round)
        while len(found) < rounds:
            taken: list[tuple[int, Drained, Activity, int]] = []
            for _ in range(min(COPY_EVERY_ROUNDS, rounds - len(found))):
                number = len(found) + len(taken)
                entries = stencil.entries((number + 1 - rounds) * steps_a_round * STEP_SECONDS)
                taken.append((before[1] + number * steps_a_round, *_drain(bench, drainer, entries, len(records))))
                advance((number + 1) * steps_a_round)
            last, copy_rate = copy_rate, _copy_rate(bench, blocks, steps_a_round)
            found += [Round(steps, drained, (last + copy_rate) / 2, activity, left) for steps, drained, activity, left in taken]
    check_rows(bench, before, runs=rounds * sizes.growth_round_runs, steps=rounds * steps_a_round)
    return found


def _copy_rate(bench: Bench, blocks: Sequence[bytes], rows: int) -> float:
    return rows / database.copy_seconds(bench.connection, blocks, rows, lambda _: None)


def _drain(bench: Bench, drainer: Drainer, entries: Sequence[NewEntry], events: int) -> tuple[Drained, Activity, int]:
    drainer.fill(entries)
    before = database.activity(bench.connection)
    drained = drainer.drain(events, lambda _: None)
    return drained, database.activity(bench.connection).since(before), database.waiting_documents(bench.connection)


def figures(rounds: Sequence[Round], database_bytes: int) -> list[Figure]:
    """What came of it: the first rounds beside the last ones, and the trend over all."""
    count = ends(rounds)
    first, last = rounds[:count], rounds[-count:]
    steps = rounds[-1].steps_before + rounds[-1].drained.events * SPANS_A_RUN // measures.EVENTS_A_RUN
    millions = f"{steps / 1e6:.3g} million steps"
    return [
        Figure("growth_first", "drain, database empty", _rate(first), "events/s", base=_copy(first)),
        Figure("growth_last", f"drain, {millions} stored", _rate(last), "events/s", base=_copy(last)),
        Figure("growth_kept", "growth: ratio to COPY kept, by trend", _kept([r.ratio for r in rounds]), "%", Target(KEPT_MIN)),
        Figure("growth_kept_rate", "growth: rate kept, by trend", _kept([r.drained.rate for r in rounds]), "%"),
        Figure("growth_worst", "growth: ratio of the worst stretch, of the first", 100 * min(_stretches(rounds)), "%"),
        Figure("growth_unindexed", "growth: runs that search does not know yet", rounds[-1].waiting_documents, "runs"),
        Figure("growth_bytes", "growth: size of the database", database_bytes / 2**30, "GiB"),
    ]


def ends(rounds: Sequence[Round]) -> int:
    """How many rounds are an end."""
    return min(END_ROUNDS_MAX, max(1, len(rounds) // 4))


def _rate(rounds: Sequence[Round]) -> float:
    return statistics.median(one.drained.rate for one in rounds)


def _copy(rounds: Sequence[Round]) -> float:
    """The rate of bare COPY that makes the median ratio of the median rate."""
    return _rate(rounds) / statistics.median(one.ratio for one in rounds)


def _kept(values: Sequence[float]) -> float:
    """The end of a straight line through the values in per cent of its start (Theil-Sen, which noise hardly bends)."""
    a_round = flatness.slope(list(enumerate(values))) or 0.0
    start = statistics.median(value - a_round * number for number, value in enumerate(values))
    return 100 * (start + a_round * (len(values) - 1)) / start


def _stretches(rounds: Sequence[Round]) -> Iterator[float]:
    count = ends(rounds)
    first = statistics.median(one.ratio for one in rounds[:count])
    for start in range(count, len(rounds) - count + 1):
        yield statistics.median(one.ratio for one in rounds[start : start + count]) / first


def as_json(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    return [
        {
            "stepsBefore": one.steps_before,
            "rate": round(one.drained.rate),
            "ratioToCopy": round(one.ratio, 4),
            "copyRate": round(one.copy_rate),
            "cpuShare": round(one.drained.cpu_seconds / one.drained.seconds, 3),
            "walBytesAnEvent": round(one.activity.wal_bytes / one.drained.events),
            "fullPageImages": one.activity.full_page_images,
            "blocksRead": one.activity.blocks_read,
            "checkpoints": one.activity.checkpoints,
            "unindexedRuns": one.waiting_documents,
        }
        for one in rounds
    ]


def draw(path: Path, kept: Sequence[dict[str, Any]]) -> None:
    """Draws rounds as `as_json` gives them."""

    def line(name: str, key: str, scale: float = 1.0) -> plots.Line:
        return plots.Line(name, [(one["stepsBefore"] / 1e6, one[key] * scale) for one in kept])

    plots.draw(
        path,
        "Drain of one worker, by what is stored already",
        [
            plots.Panel("Rate", "events/s", [line("drain", "rate"), line("bare COPY", "copyRate")]),
            plots.Panel("Of bare COPY", "ratio", [line("drain", "ratioToCopy")]),
            plots.Panel(
                "Written to the log; what a long vacuum wrote is counted at its end",
                "bytes an event",
                [line("WAL", "walBytesAnEvent")],
            ),
            plots.Panel("Runs that search does not know yet", "thousands", [line("waiting", "unindexedRuns", 1e-3)]),
        ],
        x_label="million steps stored",
    )
