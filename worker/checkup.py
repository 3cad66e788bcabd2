"""The check-up of a database: everything that should hold between its tables, each as a line of a report.

It reads in one transaction that changes nothing, so all of it is of one moment, however long it takes and whatever arrives.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString, cast

import psycopg
import redis
from psycopg import IsolationLevel
from redis.exceptions import RedisError

from db import queries
from db.partitions import PARTITIONED_BY_DAY
from db.pipeline import Connection
from db.rollups import ALL_AGENTS
from db.urls import psycopg_url
from events.stream import epoch_key, stream_key
from worker.recount import Advance, Recount
from worker.scheduler import known_shards

STUCK_SECONDS = 60.0
"""How long an entry may wait while its shard's cursor does not move."""

SUMS_SHOWN = 3

_KEYS = frozenset(
    ("project_id", "grain", "agent_id", "start", "subject", "tool_name", "kind", "model", "bin", "error_id", "sample_run_id")
)


@dataclass(slots=True)
class Check:
    """One line of the report."""

    name: str
    looked_at: int = 0
    differences: int = 0
    examples: list[str] = field(default_factory=list)
    note: str = ""


Task = Callable[[str, int], Advance]
"""Begins a part of the work: its title, and how much there is to do."""


def connect(database_url: str) -> Connection:
    """A session of its own for each use; a lock that nobody gives back ends in an error."""
    options = "-c timezone=UTC -c lock_timeout=60s -c statement_timeout=0"
    return psycopg.connect(
        psycopg_url(database_url), autocommit=True, connect_timeout=5, options=options, application_name="agentguide doctor"
    )


def is_alone(connection: Connection) -> bool:
    """Takes the right to repair, for as long as the connection lives; two at once would add twice what is missing."""
    return bool(_row(connection, queries.TRY_DOCTOR_LOCK)[0])


@contextmanager
def open_session(database_url: str) -> Iterator[Connection]:
    """A connection whose names for roll-ups mean the doctor's own; the stored ones are `stored_...`."""
    with connect(database_url) as session:
        session.execute(queries.CREATE_SHADOWS)
        yield session


def check(session: Connection, *, days_ahead: int, task: Task) -> list[Check]:
    """Checks the database; what is wrong stays in the session's tables, for a repair."""
    session.execute(queries.EMPTY_SHADOWS)
    session.isolation_level, session.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        with session.transaction():
            session.execute(queries.PREPARE_CHECK)
            return [*_check_rows(session, task), *_check_tables(session, days_ahead, task)]
    finally:
        if not session.closed:
            session.isolation_level = session.read_only = None


def _check_rows(session: Connection, task: Task) -> list[Check]:
    runs, _ = _row(session, queries.COUNT_RUNS)
    recount = Recount(session)
    recount.read_all(task("reading runs and steps", runs))
    strays, examples = _row(session, queries.JUDGE_STRAY_STEPS)
    return [
        Check("run totals", recount.runs, recount.totals.count, recount.totals.examples),
        Check("usage marks", recount.steps, recount.marks.count, recount.marks.examples),
        Check("errors of rows", recount.errors, recount.groups.count, recount.groups.examples),
        Check("stray steps", recount.steps, strays, examples or []),
    ]


def _check_tables(session: Connection, days_ahead: int, task: Task) -> list[Check]:
    rollups: tuple[tuple[str, LiteralString, LiteralString], ...] = (
        ("roll-ups: totals", queries.FIND_LACKING_TOTALS, queries.JUDGE_TOTALS),
        ("roll-ups: tools", queries.FIND_LACKING_TOOLS, queries.JUDGE_TOOLS),
        ("roll-ups: latencies", queries.FIND_LACKING_LATENCIES, queries.JUDGE_LATENCIES),
        ("roll-ups: errors", queries.FIND_LACKING_ERRORS, queries.JUDGE_ERRORS),
    )
    others: tuple[tuple[str, LiteralString | None, LiteralString], ...] = (
        ("error groups", None, queries.JUDGE_ERROR_GROUPS),
        ("stray artifacts", queries.FIND_STRAY_ARTIFACTS, queries.JUDGE_STRAY_ARTIFACTS),
        ("stray metrics", queries.FIND_STRAY_METRICS, queries.JUDGE_STRAY_METRICS),
        ("agents", None, queries.JUDGE_AGENTS),
        ("search index", queries.FIND_UNINDEXED_RUNS, queries.JUDGE_SEARCH),
    )
    advance = task("comparing", len(rollups) + len(others) + 1)
    checks = []
    for name, find, judge in rollups:
        session.execute(find)
        stored, lacking, rows = _row(session, judge)
        checks.append(Check(name, int(stored), lacking, [_rollup_example(row) for row in rows]))
        advance(len(checks))
    for name, find_others, judge in others:
        if find_others is not None:
            session.execute(find_others)
        looked_at, count, examples = _row(session, judge)
        checks.append(Check(name, looked_at, count, examples or []))
        advance(len(checks))
    parents = {"parents": list(PARTITIONED_BY_DAY), "days_ahead": days_ahead}
    looked_at, missing, examples = _row(session, queries.JUDGE_PARTITIONS, parents)
    checks.append(Check("partitions", looked_at, missing, examples or []))
    return [*checks, *_notes(session)]


def _notes(session: Connection) -> list[Check]:
    """What is no difference, and good to know."""
    dead, latest, dropped = _row(session, queries.NOTE_DEAD_LETTERS)
    waiting, age_seconds = _row(session, queries.NOTE_PENDING_DOCUMENTS)
    deletions, failed, requested_seconds = _row(session, queries.NOTE_DELETIONS)
    return [
        Check("dead letters", dead, note=_of_letters(latest, dropped)),
        Check("search backlog", waiting, note=f"the oldest waits for {age_seconds:.0f} s" if waiting else ""),
        Check("deletions", deletions, note=_age_of_deletions(deletions, failed, requested_seconds)),
    ]


def _of_letters(latest: datetime | None, dropped: int) -> str:
    notes = [f"the latest of {latest:%Y-%m-%d %H:%M} UTC"] if latest else []
    return ", and ".join([*notes, f"{dropped:,} more were not kept"] if dropped else notes)


def _age_of_deletions(count: int, failed: int, age_seconds: float) -> str:
    if not count:
        return ""
    return f"the oldest waits for {age_seconds:.0f} s" + (f", and {failed} failed and are tried again" if failed else "")


def check_disk(session: Connection, budget_bytes: int) -> Check:
    """What the database takes, and what that means to its budget (0: there is none)."""
    [size] = _row(session, queries.DATABASE_BYTES)
    if not budget_bytes:
        return Check("bytes on disk", size)
    state = "over the budget, so the oldest days go" if size > budget_bytes else "within the budget"
    return Check("bytes on disk", size, note=f"{state}: {budget_bytes:,}")


def check_queue(session: Connection, queue: "redis.Redis | None", shards: int) -> Check:
    """Whether some shard's entries wait and nobody takes them."""
    found = Check("cursors")
    if queue is None:
        found.note = "not checked: no REDIS_URL"
        return found
    try:
        for shard in known_shards(queue, shards):
            found.looked_at += 1
            if trouble := _trouble_of(session, queue, shard):
                found.differences += 1
                found.examples.append(f"shard {shard}: {trouble}")
    except (RedisError, OSError) as error:
        return Check("cursors", note=f"not checked: Redis does not answer ({error})")
    return found


def _trouble_of(session: Connection, queue: "redis.Redis", shard: int) -> str:
    # Redis is asked first: what it says was drained has been in the database before.
    epoch, drained = cast("list[bytes | None]", queue.hmget(epoch_key(shard), ["id", "drained_events"]))
    cursors = {row[0]: row[1:] for row in session.execute(queries.LIST_CURSORS)}
    stored_epoch, entry_id, events, idle_seconds = cursors.get(shard, ("", "0-0", 0, None))
    same = stored_epoch == (epoch or b"").decode()
    if same and events < int(drained or 0):
        return f"{int(drained or 0) - events} events were drained into a database that knew more than this one"
    first = cast("list[Any]", queue.xrange(stream_key(shard), min=f"({entry_id}" if same else "-", count=1))
    if not first:
        return ""
    seconds, _ = queue.time()
    age_seconds = seconds - int(first[0][0].partition(b"-")[0]) // 1000
    if age_seconds < STUCK_SECONDS or (idle_seconds is not None and idle_seconds < STUCK_SECONDS):
        return ""
    moved = "never moved" if idle_seconds is None else f"has not moved for {idle_seconds:.0f} s"
    whose = "" if same else ", and is of another epoch than the stream"
    return f"entries wait for {age_seconds} s, and the cursor {moved}{whose}: does a worker run?"


def _rollup_example(row: dict[str, Any]) -> str:
    place = [f"{row['grain']} of {row['start']}", f"project {row['project_id']}", _agent(row["agent_id"])]
    place += [f"{key} {row[key]}" for key in ("subject", "tool_name", "kind", "model", "bin", "error_id") if row.get(key)]
    sums = [f"{name} {abs(by)} too {'few' if by > 0 else 'many'}" for name, by in row.items() if name not in _KEYS and by]
    more = ", ..." if len(sums) > SUMS_SHOWN else ""
    return f"{', '.join(place)}: {', '.join(sums[:SUMS_SHOWN]) or 'the sample is no run'}{more}"


def _agent(agent_id: int) -> str:
    return {ALL_AGENTS: "all agents", 0: "agent unknown"}.get(agent_id, f"agent {agent_id}")


def _row(session: Connection, statement: LiteralString, values: dict[str, Any] | None = None) -> tuple[Any, ...]:
    row = session.execute(statement, values).fetchone()
    if row is None:
        raise LookupError("a statement that counts gave no row")
    return row
