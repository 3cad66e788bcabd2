-- name: create_shadows
-- Roll-ups of the doctor's own, in the session's temporary schema, which is looked at first: from here on COPY and fold
-- write to them by the very statements of drain and fold, and the stored ones are seen as `stored_...`.
CREATE TEMPORARY VIEW stored_rollup_totals AS SELECT * FROM rollup_totals;
CREATE TEMPORARY VIEW stored_rollup_tools AS SELECT * FROM rollup_tools;
CREATE TEMPORARY VIEW stored_rollup_latencies AS SELECT * FROM rollup_latencies;
CREATE TEMPORARY VIEW stored_rollup_errors AS SELECT * FROM rollup_errors;
CREATE TEMPORARY VIEW stored_pending_totals AS SELECT * FROM pending_totals;
CREATE TEMPORARY VIEW stored_pending_tools AS SELECT * FROM pending_tools;
CREATE TEMPORARY VIEW stored_pending_latencies AS SELECT * FROM pending_latencies;
CREATE TEMPORARY VIEW stored_pending_errors AS SELECT * FROM pending_errors;
CREATE TEMPORARY VIEW stored_error_groups AS SELECT * FROM error_groups;
-- Days that go as a whole (project 0): until their partitions are dropped, what lies in these may have lost its run.
CREATE TEMPORARY VIEW days_being_removed AS
    SELECT subject::date AS day FROM deletions WHERE kind = 'retention' AND project_id = 0 AND finished_at IS NULL;
CREATE TEMPORARY TABLE rollup_totals (LIKE rollup_totals INCLUDING DEFAULTS INCLUDING INDEXES);
CREATE TEMPORARY TABLE rollup_tools (LIKE rollup_tools INCLUDING DEFAULTS INCLUDING INDEXES);
CREATE TEMPORARY TABLE rollup_latencies (LIKE rollup_latencies INCLUDING INDEXES);
CREATE TEMPORARY TABLE rollup_errors (LIKE rollup_errors INCLUDING DEFAULTS INCLUDING INDEXES);
CREATE TEMPORARY TABLE pending_totals (LIKE pending_totals);
CREATE TEMPORARY TABLE pending_tools (LIKE pending_tools);
CREATE TEMPORARY TABLE pending_latencies (LIKE pending_latencies);
CREATE TEMPORARY TABLE pending_errors (LIKE pending_errors);
CREATE TEMPORARY TABLE error_groups (LIKE error_groups INCLUDING INDEXES);
-- What is to be added to the stored roll-ups to make them right.
CREATE TEMPORARY TABLE lacking_totals (LIKE rollup_totals);
CREATE TEMPORARY TABLE lacking_tools (LIKE rollup_tools);
CREATE TEMPORARY TABLE lacking_latencies (
    project_id int, grain text, agent_id int, subject text, start timestamptz, tool_name text, bin smallint, count bigint
);
CREATE TEMPORARY TABLE lacking_errors (LIKE rollup_errors);
-- Rows that need a repair: where they lie.
CREATE TEMPORARY TABLE wrong_runs (project_id int, run_id uuid);
CREATE TEMPORARY TABLE stray_steps (project_id int, run_id uuid, day date, id bigint);
CREATE TEMPORARY TABLE stray_artifacts (project_id int, run_id uuid, day date, id uuid);
CREATE TEMPORARY TABLE stray_metrics (project_id int, run_id uuid, day date, id uuid);
CREATE TEMPORARY TABLE unindexed_runs (project_id int, run_id uuid, day date);
CREATE TEMPORARY TABLE lacking_terms (project_id int, run_id uuid, terms text[]);
CREATE TEMPORARY TABLE days_of_runs (day date);

-- name: empty_shadows
-- Before the next check.
TRUNCATE pg_temp.rollup_totals, pg_temp.rollup_tools, pg_temp.rollup_latencies, pg_temp.rollup_errors, pg_temp.pending_totals,
    pg_temp.pending_tools, pg_temp.pending_latencies, pg_temp.pending_errors, pg_temp.error_groups, lacking_totals,
    lacking_tools, lacking_latencies, lacking_errors, wrong_runs, stray_steps, stray_artifacts, stray_metrics,
    unindexed_runs, lacking_terms, days_of_runs;

-- name: prepare_check
-- All of a table is read, so a plan is to be good for the whole of it; and large sorts and sums are what it is about.
SET LOCAL cursor_tuple_fraction = 1;
SET LOCAL work_mem = '128MB';
SET LOCAL statement_timeout = 0;

-- name: count_runs
-- How much there is to read.
SELECT count(*), coalesce(sum(step_count), 0)::bigint FROM runs;

-- name: stream_runs
-- Every run in key order, as `load_runs` gives it, and its error.
SELECT
    project_id, id, day, agent_id, user_id, session_id, name, status,
    (extract(epoch FROM started_at) * 1000000)::bigint, (extract(epoch FROM finished_at) * 1000000)::bigint,
    (extract(epoch FROM accepted_at) * 1000000)::bigint,
    step_count, error_count, input_tokens, output_tokens, cost_nano_usd, next_index, awaited_parents, error_id,
    (extract(epoch FROM coalesce(last_event_at, accepted_at)) * 1000000)::bigint, coalesce(closed_as_stale, false),
    error::text
FROM runs
ORDER BY project_id, id;

-- name: stream_steps
-- Every step in the order of its run's key, as `load_steps` gives it (but the run's id as bytes), its error and its day.
SELECT
    project_id, uuid_send(run_id), id, index, parent_id, tool_name, name, kind, model, error IS NOT NULL,
    (extract(epoch FROM started_at) * 1000000)::bigint, (extract(epoch FROM finished_at) * 1000000)::bigint,
    input_tokens, output_tokens, cost_nano_usd, usage_below, error_id, error::text, day
FROM steps
ORDER BY project_id, run_id;

-- name: add_pending
-- Takes what is still pending off the recount: it is not in the stored roll-ups yet.
INSERT INTO pending_totals (
    project_id, agent_id, minute, runs, runs_pending, runs_succeeded, runs_failed, runs_cancelled, runs_timed, run_microseconds,
    steps, steps_failed, steps_timed, step_microseconds, input_tokens, output_tokens, cost_nano_usd
)
SELECT
    project_id, agent_id, minute, -runs, -runs_pending, -runs_succeeded, -runs_failed, -runs_cancelled, -runs_timed,
    -run_microseconds, -steps, -steps_failed, -steps_timed, -step_microseconds, -input_tokens, -output_tokens, -cost_nano_usd
FROM stored_pending_totals;
INSERT INTO pending_tools (
    project_id, agent_id, hour, tool_name, kind, model, calls, calls_failed, calls_timed, microseconds, input_tokens,
    output_tokens, cost_nano_usd
)
SELECT
    project_id, agent_id, hour, tool_name, kind, model, -calls, -calls_failed, -calls_timed, -microseconds, -input_tokens,
    -output_tokens, -cost_nano_usd
FROM stored_pending_tools;
INSERT INTO pending_latencies (project_id, agent_id, start, subject, tool_name, bin, count)
SELECT project_id, agent_id, start, subject, tool_name, bin, -count FROM stored_pending_latencies;
INSERT INTO pending_errors (project_id, agent_id, hour, subject, tool_name, error_id, count, run_id)
SELECT project_id, agent_id, hour, subject, tool_name, error_id, -count, run_id FROM stored_pending_errors;

-- name: find_lacking_totals
-- By how much the stored totals are too small, or too large.
INSERT INTO lacking_totals
SELECT
    project_id, grain, agent_id, start, sum(runs), sum(runs_pending), sum(runs_succeeded), sum(runs_failed),
    sum(runs_cancelled), sum(runs_timed), sum(run_microseconds), sum(steps), sum(steps_failed), sum(steps_timed),
    sum(step_microseconds), sum(input_tokens), sum(output_tokens), sum(cost_nano_usd)
FROM (
    SELECT
        project_id, grain, agent_id, start, runs, runs_pending, runs_succeeded, runs_failed, runs_cancelled, runs_timed,
        run_microseconds, steps, steps_failed, steps_timed, step_microseconds, input_tokens, output_tokens, cost_nano_usd
    FROM rollup_totals
    UNION ALL
    SELECT
        project_id, grain, agent_id, start, -runs, -runs_pending, -runs_succeeded, -runs_failed, -runs_cancelled, -runs_timed,
        -run_microseconds, -steps, -steps_failed, -steps_timed, -step_microseconds, -input_tokens, -output_tokens, -cost_nano_usd
    FROM stored_rollup_totals
) AS both_of_them
GROUP BY 1, 2, 3, 4
HAVING (
    sum(runs), sum(runs_pending), sum(runs_succeeded), sum(runs_failed), sum(runs_cancelled), sum(runs_timed),
    sum(run_microseconds), sum(steps), sum(steps_failed), sum(steps_timed), sum(step_microseconds), sum(input_tokens),
    sum(output_tokens), sum(cost_nano_usd)
) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

-- name: find_lacking_tools
-- The same of tools.
INSERT INTO lacking_tools
SELECT
    project_id, grain, agent_id, start, tool_name, kind, model, sum(calls), sum(calls_failed), sum(calls_timed),
    sum(microseconds), sum(input_tokens), sum(output_tokens), sum(cost_nano_usd)
FROM (
    SELECT
        project_id, grain, agent_id, start, tool_name, kind, model, calls, calls_failed, calls_timed, microseconds,
        input_tokens, output_tokens, cost_nano_usd
    FROM rollup_tools
    UNION ALL
    SELECT
        project_id, grain, agent_id, start, tool_name, kind, model, -calls, -calls_failed, -calls_timed, -microseconds,
        -input_tokens, -output_tokens, -cost_nano_usd
    FROM stored_rollup_tools
) AS both_of_them
GROUP BY 1, 2, 3, 4, 5, 6, 7
HAVING (
    sum(calls), sum(calls_failed), sum(calls_timed), sum(microseconds), sum(input_tokens), sum(output_tokens),
    sum(cost_nano_usd)
) <> (0, 0, 0, 0, 0, 0, 0);

-- name: find_lacking_latencies
-- The same of the bins of histograms; a bin without a count is wrong, too.
INSERT INTO lacking_latencies
SELECT project_id, grain, agent_id, subject, start, tool_name, bin, coalesce(sum(count), 0)
FROM (
    SELECT r.project_id, r.grain, r.agent_id, r.subject, r.start, r.tool_name, h.bin, h.count
    FROM rollup_latencies AS r, unnest(r.bins, r.counts) AS h (bin, count)
    UNION ALL
    SELECT r.project_id, r.grain, r.agent_id, r.subject, r.start, r.tool_name, h.bin, -h.count
    FROM stored_rollup_latencies AS r, unnest(r.bins, r.counts) AS h (bin, count)
) AS both_of_them
GROUP BY 1, 2, 3, 4, 5, 6, 7
HAVING sum(count) <> 0 OR bool_or(bin IS NULL OR count IS NULL);

-- name: find_lacking_errors
-- The same of errors. A sample that is no run any more is a difference, too, unless a deletion is under way, which clears it
-- away at its end.
INSERT INTO lacking_errors
SELECT
    b.project_id, b.grain, b.agent_id, b.start, b.subject, b.tool_name, b.error_id, b.lacking, b.sample_run_id
FROM (
    SELECT
        project_id, grain, agent_id, start, subject, tool_name, error_id,
        coalesce(r.count, 0) - coalesce(s.count, 0) AS lacking,
        r.count AS counted, r.sample_run_id, s.sample_run_id AS stored_sample_run_id
    FROM rollup_errors AS r
    FULL JOIN stored_rollup_errors AS s USING (project_id, grain, agent_id, start, subject, tool_name, error_id)
) AS b
LEFT JOIN runs AS sample ON (sample.project_id, sample.id) = (b.project_id, b.stored_sample_run_id)
WHERE b.lacking <> 0 OR (
    sample.id IS NULL AND b.counted > 0 AND b.stored_sample_run_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM deletions WHERE finished_at IS NULL)
);

-- name: judge_totals
-- How many roll-up rows there are, how many lack something, and three of these.
SELECT
    (SELECT count(*) FROM stored_rollup_totals), (SELECT count(*) FROM lacking_totals),
    ARRAY(SELECT to_jsonb(l) FROM lacking_totals AS l ORDER BY start DESC, project_id, grain, agent_id LIMIT 3);

-- name: judge_tools
-- The same of tools.
SELECT
    (SELECT count(*) FROM stored_rollup_tools), (SELECT count(*) FROM lacking_tools),
    ARRAY(SELECT to_jsonb(l) FROM lacking_tools AS l ORDER BY start DESC, project_id, grain, agent_id, tool_name LIMIT 3);

-- name: judge_latencies
-- The same of histograms; what is counted is bins.
SELECT
    (SELECT coalesce(sum(cardinality(bins)), 0) FROM stored_rollup_latencies), (SELECT count(*) FROM lacking_latencies),
    ARRAY(SELECT to_jsonb(l) FROM lacking_latencies AS l ORDER BY start DESC, project_id, grain, agent_id, bin LIMIT 3);

-- name: judge_errors
-- The same of errors.
SELECT
    (SELECT count(*) FROM stored_rollup_errors), (SELECT count(*) FROM lacking_errors),
    ARRAY(SELECT to_jsonb(l) FROM lacking_errors AS l ORDER BY start DESC, project_id, grain, agent_id, error_id LIMIT 3);

-- name: judge_error_groups
-- Error groups that rows have and nobody registered, or under another message.
SELECT
    (SELECT count(*) FROM stored_error_groups), count(*),
    (array_agg(format('group %s of project %s: %s', g.id, g.project_id, left(g.message, 60)) ORDER BY g.id))[:3]
FROM error_groups AS g
LEFT JOIN stored_error_groups AS s USING (project_id, id)
WHERE s.message IS DISTINCT FROM g.message;

-- name: find_stray_artifacts
-- Artifacts whose step is not where it should be, or whose run is not.
INSERT INTO stray_artifacts
SELECT a.project_id, a.run_id, a.day, a.id
FROM artifacts AS a
LEFT JOIN runs AS r ON (r.project_id, r.id, r.day) = (a.project_id, a.run_id, a.day)
LEFT JOIN steps AS s ON (s.project_id, s.run_id, s.day, s.id) = (a.project_id, a.run_id, a.day, a.step_id)
WHERE (r.id IS NULL OR s.id IS NULL) AND a.day NOT IN (SELECT day FROM days_being_removed);

-- name: find_stray_metrics
-- Metrics whose run is not where it should be.
INSERT INTO stray_metrics
SELECT m.project_id, m.run_id, m.day, m.id
FROM metrics AS m
LEFT JOIN runs AS r ON (r.project_id, r.id, r.day) = (m.project_id, m.run_id, m.day)
WHERE r.id IS NULL AND m.day NOT IN (SELECT day FROM days_being_removed);

-- name: judge_stray_steps
-- How many steps have lost their run, or lie in another day's partition than it; and three of them.
SELECT count(*), (array_agg(format(
    'step %s of run %s: %s', lpad(to_hex(s.id), 16, '0'), s.run_id,
    CASE WHEN r.id IS NULL THEN 'there is no such run' ELSE format('lies in %s, its run in %s', s.day, r.day) END
)))[:3]
FROM stray_steps AS s
LEFT JOIN runs AS r ON (r.project_id, r.id) = (s.project_id, s.run_id);

-- name: judge_stray_artifacts
-- The same of artifacts, which can have lost their step, too.
SELECT (SELECT count(*) FROM artifacts), count(*), (array_agg(format(
    'artifact %s of run %s: %s', a.id, a.run_id,
    CASE
        WHEN r.id IS NULL THEN 'there is no such run'
        WHEN r.day <> a.day THEN format('lies in %s, its run in %s', a.day, r.day)
        ELSE 'its step is not there'
    END
)))[:3]
FROM stray_artifacts AS a
LEFT JOIN runs AS r ON (r.project_id, r.id) = (a.project_id, a.run_id);

-- name: judge_stray_metrics
-- The same of metrics.
SELECT (SELECT count(*) FROM metrics), count(*), (array_agg(format(
    'metric %s of run %s: %s', m.id, m.run_id,
    CASE WHEN r.id IS NULL THEN 'there is no such run' ELSE format('lies in %s, its run in %s', m.day, r.day) END
)))[:3]
FROM stray_metrics AS m
LEFT JOIN runs AS r ON (r.project_id, r.id) = (m.project_id, m.run_id);

-- name: judge_agents
-- Agents that runs name and that are not there.
SELECT (SELECT count(*) FROM agents), count(*), (array_agg(format('agent %s, of %s runs', agent_id, runs) ORDER BY agent_id))[:3]
FROM (
    SELECT r.project_id, r.agent_id, count(*) AS runs FROM runs AS r WHERE r.agent_id IS NOT NULL GROUP BY 1, 2
) AS used
WHERE NOT EXISTS (SELECT FROM agents AS a WHERE (a.project_id, a.id) = (used.project_id, used.agent_id));

-- name: judge_partitions
-- The days that should have a partition in each table and do not: those of runs, today and some days ahead.
SELECT count(*), count(*) FILTER (WHERE missing), (array_agg(name ORDER BY name) FILTER (WHERE missing))[:3]
FROM (
    SELECT format('%%s_%%s', parent, to_char(day, 'YYYYMMDD')) AS name, NOT EXISTS (
        SELECT FROM pg_inherits
        WHERE inhparent = parent::regclass
            AND inhrelid = to_regclass(format('%%s_%%s', parent, to_char(day, 'YYYYMMDD')))
    ) AS missing
    FROM unnest(%(parents)s::text[]) AS p (parent)
    CROSS JOIN (
        SELECT day FROM days_of_runs
        UNION
        SELECT (now() AT TIME ZONE 'UTC')::date + ahead FROM generate_series(0, %(days_ahead)s::int) AS a (ahead)
    ) AS d (day)
) AS wanted;

-- name: find_unindexed_runs
-- Runs that the search index does not know, or has no word of, and that do not wait for it either; and of those that it knows
-- the tools and models of steps that it does not.
INSERT INTO unindexed_runs
SELECT r.project_id, r.id, r.day
FROM runs AS r
LEFT JOIN indexed_runs AS i ON (i.project_id, i.run_id) = (r.project_id, r.id)
LEFT JOIN (SELECT DISTINCT project_id, run_id FROM pending_documents) AS p ON (p.project_id, p.run_id) = (r.project_id, r.id)
LEFT JOIN (SELECT DISTINCT project_id, run_id, day FROM search_documents) AS d
    ON (d.project_id, d.run_id, d.day) = (r.project_id, r.id, r.day)
WHERE p.run_id IS NULL AND (
    i.run_id IS NULL
    OR (i.started_at, i.duration_microseconds, i.cost_nano_usd, i.step_count)
        IS DISTINCT FROM (r.started_at, r.duration_microseconds, r.cost_nano_usd, r.step_count)
    OR CASE WHEN d.run_id IS NULL THEN jsonb_to_tsvector(
        'simple', jsonb_build_array(searchable(r.input), searchable(r.output), searchable(r.error)), '["string", "numeric"]'
    ) <> '' END
);
INSERT INTO lacking_terms
SELECT l.project_id, l.run_id, array_agg(l.term)
FROM (
    SELECT s.project_id, s.run_id, t.term
    FROM steps AS s
    CROSS JOIN LATERAL (VALUES ('tool:' || s.tool_name), ('model:' || s.model)) AS t (term)
    WHERE t.term IS NOT NULL
    EXCEPT
    SELECT i.project_id, i.run_id, u.term FROM indexed_runs AS i, unnest(i.terms) AS u (term)
) AS l
JOIN indexed_runs AS i ON (i.project_id, i.run_id) = (l.project_id, l.run_id)
LEFT JOIN (SELECT DISTINCT project_id, run_id FROM pending_documents) AS p ON (p.project_id, p.run_id) = (l.project_id, l.run_id)
LEFT JOIN unindexed_runs AS n ON (n.project_id, n.run_id) = (l.project_id, l.run_id)
WHERE p.run_id IS NULL AND n.run_id IS NULL
GROUP BY 1, 2;

-- name: judge_search
-- What the search index does not know, knows of runs that are not there, or has lost of what it knew.
SELECT (SELECT count(*) FROM indexed_runs), count(*), (array_agg(example))[:3]
FROM (
    SELECT format('run %s is not indexed', run_id) AS example FROM unindexed_runs
    UNION ALL
    SELECT format('run %s: %s, not indexed', run_id, term) FROM lacking_terms, unnest(terms) AS u (term)
    UNION ALL
    SELECT format('run %s is indexed, and is not there', i.run_id)
    FROM indexed_runs AS i
    LEFT JOIN runs AS r ON (r.project_id, r.id) = (i.project_id, i.run_id)
    WHERE r.id IS NULL
    UNION ALL
    SELECT format('run %s has words in %s, and is not there', d.run_id, d.day)
    FROM search_documents AS d
    LEFT JOIN runs AS r ON (r.project_id, r.id, r.day) = (d.project_id, d.run_id, d.day)
    WHERE r.id IS NULL AND d.day NOT IN (SELECT day FROM days_being_removed)
    UNION ALL
    SELECT format('run %s: %s, %s', run_id, term, CASE WHEN t.run_id IS NULL THEN 'not findable' ELSE 'left behind' END)
    FROM search_terms AS t
    FULL JOIN (
        SELECT i.project_id, u.term, i.started_at, i.run_id FROM indexed_runs AS i, unnest(i.terms) AS u (term)
    ) AS k USING (project_id, term, started_at, run_id)
    WHERE t.run_id IS NULL OR k.run_id IS NULL
    UNION ALL
    SELECT format('run %s: %s, with other values', t.run_id, t.term)
    FROM search_terms AS t
    JOIN (
        SELECT project_id, run_id, 'metric:' || name AS term, min(value) AS least, max(value) AS greatest FROM metrics GROUP BY 1, 2, 3
    ) AS m USING (project_id, run_id, term)
    WHERE (t.least, t.greatest) IS DISTINCT FROM (m.least, m.greatest) AND NOT EXISTS (
        SELECT FROM pending_documents AS p WHERE (p.project_id, p.run_id) = (t.project_id, t.run_id)
    )
) AS found;

-- name: note_dead_letters
-- How many events could not be stored, the latest of them, and how many more were not even kept.
SELECT count(*), max(created_at), (SELECT coalesce(sum(dropped), 0)::bigint FROM dead_letter_counts) FROM dead_letters;

-- name: note_pending_documents
-- How much the search index has still to look at, and since when.
SELECT count(*), extract(epoch FROM now() - min(created_at))::float8 FROM pending_documents;

-- name: note_deletions
-- How many deletions are still to be done, how many of them failed, and since when the oldest waits.
SELECT count(*), count(error), extract(epoch FROM now() - min(requested_at))::float8 FROM deletions WHERE finished_at IS NULL;

-- name: list_days_being_removed
-- For what reads the steps.
SELECT day FROM days_being_removed;

-- name: list_cursors
-- How far each shard is drained.
SELECT shard, epoch, entry_id, events, extract(epoch FROM now() - updated_at)::float8 FROM stream_cursors ORDER BY shard;

-- name: try_doctor_lock
-- One repair at a time: what is missing would be added twice.
SELECT pg_try_advisory_lock(hashtext('doctor'));

-- name: hold_drains
-- Until the transaction ends no drain stores anything. They wait, which a lock of the rows would not make them do.
LOCK TABLE stream_cursors IN EXCLUSIVE MODE;

-- name: load_errors
-- The errors of some runs, and of their steps.
SELECT r.project_id, r.id, NULL::bigint, r.error::text
FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[]) AS k (project_id, run_id, day)
JOIN runs AS r ON (r.project_id, r.id) = (k.project_id, k.run_id)
WHERE r.error IS NOT NULL
UNION ALL
SELECT s.project_id, s.run_id, s.id, s.error::text
FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[]) AS k (project_id, run_id, day)
JOIN steps AS s ON (s.project_id, s.run_id, s.day) = (k.project_id, k.run_id, k.day)
WHERE s.error IS NOT NULL;

-- name: take_steps
-- Takes steps away that lie in the wrong place.
DELETE FROM steps AS s
USING unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[], %(ids)s::bigint[]) AS k (project_id, run_id, day, id)
WHERE (s.project_id, s.run_id, s.day, s.id) = (k.project_id, k.run_id, k.day, k.id)
RETURNING
    s.project_id, s.run_id, (extract(epoch FROM s.day) * 1000000)::bigint, s.id, s.parent_id, s.index, s.tool_name, s.name,
    s.kind, s.model, s.input::text, s.output::text, s.error::text, s.attributes::text,
    (extract(epoch FROM s.started_at) * 1000000)::bigint, (extract(epoch FROM s.finished_at) * 1000000)::bigint,
    s.input_tokens, s.output_tokens, s.cost_nano_usd;

-- name: take_artifacts
-- The same of artifacts.
DELETE FROM artifacts AS a
USING unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[], %(ids)s::uuid[]) AS k (project_id, run_id, day, id)
WHERE (a.project_id, a.run_id, a.day, a.id) = (k.project_id, k.run_id, k.day, k.id)
RETURNING
    a.project_id, a.run_id, (extract(epoch FROM a.created_at) * 1000000)::bigint, a.step_id, a.id, a.type, a.url,
    a.content::text;

-- name: take_metrics
-- The same of metrics.
DELETE FROM metrics AS m
USING unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[], %(ids)s::uuid[]) AS k (project_id, run_id, day, id)
WHERE (m.project_id, m.run_id, m.day, m.id) = (k.project_id, k.run_id, k.day, k.id)
RETURNING
    m.project_id, m.run_id, (extract(epoch FROM m.created_at) * 1000000)::bigint, m.id, m.name, m.value, m.tags::text;

-- name: register_lost_agents
-- Agents that runs name get a row again, with a name that says so.
INSERT INTO agents (id, project_id, name)
SELECT DISTINCT r.agent_id, r.project_id, format('agent %s (restored)', r.agent_id)
FROM runs AS r
WHERE r.agent_id IS NOT NULL AND NOT EXISTS (SELECT FROM agents AS a WHERE (a.project_id, a.id) = (r.project_id, r.agent_id))
ON CONFLICT DO NOTHING;

-- name: restore_error_groups
-- The messages of error groups, as the rows have them.
INSERT INTO stored_error_groups AS s (project_id, id, message)
SELECT project_id, id, message FROM error_groups ORDER BY 1, 2
ON CONFLICT (project_id, id) DO UPDATE SET message = excluded.message WHERE s.message <> excluded.message;

-- name: make_partitions_of_runs
-- The partitions of every day that has runs.
SELECT ensure_partitions(day, day) FROM (SELECT DISTINCT day FROM runs) AS days;

-- name: clean_search
-- Takes out of the search index what is of no run, and brings its terms to what it says of each run.
DELETE FROM search_documents AS d
WHERE NOT EXISTS (SELECT FROM runs AS r WHERE (r.project_id, r.id, r.day) = (d.project_id, d.run_id, d.day));
DELETE FROM indexed_runs AS i WHERE NOT EXISTS (SELECT FROM runs AS r WHERE (r.project_id, r.id) = (i.project_id, i.run_id));
DELETE FROM search_terms AS t
WHERE NOT EXISTS (
    SELECT FROM indexed_runs AS i
    WHERE (i.project_id, i.run_id, i.started_at) = (t.project_id, t.run_id, t.started_at) AND t.term = ANY (i.terms)
);
INSERT INTO search_terms AS t (project_id, term, started_at, run_id, least, greatest)
SELECT i.project_id, u.term, i.started_at, i.run_id, m.least, m.greatest
FROM indexed_runs AS i
CROSS JOIN LATERAL unnest(i.terms) AS u (term)
LEFT JOIN (
    SELECT project_id, run_id, 'metric:' || name AS term, min(value) AS least, max(value) AS greatest FROM metrics GROUP BY 1, 2, 3
) AS m ON (m.project_id, m.run_id, m.term) = (i.project_id, i.run_id, u.term)
ON CONFLICT (project_id, term, started_at, run_id) DO UPDATE
SET least = excluded.least, greatest = excluded.greatest
WHERE (t.least, t.greatest) IS DISTINCT FROM (excluded.least, excluded.greatest);

-- name: add_lacking_terms
-- Tools and models of steps that the search index did not know of runs that it knows; `clean_search` makes them findable.
UPDATE indexed_runs AS i
SET terms = ARRAY(SELECT term FROM unnest(i.terms) AS u (term) UNION SELECT term FROM unnest(l.terms) AS u (term) ORDER BY 1)
FROM lacking_terms AS l
WHERE (i.project_id, i.run_id) = (l.project_id, l.run_id);

-- name: search_lock
-- Waits for whoever indexes.
SELECT pg_advisory_xact_lock(hashtext('search'));

-- name: queue_documents
-- Runs that the search index does not know are noted for it, with all their steps; it has no words of theirs.
INSERT INTO pending_documents (project_id, run_id, day, whole, step_ids)
SELECT project_id, run_id, day, part = 0, coalesce(array_agg(id) FILTER (WHERE id IS NOT NULL), '{}')
FROM (
    SELECT u.project_id, u.run_id, u.day, s.id,
        (row_number() OVER (PARTITION BY u.project_id, u.run_id ORDER BY s.id) - 1) / 400 AS part
    FROM unindexed_runs AS u
    LEFT JOIN steps AS s ON (s.project_id, s.run_id, s.day) = (u.project_id, u.run_id, u.day)
) AS parts
GROUP BY project_id, run_id, day, part
ORDER BY project_id, run_id, part;

-- name: drop_unindexed_words
-- Words of runs that are about to be indexed anew.
DELETE FROM search_documents AS d
USING unindexed_runs AS u
WHERE (d.project_id, d.run_id, d.day) = (u.project_id, u.run_id, u.day);

-- name: add_lacking_totals
-- Adds to the stored roll-ups what they lack. They are sums: whatever was added since it was found stays.
INSERT INTO stored_rollup_totals AS t (
    project_id, grain, agent_id, start, runs, runs_pending, runs_succeeded, runs_failed, runs_cancelled, runs_timed,
    run_microseconds, steps, steps_failed, steps_timed, step_microseconds, input_tokens, output_tokens, cost_nano_usd
)
SELECT
    project_id, grain, agent_id, start, runs, runs_pending, runs_succeeded, runs_failed, runs_cancelled, runs_timed,
    run_microseconds, steps, steps_failed, steps_timed, step_microseconds, input_tokens, output_tokens, cost_nano_usd
FROM lacking_totals
ORDER BY 1, 2, 3, 4
ON CONFLICT (project_id, grain, agent_id, start) DO UPDATE
SET runs = t.runs + excluded.runs, runs_pending = t.runs_pending + excluded.runs_pending,
    runs_succeeded = t.runs_succeeded + excluded.runs_succeeded, runs_failed = t.runs_failed + excluded.runs_failed,
    runs_cancelled = t.runs_cancelled + excluded.runs_cancelled, runs_timed = t.runs_timed + excluded.runs_timed,
    run_microseconds = t.run_microseconds + excluded.run_microseconds, steps = t.steps + excluded.steps,
    steps_failed = t.steps_failed + excluded.steps_failed, steps_timed = t.steps_timed + excluded.steps_timed,
    step_microseconds = t.step_microseconds + excluded.step_microseconds, input_tokens = t.input_tokens + excluded.input_tokens,
    output_tokens = t.output_tokens + excluded.output_tokens, cost_nano_usd = t.cost_nano_usd + excluded.cost_nano_usd;

-- name: add_lacking_tools
-- The same of tools.
INSERT INTO stored_rollup_tools AS t (
    project_id, grain, agent_id, start, tool_name, kind, model, calls, calls_failed, calls_timed, microseconds, input_tokens,
    output_tokens, cost_nano_usd
)
SELECT
    project_id, grain, agent_id, start, tool_name, kind, model, calls, calls_failed, calls_timed, microseconds, input_tokens,
    output_tokens, cost_nano_usd
FROM lacking_tools
ORDER BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT (project_id, grain, agent_id, start, tool_name, kind, model) DO UPDATE
SET calls = t.calls + excluded.calls, calls_failed = t.calls_failed + excluded.calls_failed,
    calls_timed = t.calls_timed + excluded.calls_timed, microseconds = t.microseconds + excluded.microseconds,
    input_tokens = t.input_tokens + excluded.input_tokens, output_tokens = t.output_tokens + excluded.output_tokens,
    cost_nano_usd = t.cost_nano_usd + excluded.cost_nano_usd;

-- name: add_lacking_latencies
-- The same of histograms: each is written anew, with its bins in order.
WITH both_of_them AS (
    SELECT project_id, grain, agent_id, subject, start, tool_name, bin, count FROM lacking_latencies
    UNION ALL
    SELECT r.project_id, r.grain, r.agent_id, r.subject, r.start, r.tool_name, h.bin, h.count
    FROM (SELECT DISTINCT project_id, grain, agent_id, subject, start, tool_name FROM lacking_latencies) AS k
    JOIN stored_rollup_latencies AS r USING (project_id, grain, agent_id, subject, start, tool_name)
    CROSS JOIN LATERAL unnest(r.bins, r.counts) AS h (bin, count)
),
merged AS (
    SELECT project_id, grain, agent_id, subject, start, tool_name, bin, sum(count)::bigint AS count
    FROM both_of_them
    WHERE bin IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6, 7
)
INSERT INTO stored_rollup_latencies AS t (project_id, grain, agent_id, subject, start, tool_name, bins, counts)
SELECT
    project_id, grain, agent_id, subject, start, tool_name,
    coalesce(array_agg(bin ORDER BY bin) FILTER (WHERE count <> 0), '{}'),
    coalesce(array_agg(count ORDER BY bin) FILTER (WHERE count <> 0), '{}')
FROM merged
GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT (project_id, grain, agent_id, subject, start, tool_name) DO UPDATE
SET bins = excluded.bins, counts = excluded.counts;

-- name: add_lacking_errors
-- The same of errors, and a run for a sample where there is none.
INSERT INTO stored_rollup_errors AS t (
    project_id, grain, agent_id, start, subject, tool_name, error_id, count, sample_run_id
)
SELECT project_id, grain, agent_id, start, subject, tool_name, error_id, count, sample_run_id
FROM lacking_errors
ORDER BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT (project_id, grain, agent_id, start, subject, tool_name, error_id) DO UPDATE
SET count = t.count + excluded.count, sample_run_id = coalesce(excluded.sample_run_id, t.sample_run_id);

-- name: copy_wrong_runs
-- Runs whose rows need a repair.
COPY wrong_runs (project_id, run_id) FROM STDIN;

-- name: copy_stray_steps
-- Steps that have lost their run.
COPY stray_steps (project_id, run_id, day, id) FROM STDIN;

-- name: copy_days_of_runs
-- The days that runs were accepted on.
COPY days_of_runs (day) FROM STDIN;

-- name: list_wrong_runs
-- What was found, for the repair.
SELECT project_id, run_id FROM wrong_runs;

-- name: list_stray_steps
-- The same of steps.
SELECT project_id, run_id, day, id FROM stray_steps;

-- name: list_stray_artifacts
-- The same of artifacts.
SELECT project_id, run_id, day, id FROM stray_artifacts;

-- name: list_stray_metrics
-- The same of metrics.
SELECT project_id, run_id, day, id FROM stray_metrics;
