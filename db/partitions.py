"""Daily partitions of steps, artifacts and metrics."""

from typing import Any

import psycopg

from db import queries


def ensure_partitions(connection: psycopg.Connection[tuple[Any, ...]], days_ahead: int) -> None:
    """Partitions for yesterday (entries that wait in the queue over midnight), today and the coming days."""
    connection.execute(queries.ENSURE_PARTITIONS, {"days_ahead": days_ahead})
