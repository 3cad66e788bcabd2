"""How PostgreSQL answers a statement."""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg


def explain(
    connection: psycopg.Connection[tuple[Any, ...]],
    statement: LiteralString,
    values: dict[str, Any],
    options: LiteralString = "FORMAT JSON",
) -> Any:
    """The plan as the server makes it for a prepared statement, which these become when they are asked often."""
    cursor = psycopg.ClientCursor(connection)
    parts = statement.split("%(")
    names = list(dict.fromkeys(part.partition(")s")[0] for part in parts[1:]))
    text = statement
    for place, part in enumerate(names, 1):
        text = text.replace(f"%({part})s", f"${place}")
    connection.execute("DEALLOCATE ALL")
    connection.execute(f"PREPARE asked AS {text}")  # type: ignore[arg-type]
    given = ", ".join(f"%({part})s" for part in names)
    return cursor.execute(f"EXPLAIN ({options}) EXECUTE asked({given})", values).fetchall()[0][0][0]["Plan"]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)
