-- name: ping
-- Whether the database answers.
SELECT 1;

-- name: cursor_of_shard
-- How far a shard is drained.
SELECT epoch, entry_id FROM stream_cursors WHERE shard = %(shard)s;

-- name: existing_agents
-- Those of some agents that the project has.
SELECT id FROM agents WHERE project_id = %(project_id)s AND id = ANY (%(ids)s::int[]);

-- name: existing_users
-- Those of some users that are members of the project.
SELECT user_id FROM memberships WHERE project_id = %(project_id)s AND user_id = ANY (%(ids)s::int[]);

-- name: list_agents
-- The agents of a project, by name and version, a page at a time.
SELECT id, json_build_object('id', id, 'name', name, 'version', version, 'createdAt', created_at)::text
FROM agents
WHERE project_id = %(project_id)s AND id > %(after)s
ORDER BY id
LIMIT %(limit)s OFFSET %(offset)s;

-- name: count_arrived
-- How many of some runs, and steps in them, are in the database.
SELECT count(*), coalesce(sum(step_count), 0)
FROM runs
WHERE project_id = %(project_id)s AND id = ANY (%(run_ids)s::uuid[]);

-- name: get_run
-- A run with all it holds, as the JSON that the client gets.
SELECT json_build_object(
    'id', r.id, 'agent', CASE WHEN a.id IS NOT NULL THEN json_build_object('id', a.id, 'name', a.name, 'version', a.version) END,
    'agentId', r.agent_id, 'userId', r.user_id, 'sessionId', r.session_id, 'name', r.name, 'status', r.status,
    'input', r.input, 'output', r.output, 'error', r.error, 'startedAt', r.started_at, 'finishedAt', r.finished_at,
    'durationMs', round(extract(epoch FROM r.finished_at - r.started_at) * 1000, 3),
    'tags', r.tags, 'attributes', r.attributes, 'acceptedAt', r.accepted_at,
    'stepCount', r.step_count, 'errorCount', r.error_count, 'inputTokens', r.input_tokens, 'outputTokens', r.output_tokens,
    'costUsd', r.cost_nano_usd / 1e9::float8,
    'steps', (
        SELECT coalesce(json_agg(json_build_object(
            'id', lpad(to_hex(s.id), 16, '0'), 'runId', s.run_id, 'parentId', lpad(to_hex(s.parent_id), 16, '0'),
            'index', s.index, 'toolName', s.tool_name, 'name', coalesce(s.name, s.tool_name), 'kind', s.kind, 'model', s.model,
            'status', CASE WHEN s.error IS NOT NULL THEN 'FAILED' WHEN s.finished_at IS NOT NULL THEN 'SUCCESS' ELSE 'RUNNING' END,
            'input', s.input, 'output', s.output, 'error', s.error, 'attributes', s.attributes,
            'startedAt', s.started_at, 'finishedAt', s.finished_at,
            'durationMs', round(extract(epoch FROM s.finished_at - s.started_at) * 1000, 3),
            'inputTokens', s.input_tokens, 'outputTokens', s.output_tokens, 'costUsd', s.cost_nano_usd / 1e9::float8,
            'artifacts', coalesce(f.items, '[]'::json)
        ) ORDER BY s.index, s.id), '[]'::json)
        FROM steps AS s
        LEFT JOIN (
            SELECT step_id, json_agg(
                json_build_object('id', id, 'type', type, 'url', url, 'content', content, 'createdAt', created_at) ORDER BY created_at, id
            ) AS items
            FROM artifacts
            WHERE (project_id, run_id, day) = (r.project_id, r.id, r.day)
            GROUP BY step_id
        ) AS f ON f.step_id = s.id
        WHERE (s.project_id, s.run_id, s.day) = (r.project_id, r.id, r.day)
    ),
    'metrics', (
        SELECT coalesce(json_agg(
            json_build_object('id', m.id, 'name', m.name, 'value', m.value, 'tags', m.tags, 'createdAt', m.created_at)
            ORDER BY m.created_at, m.id
        ), '[]'::json)
        FROM metrics AS m
        WHERE (m.project_id, m.run_id, m.day) = (r.project_id, r.id, r.day)
    )
)::text
FROM runs AS r
LEFT JOIN agents AS a ON a.id = r.agent_id AND a.project_id = r.project_id
WHERE r.project_id = %(project_id)s AND r.id = %(run_id)s;
