"""What a soak makes of its samples: verdicts by name, growth with the data told from bloat, and a report of all of it."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from loadtest import soak_figures, soak_report
from loadtest.flatness import Verdict
from loadtest.mix import KINDS, Tally
from loadtest.soak_figures import MIB, Course
from loadtest.visibility import Seen
from loadtest.watch import Sample

SECONDS = 600
EVENTS_A_SECOND = 1000
WAL_BYTES_MAX = 4 << 30
PARTS = {"worker-1": 66, "ingest-api = read-api": 99, "postgres": 33, "valkey": 10, "postgres' children": 90}


def sample(at: int) -> Sample:
    """Of a stack that is well: what grows, grows with the data."""
    events = EVENTS_A_SECOND * at
    tables = {"runs": 0.09, "steps": 0.9, "indexed_runs": 0.09, "search_documents": 0.25, "search_terms": 0.3}
    also: dict[str, float] = {"wal_bytes": min(WAL_BYTES_MAX, 2 * MIB * at), "aof_bytes": MIB * (at % 64), "files worker-1": 9}
    for name, share in tables.items():
        also |= {f"rows {name}": events * share, f"bytes {name}": 900 * events * share, f"dead {name}": events * share / 10}
    for name in ("documents", "totals"):
        also |= {f"rows pending_{name}": 0, f"bytes pending_{name}": 8192 * (20 + at % 20), f"dead pending_{name}": at % 20}
    also |= {"rows rollup_totals": 200, "bytes rollup_totals": 150_000, "dead rollup_totals": 100}
    also |= {"private postgres": 38 * MIB, "private valkey": 5 * MIB}
    return Sample(
        at_seconds=float(at),
        backlog_events=at % 7,
        drained_events=events,
        redis_bytes=2 << 20,
        database_bytes=10_000_000 + 1200 * events,
        dead_rows=at % 5000,
        memory_bytes={part: size << 20 for part, size in PARTS.items()},
        cpu_seconds=dict.fromkeys(PARTS, at / 10),
        also=also,
    )


def course(*samples: Sample) -> Course:
    tally = Tally(runs=10, steps=100, events=110)
    for kind in KINDS:
        tally.answered_at[kind].extend(float(1000 + at) for at in range(SECONDS))
        tally.latencies[kind].extend(0.002 for _ in range(SECONDS))
    seen = [Seen(1000.0 + at, 0.02) for at in range(SECONDS)]
    missing = {"runs": 0, "steps": 0}
    return Course(SECONDS, 1000.0, EVENTS_A_SECOND, samples or healthy(), tally, seen, missing)


def healthy() -> tuple[Sample, ...]:
    return tuple(sample(at) for at in range(0, SECONDS + 1, 2))


def verdicts(found: Course) -> dict[str, Verdict]:
    return {one.name: one for one in soak_report.verdicts(found, soak_figures.all_series(found), WAL_BYTES_MAX)}


def not_flat(found: Course) -> list[str]:
    return [one.name for one in verdicts(found).values() if one.flat is not True]


def test_a_healthy_stack_is_flat_though_its_database_grows() -> None:
    found = verdicts(course())
    assert [one.name for one in found.values() if one.flat is not True] == []
    for name in ("memory of worker-1", "private memory of postgres", "pending_totals", "steps: bytes a row", "CPU of valkey"):
        assert name in found
    assert found["bytes that each stored event adds"].late == 1200
    assert not {"database", "memory of postgres", "memory of postgres' children"} & found.keys()


def test_a_process_that_leaks_is_named() -> None:
    leaking = [
        replace(one, memory_bytes=one.memory_bytes | {"worker-1": round(MIB * (66 + one.at_seconds / 60))}) for one in healthy()
    ]
    assert not_flat(course(*leaking)) == ["memory of worker-1"]


def test_a_table_that_bloats_is_named() -> None:
    bloating = [replace(one, also=dict(one.also) | {"bytes pending_totals": 8192 * one.at_seconds}) for one in healthy()]
    assert not_flat(course(*bloating)) == ["pending_totals"]
    wasteful = [replace(one, also=dict(one.also) | {"bytes runs": 3 * one.at_seconds**2 * 900}) for one in healthy()]
    assert not_flat(course(*wasteful)) == ["runs: bytes a row"]
    growing = [replace(one, database_bytes=one.database_bytes + round(one.at_seconds**2 * 500)) for one in healthy()]
    assert not_flat(course(*growing)) == ["bytes that each stored event adds"]


def test_what_is_left_in_redis_is_named() -> None:
    *before, last = healthy()
    assert not_flat(course(*before, replace(last, redis_bytes=9 << 20))) == ["Redis after the load, over before it"]


def test_slower_answers_are_named() -> None:
    found = course()
    for at in range(500, SECONDS):
        found.tally.latencies["batches"][at] = 0.1
    assert not_flat(found) == ["latency of batches, p95"]


def test_times_are_not_judged_beside_others_who_came_later() -> None:
    found = course(
        *(replace(one, cpu_seconds={**one.cpu_seconds, "others": max(0, one.at_seconds - 500)}) for one in healthy())
    )
    for at in range(500, SECONDS):
        found.tally.latencies["batches"][at] = 0.1
    judged = verdicts(found)
    assert judged["latency of batches, p95"].flat is None
    assert judged["latency of batches, p95"].late == 100
    assert judged["memory of worker-1"].flat is True
    rest = soak_figures.others(found, soak_figures.all_series(found))
    assert rest is not None
    assert (rest.early, rest.disturbed) == (0, True)


def test_losses_refusals_failures_and_restarts_are_named() -> None:
    found = course()
    found.missing = {"runs": 0, "steps": -1}
    found.tally.refused = 2
    found.tally.failures["answer 500"] += 1
    found.pending = 3
    found.restarted = ["worker-1"]
    assert not_flat(found) == [
        "acknowledged steps that are missing, or there twice",
        "requests refused",
        "requests that failed",
        "processes that ended",
        "notes left for roll-ups and search",
    ]


def test_a_short_run_tells_little_and_breaks_nothing() -> None:
    found = course(*healthy()[:3])
    assert verdicts(found)["memory of worker-1"].flat is None
    assert soak_report.is_flat(soak_report.verdicts(found, soak_figures.all_series(found), WAL_BYTES_MAX))


def test_the_report_shows_every_verdict_and_keeps_little(tmp_path: Path) -> None:
    found = course()
    series = soak_figures.all_series(found)
    judged = soak_report.verdicts(found, series, WAL_BYTES_MAX)
    printed = StringIO()
    Console(width=400, file=printed).print(soak_report.table(judged, "soak"))
    assert all(one.name in printed.getvalue() for one in judged)
    assert max(len(one["points"]) for one in soak_report.series_json(series)) <= soak_report.KEPT_POINTS
    soak_report.draw(tmp_path / "soak.svg", "soak", series)
    assert "private memory of postgres" in (tmp_path / "soak.svg").read_text()
