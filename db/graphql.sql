-- name: runs_steps
-- The first steps of each of some runs, behind a place in the order of their index; payloads left out.
SELECT k.run_id, s.index, s.id, json_build_object({step_summary})::text
FROM unnest(%(run_ids)s::uuid[]) AS k (run_id)
JOIN runs AS r ON (r.project_id, r.id) = (%(project_id)s, k.run_id)
CROSS JOIN LATERAL (
    SELECT i.*
    FROM steps AS i
    WHERE (i.project_id, i.run_id, i.day) = (r.project_id, r.id, r.day)
        AND (i.index, i.id) > (%(after_index)s::int, %(after_id)s::bigint)
    ORDER BY i.index, i.id
    LIMIT %(limit)s
) AS s
ORDER BY k.run_id, s.index, s.id;

-- name: steps_artifacts
-- The first artifacts of each of some steps of some runs, behind a place in the order of their making; content left out. Ids
-- of steps are unique in a run only, so there may be some of steps that were not asked for.
SELECT a.run_id, a.step_id, a.created_at, a.id,
    json_build_object('id', a.id, 'runId', a.run_id, 'type', a.type, 'url', a.url, 'createdAt', a.created_at)::text
FROM unnest(%(run_ids)s::uuid[]) AS k (run_id)
JOIN runs AS r ON (r.project_id, r.id) = (%(project_id)s, k.run_id)
CROSS JOIN LATERAL (
    SELECT i.*, row_number() OVER (PARTITION BY i.step_id ORDER BY i.created_at, i.id) AS place
    FROM artifacts AS i
    WHERE (i.project_id, i.run_id, i.day) = (r.project_id, r.id, r.day) AND i.step_id = ANY (%(step_ids)s::bigint[])
        AND (i.created_at, i.id) > (%(after)s::timestamptz, %(after_id)s::uuid)
) AS a
WHERE a.place <= %(limit)s
ORDER BY a.run_id, a.step_id, a.created_at, a.id;

-- name: runs_metrics
-- The first metrics of each of some runs, behind a place in the order of their making.
SELECT k.run_id, m.created_at, m.id,
    json_build_object('id', m.id, 'name', m.name, 'value', m.value, 'tags', m.tags, 'createdAt', m.created_at)::text
FROM unnest(%(run_ids)s::uuid[]) AS k (run_id)
JOIN runs AS r ON (r.project_id, r.id) = (%(project_id)s, k.run_id)
CROSS JOIN LATERAL (
    SELECT i.*
    FROM metrics AS i
    WHERE (i.project_id, i.run_id, i.day) = (r.project_id, r.id, r.day)
        AND (i.created_at, i.id) > (%(after)s::timestamptz, %(after_id)s::uuid)
    ORDER BY i.created_at, i.id
    LIMIT %(limit)s
) AS m
ORDER BY k.run_id, m.created_at, m.id;

-- name: agents_by_id
-- Some agents.
SELECT id, json_build_object('id', id, 'name', name, 'version', version, 'createdAt', created_at)::text
FROM agents
WHERE project_id = %(project_id)s AND id = ANY (%(ids)s::int[]);

-- name: runs_payloads
-- Those payloads of some runs that are asked for. The others are not even read.
SELECT r.id, CASE WHEN %(input)s THEN r.input::text END, CASE WHEN %(output)s THEN r.output::text END,
    CASE WHEN %(error)s THEN r.error::text END, CASE WHEN %(attributes)s THEN r.attributes::text END
FROM unnest(%(run_ids)s::uuid[]) AS k (run_id)
JOIN runs AS r ON (r.project_id, r.id) = (%(project_id)s, k.run_id);

-- name: steps_payloads
-- As `runs_payloads`, of steps.
SELECT s.run_id, s.id, CASE WHEN %(input)s THEN s.input::text END, CASE WHEN %(output)s THEN s.output::text END,
    CASE WHEN %(error)s THEN s.error::text END, CASE WHEN %(attributes)s THEN s.attributes::text END
FROM unnest(%(run_ids)s::uuid[], %(step_ids)s::bigint[]) AS k (run_id, step_id)
JOIN runs AS r ON (r.project_id, r.id) = (%(project_id)s, k.run_id)
CROSS JOIN LATERAL (
    SELECT * FROM steps AS i WHERE (i.project_id, i.run_id, i.id, i.day) = (r.project_id, r.id, k.step_id, r.day) OFFSET 0
) AS s;

-- name: artifacts_contents
-- What is in some artifacts.
SELECT a.run_id, a.id, a.content::text
FROM unnest(%(run_ids)s::uuid[], %(artifact_ids)s::uuid[]) AS k (run_id, artifact_id)
JOIN runs AS r ON (r.project_id, r.id) = (%(project_id)s, k.run_id)
CROSS JOIN LATERAL (
    SELECT * FROM artifacts AS i WHERE (i.project_id, i.run_id, i.id, i.day) = (r.project_id, r.id, k.artifact_id, r.day) OFFSET 0
) AS a;
