"""A run's trace: the run, its steps, what these made. JSON is built by Postgres, of fields from an allow-list."""

from collections.abc import Iterable
from typing import LiteralString

STEP_FIELDS: dict[str, LiteralString] = {
    "id": "lpad(to_hex(s.id), 16, '0')",
    "runId": "s.run_id",
    "parentId": "lpad(to_hex(s.parent_id), 16, '0')",
    "index": "s.index",
    "toolName": "s.tool_name",
    "name": "coalesce(s.name, s.tool_name)",
    "kind": "s.kind",
    "model": "s.model",
    "status": "CASE WHEN s.error IS NOT NULL THEN 'FAILED' WHEN s.finished_at IS NOT NULL THEN 'SUCCESS' ELSE 'RUNNING' END",
    "input": "s.input",
    "output": "s.output",
    "error": "s.error",
    "attributes": "s.attributes",
    "startedAt": "s.started_at",
    "finishedAt": "s.finished_at",
    "durationMs": "round(extract(epoch FROM s.finished_at - s.started_at) * 1000, 3)",
    "inputTokens": "s.input_tokens",
    "outputTokens": "s.output_tokens",
    "costUsd": "s.cost_nano_usd / 1e9::float8",
    "artifacts": "coalesce(f.items, '[]'::json)",
}
PAYLOADS = frozenset(("input", "output", "error", "attributes"))
LARGE = PAYLOADS | {"artifacts"}
"""Fields that may hold a MiB or more."""

_ARTIFACTS: LiteralString = """
    LEFT JOIN (
        SELECT step_id, json_agg(json_build_object(
            'id', id, 'type', type, 'url', url{content}, 'createdAt', created_at
        ) ORDER BY created_at, id) AS items
        FROM artifacts
        WHERE project_id = %(project_id)s AND run_id = %(run_id)s AND day = %(day)s
        GROUP BY step_id
    ) AS f ON f.step_id = s.id"""

IS_STALE: LiteralString = """(
    coalesce(r.closed_as_stale, false)
    OR coalesce(
        r.status IN ('PENDING', 'RUNNING')
        AND coalesce(r.last_event_at, r.accepted_at) < now() - nullif(coalesce(
            (SELECT p.stale_after_seconds FROM projects AS p WHERE p.id = r.project_id),
            nullif(current_setting('agentguide.stale_after_seconds', true), '')::int
        ), 0) * interval '1 second',
        false
    )
)"""
"""Whether a run `r` was closed because it was silent, or is open and silent for longer than its project allows. What is allowed
where the project says nothing is a setting of the session; 0 is for ever."""

_RUN: LiteralString = """
    'id', r.id, 'agentId', r.agent_id,
    'agent', CASE WHEN a.id IS NOT NULL THEN json_build_object('id', a.id, 'name', a.name, 'version', a.version) END,
    'userId', r.user_id, 'sessionId', r.session_id, 'name', r.name, 'status', r.status,
    {payloads}'startedAt', r.started_at, 'finishedAt', r.finished_at,
    'durationMs', round(extract(epoch FROM r.finished_at - r.started_at) * 1000, 3),
    'tags', r.tags, 'acceptedAt', r.accepted_at,
    'lastEventAt', coalesce(r.last_event_at, r.accepted_at), 'stale', {is_stale},
    'stepCount', r.step_count, 'errorCount', r.error_count, 'inputTokens', r.input_tokens, 'outputTokens', r.output_tokens,
    'costUsd', r.cost_nano_usd / 1e9::float8"""

LIST_METRICS: LiteralString = """
SELECT coalesce(json_agg(
    json_build_object('id', id, 'name', name, 'value', value, 'tags', tags, 'createdAt', created_at) ORDER BY created_at, id
), '[]'::json)::text
FROM metrics
WHERE project_id = %(project_id)s AND run_id = %(run_id)s AND day = %(day)s
"""
"""A run's metrics as JSON text. By themselves, as only with the day at hand the planner need not think of every partition."""


def _step(fields: Iterable[str], *, payloads: bool) -> tuple[LiteralString, LiteralString]:
    """The JSON of a step `s`, and the join that it needs."""
    names = [name for name in STEP_FIELDS if name in set(fields) and (payloads or name not in PAYLOADS)]
    # An artifact's content is a payload too; its id says where to get it.
    content: LiteralString = ", 'content', content" if payloads else ""
    return f"json_build_object({_pairs(names)})", _ARTIFACTS.replace("{content}", content) if "artifacts" in names else ""


def step_summary() -> LiteralString:
    """What `json_build_object` makes of a step `s` without its payloads and artifacts."""
    return _pairs(name for name in STEP_FIELDS if name not in PAYLOADS and name != "artifacts")


def _pairs(names: Iterable[str]) -> LiteralString:
    return ", ".join(f"'{name}', {STEP_FIELDS[name]}" for name in names)


def get_run(*, payloads: bool) -> LiteralString:
    """A run as JSON text, its day, and how many steps it has. Parameters: project_id, run_id."""
    some: LiteralString = "'input', r.input, 'output', r.output, 'error', r.error, 'attributes', r.attributes, "
    built = _RUN.replace("{payloads}", some if payloads else "").replace("{is_stale}", IS_STALE)
    return (
        f"SELECT json_build_object({built})::text, r.day, r.step_count FROM runs AS r\n"
        "LEFT JOIN agents AS a ON a.id = r.agent_id AND a.project_id = r.project_id\n"
        "WHERE r.project_id = %(project_id)s AND r.id = %(run_id)s"
    )


def list_steps(fields: Iterable[str], *, payloads: bool) -> LiteralString:
    """Steps of a run in order of their index: rows of index, id, and the step as JSON text.

    Parameters: project_id, run_id, day, after_index, after_id, limit. The keys of a page are found first, and only its few
    steps are read whole. The first thousand steps are found by the run, those after them along an index.
    """
    built, joined = _step(fields, payloads=payloads)
    return (
        "WITH k AS MATERIALIZED (\n"
        f"    ({_KEYS} AND s.index < 1000 AND %(after_index)s::int < 1000 {_PAGE})\n    UNION ALL\n"
        f"    ({_KEYS} AND s.index >= 1000 {_PAGE})\n"
        "    ORDER BY index, id\n    LIMIT %(limit)s\n)\n"
        f"SELECT k.index, k.id, {built}::text\nFROM k\n"
        "JOIN steps AS s ON s.project_id = %(project_id)s AND s.run_id = %(run_id)s AND s.day = %(day)s AND s.id = k.id"
        f"{joined}\nORDER BY k.index, k.id"
    )


_KEYS: LiteralString = (
    "SELECT s.index, s.id FROM steps AS s WHERE s.project_id = %(project_id)s AND s.run_id = %(run_id)s AND s.day = %(day)s"
    " AND (s.index, s.id) > (%(after_index)s::int, %(after_id)s::bigint)"
)
_PAGE: LiteralString = "ORDER BY s.index, s.id LIMIT %(limit)s"


def get_step() -> LiteralString:
    """One step with its payloads as JSON text. Parameters: project_id, run_id, day, step_id."""
    built, joined = _step(STEP_FIELDS, payloads=True)
    return (
        f"SELECT {built}::text\nFROM steps AS s{joined}\n"
        "WHERE s.project_id = %(project_id)s AND s.run_id = %(run_id)s AND s.day = %(day)s AND s.id = %(step_id)s"
    )
