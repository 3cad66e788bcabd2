-- The KPIs. A window comes as segments, each a range of one grain, and every statement reads for each segment one range of a
-- roll-up's primary key: OFFSET 0 keeps the planner from turning that into a join of the whole table. Agent -1 is all agents.

-- name: one_snapshot
-- All statements of an answer see the same moment.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: kpi_totals
-- Sums by period: of a window and the one before.
SELECT
    s.period, sum(r.runs)::bigint, sum(r.runs_pending)::bigint, sum(r.runs_succeeded)::bigint, sum(r.runs_failed)::bigint,
    sum(r.runs_cancelled)::bigint, sum(r.runs_timed)::bigint, sum(r.run_microseconds)::float8, sum(r.steps)::bigint,
    sum(r.steps_failed)::bigint, sum(r.steps_timed)::bigint, sum(r.step_microseconds)::float8, sum(r.input_tokens)::bigint,
    sum(r.output_tokens)::bigint, sum(r.cost_nano_usd)::float8
FROM unnest(%(periods)s::int[], %(grains)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS s (period, grain, start, "end")
CROSS JOIN LATERAL (
    SELECT * FROM rollup_totals AS t
    WHERE t.project_id = %(project_id)s AND t.grain = s.grain AND t.agent_id = ANY (%(agent_ids)s::int[])
        AND t.start >= s.start AND t.start < s."end"
    OFFSET 0
) AS r
GROUP BY s.period;

-- name: kpi_buckets
-- The same sums by bucket of time; a bucket in which nothing is counted is left out.
SELECT
    date_trunc(%(bucket)s, r.start, 'UTC'), sum(r.runs)::bigint, sum(r.runs_pending)::bigint, sum(r.runs_succeeded)::bigint,
    sum(r.runs_failed)::bigint, sum(r.runs_cancelled)::bigint, sum(r.runs_timed)::bigint, sum(r.run_microseconds)::float8,
    sum(r.steps)::bigint, sum(r.steps_failed)::bigint, sum(r.steps_timed)::bigint, sum(r.step_microseconds)::float8,
    sum(r.input_tokens)::bigint, sum(r.output_tokens)::bigint, sum(r.cost_nano_usd)::float8
FROM unnest(%(grains)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s (grain, start, "end")
CROSS JOIN LATERAL (
    SELECT * FROM rollup_totals AS t
    WHERE t.project_id = %(project_id)s AND t.grain = s.grain AND t.agent_id = ANY (%(agent_ids)s::int[])
        AND t.start >= s.start AND t.start < s."end"
    OFFSET 0
) AS r
GROUP BY 1;

-- name: kpi_agents
-- The same sums by agent, the one with most runs first, and how many agents there are. Without `agent_ids` it is all of them,
-- and 0 for runs whose agent is not known yet.
SELECT
    r.agent_id, a.name, a.version, count(*) OVER (), sum(r.runs)::bigint, sum(r.runs_pending)::bigint,
    sum(r.runs_succeeded)::bigint, sum(r.runs_failed)::bigint, sum(r.runs_cancelled)::bigint, sum(r.runs_timed)::bigint,
    sum(r.run_microseconds)::float8, sum(r.steps)::bigint, sum(r.steps_failed)::bigint, sum(r.steps_timed)::bigint,
    sum(r.step_microseconds)::float8, sum(r.input_tokens)::bigint, sum(r.output_tokens)::bigint, sum(r.cost_nano_usd)::float8
FROM unnest(%(grains)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s (grain, start, "end")
CROSS JOIN LATERAL (
    SELECT * FROM rollup_totals AS t
    WHERE t.project_id = %(project_id)s AND t.grain = s.grain AND t.start >= s.start AND t.start < s."end"
        AND t.agent_id = ANY (coalesce(
            %(agent_ids)s::int[], ARRAY(SELECT 0 UNION ALL SELECT id FROM agents WHERE project_id = %(project_id)s)
        ))
    OFFSET 0
) AS r
LEFT JOIN agents AS a ON a.id = r.agent_id AND a.project_id = %(project_id)s
GROUP BY r.agent_id, a.name, a.version
HAVING sum(r.runs) > 0 OR sum(r.steps) > 0
ORDER BY 5 DESC, 1
LIMIT %(limit)s;

-- name: kpi_latencies
-- The histograms of runs, or of all steps, with the period of each and the bucket of time that it lies in.
SELECT s.period, date_trunc(%(bucket)s, r.start, 'UTC'), r.tool_name, r.bins, r.counts
FROM unnest(%(periods)s::int[], %(grains)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS s (period, grain, start, "end")
CROSS JOIN LATERAL (
    SELECT * FROM rollup_latencies AS l
    WHERE l.project_id = %(project_id)s AND l.grain = s.grain AND l.agent_id = ANY (%(agent_ids)s::int[])
        AND l.subject = %(subject)s AND l.start >= s.start AND l.start < s."end"
    OFFSET 0
) AS r;

-- name: kpi_tool_latencies
-- The histograms of the steps of some tools, with the bucket of time that each lies in.
SELECT date_trunc(%(bucket)s, r.start, 'UTC'), r.tool_name, r.bins, r.counts
FROM unnest(%(grains)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s (grain, start, "end")
CROSS JOIN LATERAL (
    SELECT * FROM rollup_latencies AS l
    WHERE l.project_id = %(project_id)s AND l.grain = s.grain AND l.agent_id = ANY (%(agent_ids)s::int[])
        AND l.subject = 'step' AND l.start >= s.start AND l.start < s."end" AND l.tool_name = ANY (%(tool_names)s::text[])
    OFFSET 0
) AS r;

-- name: kpi_tools
-- Sums by tool: of the tools with most calls, and of those with most failures; and how many tools there are.
WITH sums AS (
    SELECT
        r.tool_name, sum(r.calls)::bigint AS calls, sum(r.calls_failed)::bigint AS calls_failed,
        sum(r.calls_timed)::bigint AS calls_timed, sum(r.microseconds)::float8 AS microseconds,
        sum(r.input_tokens)::bigint AS input_tokens, sum(r.output_tokens)::bigint AS output_tokens,
        sum(r.cost_nano_usd)::float8 AS cost_nano_usd
    FROM unnest(%(grains)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s (grain, start, "end")
    CROSS JOIN LATERAL (
        SELECT * FROM rollup_tools AS t
        WHERE t.project_id = %(project_id)s AND t.grain = s.grain AND t.agent_id = ANY (%(agent_ids)s::int[])
            AND t.start >= s.start AND t.start < s."end"
        OFFSET 0
    ) AS r
    GROUP BY r.tool_name
    HAVING sum(r.calls) > 0
),
ranked AS (
    SELECT
        *, count(*) OVER () AS tools, row_number() OVER (ORDER BY calls DESC, tool_name) AS by_calls,
        row_number() OVER (ORDER BY calls_failed DESC, tool_name) AS by_failures
    FROM sums
)
SELECT tools, tool_name, calls, calls_failed, calls_timed, microseconds, input_tokens, output_tokens, cost_nano_usd
FROM ranked
WHERE by_calls <= %(limit)s OR by_failures <= %(limit)s;

-- name: kpi_tool_buckets
-- Sums of one tool by bucket of time; a bucket in which nothing is counted is left out.
SELECT
    date_trunc(%(bucket)s, r.start, 'UTC'), sum(r.calls)::bigint, sum(r.calls_failed)::bigint, sum(r.calls_timed)::bigint,
    sum(r.microseconds)::float8, sum(r.input_tokens)::bigint, sum(r.output_tokens)::bigint, sum(r.cost_nano_usd)::float8
FROM unnest(%(grains)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s (grain, start, "end")
CROSS JOIN LATERAL (
    SELECT * FROM rollup_tools AS t
    WHERE t.project_id = %(project_id)s AND t.grain = s.grain AND t.agent_id = ANY (%(agent_ids)s::int[])
        AND t.start >= s.start AND t.start < s."end" AND t.tool_name = %(tool_name)s
    OFFSET 0
) AS r
GROUP BY 1;

-- name: kpi_users
-- Sums by user, the one with most runs first, and how many users there are; of the runs themselves, as no roll-up knows users.
-- Sessions are counted for those alone that are listed: to tell a million sessions apart takes longer than all the sums.
WITH listed AS (
    SELECT
        count(*) OVER () AS users, r.user_id, count(*) AS runs, count(*) FILTER (WHERE r.status = 'FAILED') AS failed,
        sum(r.input_tokens)::bigint AS input_tokens, sum(r.output_tokens)::bigint AS output_tokens,
        sum(r.cost_nano_usd)::float8 AS cost_nano_usd
    FROM runs AS r
    WHERE r.project_id = %(project_id)s AND r.user_id IS NOT NULL AND r.started_at >= %(start)s AND r.started_at < %(end)s
        AND (%(agent_ids)s::int[] IS NULL OR r.agent_id = ANY (%(agent_ids)s::int[]))
    GROUP BY r.user_id
    ORDER BY 3 DESC, 2
    LIMIT %(limit)s
)
SELECT
    l.users, l.user_id, u.name, l.runs, l.failed, s.sessions, l.input_tokens, l.output_tokens, l.cost_nano_usd, n.id,
    n.started_at
FROM listed AS l
LEFT JOIN memberships AS m ON m.project_id = %(project_id)s AND m.user_id = l.user_id
LEFT JOIN users AS u ON u.id = m.user_id
CROSS JOIN LATERAL (
    SELECT count(DISTINCT r.session_id) AS sessions
    FROM runs AS r
    WHERE r.project_id = %(project_id)s AND r.user_id = l.user_id AND r.started_at >= %(start)s AND r.started_at < %(end)s
        AND (%(agent_ids)s::int[] IS NULL OR r.agent_id = ANY (%(agent_ids)s::int[]))
) AS s
CROSS JOIN LATERAL (
    SELECT r.id, r.started_at
    FROM runs AS r
    WHERE r.project_id = %(project_id)s AND r.user_id = l.user_id AND r.started_at >= %(start)s AND r.started_at < %(end)s
        AND (%(agent_ids)s::int[] IS NULL OR r.agent_id = ANY (%(agent_ids)s::int[]))
    ORDER BY r.started_at DESC, r.id DESC
    LIMIT 1
) AS n
ORDER BY l.runs DESC, l.user_id;

-- name: kpi_models
-- Sums by model, the one with most calls first, and how many models there are.
SELECT
    count(*) OVER (), r.model, sum(r.calls)::bigint, sum(r.calls_failed)::bigint, sum(r.calls_timed)::bigint,
    sum(r.microseconds)::float8, sum(r.input_tokens)::bigint, sum(r.output_tokens)::bigint, sum(r.cost_nano_usd)::float8
FROM unnest(%(grains)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s (grain, start, "end")
CROSS JOIN LATERAL (
    SELECT * FROM rollup_tools AS t
    WHERE t.project_id = %(project_id)s AND t.grain = s.grain AND t.agent_id = ANY (%(agent_ids)s::int[])
        AND t.start >= s.start AND t.start < s."end"
    OFFSET 0
) AS r
WHERE r.model <> ''
GROUP BY r.model
HAVING sum(r.calls) > 0
ORDER BY 3 DESC, 2
LIMIT %(limit)s;

-- name: kpi_errors
-- The commonest errors, each with one of the latest runs that had it.
WITH sums AS (
    SELECT
        r.subject, r.tool_name, r.error_id, sum(r.count)::bigint AS count,
        any_value(r.sample_run_id) FILTER (WHERE r.count > 0) AS sample_run_id
    FROM unnest(%(grains)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS s (grain, start, "end")
    CROSS JOIN LATERAL (
        SELECT * FROM rollup_errors AS e
        WHERE e.project_id = %(project_id)s AND e.grain = s.grain AND e.agent_id = ANY (%(agent_ids)s::int[])
            AND e.start >= s.start AND e.start < s."end"
        ORDER BY e.start DESC
        OFFSET 0
    ) AS r
    GROUP BY r.subject, r.tool_name, r.error_id
    HAVING sum(r.count) > 0
    ORDER BY 4 DESC, 1, 2, 3
    LIMIT %(limit)s
)
SELECT s.subject, s.tool_name, g.message, s.count, s.sample_run_id
FROM sums AS s
LEFT JOIN error_groups AS g ON g.project_id = %(project_id)s AND g.id = s.error_id
ORDER BY s.count DESC, s.subject, s.tool_name, s.error_id;
