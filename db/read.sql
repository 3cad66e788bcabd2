-- name: ping
-- Whether the database answers.
SELECT 1;

-- name: cursor_of_shard
-- How far a shard is drained.
SELECT epoch, entry_id FROM stream_cursors WHERE shard = %(shard)s;

-- name: list_drained
-- How far each shard is drained, and how many seconds ago its last batch was stored.
SELECT shard, epoch, entry_id, events, bytes, extract(epoch FROM clock_timestamp() - updated_at)::float8
FROM stream_cursors
ORDER BY shard;

-- name: is_folded
-- Whether no sums wait for the fold.
SELECT NOT EXISTS (SELECT FROM pending_totals);

-- name: count_kept_letters
-- How many dead letters of a project are kept.
SELECT count(*) FROM dead_letters WHERE project_id = %(project_id)s;

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
-- How many of some runs, and steps in them, a project has.
SELECT count(*), coalesce(sum(step_count), 0)
FROM runs
WHERE project_id = (SELECT id FROM projects WHERE slug = %(project)s) AND id = ANY (%(run_ids)s::uuid[]);

-- name: checksum_runs
-- Of some runs that a project has: how many steps are there, and the sum of the first 8 bytes of the SHA-256 of each row, the
-- run's and its steps'. `cli.burst_check` computes the same of what was sent, field by field; payloads count as there or not.
SELECT r.id::text, s.rows, s.checksum + substr(sha256(convert_to(json_build_array(
    r.id, r.status, r.name, r.session_id, (extract(epoch FROM r.started_at) * 1000000)::bigint,
    (extract(epoch FROM r.finished_at) * 1000000)::bigint, r.step_count, r.error_count, r.input_tokens, r.output_tokens,
    r.cost_nano_usd, r.input IS NOT NULL, r.output IS NOT NULL, r.error ->> 'type'
)::text, 'UTF8')), 1, 8)::bigint
FROM unnest(%(run_ids)s::uuid[]) AS w (id)
JOIN runs r ON r.project_id = (SELECT id FROM projects WHERE slug = %(project)s) AND r.id = w.id
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, coalesce(sum(substr(sha256(convert_to(json_build_array(
        steps.run_id, steps.id, steps.index, steps.parent_id, steps.tool_name, steps.kind, steps.model,
        (extract(epoch FROM steps.started_at) * 1000000)::bigint, (extract(epoch FROM steps.finished_at) * 1000000)::bigint,
        steps.input_tokens, steps.output_tokens, steps.cost_nano_usd, steps.input IS NOT NULL, steps.output IS NOT NULL,
        steps.error ->> 'type'
    )::text, 'UTF8')), 1, 8)::bigint), 0) AS checksum
    FROM steps
    WHERE steps.project_id = r.project_id AND steps.run_id = r.id
) s;

-- name: run_summary
-- A run `r` of agent `a` as lists show it: an expression.
json_build_object(
    'id', r.id, 'agentId', r.agent_id, 'agentName', a.name, 'agentVersion', a.version, 'userId', r.user_id,
    'sessionId', r.session_id, 'name', r.name, 'status', r.status, 'startedAt', r.started_at, 'finishedAt', r.finished_at,
    'durationMs', r.duration_microseconds / 1000.0::float8, 'stepCount', r.step_count, 'errorCount', r.error_count,
    'inputTokens', r.input_tokens, 'outputTokens', r.output_tokens, 'costUsd', r.cost_nano_usd / 1e9::float8, 'tags', r.tags,
    'lastEventAt', coalesce(r.last_event_at, r.accepted_at), 'stale', {is_stale}
)

-- name: find_agents
-- The agents of a name, of a version, or both.
SELECT id FROM agents
WHERE project_id = %(project_id)s AND (%(name)s::text IS NULL OR name = %(name)s)
    AND (%(version)s::text IS NULL OR version = %(version)s);

-- name: matching_runs
-- Runs whose words match, up to some number: more than that are found quicker by looking through the list of runs.
SELECT run_id
FROM search_documents
WHERE project_id = %(project_id)s AND words @@ websearch_to_tsquery('simple', %(q)s)
LIMIT %(limit)s;

-- name: count_terms
-- How many runs stand under each of some terms, as far as is worth counting.
SELECT number - 1, (
    SELECT count(*)
    FROM (SELECT FROM search_terms AS t WHERE t.project_id = %(project_id)s AND t.term = w.term LIMIT 2000) AS counted
)
FROM unnest(%(terms)s::text[]) WITH ORDINALITY AS w (term, number)
ORDER BY 2, 1;

-- name: search_lag
-- Since when a change waits for the search index, in seconds.
SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM pending_documents ORDER BY id LIMIT 1;

-- name: get_artifact
-- One artifact of a run.
SELECT f.type, f.url, f.content::text
FROM runs AS r
JOIN artifacts AS f ON (f.project_id, f.run_id, f.day) = (r.project_id, r.id, r.day)
WHERE r.project_id = %(project_id)s AND r.id = %(run_id)s AND f.id = %(artifact_id)s;

-- name: read_by_page
-- Reads what an index finds in the order in which it stands on disk. The planner does so by itself where it knows that much is
-- found, and it knows nothing of single runs.
SET LOCAL enable_indexscan = off;
SET LOCAL enable_seqscan = off;

-- name: find_run
-- In which partitions a run's steps are, and how many it has.
SELECT day, step_count FROM runs WHERE project_id = %(project_id)s AND id = %(run_id)s;

-- name: list_sessions
-- Sessions, the one with the latest run first, each with what its runs amount to. A session stands where its latest run does.
WITH k AS MATERIALIZED (
    SELECT t.started_at, t.run_id AS id, r.session_id
    FROM search_terms AS t
    JOIN runs AS r ON (r.project_id, r.id) = (t.project_id, t.run_id)
    WHERE t.project_id = %(project_id)s AND t.term = 'has:session'
        AND (t.started_at, t.run_id) < (%(after)s::timestamptz, %(after_id)s::uuid)
        AND NOT EXISTS (
            SELECT FROM runs AS n
            WHERE n.project_id = r.project_id AND n.session_id = r.session_id AND (n.started_at, n.id) > (r.started_at, r.id)
        )
    ORDER BY t.started_at DESC, t.run_id DESC
    LIMIT %(limit)s
)
SELECT k.started_at, k.id, json_build_object(
    'id', k.session_id, 'userId', s.user_id, 'runCount', s.run_count, 'failedCount', s.failed_count,
    'firstStartedAt', s.first_started_at, 'lastStartedAt', k.started_at, 'lastRunId', k.id, 'stepCount', s.step_count,
    'errorCount', s.error_count, 'inputTokens', s.input_tokens, 'outputTokens', s.output_tokens,
    'costUsd', (s.cost_nano_usd / 1e9)::float8
)::text
FROM k
CROSS JOIN LATERAL (
    SELECT count(*) AS run_count, count(*) FILTER (WHERE r.status = 'FAILED') AS failed_count, max(r.user_id) AS user_id,
        min(r.started_at) AS first_started_at, sum(r.step_count) AS step_count, sum(r.error_count) AS error_count,
        sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens, sum(r.cost_nano_usd) AS cost_nano_usd
    FROM runs AS r
    WHERE r.project_id = %(project_id)s AND r.session_id = k.session_id
) AS s
ORDER BY k.started_at DESC, k.id DESC;

-- name: session_runs
-- The runs of a session in the order in which they began.
SELECT r.started_at, r.id, {run_summary}::text
FROM runs AS r
LEFT JOIN agents AS a ON a.id = r.agent_id AND a.project_id = r.project_id
WHERE r.project_id = %(project_id)s AND r.session_id = %(session_id)s
    AND (r.started_at, r.id) > (%(after)s::timestamptz, %(after_id)s::uuid)
ORDER BY r.started_at, r.id
LIMIT %(limit)s;
