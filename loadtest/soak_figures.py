"""What a soak looks at, as series over time, and the rule that each has to keep."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import psutil
import redis

from loadtest import database
from loadtest.database import Connection
from loadtest.flatness import Bound, Point, Rule, fifth
from loadtest.mix import Tally
from loadtest.stack import SERVERS, Stack
from loadtest.visibility import Seen
from loadtest.watch import Sample

MIB, KIB = float(1 << 20), 1024.0
DATA = ("runs", "steps", "indexed_runs", "search_documents", "search_terms")
"""Tables that grow with what is stored."""
PENDING = "pending_"
ROLLUPS = "rollup_"
RATE_STRETCHES = 60
"""Of figures that are a difference of two samples."""
ROWS_TO_JUDGE = 1000
DEAD_SHARE_MAX = 25.0
TIMED = ("latency", "visible", "cpu")
"""Groups that tell of the machine as much as of the stack."""
OTHERS = "CPU of others"
OTHERS_POINTS_MAX = 15.0
REDIS_REST_MIB = 2.0
WAL_SHARE = 1.1


@dataclass(frozen=True)
class Series:
    """Points over the time of the load, in `unit`. `group` is the panel it is drawn in; without a rule it is only shown."""

    name: str
    unit: str
    group: str
    points: Sequence[Point]
    rule: Rule | None = None


@dataclass(frozen=True)
class Others:
    """CPU that the rest of the machine took in the second and in the last fifth, in percent of one CPU."""

    early: float
    late: float

    @property
    def disturbed(self) -> bool:
        """So that times of both cannot be compared."""
        return abs(self.late - self.early) > OTHERS_POINTS_MAX


@dataclass
class Course:
    """All that one soak gave."""

    seconds: float
    """How long the load took, from `began` on."""
    began: float
    """By `time.perf_counter`."""
    events_a_second: float
    samples: Sequence[Sample]
    """Their times count from `began`."""
    tally: Tally
    seen: Sequence[Seen]
    missing: Mapping[str, int] = field(default_factory=dict)
    """What is in the database less than acknowledged, by table; below 0: more."""
    pending: int = 0
    """Notes that roll-ups and the search index did not get in the time after the load."""
    restarted: Sequence[str] = ()
    """Processes that are no longer those of the start."""


class Looks:
    """What the watch looks at besides: tables one by one, what is on disk, private memory, open files."""

    def __init__(self, running: Stack, queue: "redis.Redis") -> None:
        self._running = running
        self._queue = queue

    def __call__(self, connection: Connection) -> dict[str, float]:
        found: dict[str, float] = {"wal_bytes": database.wal_bytes(connection)}
        for name, state in database.table_states(connection).items():
            if name in DATA or name.startswith((PENDING, ROLLUPS)):
                found |= {f"bytes {name}": state.bytes, f"rows {name}": state.rows, f"dead {name}": state.dead_rows}
        found["aof_bytes"] = cast("dict[str, int]", self._queue.info("persistence")).get("aof_current_size", 0)
        for part, pid in self._running.pids.items():
            processes = _with_children(pid) if part == "postgres" else [pid]
            private = [bytes_ for process in processes if (bytes_ := private_bytes(process)) is not None]
            if private:
                found[f"private {part}"] = sum(private)
            try:
                found[f"files {part}"] = psutil.Process(pid).num_fds()
            except psutil.Error:
                pass  # it ended, which the process ids tell at the end
        return found


def _with_children(pid: int) -> list[int]:
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children())]
    except psutil.NoSuchProcess:
        return []


def private_bytes(pid: int) -> int | None:
    """Memory that is this process's alone and no file's: what a leak takes. Postgres' shared buffers are not in it, which are
    touched page by page until all are. None where the system does not tell, or the process ended. Source: proc(5), RssAnon."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"^RssAnon:\s*(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def all_series(course: Course) -> list[Series]:
    samples = [sample for sample in course.samples if 0 <= sample.at_seconds <= course.seconds]
    return [
        *_memory(samples),
        *_redis(samples),
        *_database(samples),
        *_queue(course, samples),
        *_latencies(course),
        *_cpu(samples),
    ]


def others(course: Course, series: Sequence[Series]) -> Others | None:
    """None of a run that was too short to tell."""
    points = next((one.points for one in series if one.name == OTHERS), ())
    early, late = fifth(points, 1, course.seconds), fifth(points, 4, course.seconds)
    return Others(max(0.0, fmean(early)), max(0.0, fmean(late))) if early and late else None


def bounds(course: Course, wal_bytes_max: int) -> list[tuple[str, str, float, Bound]]:
    """Figures with a bound of their own: name, unit, value, bound."""
    first, last = course.samples[0], course.samples[-1]
    none = Bound(0)
    found = [
        *(
            (f"acknowledged {name} that are missing, or there twice", "", float(abs(missing)), Bound(0, "each is there once"))
            for name, missing in course.missing.items()
        ),
        ("requests refused", "", float(course.tally.refused), Bound(0, "the load is well below the limit")),
        ("requests that failed", "", float(course.tally.failures.total()), none),
        ("processes that ended", "", float(len(course.restarted)), none),
        (
            "Redis after the load, over before it",
            "MiB",
            (last.redis_bytes - first.redis_bytes) / MIB,
            Bound(REDIS_REST_MIB, "the streams are empty again; what changed lately is kept"),
        ),
        (
            "notes left for roll-ups and search",
            "rows",
            float(course.pending),
            Bound(0, "the worker has caught up"),
        ),
        (
            "write-ahead log on disk",
            "MiB",
            max(sample.also["wal_bytes"] for sample in course.samples) / MIB,
            Bound(round(WAL_SHARE * wal_bytes_max / MIB), f"{WAL_SHARE:g} x max_wal_size"),
        ),
    ]
    dead = {
        name: 100 * last.also[f"dead {name}"] / rows for name, rows in _of(last, "rows", *DATA).items() if rows >= ROWS_TO_JUDGE
    }
    worst = max(dead, key=dead.__getitem__, default=None)
    if worst is not None:
        why = f"autovacuum clears a table at 20; the most are in {worst}"
        found.append(("dead rows to 100 live ones at the end", "", dead[worst], Bound(DEAD_SHARE_MAX, why)))
    return found


def _memory(samples: Sequence[Sample]) -> list[Series]:
    rule = Rule(0.02, 2)
    parts = [part for part in samples[-1].memory_bytes if part in samples[0].memory_bytes] if samples else []
    found = []
    for part in parts:
        if part not in SERVERS and "postgres" not in part:
            points = [(sample.at_seconds, sample.memory_bytes.get(part, 0) / MIB) for sample in samples]
            found.append(Series(f"memory of {part}", "MiB", "memory", points, rule))
    found += [_also(samples, f"private {part}", f"private memory of {part}", "MiB", "memory", MIB, rule) for part in SERVERS]
    files = sorted(key for key in (samples[-1].also if samples else {}) if key.startswith("files "))
    return found + [_also(samples, key, f"open {key.replace(' ', ' of ', 1)}", "", "files", 1, Rule(0, 8)) for key in files]


def _redis(samples: Sequence[Sample]) -> list[Series]:
    used = [(sample.at_seconds, sample.redis_bytes / MIB) for sample in samples]
    return [
        Series("Redis memory in use", "MiB", "redis", used, Rule(0.05, 0.5)),
        _also(samples, "aof_bytes", "Redis' log on disk", "MiB", "disk", MIB, Rule(0.25, 64, percent=100)),
        _also(samples, "wal_bytes", "write-ahead log on disk", "MiB", "disk", MIB, None),
    ]


def _database(samples: Sequence[Sample]) -> list[Series]:
    size = [(sample.at_seconds, sample.database_bytes / MIB) for sample in samples]
    found = [
        Series("database", "MiB", "database", size),
        Series("bytes that each stored event adds", "B", "an event", _bytes_an_event(samples), Rule(0.1, 0)),
        Series("dead rows, all tables", "rows", "dead", [(sample.at_seconds, sample.dead_rows) for sample in samples]),
    ]
    pending = sorted(_of(samples[-1], "bytes", PENDING) if samples else ())
    found += [_also(samples, f"bytes {name}", name, "KiB", "pending", KIB, Rule(0.25, 128)) for name in pending]
    rollups = [(sample.at_seconds, sum(_of(sample, "bytes", ROLLUPS).values()) / KIB) for sample in samples]
    found.append(Series("roll-ups", "KiB", "pending", rollups, Rule(0.25, 512)))
    for name in DATA:
        per_row = [
            (sample.at_seconds, sample.also[f"bytes {name}"] / sample.also[f"rows {name}"])
            for sample in samples
            if sample.also.get(f"rows {name}", 0) >= ROWS_TO_JUDGE
        ]
        found.append(Series(f"{name}: bytes a row", "B", "row", per_row, Rule(0.1, 0)))
    return found


def _queue(course: Course, samples: Sequence[Sample]) -> list[Series]:
    waiting = [(sample.at_seconds, float(sample.backlog_events)) for sample in samples]
    notes = _also(samples, "rows pending_documents", "runs that wait for the search index", "", "backlog", 1, Rule(0.5, 500))
    return [Series("backlog", "events", "backlog", waiting, Rule(0.5, course.events_a_second / 4)), notes]


def _latencies(course: Course) -> list[Series]:
    found = []
    for kind, seconds in course.tally.latencies.items():
        times = [at - course.began for at in course.tally.answered_at[kind]]
        points = [(at, 1e3 * value) for at, value in zip(times, seconds, strict=True)]
        found.append(Series(f"latency of {kind}, p95", "ms", "latency", points, Rule(0.5, 5, percent=95)))
    seen = [(at - course.began, 1e3 * seconds) for at, seconds in course.seen]
    found.append(Series("accept to visible, p50", "ms", "visible", sorted(seen), Rule(0.5, 5)))
    found.append(Series("accept to visible, p95", "ms", "visible", sorted(seen), Rule(0.5, 10, percent=95)))
    return found


def _cpu(samples: Sequence[Sample]) -> list[Series]:
    found = []
    for part in samples[0].cpu_seconds if samples else ():
        points = [
            (b.at_seconds, 100 * (b.cpu_seconds[part] - a.cpu_seconds[part]) / (b.at_seconds - a.at_seconds))
            for a, b in pairwise(_spread(samples))
            if part in a.cpu_seconds and part in b.cpu_seconds
        ]
        found.append(Series(f"CPU of {part}", "%", "cpu", points, Rule(0.25, 3) if part != "others" else None))
    return found


def _bytes_an_event(samples: Sequence[Sample]) -> list[Point]:
    """What the database grew by, divided by the events that came to it meanwhile: growth with the data is no bloat."""
    return [
        (b.at_seconds, (b.database_bytes - a.database_bytes) / (b.drained_events - a.drained_events))
        for a, b in pairwise(_spread(samples))
        if b.drained_events > a.drained_events
    ]


def _spread(samples: Sequence[Sample]) -> Sequence[Sample]:
    return samples[:: max(1, len(samples) // RATE_STRETCHES)]


def _of(sample: Sample, what: str, *names: str) -> dict[str, float]:
    """By table, of those whose names begin so."""
    prefixes = tuple(f"{what} {name}" for name in names)
    return {key.partition(" ")[2]: value for key, value in sample.also.items() if key.startswith(prefixes)}


def _also(samples: Sequence[Sample], key: str, name: str, unit: str, group: str, divisor: float, rule: Rule | None) -> Series:
    points = [(sample.at_seconds, sample.also[key] / divisor) for sample in samples if key in sample.also]
    return Series(name, unit, group, points, rule)


def as_json(series: Series, points: Sequence[Point]) -> dict[str, Any]:
    return {"name": series.name, "unit": series.unit, "points": [[round(at, 1), round(value, 3)] for at, value in points]}
