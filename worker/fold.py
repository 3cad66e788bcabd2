"""The fold: adds to the roll-ups what batches left for it.

A batch appends its sums to the pending tables, in the transaction that stores its rows; the fold takes them all at once, many
batches together, so that a row of a roll-up is written twice a second and not with every batch. Its transaction takes the
pending rows away and adds them, both or neither: nothing is counted twice or lost.
"""

from db import queries
from db.pipeline import Connection

STATEMENTS = (queries.FOLD_TOTALS, queries.FOLD_TOOLS, queries.FOLD_LATENCIES, queries.FOLD_ERRORS)


def fold(connection: Connection, *, wait: bool = False) -> bool:
    """False if another folds just now, and so may have missed what was appended last; with `wait` it is waited for."""
    with connection.transaction():
        if wait:
            connection.execute(queries.FOLD_LOCK)
        elif not _is_true(connection):
            return False
        for statement in STATEMENTS:
            connection.execute(statement)
    return True


def _is_true(connection: Connection) -> bool:
    row = connection.execute(queries.TRY_FOLD_LOCK).fetchone()
    return row is not None and bool(row[0])
