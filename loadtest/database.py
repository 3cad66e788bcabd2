"""What the benchmarks ask of Postgres, with the SQL: it looks at the product from outside, so it is no part of `db/`."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg

from loadtest.payloads import COPY_COLUMNS

Connection = psycopg.Connection[tuple[Any, ...]]

# In a transaction of its own: with `wal_level = minimal` a COPY into a table of the same transaction would skip the log.
CREATE_BARE_TABLE: LiteralString = """
CREATE TABLE bench_steps (LIKE steps INCLUDING DEFAULTS, PRIMARY KEY (project_id, run_id, id, day))
"""
DROP_BARE_TABLE: LiteralString = "DROP TABLE IF EXISTS bench_steps"
COPY_BARE: LiteralString = f"COPY bench_steps ({', '.join(COPY_COLUMNS)}) FROM STDIN"
COUNT_BARE: LiteralString = "SELECT count(*) FROM bench_steps"

DRAINED_EVENTS: LiteralString = "SELECT coalesce(sum(events), 0)::bigint FROM stream_cursors"
COUNT_ROWS: LiteralString = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM steps)"
PREFER_INDEXES: LiteralString = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off"
"""For a session that only looks for a few rows: statistics of a table that grows this fast are old at once."""
VISIBLE_STEPS: LiteralString = """
SELECT id FROM steps WHERE project_id = %s AND (run_id, id) IN (SELECT * FROM unnest(%s::uuid[], %s::bigint[]))
"""


@contextmanager
def connected(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def server_version(connection: Connection) -> str:
    return str(connection.execute("SHOW server_version").fetchall()[0][0])


def copy_seconds(connection: Connection, blocks: Sequence[bytes], rows: int, progress: Callable[[int], None]) -> float:
    """How long it takes to COPY blocks of text rows, a transaction each, into a table like `steps` with its key alone.

    Raises:
        ValueError: the table does not hold `rows` rows afterwards.
    """
    connection.execute(DROP_BARE_TABLE)
    connection.execute(CREATE_BARE_TABLE)
    try:
        began = time.perf_counter()
        for number, block in enumerate(blocks):
            with connection.transaction(), connection.cursor() as cursor, cursor.copy(COPY_BARE) as sink:
                sink.write(block)
            progress(number + 1)
        seconds = time.perf_counter() - began
        if (found := connection.execute(COUNT_BARE).fetchall()[0][0]) != rows:
            raise ValueError(f"the bare COPY of {rows} rows left {found} in its table")
    finally:
        connection.execute(DROP_BARE_TABLE)
    return seconds


def drained_events(connection: Connection) -> int:
    """Events that are in the database, by the cursors, which move in the transaction that stores the events."""
    return int(connection.execute(DRAINED_EVENTS).fetchall()[0][0])


def count_rows(connection: Connection) -> tuple[int, int]:
    """Runs and steps, counted."""
    runs, steps = connection.execute(COUNT_ROWS).fetchall()[0]
    return runs, steps
