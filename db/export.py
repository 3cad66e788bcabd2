"""Exports of runs: everything that a filter lets through, the latest first, through a cursor of the server's.

The columns are those of the list and the payloads. Each format has its own way to say a time.
"""

from typing import Any, LiteralString

from psycopg import sql

from db import queries
from db.run_list import RunFilter, all_conditions_of, join_of

FLAT_COLUMNS: dict[str, LiteralString] = {
    "id": "r.id::text",
    "agentId": "r.agent_id",
    "agentName": "a.name",
    "agentVersion": "a.version",
    "userId": "r.user_id",
    "sessionId": "r.session_id",
    "name": "r.name",
    "status": "r.status",
    "startedAt": "r.started_at",
    "finishedAt": "r.finished_at",
    "durationMs": "r.duration_microseconds / 1000.0::float8",
    "stepCount": "r.step_count",
    "errorCount": "r.error_count",
    "inputTokens": "r.input_tokens",
    "outputTokens": "r.output_tokens",
    "costUsd": "r.cost_nano_usd / 1e9::float8",
    "tags": "r.tags::text",
    "lastEventAt": "coalesce(r.last_event_at, r.accepted_at)",
    "stale": queries.IS_STALE,
    "input": "r.input::text",
    "output": "r.output::text",
    "error": "r.error::text",
    "attributes": "r.attributes::text",
}
TIMES = ("startedAt", "finishedAt", "lastEventAt")

_PAYLOADS: LiteralString = ", 'input', r.input, 'output', r.output, 'error', r.error, 'attributes', r.attributes)"

CURSOR = "export"

SET_TRANSACTION: LiteralString = (
    "SELECT set_config('transaction_read_only', 'on', true), set_config('statement_timeout', %(milliseconds)s::text, true)"
)
"""For the transaction that it stands in. The timeout is of a statement, so of each FETCH."""


def as_json(project_id: int, wanted: RunFilter) -> tuple[LiteralString, dict[str, Any]]:
    """Rows of one column: the run as a line of JSON text."""
    return _statement(f"{queries.RUN_SUMMARY.removesuffix(')')}{_PAYLOADS}::text", project_id, wanted)


def as_text(project_id: int, wanted: RunFilter) -> tuple[LiteralString, dict[str, Any]]:
    """Rows of `FLAT_COLUMNS`, with times as JSON has them."""
    return _flat("to_json({0}) #>> '{}'", project_id, wanted)


def as_values(project_id: int, wanted: RunFilter) -> tuple[LiteralString, dict[str, Any]]:
    """Rows of `FLAT_COLUMNS`, with times in microseconds since 1970."""
    return _flat("(extract(epoch FROM {0}) * 1000000)::bigint", project_id, wanted)


def fetch(count: int) -> sql.Composed:
    """The next rows of `CURSOR`. FETCH takes no parameters, so the number is written into it."""
    return sql.SQL("FETCH FORWARD {} FROM {}").format(sql.Literal(count), sql.Identifier(CURSOR))


def _flat(time: LiteralString, project_id: int, wanted: RunFilter) -> tuple[LiteralString, dict[str, Any]]:
    columns: LiteralString = ", ".join(
        time.replace("{0}", column) if name in TIMES else column for name, column in FLAT_COLUMNS.items()
    )
    return _statement(columns, project_id, wanted)


def _statement(columns: LiteralString, project_id: int, wanted: RunFilter) -> tuple[LiteralString, dict[str, Any]]:
    conditions, values = all_conditions_of(project_id, wanted)
    return (
        f"SELECT {columns}\nFROM runs AS r\n{join_of(wanted)}"
        "LEFT JOIN agents AS a ON a.id = r.agent_id AND a.project_id = r.project_id\n"
        f"WHERE {conditions}\nORDER BY r.started_at DESC, r.id DESC",
        values,
    )
