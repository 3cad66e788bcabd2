-- name: try_search_lock
-- Whether this transaction is the one that indexes: two would write the same terms.
SELECT pg_try_advisory_xact_lock(hashtext('search'));

-- name: take_documents
-- The oldest changes that the search index does not know, as many as hold some number of steps; each run once.
WITH first AS (
    SELECT id, 1 + cardinality(step_ids) AS size FROM pending_documents ORDER BY id LIMIT %(size)s
),
taken AS (
    DELETE FROM pending_documents
    -- As an array, so that the rows are looked up by their key: what waits may be many times what the statistics say.
    WHERE id = ANY (
        ARRAY(SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY id) - size AS before FROM first) AS f WHERE before < %(size)s)
    )
    RETURNING *
)
SELECT t.project_id, t.run_id, t.day, bool_or(t.whole), array_agg(DISTINCT s.id) FILTER (WHERE s.id IS NOT NULL)
FROM taken AS t
LEFT JOIN LATERAL unnest(t.step_ids) AS s (id) ON true
GROUP BY 1, 2, 3;

-- name: hold_runs
-- Those of some runs that are there, held: none of them is removed before what the index says of it is stored.
SELECT r.project_id, r.id
FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[]) AS k (project_id, run_id, day)
JOIN runs AS r ON (r.project_id, r.id, r.day) = (k.project_id, k.run_id, k.day)
FOR KEY SHARE OF r;

-- name: add_words
-- The words of runs and of steps: those of a part, which is up to a dozen steps of a run and the run itself (a NULL among the
-- steps), in one row. A run that changes by itself has one row for that, however often it does.
INSERT INTO search_documents AS t (project_id, run_id, id, day, words)
SELECT project_id, run_id, CASE WHEN alone THEN '00000000-0000-0000-0000-000000000000'::uuid ELSE uuidv7() END, day, words
FROM (
    SELECT k.project_id, k.run_id, k.day, bool_and(k.step_id IS NULL) AS alone, jsonb_to_tsvector(
        'simple',
        jsonb_agg(
            CASE
                WHEN k.step_id IS NULL
                THEN jsonb_build_array(searchable(r.input), searchable(r.output), searchable(r.error))
                ELSE jsonb_build_array(searchable(s.input), searchable(s.output), searchable(s.error))
            END
        ),
        '["string", "numeric"]'
    ) AS words
    FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[], %(step_ids)s::bigint[], %(parts)s::int[])
        AS k (project_id, run_id, day, step_id, part)
    LEFT JOIN runs AS r ON k.step_id IS NULL AND (r.project_id, r.id) = (k.project_id, k.run_id)
    LEFT JOIN steps AS s ON (s.project_id, s.run_id, s.day, s.id) = (k.project_id, k.run_id, k.day, k.step_id)
    GROUP BY k.project_id, k.run_id, k.day, k.part
) AS d
WHERE words <> ''
ON CONFLICT (project_id, run_id, id, day) DO UPDATE SET words = excluded.words WHERE t.words <> excluded.words;

-- name: index_terms
-- Brings the terms of runs up to date: their tools and models only grow, their tags and metrics are looked up anew when the run itself
-- changed, and when its start did they all move to their new place in time.
WITH changed AS (
    SELECT k.project_id, k.run_id, k.day, k.whole, r.started_at, r.duration_microseconds, r.cost_nano_usd,
        r.step_count, r.tags, r.session_id, i.started_at AS old_started_at,
        coalesce(i.terms, '{}') AS old_terms
    FROM unnest(%(project_ids)s::int[], %(run_ids)s::uuid[], %(days)s::date[], %(wholes)s::boolean[])
        AS k (project_id, run_id, day, whole)
    JOIN runs AS r ON (r.project_id, r.id) = (k.project_id, k.run_id)
    LEFT JOIN indexed_runs AS i ON (i.project_id, i.run_id) = (k.project_id, k.run_id)
),
measured AS (
    SELECT c.project_id, c.run_id, 'metric:' || m.name AS term, min(m.value) AS least, max(m.value) AS greatest
    FROM changed AS c
    JOIN metrics AS m ON (m.project_id, m.run_id, m.day) = (c.project_id, c.run_id, c.day)
    WHERE c.whole
    GROUP BY 1, 2, 3
),
terms AS (
    SELECT c.project_id, c.run_id, o.term, NULL::float8 AS least, NULL::float8 AS greatest
    FROM changed AS c, unnest(c.old_terms) AS o (term)
    WHERE NOT c.whole OR o.term ^@ 'tool:' OR o.term ^@ 'model:'
    UNION
    SELECT s.project_id, s.run_id, o.term, NULL, NULL
    FROM unnest(%(step_project_ids)s::int[], %(step_run_ids)s::uuid[], %(step_days)s::date[], %(step_ids)s::bigint[])
        AS k (project_id, run_id, day, id)
    JOIN steps AS s ON (s.project_id, s.run_id, s.day, s.id) = (k.project_id, k.run_id, k.day, k.id)
    CROSS JOIN LATERAL (VALUES ('tool:' || s.tool_name), ('model:' || s.model)) AS o (term)
    WHERE o.term IS NOT NULL
    UNION
    SELECT c.project_id, c.run_id, left('tag:' || t.name, 600), NULL, NULL
    FROM changed AS c
    CROSS JOIN LATERAL (
        SELECT value #>> '{}' FROM jsonb_array_elements(CASE WHEN jsonb_typeof(c.tags) = 'array' THEN c.tags END)
        UNION ALL
        SELECT unnest(ARRAY[key, key || '=' || value])
        FROM jsonb_each_text(CASE WHEN jsonb_typeof(c.tags) = 'object' THEN c.tags END)
    ) AS t (name)
    WHERE c.whole AND t.name IS NOT NULL
    UNION
    SELECT project_id, run_id, term, least, greatest FROM measured
    UNION
    SELECT c.project_id, c.run_id, 'has:session', NULL, NULL
    FROM changed AS c
    WHERE c.session_id IS NOT NULL
),
grouped AS (
    SELECT project_id, run_id, array_agg(term ORDER BY term) AS terms, array_agg(least ORDER BY term) AS leasts,
        array_agg(greatest ORDER BY term) AS greatests
    FROM terms
    GROUP BY 1, 2
),
wanted AS (
    SELECT c.project_id, c.run_id, c.started_at, c.duration_microseconds, c.cost_nano_usd, c.step_count,
        coalesce(g.terms, '{}') AS terms, g.leasts, g.greatests
    FROM changed AS c
    LEFT JOIN grouped AS g USING (project_id, run_id)
),
-- Sets are compared, not joined: a run may have ten thousand terms, and to look for each among all takes minutes.
known AS (
    SELECT c.project_id, o.term, c.old_started_at AS started_at, c.run_id FROM changed AS c, unnest(c.old_terms) AS o (term)
),
needed AS (
    SELECT w.project_id, n.term, w.started_at, w.run_id, n.least, n.greatest
    FROM wanted AS w, unnest(w.terms, w.leasts, w.greatests) AS n (term, least, greatest)
),
dropped AS (
    DELETE FROM search_terms AS t
    USING (TABLE known EXCEPT SELECT project_id, term, started_at, run_id FROM needed) AS g
    WHERE (t.project_id, t.term, t.started_at, t.run_id) = (g.project_id, g.term, g.started_at, g.run_id)
),
added AS (
    INSERT INTO search_terms AS t (project_id, term, started_at, run_id, least, greatest)
    TABLE needed EXCEPT SELECT project_id, term, started_at, run_id, NULL, NULL FROM known
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (project_id, term, started_at, run_id) DO UPDATE
    SET least = excluded.least, greatest = excluded.greatest
    WHERE excluded.least IS NOT NULL AND (t.least, t.greatest) IS DISTINCT FROM (excluded.least, excluded.greatest)
)
INSERT INTO indexed_runs AS i (project_id, run_id, started_at, duration_microseconds, cost_nano_usd, step_count, terms)
SELECT project_id, run_id, started_at, duration_microseconds, cost_nano_usd, step_count, terms FROM wanted
ON CONFLICT (project_id, run_id) DO UPDATE
SET started_at = excluded.started_at, duration_microseconds = excluded.duration_microseconds,
    cost_nano_usd = excluded.cost_nano_usd, step_count = excluded.step_count, terms = excluded.terms
WHERE (i.started_at, i.duration_microseconds, i.cost_nano_usd, i.step_count, i.terms)
    IS DISTINCT FROM (excluded.started_at, excluded.duration_microseconds, excluded.cost_nano_usd, excluded.step_count, excluded.terms);
