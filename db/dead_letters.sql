-- name: bury
-- Keeps events that could not be stored, as far as their project's bounds let it, and counts them all. Gives how many were not
-- kept.
WITH arrived AS (
    SELECT *, octet_length(record) AS size
    FROM unnest(
        %(project_ids)s::int[], %(shards)s::int[], %(entry_ids)s::text[], %(codes)s::text[], %(reasons)s::text[],
        %(run_ids)s::uuid[], %(records)s::bytea[]
    ) WITH ORDINALITY AS l (project_id, shard, entry_id, code, reason, run_id, record, number)
),
kept AS (
    SELECT p.project_id, count(d.id) AS letters, coalesce(sum(octet_length(d.record)), 0) AS bytes
    FROM (SELECT DISTINCT project_id FROM arrived) AS p
    LEFT JOIN dead_letters AS d ON d.project_id = p.project_id
    GROUP BY 1
),
judged AS (
    SELECT a.*,
        k.letters + row_number() OVER w <= %(letters_max)s AND k.bytes + sum(a.size) OVER w <= %(bytes_max)s AS fits
    FROM arrived AS a
    JOIN kept AS k ON k.project_id = a.project_id
    WINDOW w AS (PARTITION BY a.project_id ORDER BY a.number)
),
added AS (
    INSERT INTO dead_letters (project_id, shard, entry_id, code, reason, run_id, record)
    SELECT project_id, shard, entry_id, code, reason, run_id, record FROM judged WHERE fits ORDER BY number
),
counted AS (
    INSERT INTO dead_letter_counts AS c (project_id, hour, code, count, dropped)
    SELECT project_id, date_trunc('hour', now(), 'UTC'), code, count(*), count(*) FILTER (WHERE NOT fits)
    FROM judged
    GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3
    ON CONFLICT (project_id, hour, code) DO UPDATE
    SET count = c.count + excluded.count, dropped = c.dropped + excluded.dropped
)
SELECT count(*) FILTER (WHERE NOT fits) FROM judged;

-- name: find_unstorable
-- Those of some payloads that no jsonb can hold, and why, as COPY would say it.
SELECT p.number, e.sql_error_code, e.message
FROM unnest(%(numbers)s::int[], %(payloads)s::text[]) AS p (number, payload)
CROSS JOIN LATERAL pg_input_error_info(p.payload, 'jsonb') AS e
WHERE e.message IS NOT NULL;

-- name: list_dead_letters
-- Dead letters without their records, the latest first. Here and below NULL is any project, code or letter.
SELECT d.id, json_build_object(
    'id', d.id, 'project', p.slug, 'code', d.code, 'reason', d.reason, 'runId', d.run_id, 'bytes', octet_length(d.record),
    'shard', d.shard, 'entryId', d.entry_id, 'createdAt', d.created_at
)::text
FROM dead_letters AS d
LEFT JOIN projects AS p ON p.id = d.project_id
WHERE (%(project_id)s::int IS NULL OR d.project_id = %(project_id)s) AND (%(code)s::text IS NULL OR d.code = %(code)s)
    AND d.id < %(before)s
ORDER BY d.id DESC
LIMIT %(limit)s;

-- name: get_dead_letter
-- One dead letter, and the event as it stood in the stream.
SELECT json_build_object(
    'id', d.id, 'project', p.slug, 'code', d.code, 'reason', d.reason, 'runId', d.run_id, 'bytes', octet_length(d.record),
    'shard', d.shard, 'entryId', d.entry_id, 'createdAt', d.created_at
)::text, d.record
FROM dead_letters AS d
LEFT JOIN projects AS p ON p.id = d.project_id
WHERE (%(project_id)s::int IS NULL OR d.project_id = %(project_id)s) AND d.id = %(id)s;

-- name: count_dead_letters
-- By project and code: how many are kept and how many bytes they have; how many were buried, ever and in the last hour; how many
-- of them were not kept. An hour that has just begun says little, so that before it counts for the rest of one.
WITH kept AS (
    SELECT project_id, code, count(*) AS letters, sum(octet_length(record)) AS bytes
    FROM dead_letters
    WHERE %(project_id)s::int IS NULL OR project_id = %(project_id)s
    GROUP BY 1, 2
),
counted AS (
    SELECT project_id, code, sum(count) AS count, sum(dropped) AS dropped,
        sum(count * CASE
            WHEN hour = date_trunc('hour', now(), 'UTC') THEN 1
            ELSE 1 - extract(epoch FROM now() - date_trunc('hour', now(), 'UTC')) / 3600
        END) FILTER (WHERE hour >= date_trunc('hour', now(), 'UTC') - interval '1 hour') AS last_hour,
        sum(count) FILTER (
            WHERE hour >= date_trunc('hour', now(), 'UTC') - interval '24 hours' AND hour < date_trunc('hour', now(), 'UTC')
        ) AS day_before
    FROM dead_letter_counts
    WHERE %(project_id)s::int IS NULL OR project_id = %(project_id)s
    GROUP BY 1, 2
)
SELECT
    coalesce(p.slug, project_id::text), code, coalesce(k.letters, 0)::bigint, coalesce(k.bytes, 0)::bigint,
    coalesce(c.count, k.letters)::bigint, coalesce(c.dropped, 0)::bigint, round(coalesce(c.last_hour, 0))::bigint,
    coalesce(c.day_before, 0)::float8 / 24
FROM kept AS k
FULL JOIN counted AS c USING (project_id, code)
LEFT JOIN projects AS p ON p.id = project_id
ORDER BY 5 DESC, 1, 2;

-- name: select_dead_letters
-- How many dead letters are meant, and the latest of them: those that come later are not.
SELECT count(*), coalesce(max(id), 0)
FROM dead_letters
WHERE (%(project_id)s::int IS NULL OR project_id = %(project_id)s) AND (%(code)s::text IS NULL OR code = %(code)s)
    AND (%(id)s::bigint IS NULL OR id = %(id)s);

-- name: take_dead_letters
-- The next of them in order of their burial; what another replay holds is left to it.
SELECT id, project_id, entry_id, record
FROM dead_letters
WHERE (%(project_id)s::int IS NULL OR project_id = %(project_id)s) AND (%(code)s::text IS NULL OR code = %(code)s)
    AND (%(id)s::bigint IS NULL OR id = %(id)s) AND id > %(after)s AND id <= %(last)s
ORDER BY id
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED;

-- name: forget_dead_letters
-- Those that are stored now.
DELETE FROM dead_letters WHERE id = ANY (%(ids)s::bigint[]);

-- name: relabel_dead_letters
-- Those that could still not be stored, with the reason of today.
UPDATE dead_letters AS d
SET code = n.code, reason = n.reason, run_id = coalesce(n.run_id, d.run_id)
FROM unnest(%(ids)s::bigint[], %(codes)s::text[], %(reasons)s::text[], %(run_ids)s::uuid[]) AS n (id, code, reason, run_id)
WHERE d.id = n.id;

-- name: discard_dead_letters
-- Drops some of those that are meant.
DELETE FROM dead_letters
WHERE id IN (
    SELECT id
    FROM dead_letters
    WHERE (%(project_id)s::int IS NULL OR project_id = %(project_id)s) AND (%(code)s::text IS NULL OR code = %(code)s)
        AND (%(id)s::bigint IS NULL OR id = %(id)s)
    LIMIT %(limit)s
);
