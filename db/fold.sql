-- name: try_fold_lock
-- Whether this transaction is the one that folds: a row of a roll-up then has one writer.
SELECT pg_try_advisory_xact_lock(hashtext('fold'));

-- name: fold_lock
-- The same, waiting for whoever folds.
SELECT pg_advisory_xact_lock(hashtext('fold'));

-- name: fold_totals
-- Adds what is pending to the minute, hour and day, of its agent and of all agents. Here and below it gives the keys of rows
-- that came to nothing.
WITH taken AS (DELETE FROM pending_totals RETURNING *),
folded AS (
    INSERT INTO rollup_totals AS t (
        project_id, grain, agent_id, start, runs, runs_pending, runs_succeeded, runs_failed, runs_cancelled, runs_timed,
        run_microseconds, steps, steps_failed, steps_timed, step_microseconds, input_tokens, output_tokens, cost_nano_usd
    )
    SELECT
        p.project_id, g.grain, a.agent_id, date_trunc(g.grain, p.minute, 'UTC') AS start,
        sum(p.runs), sum(p.runs_pending), sum(p.runs_succeeded), sum(p.runs_failed), sum(p.runs_cancelled), sum(p.runs_timed),
        sum(p.run_microseconds), sum(p.steps), sum(p.steps_failed), sum(p.steps_timed), sum(p.step_microseconds),
        sum(p.input_tokens), sum(p.output_tokens), sum(p.cost_nano_usd)
    FROM taken AS p
    CROSS JOIN (VALUES ('minute'), ('hour'), ('day')) AS g (grain)
    CROSS JOIN LATERAL (VALUES (p.agent_id), (-1)) AS a (agent_id)
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (project_id, grain, agent_id, start) DO UPDATE
    SET runs = t.runs + excluded.runs, runs_pending = t.runs_pending + excluded.runs_pending,
        runs_succeeded = t.runs_succeeded + excluded.runs_succeeded, runs_failed = t.runs_failed + excluded.runs_failed,
        runs_cancelled = t.runs_cancelled + excluded.runs_cancelled, runs_timed = t.runs_timed + excluded.runs_timed,
        run_microseconds = t.run_microseconds + excluded.run_microseconds, steps = t.steps + excluded.steps,
        steps_failed = t.steps_failed + excluded.steps_failed, steps_timed = t.steps_timed + excluded.steps_timed,
        step_microseconds = t.step_microseconds + excluded.step_microseconds, input_tokens = t.input_tokens + excluded.input_tokens,
        output_tokens = t.output_tokens + excluded.output_tokens, cost_nano_usd = t.cost_nano_usd + excluded.cost_nano_usd
    RETURNING project_id, grain, agent_id, start, (
        t.runs, t.runs_pending, t.runs_succeeded, t.runs_failed, t.runs_cancelled, t.runs_timed, t.run_microseconds, t.steps,
        t.steps_failed, t.steps_timed, t.step_microseconds, t.input_tokens, t.output_tokens, t.cost_nano_usd
    ) = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) AS is_empty
)
SELECT project_id, grain, agent_id, start FROM folded WHERE is_empty;

-- name: fold_tools
-- Adds what is pending to the hour and day of each tool, kind and model.
WITH taken AS (DELETE FROM pending_tools RETURNING *),
folded AS (
    INSERT INTO rollup_tools AS t (
        project_id, grain, agent_id, start, tool_name, kind, model, calls, calls_failed, calls_timed, microseconds, input_tokens,
        output_tokens, cost_nano_usd
    )
    SELECT
        p.project_id, g.grain, a.agent_id, date_trunc(g.grain, p.hour, 'UTC') AS start, p.tool_name, p.kind, p.model,
        sum(p.calls), sum(p.calls_failed), sum(p.calls_timed), sum(p.microseconds), sum(p.input_tokens), sum(p.output_tokens),
        sum(p.cost_nano_usd)
    FROM taken AS p
    CROSS JOIN (VALUES ('hour'), ('day')) AS g (grain)
    CROSS JOIN LATERAL (VALUES (p.agent_id), (-1)) AS a (agent_id)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (project_id, grain, agent_id, start, tool_name, kind, model) DO UPDATE
    SET calls = t.calls + excluded.calls, calls_failed = t.calls_failed + excluded.calls_failed,
        calls_timed = t.calls_timed + excluded.calls_timed, microseconds = t.microseconds + excluded.microseconds,
        input_tokens = t.input_tokens + excluded.input_tokens, output_tokens = t.output_tokens + excluded.output_tokens,
        cost_nano_usd = t.cost_nano_usd + excluded.cost_nano_usd
    RETURNING project_id, grain, agent_id, start, tool_name, kind, model, (
        t.calls, t.calls_failed, t.calls_timed, t.microseconds, t.input_tokens, t.output_tokens, t.cost_nano_usd
    ) = (0, 0, 0, 0, 0, 0, 0) AS is_empty
)
SELECT project_id, grain, agent_id, start, tool_name, kind, model FROM folded WHERE is_empty;

-- name: fold_latencies
-- Adds what is pending to the histograms: of runs by minute, hour and day, of steps by hour and day. A histogram is one row,
-- so a busy hour costs one row to write and to read however many of its bins change. Bins that came to nothing are left out.
WITH taken AS (DELETE FROM pending_latencies RETURNING *),
batches AS (
    SELECT project_id, agent_id, start, subject, tool_name, bin, sum(count) AS count
    FROM taken
    GROUP BY 1, 2, 3, 4, 5, 6
),
added AS (
    SELECT p.project_id, g.grain, a.agent_id, p.subject, date_trunc(g.grain, p.start, 'UTC') AS start, p.tool_name, p.bin, p.count
    FROM batches AS p
    CROSS JOIN (VALUES ('minute'), ('hour'), ('day')) AS g (grain)
    CROSS JOIN LATERAL (VALUES (p.agent_id), (-1)) AS a (agent_id)
    WHERE p.subject = 'run' OR g.grain <> 'minute'
),
every AS (
    SELECT * FROM added
    UNION ALL
    SELECT t.project_id, t.grain, t.agent_id, t.subject, t.start, t.tool_name, h.bin, h.count
    FROM (SELECT DISTINCT project_id, grain, agent_id, subject, start, tool_name FROM added) AS k
    CROSS JOIN LATERAL (
        SELECT * FROM rollup_latencies AS r
        WHERE r.project_id = k.project_id AND r.grain = k.grain AND r.agent_id = k.agent_id AND r.subject = k.subject
            AND r.start = k.start AND r.tool_name = k.tool_name
        OFFSET 0
    ) AS t
    CROSS JOIN LATERAL unnest(t.bins, t.counts) AS h (bin, count)
),
merged AS (
    SELECT project_id, grain, agent_id, subject, start, tool_name, bin, sum(count)::bigint AS count
    FROM every
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
folded AS (
    INSERT INTO rollup_latencies AS t (project_id, grain, agent_id, subject, start, tool_name, bins, counts)
    SELECT project_id, grain, agent_id, subject, start, tool_name, array_agg(bin ORDER BY bin), array_agg(count ORDER BY bin)
    FROM merged
    GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (project_id, grain, agent_id, subject, start, tool_name) DO UPDATE
    SET bins = CASE
            WHEN 0 = ANY (excluded.counts)
            THEN ARRAY(SELECT h.bin FROM unnest(excluded.bins, excluded.counts) AS h (bin, count) WHERE h.count <> 0 ORDER BY h.bin)
            ELSE excluded.bins
        END,
        counts = array_remove(excluded.counts, 0)
    RETURNING project_id, grain, agent_id, subject, start, tool_name, 0 = ALL (t.counts) AS is_empty
)
SELECT project_id, grain, agent_id, subject, start, tool_name FROM folded WHERE is_empty;

-- name: fold_errors
-- Adds what is pending to the hour and day of each error group, and keeps a run that had it lately.
WITH taken AS (DELETE FROM pending_errors RETURNING *),
folded AS (
    INSERT INTO rollup_errors AS t (project_id, grain, agent_id, start, subject, tool_name, error_id, count, sample_run_id)
    SELECT
        p.project_id, g.grain, a.agent_id, date_trunc(g.grain, p.hour, 'UTC') AS start, p.subject, p.tool_name, p.error_id,
        sum(p.count), (array_agg(p.run_id) FILTER (WHERE p.count > 0))[1]
    FROM taken AS p
    CROSS JOIN (VALUES ('hour'), ('day')) AS g (grain)
    CROSS JOIN LATERAL (VALUES (p.agent_id), (-1)) AS a (agent_id)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (project_id, grain, agent_id, start, subject, tool_name, error_id) DO UPDATE
    SET count = t.count + excluded.count, sample_run_id = coalesce(excluded.sample_run_id, t.sample_run_id)
    RETURNING project_id, grain, agent_id, start, subject, tool_name, error_id, t.count = 0 AS is_empty
)
SELECT project_id, grain, agent_id, start, subject, tool_name, error_id FROM folded WHERE is_empty;

-- name: drop_empty_totals
-- Takes rows away that came to nothing, in the transaction of the fold that found them.
DELETE FROM rollup_totals AS t
USING unnest(%(project_ids)s::int[], %(grains)s::text[], %(agent_ids)s::int[], %(starts)s::timestamptz[])
    AS k (project_id, grain, agent_id, start)
WHERE (t.project_id, t.grain, t.agent_id, t.start) = (k.project_id, k.grain, k.agent_id, k.start);

-- name: drop_empty_tools
-- The same of tools.
DELETE FROM rollup_tools AS t
USING unnest(
    %(project_ids)s::int[], %(grains)s::text[], %(agent_ids)s::int[], %(starts)s::timestamptz[], %(tool_names)s::text[],
    %(kinds)s::text[], %(models)s::text[]
) AS k (project_id, grain, agent_id, start, tool_name, kind, model)
WHERE (t.project_id, t.grain, t.agent_id, t.start, t.tool_name, t.kind, t.model)
    = (k.project_id, k.grain, k.agent_id, k.start, k.tool_name, k.kind, k.model);

-- name: drop_empty_latencies
-- The same of histograms.
DELETE FROM rollup_latencies AS t
USING unnest(
    %(project_ids)s::int[], %(grains)s::text[], %(agent_ids)s::int[], %(subjects)s::text[], %(starts)s::timestamptz[],
    %(tool_names)s::text[]
) AS k (project_id, grain, agent_id, subject, start, tool_name)
WHERE (t.project_id, t.grain, t.agent_id, t.subject, t.start, t.tool_name)
    = (k.project_id, k.grain, k.agent_id, k.subject, k.start, k.tool_name);

-- name: drop_empty_errors
-- The same of errors.
DELETE FROM rollup_errors AS t
USING unnest(
    %(project_ids)s::int[], %(grains)s::text[], %(agent_ids)s::int[], %(starts)s::timestamptz[], %(subjects)s::text[],
    %(tool_names)s::text[], %(error_ids)s::bigint[]
) AS k (project_id, grain, agent_id, start, subject, tool_name, error_id)
WHERE (t.project_id, t.grain, t.agent_id, t.start, t.subject, t.tool_name, t.error_id)
    = (k.project_id, k.grain, k.agent_id, k.start, k.subject, k.tool_name, k.error_id);
