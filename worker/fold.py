"""The fold: adds to the roll-ups what batches left for it.

A batch appends its sums to the pending tables, in the transaction that stores its rows; the fold takes them all at once, many
batches together, so that a row of a roll-up is written twice a second and not with every batch. Its transaction takes the
pending rows away and adds them, both or neither: nothing is counted twice or lost.
A row that comes to nothing, as when the last of its runs is removed, goes away.
"""

from typing import LiteralString

from db import pipeline, queries
from db.pipeline import Connection

STATEMENTS = (queries.FOLD_TOTALS, queries.FOLD_TOOLS, queries.FOLD_LATENCIES, queries.FOLD_ERRORS)

_PLACE = ("project_ids", "grains", "agent_ids", "starts")
_DROPS: tuple[tuple[LiteralString, tuple[str, ...]], ...] = (
    (queries.DROP_EMPTY_TOTALS, _PLACE),
    (queries.DROP_EMPTY_TOOLS, (*_PLACE, "tool_names", "kinds", "models")),
    (queries.DROP_EMPTY_LATENCIES, ("project_ids", "grains", "agent_ids", "subjects", "starts", "tool_names")),
    (queries.DROP_EMPTY_ERRORS, (*_PLACE, "subjects", "tool_names", "error_ids")),
)


def fold(connection: Connection, *, wait: bool = False) -> bool:
    """False if another folds just now, and so may have missed what was appended last; with `wait` it is waited for."""
    with connection.transaction():
        if wait:
            connection.execute(queries.FOLD_LOCK)
        elif not _is_true(connection):
            return False
        for statement, (drop, key) in zip(STATEMENTS, _DROPS, strict=True):
            if empty := connection.execute(statement).fetchall():
                connection.execute(drop, pipeline.columns_of(empty, key))
    return True


def _is_true(connection: Connection) -> bool:
    row = connection.execute(queries.TRY_FOLD_LOCK).fetchone()
    return row is not None and bool(row[0])
