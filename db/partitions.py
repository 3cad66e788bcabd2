"""Daily partitions of steps, artifacts, metrics and words."""

from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from db import queries

Connection = psycopg.Connection[tuple[Any, ...]]

PARTITIONED_BY_DAY = ("steps", "artifacts", "metrics", "search_documents")


def ensure_partitions(connection: Connection, days_ahead: int) -> None:
    """Partitions for yesterday (entries that wait in the queue over midnight), today and the coming days."""
    connection.execute(queries.ENSURE_PARTITIONS, {"days_ahead": days_ahead})


def days_on_disk(connection: Connection) -> dict[date, int]:
    """The days that have partitions, in order, and how many bytes these take."""
    return dict(connection.execute(queries.DAYS_ON_DISK, {"parents": list(PARTITIONED_BY_DAY)}).fetchall())


def drop_day(connection: Connection, day: date) -> bool:
    """Drops the partitions of a day that has no runs any more; False if it has.

    Nobody is kept waiting for long: drains and readers for as long as this waits for them, which it does for a second and for
    a twentieth of one at most.

    Raises:
        psycopg.errors.LockNotAvailable: somebody was at it for longer; try again later.
    """
    if _has_runs(connection, day):
        return False
    with connection.transaction():
        connection.execute(queries.LOCK_FOR_DROP)
        # No drain stores anything now. One that had an old entry in hand may have made a run of that day just before.
        if _has_runs(connection, day):
            return False
        for parent in PARTITIONED_BY_DAY:
            name = sql.Identifier(f"{parent}_{day:%Y%m%d}")
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    return True


def _has_runs(connection: Connection, day: date) -> bool:
    row = connection.execute(queries.DAY_HAS_RUNS, {"day": day}).fetchone()
    return row is not None and bool(row[0])
