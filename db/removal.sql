-- name: prepare_removal
-- For a session that removes: as with drains, what is joined to an array of keys is found by its index, whatever the statistics
-- say.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_seqscan = off;
SET timezone = 'UTC';

-- name: try_removal_lock
-- Who has it, until the session ends, is the one that removes.
SELECT pg_try_advisory_lock(hashtext('removal'));

-- name: keep_repairs_out
-- As drains do by locking their row: a repair locks the table, and has rows for itself meanwhile.
LOCK TABLE stream_cursors IN ROW SHARE MODE;

-- name: list_new_deletions
-- Those that nobody has looked at yet.
SELECT id FROM deletions WHERE finished_at IS NULL AND kind <> 'retention' AND positions = '{}';

-- name: list_open_deletions
-- What is still to be done, in the order in which it was asked for; days are not in a hurry, and who failed goes to the end.
-- Some of each, so that days do go where nothing else can.
SELECT id, project_id, kind, subject, positions, counts
FROM (
    SELECT *, row_number() OVER (PARTITION BY kind = 'retention' ORDER BY error IS NOT NULL, id) AS place
    FROM deletions
    WHERE finished_at IS NULL
) AS d
WHERE place <= 100
ORDER BY kind = 'retention', place;

-- name: request_deletion
-- Asks for one.
INSERT INTO deletions (project_id, kind, subject, requested_by)
VALUES (%(project_id)s, %(kind)s, %(subject)s, %(requested_by)s)
RETURNING id;

-- name: request_retention
-- Asks for a day to go, unless that is asked for already.
INSERT INTO deletions (project_id, kind, subject, requested_by)
SELECT %(project_id)s, 'retention', %(subject)s, %(requested_by)s
WHERE NOT EXISTS (
    SELECT FROM deletions
    WHERE finished_at IS NULL AND kind = 'retention' AND project_id = %(project_id)s AND subject = %(subject)s
)
RETURNING id;

-- name: set_positions
-- What must be drained before some deletions begin.
UPDATE deletions SET positions = %(positions)s WHERE id = ANY (%(ids)s::uuid[]);

-- name: set_counts
-- What a deletion has removed so far, in the transaction that removed the last of it.
UPDATE deletions SET counts = %(counts)s, error = NULL WHERE id = %(id)s;

-- name: set_error
-- Why a deletion does not go on; it is tried again.
UPDATE deletions SET error = %(error)s WHERE id = %(id)s;

-- name: finish_deletion
-- The id of a session may say who somebody is: of it only its hash is kept.
UPDATE deletions
SET finished_at = now(), error = NULL, counts = %(counts)s,
    subject = CASE WHEN kind = 'session' THEN 'sha256:' || encode(sha256(convert_to(subject, 'UTF8')), 'hex') ELSE subject END
WHERE id = %(id)s;

-- name: deletion_json
-- A deletion `d` as the API shows it: an expression.
json_build_object(
    'id', d.id, 'kind', d.kind, 'subject', d.subject, 'status',
    CASE WHEN d.finished_at IS NOT NULL THEN 'DONE' WHEN d.positions = '{}' AND d.counts = '{}' THEN 'PENDING' ELSE 'RUNNING' END,
    'requestedBy', d.requested_by, 'requestedAt', d.requested_at, 'finishedAt', d.finished_at, 'removed', d.counts,
    'error', d.error
)

-- name: get_deletion
-- One of them.
SELECT {deletion_json}::text FROM deletions AS d WHERE d.project_id = %(project_id)s AND d.id = %(id)s;

-- name: list_deletions
-- The latest first.
SELECT d.id, {deletion_json}::text
FROM deletions AS d
WHERE d.project_id = %(project_id)s AND d.id < %(before)s
ORDER BY d.id DESC
LIMIT %(limit)s;

-- name: run_to_remove
-- Here and below: some of the runs that are meant, and how many steps they have. One that began after the request is another.
SELECT project_id, id, step_count
FROM runs
WHERE project_id = %(project_id)s AND id = %(subject)s::uuid AND accepted_at <= %(until)s;

-- name: runs_of_session_to_remove
SELECT project_id, id, step_count
FROM runs
WHERE project_id = %(project_id)s AND session_id = %(subject)s AND accepted_at <= %(until)s
LIMIT %(limit)s;

-- name: runs_of_user_to_remove
SELECT project_id, id, step_count
FROM runs
WHERE project_id = %(project_id)s AND user_id = %(subject)s::int AND accepted_at <= %(until)s
LIMIT %(limit)s;

-- name: runs_of_day_to_remove
-- Of all projects (0), or of one.
SELECT project_id, id, step_count
FROM runs
WHERE day = %(subject)s::date AND (%(project_id)s = 0 OR project_id = %(project_id)s)
LIMIT %(limit)s;

-- name: remove_runs
-- Takes runs away, and what knows of them: search index, notes for it, dead letters, of which it gives the number. A note that
-- the indexer holds it will itself throw away. Neither notes nor letters have an index by run: they are looked through once.
WITH k AS MATERIALIZED (
    SELECT * FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[]) AS k (project_id, run_id)
),
gone AS (
    DELETE FROM runs AS r USING k WHERE (r.project_id, r.id) = (k.project_id, k.run_id)
),
unindexed AS (
    DELETE FROM indexed_runs AS i USING k
    WHERE (i.project_id, i.run_id) = (k.project_id, k.run_id)
    RETURNING i.project_id, i.run_id, i.started_at, i.terms
),
unfound AS (
    DELETE FROM search_terms AS t
    USING (SELECT project_id, run_id, started_at, unnest(terms) AS term FROM unindexed) AS u
    WHERE (t.project_id, t.term, t.started_at, t.run_id) = (u.project_id, u.term, u.started_at, u.run_id)
),
letters AS MATERIALIZED (
    SELECT id, project_id, run_id FROM dead_letters WHERE run_id = ANY (%(run_ids)s::uuid[])
),
unburied AS (
    DELETE FROM dead_letters WHERE id IN (SELECT l.id FROM letters AS l JOIN k USING (project_id, run_id)) RETURNING 1
),
notes AS MATERIALIZED (
    SELECT id, project_id, run_id
    FROM pending_documents
    WHERE run_id = ANY (%(run_ids)s::uuid[])
    FOR UPDATE SKIP LOCKED
),
unnoted AS (
    DELETE FROM pending_documents WHERE id IN (SELECT n.id FROM notes AS n JOIN k USING (project_id, run_id))
)
SELECT count(*) FROM unburied;

-- name: remove_parts
-- Takes away what runs of a day hold, and counts it.
WITH k AS MATERIALIZED (
    SELECT * FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[]) AS k (project_id, run_id)
),
gone_steps AS (
    DELETE FROM steps AS s USING k
    WHERE s.day = %(day)s AND (s.project_id, s.run_id) = (k.project_id, k.run_id)
    RETURNING 1
),
gone_artifacts AS (
    DELETE FROM artifacts AS a USING k
    WHERE a.day = %(day)s AND (a.project_id, a.run_id) = (k.project_id, k.run_id)
    RETURNING 1
),
gone_metrics AS (
    DELETE FROM metrics AS m USING k
    WHERE m.day = %(day)s AND (m.project_id, m.run_id) = (k.project_id, k.run_id)
    RETURNING 1
),
gone_documents AS (
    DELETE FROM search_documents AS d USING k
    WHERE d.day = %(day)s AND (d.project_id, d.run_id) = (k.project_id, k.run_id)
    RETURNING 1
)
SELECT
    (SELECT count(*) FROM gone_steps), (SELECT count(*) FROM gone_artifacts), (SELECT count(*) FROM gone_metrics),
    (SELECT count(*) FROM gone_documents);

-- name: remove_letters_naming
-- Dead letters that hold one of some texts.
DELETE FROM dead_letters
WHERE project_id = %(project_id)s AND EXISTS (
    SELECT FROM unnest(%(texts)s::bytea[]) AS t (text) WHERE position(t.text IN record) > 0
);

-- name: remove_old_letters
-- Dead letters that are older than what their project keeps.
DELETE FROM dead_letters AS d
USING projects AS p
WHERE p.id = d.project_id AND coalesce(p.retention_days, %(retention_days)s) > 0
    AND d.created_at < date_trunc('day', now(), 'UTC') - make_interval(days => coalesce(p.retention_days, %(retention_days)s));

-- name: plan_for_all
-- What reads much of a table may do so as it likes.
SET LOCAL enable_hashjoin = on;
SET LOCAL enable_mergejoin = on;
SET LOCAL enable_seqscan = on;

-- name: clear_samples
-- Errors whose sample is no run any more have none, until the next one comes.
UPDATE rollup_errors AS e
SET sample_run_id = NULL
WHERE (%(project_id)s = 0 OR e.project_id = %(project_id)s) AND e.sample_run_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM runs AS r WHERE (r.project_id, r.id) = (e.project_id, e.sample_run_id));

-- name: lock_unused_error_groups
-- Error groups that nothing counts, locked; those that a batch holds it is about to use.
SELECT g.project_id, g.id
FROM error_groups AS g
WHERE (%(project_id)s = 0 OR g.project_id = %(project_id)s)
    AND NOT EXISTS (
        SELECT FROM rollup_errors AS e
        WHERE e.grain = 'day' AND e.agent_id = -1 AND (e.project_id, e.error_id) = (g.project_id, g.id) AND e.count <> 0
    )
    AND NOT EXISTS (SELECT FROM pending_errors AS p WHERE (p.project_id, p.error_id) = (g.project_id, g.id))
LIMIT 1000
FOR UPDATE OF g SKIP LOCKED;

-- name: sweep_error_groups
-- Drops those that still nothing counts, now that nobody can begin to use them.
DELETE FROM error_groups AS g
USING unnest(%(project_ids)s::int[], %(ids)s::bigint[]) AS k (project_id, id)
WHERE (g.project_id, g.id) = (k.project_id, k.id)
    AND NOT EXISTS (
        SELECT FROM rollup_errors AS e
        WHERE e.grain = 'day' AND e.agent_id = -1 AND (e.project_id, e.error_id) = (g.project_id, g.id) AND e.count <> 0
    )
    AND NOT EXISTS (SELECT FROM pending_errors AS p WHERE (p.project_id, p.error_id) = (g.project_id, g.id));

-- name: old_days
-- The days before some day that have runs: of each project, whether it keeps them, how many there are, and their steps.
-- `retention_days` is what projects keep that say nothing; 0 or less is for ever.
SELECT
    r.day, r.project_id, coalesce(p.slug, r.project_id::text), k.days, k.days > 0 AND r.day < %(today)s::date - k.days,
    r.runs, r.steps
FROM (
    SELECT day, project_id, count(*) AS runs, sum(step_count)::bigint AS steps FROM runs WHERE day < %(before)s GROUP BY 1, 2
) AS r
LEFT JOIN projects AS p ON p.id = r.project_id
CROSS JOIN LATERAL (VALUES (coalesce(p.retention_days, %(retention_days)s::int))) AS k (days)
ORDER BY 1, 2;

-- name: shortest_retention
-- The least number of days that some project keeps; NULL: all keep everything.
SELECT min(days) FROM (
    SELECT coalesce(retention_days, %(retention_days)s::int) AS days FROM projects UNION ALL SELECT %(retention_days)s::int
) AS kept WHERE days > 0;

-- name: days_on_disk
-- The days that have partitions, and the bytes of these.
SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day, sum(pg_total_relation_size(c.oid))::bigint
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = ANY (%(parents)s::regclass[]) AND c.relname ~ '_\d{8}$'
GROUP BY 1
ORDER BY 1;

-- name: database_bytes
-- What the database takes on disk.
SELECT pg_database_size(current_database());

-- name: utc_today
SELECT (now() AT TIME ZONE 'UTC')::date;

-- name: lock_for_drop
-- No drain, repair or removal works until the transaction ends, and no partition is made; whoever waits too long for that gives up.
SET LOCAL lock_timeout = '1s';
LOCK TABLE stream_cursors IN EXCLUSIVE MODE;
SELECT pg_advisory_xact_lock(hashtext('ensure_partitions'));
SET LOCAL lock_timeout = '50ms';

-- name: day_has_runs
-- Whether there are runs of a day.
SELECT EXISTS (SELECT FROM runs WHERE day = %(day)s);

-- name: watch_retention
-- How many days are still to go, and what went with some of them so far.
SELECT
    count(*) FILTER (WHERE finished_at IS NULL AND kind = 'retention'),
    coalesce(sum((counts ->> 'runs')::bigint) FILTER (WHERE id = ANY (%(ids)s::uuid[])), 0)::bigint,
    coalesce(sum((counts ->> 'steps')::bigint) FILTER (WHERE id = ANY (%(ids)s::uuid[])), 0)::bigint
FROM deletions
WHERE finished_at IS NULL OR id = ANY (%(ids)s::uuid[]);

-- name: deletion_figures
-- How many deletions are open, how many of them failed, and what the database takes on disk.
SELECT count(*), count(error), pg_database_size(current_database()) FROM deletions WHERE finished_at IS NULL;
