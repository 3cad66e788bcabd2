-- name: create_staging
-- Where changed rows wait for their UPDATE; the same columns as the real ones, so that both take the same COPY, and the same
-- defaults, so that a newer schema's NOT NULL columns do no harm to an older worker.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_runs (LIKE runs INCLUDING DEFAULTS) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_steps (LIKE steps INCLUDING DEFAULTS) ON COMMIT DELETE ROWS;
-- A staging table has no statistics, and a table that grows quickly has old ones: without these the planner may read all of
-- `steps` to join a hundred rows, or all of `runs` for each of them.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_seqscan = off;

-- name: empty_staging
-- Between two parts of one transaction: COMMIT empties the staging tables, the end of a savepoint does not, and an UPDATE
-- that finds two staged rows for one takes either.
DELETE FROM staged_runs;
DELETE FROM staged_steps;

-- name: lock_cursor
-- The cursor of a shard, locked: whoever holds this row is the shard's one writer. A row lock sees the newest version of
-- the row, which an advisory lock taken in the same statement would not; SKIP LOCKED makes a second drain go home.
SELECT epoch, entry_id, events, bytes
FROM stream_cursors
WHERE shard = %(shard)s
FOR UPDATE SKIP LOCKED;

-- name: create_cursor
-- The cursor of a shard that was never drained.
INSERT INTO stream_cursors (shard, epoch, entry_id, events, bytes)
VALUES (%(shard)s, '', '0-0', 0, 0)
ON CONFLICT DO NOTHING;

-- name: move_cursor
-- What was drained, in the transaction that stored it.
UPDATE stream_cursors
SET epoch = %(epoch)s, entry_id = %(entry_id)s, events = %(events)s, bytes = %(bytes)s, updated_at = now()
WHERE shard = %(shard)s;

-- name: register_agents
-- Agents on first sight, in key order.
INSERT INTO agents (project_id, name, version)
SELECT project_id, name, version
FROM unnest(%(project_ids)s::int[], %(names)s::text[], %(versions)s::text[]) AS a (project_id, name, version)
ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING;

-- name: find_agents
-- The ids of agents by name and version.
SELECT a.project_id, a.name, a.version, a.id
FROM unnest(%(project_ids)s::int[], %(names)s::text[], %(versions)s::text[]) AS k (project_id, name, version)
JOIN agents AS a USING (project_id, name, version);

-- name: load_runs
-- The runs that a batch touches, without their payloads.
SELECT
    r.project_id, r.id, r.day, r.agent_id, r.user_id, r.session_id, r.name, r.status,
    (extract(epoch FROM r.started_at) * 1000000)::bigint, (extract(epoch FROM r.finished_at) * 1000000)::bigint,
    (extract(epoch FROM r.accepted_at) * 1000000)::bigint,
    r.step_count, r.error_count, r.input_tokens, r.output_tokens, r.cost_nano_usd, r.next_index, r.awaited_parents, r.error_id,
    (extract(epoch FROM coalesce(r.last_event_at, r.accepted_at)) * 1000000)::bigint, coalesce(r.closed_as_stale, false)
FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[]) AS k (project_id, id)
JOIN runs AS r ON (r.project_id, r.id) = (k.project_id, k.id);

-- name: load_steps
-- The steps that a batch touches and all their ancestors, without payloads.
WITH RECURSIVE found AS (
    SELECT s.project_id, s.run_id, s.day, s.id, s.parent_id
    FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[], %(ids)s::bigint[]) AS k (project_id, run_id, day, id)
    JOIN steps AS s ON (s.project_id, s.run_id, s.day, s.id) = (k.project_id, k.run_id, k.day, k.id)
    UNION
    SELECT s.project_id, s.run_id, s.day, s.id, s.parent_id
    FROM found AS f
    JOIN steps AS s ON (s.project_id, s.run_id, s.day, s.id) = (f.project_id, f.run_id, f.day, f.parent_id)
)
SELECT
    s.project_id, s.run_id, s.id, s.index, s.parent_id, s.tool_name, s.name, s.kind, s.model, s.error IS NOT NULL,
    (extract(epoch FROM s.started_at) * 1000000)::bigint, (extract(epoch FROM s.finished_at) * 1000000)::bigint,
    s.input_tokens, s.output_tokens, s.cost_nano_usd, s.usage_below, s.error_id
FROM found AS f
JOIN steps AS s ON (s.project_id, s.run_id, s.day, s.id) = (f.project_id, f.run_id, f.day, f.id);

-- name: load_steps_of_runs
-- All steps of runs whose agent changes: their share of the roll-ups moves with it.
SELECT
    s.project_id, s.run_id, s.id, s.index, s.parent_id, s.tool_name, s.name, s.kind, s.model, s.error IS NOT NULL,
    (extract(epoch FROM s.started_at) * 1000000)::bigint, (extract(epoch FROM s.finished_at) * 1000000)::bigint,
    s.input_tokens, s.output_tokens, s.cost_nano_usd, s.usage_below, s.error_id
FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[]) AS k (project_id, run_id, day)
JOIN steps AS s ON (s.project_id, s.run_id, s.day) = (k.project_id, k.run_id, k.day);

-- name: copy_runs
-- Runs that are new with this batch. The columns stand as `worker.rows.run_row` packs them.
COPY runs (
    project_id, id, day, agent_id, user_id, session_id, name, status, input, output, error, started_at, finished_at, tags,
    attributes, accepted_at, step_count, error_count, input_tokens, output_tokens, cost_nano_usd, next_index, awaited_parents,
    error_id, last_event_at, closed_as_stale
) FROM STDIN (FORMAT binary);

-- name: copy_staged_runs
-- Runs that the batch changes.
COPY staged_runs (
    project_id, id, day, agent_id, user_id, session_id, name, status, input, output, error, started_at, finished_at, tags,
    attributes, accepted_at, step_count, error_count, input_tokens, output_tokens, cost_nano_usd, next_index, awaited_parents,
    error_id, last_event_at, closed_as_stale
) FROM STDIN (FORMAT binary);

-- name: update_runs
-- Payloads that the batch does not bear stay as they are; but an error goes with its group, as when a run that was closed as
-- stale is open again.
UPDATE runs AS r
SET agent_id = s.agent_id, user_id = s.user_id, session_id = s.session_id, name = s.name, status = s.status,
    input = coalesce(s.input, r.input), output = coalesce(s.output, r.output),
    error = CASE WHEN s.error_id IS NOT NULL OR r.error_id IS NULL THEN coalesce(s.error, r.error) END,
    started_at = s.started_at, finished_at = s.finished_at, tags = coalesce(s.tags, r.tags),
    attributes = coalesce(s.attributes, r.attributes), step_count = s.step_count, error_count = s.error_count,
    input_tokens = s.input_tokens, output_tokens = s.output_tokens, cost_nano_usd = s.cost_nano_usd,
    next_index = s.next_index, awaited_parents = s.awaited_parents, error_id = s.error_id,
    last_event_at = s.last_event_at, closed_as_stale = s.closed_as_stale
FROM staged_runs AS s
WHERE (r.project_id, r.id) = (s.project_id, s.id);

-- name: copy_steps
-- Steps that are new with this batch. The columns stand as `worker.rows.step_row` packs them.
COPY steps (
    project_id, run_id, day, id, index, parent_id, tool_name, name, kind, model, input, output, error, attributes, started_at,
    finished_at, input_tokens, output_tokens, cost_nano_usd, usage_below, error_id
) FROM STDIN (FORMAT binary);

-- name: copy_staged_steps
-- Steps that the batch changes.
COPY staged_steps (
    project_id, run_id, day, id, index, parent_id, tool_name, name, kind, model, input, output, error, attributes, started_at,
    finished_at, input_tokens, output_tokens, cost_nano_usd, usage_below, error_id
) FROM STDIN (FORMAT binary);

-- name: update_steps
-- Payloads that the batch does not bear stay as they are.
UPDATE steps AS t
SET index = s.index, parent_id = s.parent_id, tool_name = s.tool_name, name = s.name, kind = s.kind, model = s.model,
    input = coalesce(s.input, t.input), output = coalesce(s.output, t.output), error = coalesce(s.error, t.error),
    attributes = coalesce(s.attributes, t.attributes), started_at = s.started_at, finished_at = s.finished_at,
    input_tokens = s.input_tokens, output_tokens = s.output_tokens, cost_nano_usd = s.cost_nano_usd, usage_below = s.usage_below,
    error_id = s.error_id
FROM staged_steps AS s
WHERE (t.project_id, t.run_id, t.day, t.id) = (s.project_id, s.run_id, s.day, s.id);

-- name: upsert_artifacts
-- An artifact sent again replaces itself.
INSERT INTO artifacts (project_id, run_id, id, day, step_id, type, url, content, created_at)
SELECT project_id, run_id, id, day, step_id, type, url, content::jsonb, created_at
FROM unnest(
    %(project_ids)s::int[], %(run_ids)s::uuid[], %(ids)s::uuid[], %(days)s::date[], %(step_ids)s::bigint[], %(types)s::text[],
    %(urls)s::text[], %(contents)s::text[], %(created_ats)s::timestamptz[]
) AS a (project_id, run_id, id, day, step_id, type, url, content, created_at)
ORDER BY project_id, run_id, id
ON CONFLICT (project_id, run_id, id, day) DO UPDATE
SET step_id = excluded.step_id, type = excluded.type, url = excluded.url, content = excluded.content,
    created_at = excluded.created_at;

-- name: upsert_metrics
-- A metric sent again replaces itself.
INSERT INTO metrics (project_id, run_id, id, day, name, value, tags, created_at)
SELECT project_id, run_id, id, day, name, value, tags::jsonb, created_at
FROM unnest(
    %(project_ids)s::int[], %(run_ids)s::uuid[], %(ids)s::uuid[], %(days)s::date[], %(names)s::text[], %(values)s::float8[],
    %(tags)s::text[], %(created_ats)s::timestamptz[]
) AS m (project_id, run_id, id, day, name, value, tags, created_at)
ORDER BY project_id, run_id, id
ON CONFLICT (project_id, run_id, id, day) DO UPDATE
SET name = excluded.name, value = excluded.value, tags = excluded.tags, created_at = excluded.created_at;

-- name: copy_pending_totals
-- What the batch adds to the roll-ups, for the fold: appended, so that no batch waits for another's sums.
COPY pending_totals (
    project_id, agent_id, minute, runs, runs_pending, runs_succeeded, runs_failed, runs_cancelled, runs_timed, run_microseconds,
    steps, steps_failed, steps_timed, step_microseconds, input_tokens, output_tokens, cost_nano_usd
) FROM STDIN (FORMAT binary);

-- name: copy_pending_tools
-- The same by tool, kind and model.
COPY pending_tools (
    project_id, agent_id, hour, tool_name, kind, model, calls, calls_failed, calls_timed, microseconds, input_tokens,
    output_tokens, cost_nano_usd
) FROM STDIN (FORMAT binary);

-- name: copy_pending_latencies
-- The same for histograms of durations.
COPY pending_latencies (project_id, agent_id, start, subject, tool_name, bin, count) FROM STDIN (FORMAT binary);

-- name: copy_pending_errors
-- The same for errors by their group.
COPY pending_errors (project_id, agent_id, hour, subject, tool_name, error_id, count, run_id) FROM STDIN (FORMAT binary);

-- name: copy_pending_documents
-- What the batch changed, for the search index.
COPY pending_documents (project_id, run_id, day, whole, step_ids) FROM STDIN (FORMAT binary);

-- name: register_error_groups
-- Error groups on first sight, in key order.
INSERT INTO error_groups (project_id, id, message)
SELECT project_id, id, message
FROM unnest(%(project_ids)s::int[], %(ids)s::bigint[], %(messages)s::text[]) AS g (project_id, id, message)
ORDER BY 1, 2
ON CONFLICT DO NOTHING;

-- name: hold_error_groups
-- Those of some error groups that are registered, held: whoever sweeps groups that no row has leaves them alone until the
-- transaction ends, which may be the first to have them.
SELECT g.project_id, g.id
FROM unnest(%(project_ids)s::int[], %(ids)s::bigint[]) AS k (project_id, id)
JOIN error_groups AS g ON (g.project_id, g.id) = (k.project_id, k.id)
FOR KEY SHARE OF g;
