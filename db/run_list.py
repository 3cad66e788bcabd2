"""The list of runs: filters from an allow-list, values always parameters, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID


@dataclass(slots=True, frozen=True)
class RunFilter:
    agent_id: int | None = None
    statuses: tuple[str, ...] = ()
    after: tuple[datetime, UUID] | None = None
    """Keyset: only runs that come behind this one (started_at, id)."""


_COLUMNS: LiteralString = """
SELECT r.started_at, r.id, json_build_object(
    'id', r.id, 'agentId', r.agent_id, 'agentName', a.name, 'agentVersion', a.version, 'userId', r.user_id,
    'sessionId', r.session_id, 'name', r.name, 'status', r.status, 'startedAt', r.started_at, 'finishedAt', r.finished_at,
    'durationMs', round(extract(epoch FROM r.finished_at - r.started_at) * 1000, 3), 'stepCount', r.step_count,
    'errorCount', r.error_count, 'inputTokens', r.input_tokens, 'outputTokens', r.output_tokens,
    'costUsd', r.cost_nano_usd / 1e9::float8, 'tags', r.tags
)::text
FROM runs AS r
LEFT JOIN agents AS a ON a.id = r.agent_id AND a.project_id = r.project_id
"""


def list_runs(project_id: int, wanted: RunFilter, *, limit: int, offset: int) -> tuple[LiteralString, dict[str, Any]]:
    """The statement and its parameters. Rows: started_at, id, and the run as JSON text."""
    conditions: list[LiteralString] = ["r.project_id = %(project_id)s"]
    values: dict[str, Any] = {"project_id": project_id, "limit": limit, "offset": offset}
    if wanted.agent_id is not None:
        conditions.append("r.agent_id = %(agent_id)s")
        values["agent_id"] = wanted.agent_id
    if len(wanted.statuses) == 1:
        conditions.append("r.status = %(status)s")
        values["status"] = wanted.statuses[0]
    elif wanted.statuses:
        conditions.append("r.status = ANY (%(statuses)s)")
        values["statuses"] = list(wanted.statuses)
    if wanted.after is not None:
        conditions.append("(r.started_at, r.id) < (%(after_started_at)s, %(after_id)s)")
        values["after_started_at"], values["after_id"] = wanted.after
    where: LiteralString = " AND ".join(conditions)
    return f"{_COLUMNS}WHERE {where}\nORDER BY r.started_at DESC, r.id DESC\nLIMIT %(limit)s OFFSET %(offset)s", values
