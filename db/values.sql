-- Values to choose from. Each walks along an index from value to value, so it costs what it finds, however many rows bear it.

-- name: walk
-- The values of a column from `prefix` on that begin with it, in the order of the index, at most `limit`. They stand together
-- where text is sorted by its bytes. By a language's rules others lie between them ('B' is not before 'a' there), so the walk
-- goes on past those, as long as they begin with `kind`; what is not among `walk_max` values is not found.
WITH RECURSIVE walk AS (
    (
        SELECT t.{column} AS value, 1 AS place, (t.{column} ^@ %(prefix)s::text)::int AS found
        FROM {table} AS t
        WHERE t.project_id = %(project_id)s AND t.{column} >= %(prefix)s::text
        ORDER BY t.{column}
        LIMIT 1
    )
    UNION ALL
    SELECT n.value, w.place + 1, w.found + (n.value ^@ %(prefix)s::text)::int
    FROM walk AS w
    CROSS JOIN LATERAL (
        SELECT t.{column} AS value
        FROM {table} AS t
        WHERE t.project_id = %(project_id)s AND t.{column} > w.value
        ORDER BY t.{column}
        LIMIT 1
    ) AS n
    WHERE w.found < %(limit)s AND w.place < %(walk_max)s
        AND (w.value ^@ %(prefix)s::text OR ('a' < 'B' AND w.value ^@ %(kind)s::text))
)
SELECT substr(value, length(%(kind)s::text) + 1) FROM walk WHERE value ^@ %(prefix)s::text ORDER BY place;
