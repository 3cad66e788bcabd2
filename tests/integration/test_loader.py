"""The loader of the read benchmark: what it writes is what the drain would have written."""

from typing import Any

import psycopg

from loadtest import loader
from loadtest.display import Display
from loadtest.history import BATCH_SESSION, DAYS
from worker import checkup

ENDED_AT = 1_795_000_000_000_000
"""2026-11-18, in microseconds."""
RUNS = 400
LONG_STEPS = 300


def rows(database: psycopg.Connection[tuple[Any, ...]], statement: str) -> list[tuple[Any, ...]]:
    return database.execute(statement.encode()).fetchall()


INDEXES = (
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename !~ '_20' ORDER BY 1, 2"
)


def test_it_loads_what_it_says_and_doctor_finds_nothing_to_mend(
    database: psycopg.Connection[tuple[Any, ...]], database_url: str
) -> None:
    indexes = rows(database, INDEXES)
    loaded = loader.load(database_url, RUNS, ENDED_AT, Display(), LONG_STEPS)
    assert (loaded.runs, loaded.steps) == (RUNS + 1, 10 * RUNS + LONG_STEPS)
    assert rows(database, "SELECT count(*), sum(step_count), max(step_count) FROM runs") == [
        (loaded.runs, loaded.steps, LONG_STEPS)
    ]
    assert rows(database, "SELECT count(*) FROM steps") == [(loaded.steps,)]
    ((days,),) = rows(database, "SELECT count(DISTINCT day) FROM runs")
    assert days in (DAYS, DAYS + 1)
    assert rows(database, f"SELECT count(*) > 10 FROM runs WHERE session_id = '{BATCH_SESSION}'") == [(True,)]
    assert rows(database, INDEXES) == indexes
    assert rows(database, "SELECT count(*) > 0 FROM pg_indexes WHERE indexname ~ 'search_documents_2.*words'") == [(True,)]

    with checkup.open_session(database_url) as session:
        checks = checkup.check(session, days_ahead=1, task=lambda *_: lambda _: None)
    by_name = {check.name: check for check in checks}
    assert {name: check.examples for name, check in by_name.items() if check.differences and name != "partitions"} == {}
    assert by_name["run totals"].looked_at == RUNS + 1
    assert by_name["roll-ups: totals"].looked_at > 0
    assert by_name["search index"].looked_at > 0
    assert by_name["search backlog"].looked_at == 0
