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

PREPARE_LOAD: LiteralString = "SET synchronous_commit = off; SET work_mem = '256MB'; SET maintenance_work_mem = '1GB'"
MEMBERS: LiteralString = "SELECT user_id FROM memberships WHERE project_id = %(project_id)s ORDER BY user_id"
INDEX_DEFINITION: LiteralString = "SELECT pg_get_indexdef(%s::regclass)"
DROP_WORDS_INDEX: LiteralString = "DROP INDEX search_documents_words_idx"
VACUUM: LiteralString = "VACUUM (ANALYZE)"
CHECKPOINT: LiteralString = "CHECKPOINT"
DATABASE_BYTES: LiteralString = "SELECT pg_database_size(current_database())"
TABLE_BYTES: LiteralString = """
SELECT coalesce(parent.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
LEFT JOIN pg_class AS parent ON parent.oid = i.inhparent
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
GROUP BY 1
ORDER BY 2 DESC
"""
BUSIEST_AGENTS: LiteralString = """
SELECT a.id, a.name, a.version
FROM rollup_totals AS t
JOIN agents AS a ON a.id = t.agent_id
WHERE t.grain = 'day'
GROUP BY a.id
HAVING sum(t.runs) > 0
ORDER BY sum(t.runs) DESC, a.id
"""
BUSIEST_USERS: LiteralString = "SELECT user_id FROM runs WHERE user_id > 0 GROUP BY 1 ORDER BY count(*) DESC, 1"
LARGEST_SESSIONS: LiteralString = """
SELECT session_id FROM runs WHERE session_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 20
"""
RUNS_OF_TWENTY_STEPS: LiteralString = "SELECT id FROM runs WHERE step_count = 20 ORDER BY id LIMIT 100"
LONGEST_RUN: LiteralString = "SELECT id FROM runs ORDER BY step_count DESC LIMIT 1"
TICKETS: LiteralString = "SELECT input ->> 'ticket' FROM runs ORDER BY id LIMIT 50"
LAST_START: LiteralString = "SELECT max(started_at) FROM runs"
QUANTILES: LiteralString = """
SELECT percentile_disc(%(fractions)s::float8[]) WITHIN GROUP (ORDER BY duration_microseconds),
    percentile_disc(%(fractions)s::float8[]) WITHIN GROUP (ORDER BY cost_nano_usd)
FROM runs
"""


@contextmanager
def connected(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def definition(connection: Connection, index: str) -> bytes:
    """The statement that makes an index, of a partitioned table with all its partitions."""
    statement = str(connection.execute(INDEX_DEFINITION, [index]).fetchall()[0][0])
    return statement.replace(" ON ONLY ", " ON ", 1).encode()


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
