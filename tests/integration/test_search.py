"""The indexer: whatever runs hold, it goes on, and no run keeps the others waiting."""

from typing import Any

import psycopg
import pytest
from msgspec import Raw

from db import pipeline
from events.records import Metric, Record, RunRecord, StepRecord
from worker.batch import Batch, Event
from worker.search import index_slice

Database = psycopg.Connection[tuple[Any, ...]]

RUN, OTHER = f"{1:032x}", f"{2:032x}"
DAY = 20_000
MICROSECONDS_A_DAY = 86_400 * 10**6
MANY = 5_000


@pytest.fixture
def session(database: Database) -> Database:
    """As a drain has it, but that no statement may take as long as drains would notice."""
    pipeline.prepare_session(database)
    database.execute("SET statement_timeout = '4s'")
    return database


def _store(session: Database, *events: Record, day: int = DAY) -> None:
    with session.transaction():
        Batch(session, {}, set()).store([Event(1, day * MICROSECONDS_A_DAY, "0-0", event) for event in events])


def _index(session: Database) -> None:
    while index_slice(session):
        pass


def _terms(session: Database) -> dict[str, int]:
    """How many terms there are for each start of a run."""
    rows = session.execute("SELECT to_char(started_at AT TIME ZONE 'UTC', 'YYYY'), count(*) FROM search_terms GROUP BY 1")
    return dict(rows.fetchall())


def test_a_run_of_many_terms_is_indexed_in_no_time(session: Database) -> None:
    """Time that grew with the square of the terms would be minutes here, in which the drain stores nothing."""
    tags = Raw(b"{%s}" % b",".join(b'"key %d":1' % number for number in range(MANY)))
    metrics = [Metric(f"{number:032x}", f"metric {number}", float(number)) for number in range(MANY)]
    steps = [StepRecord(RUN, f"{number:016x}", tool_name=f"tool {number}") for number in range(1, 6)]
    changes: list[tuple[list[Record], dict[str, int]]] = [
        ([RunRecord(RUN, started_at=0, tags=tags, metrics=metrics)], {"1970": 3 * MANY}),
        ([*steps], {"1970": 3 * MANY + 5}),
        ([RunRecord(RUN, started_at=10**15)], {"2001": 3 * MANY + 5}),
        ([RunRecord(RUN, tags=Raw(b'["one"]'))], {"2001": MANY + 6}),
    ]
    for events, expected in changes:
        _store(session, *events)
        _index(session)
        assert _terms(session) == expected
    right = "SELECT count(*) FROM search_terms WHERE term = 'metric:metric ' || least AND least = greatest"
    assert session.execute(right).fetchone() == (MANY,)


def test_a_partition_of_words_that_is_missing_is_made(session: Database) -> None:
    _store(session, RunRecord(RUN, input=Raw(b'"lost"')), day=DAY - 1)
    _store(session, RunRecord(OTHER, input=Raw(b'"found"')))
    session.execute(f"DROP TABLE search_documents_{pipeline.calendar_day(DAY - 1):%Y%m%d}")
    _index(session)
    assert session.execute("SELECT words::text FROM search_documents").fetchall() == [("'lost':1",), ("'found':1",)]
    assert session.execute("SELECT count(*) FROM pending_documents").fetchone() == (0,)


def test_a_run_that_changes_often_has_its_words_once(session: Database) -> None:
    for number in range(5):
        _store(session, RunRecord(RUN, input=Raw(b'"word"'), output=Raw(b"%d" % (number // 2))))
        _index(session)
    assert session.execute("SELECT words::text FROM search_documents").fetchall() == [("'2':3 'word':1",)]
