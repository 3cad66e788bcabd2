"""What the benchmarks ask of Postgres, with the SQL: it looks at the product from outside, so it is no part of `db/`."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

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
SIZE_AND_DEAD_ROWS: LiteralString = """
SELECT pg_database_size(current_database()), (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables)
"""
ACTIVITY: LiteralString = """
SELECT w.wal_bytes::bigint, w.wal_fpi, d.blks_read, c.num_done
FROM pg_stat_wal AS w, pg_stat_checkpointer AS c, pg_stat_database AS d
WHERE d.datname = current_database()
"""
WORKER_SESSIONS: LiteralString = """
SELECT coalesce(wait_event_type || ':' || wait_event, ''), count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'agentguide worker' AND state <> 'idle'
GROUP BY 1
"""
HAS_RUNS_TABLE: LiteralString = "SELECT to_regclass('runs') IS NOT NULL"
HAS_RUNS: LiteralString = "SELECT EXISTS (SELECT FROM runs)"
WAITING_DOCUMENTS: LiteralString = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM pending_documents"
TABLE_BYTES: LiteralString = """
SELECT coalesce(parent.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
LEFT JOIN pg_class AS parent ON parent.oid = i.inhparent
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
GROUP BY 1
ORDER BY 2 DESC
"""
TABLE_STATES: LiteralString = """
SELECT coalesce(parent.relname, s.relname), sum(pg_total_relation_size(s.relid))::bigint, sum(s.n_live_tup)::bigint,
    sum(s.n_dead_tup)::bigint
FROM pg_stat_user_tables AS s
LEFT JOIN pg_inherits AS i ON i.inhrelid = s.relid
LEFT JOIN pg_class AS parent ON parent.oid = i.inhparent
WHERE s.schemaname = 'public'
GROUP BY 1
"""
COUNT_PENDING: LiteralString = """
SELECT (SELECT count(*) FROM pending_totals) + (SELECT count(*) FROM pending_tools) + (SELECT count(*) FROM pending_latencies)
    + (SELECT count(*) FROM pending_errors) + (SELECT count(*) FROM pending_documents)
"""
WAL_BYTES_MAX: LiteralString = "SELECT pg_size_bytes(current_setting('max_wal_size'))"
WAL_BYTES: LiteralString = "SELECT sum(size)::bigint FROM pg_ls_waldir()"
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


class Activity(NamedTuple):
    """What Postgres did so far, or in some time."""

    wal_bytes: int
    full_page_images: int
    """Whole pages in the log: those that changed for the first time since a checkpoint."""
    blocks_read: int
    """Pages that were not in shared_buffers."""
    checkpoints: int

    def since(self, before: "Activity") -> "Activity":
        return Activity(*(now - then for now, then in zip(self, before, strict=True)))


# What a load test sent, beside what is stored. `acknowledged_rows` and `unknown_rows` are lines of `loadtest.ledger`.
CREATE_SENT: LiteralString = """
DROP TABLE IF EXISTS pg_temp.acknowledged_rows, pg_temp.unknown_rows, pg_temp.sent_runs, pg_temp.sent_steps;
CREATE TEMPORARY TABLE acknowledged_rows (run_id uuid NOT NULL, step_id bigint, finished boolean NOT NULL);
CREATE TEMPORARY TABLE unknown_rows (LIKE acknowledged_rows INCLUDING ALL);
"""
COPY_ACKNOWLEDGED: LiteralString = "COPY acknowledged_rows FROM STDIN"
COPY_UNKNOWN: LiteralString = "COPY unknown_rows FROM STDIN"
FOLD_SENT: LiteralString = """
CREATE TEMPORARY TABLE sent_runs AS
SELECT run_id, bool_or(acknowledged) AS acknowledged, bool_or(acknowledged AND finished AND step_id IS NULL) AS finished
FROM (SELECT *, true AS acknowledged FROM acknowledged_rows UNION ALL SELECT *, false FROM unknown_rows) AS every_row
GROUP BY run_id;
CREATE TEMPORARY TABLE sent_steps AS
SELECT run_id, step_id, bool_or(acknowledged) AS acknowledged, bool_or(acknowledged AND finished) AS finished
FROM (SELECT *, true AS acknowledged FROM acknowledged_rows UNION ALL SELECT *, false FROM unknown_rows) AS every_row
WHERE step_id IS NOT NULL
GROUP BY run_id, step_id;
ANALYZE sent_runs, sent_steps;
"""
COMPARE_SENT: LiteralString = """
WITH stored_runs AS (
    SELECT id AS run_id, count(*) AS copies, bool_and(status NOT IN ('PENDING', 'RUNNING')) AS finished
    FROM runs
    GROUP BY id
), stored_steps AS (
    SELECT run_id, id AS step_id, count(*) AS copies, bool_and(finished_at IS NOT NULL) AS finished
    FROM steps
    WHERE %(alone)s OR run_id IN (SELECT run_id FROM sent_runs)
    GROUP BY run_id, id
), pairs AS (
    SELECT 'runs' AS kind, sent.acknowledged, sent.finished AS end_sent, copies, stored.finished AS end_stored
    FROM sent_runs AS sent
    FULL JOIN stored_runs AS stored USING (run_id)
    WHERE %(alone)s OR sent.acknowledged IS NOT NULL
    UNION ALL
    SELECT 'steps', sent.acknowledged, sent.finished, copies, stored.finished
    FROM sent_steps AS sent
    FULL JOIN stored_steps AS stored USING (run_id, step_id)
)
SELECT kind,
    count(*) FILTER (WHERE acknowledged) AS acknowledged,
    count(*) FILTER (WHERE acknowledged AND copies IS NULL) AS missing,
    count(*) FILTER (WHERE copies > 1) AS doubled,
    count(*) FILTER (WHERE end_sent AND NOT end_stored) AS unfinished,
    count(*) FILTER (WHERE NOT acknowledged) AS unknown,
    count(*) FILTER (WHERE NOT acknowledged AND copies > 0) AS unknown_stored,
    count(*) FILTER (WHERE acknowledged IS NULL) AS unexpected
FROM pairs
GROUP BY kind
"""
COUNT_DEAD_LETTERS: LiteralString = "SELECT count(*) FROM dead_letters"


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


def size_and_dead_rows(connection: Connection) -> tuple[int, int]:
    """Bytes of the database, and rows that are dead and not cleared away, as the statistics of all tables estimate it."""
    size, dead = connection.execute(SIZE_AND_DEAD_ROWS).fetchall()[0]
    return size, dead


def activity(connection: Connection) -> Activity:
    return Activity(*connection.execute(ACTIVITY).fetchall()[0])


def worker_sessions(connection: Connection) -> dict[str, int]:
    """How many transactions of workers wait for what, by Postgres' names of waits; the empty name is of those that compute."""
    return {str(wait): int(count) for wait, count in connection.execute(WORKER_SESSIONS).fetchall()}


def holds_runs(connection: Connection) -> bool:
    """Whether somebody's runs are in the database; it may be one without tables."""
    has_table = bool(connection.execute(HAS_RUNS_TABLE).fetchall()[0][0])
    return has_table and bool(connection.execute(HAS_RUNS).fetchall()[0][0])


def waiting_documents(connection: Connection) -> int:
    """Notes of changed runs that the search index does not know yet, by their numbers: to count them would take long."""
    return int(connection.execute(WAITING_DOCUMENTS).fetchall()[0][0])


def load_sent(connection: Connection, acknowledged: Sequence[Path], unknown: Sequence[Path]) -> None:
    """Brings files of `loadtest.ledger` into temporary tables of this connection."""
    connection.execute(CREATE_SENT)
    for statement, paths in ((COPY_ACKNOWLEDGED, acknowledged), (COPY_UNKNOWN, unknown)):
        for path in paths:
            with path.open("rb") as file, connection.cursor() as cursor, cursor.copy(statement) as sink:
                while block := file.read(1 << 20):
                    sink.write(block)
    connection.execute(FOLD_SENT)


def compare_sent(connection: Connection, *, alone: bool) -> dict[str, dict[str, int]]:
    """Counts of `runs` and `steps`, as `loadtest.verification.Tally` has them; of what there is none, nothing."""
    cursor = connection.execute(COMPARE_SENT, {"alone": alone})
    names = [column.name for column in cursor.description or ()]
    return {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in cursor.fetchall()}


def count_dead_letters(connection: Connection) -> int:
    return int(connection.execute(COUNT_DEAD_LETTERS).fetchall()[0][0])


class TableState(NamedTuple):
    """Of a table with its partitions, indexes and TOAST. Rows are as Postgres' statistics estimate them."""

    bytes: int
    rows: int
    dead_rows: int


def table_states(connection: Connection) -> dict[str, TableState]:
    return {name: TableState(*state) for name, *state in connection.execute(TABLE_STATES).fetchall()}


def wal_bytes(connection: Connection) -> int:
    """Of the segments of the write-ahead log that are kept."""
    return int(connection.execute(WAL_BYTES).fetchall()[0][0])


def wal_bytes_max(connection: Connection) -> int:
    """What Postgres tries to keep the log under."""
    return int(connection.execute(WAL_BYTES_MAX).fetchall()[0][0])


def count_pending(connection: Connection) -> int:
    """Notes that roll-ups and the search index do not have yet, counted."""
    return int(connection.execute(COUNT_PENDING).fetchall()[0][0])
