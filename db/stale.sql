-- name: list_stale_limits
-- The projects whose runs may not be silent for ever, and for how many seconds they may.
SELECT id, coalesce(stale_after_seconds, %(default_seconds)s::int)
FROM projects
WHERE coalesce(stale_after_seconds, %(default_seconds)s::int) > 0
ORDER BY id;

-- name: list_open_runs
-- Some runs of a project and status behind a place, in the order of `runs_status_idx`: their start as text, id, when their last
-- event was accepted, and whether that is too long ago.
SELECT started_at::text, id, (extract(epoch FROM last_event_at) * 1000000)::bigint,
    last_event_at < now() - %(after_seconds)s::int * interval '1 second'
FROM (
    SELECT started_at, id, coalesce(last_event_at, accepted_at) AS last_event_at
    FROM runs
    WHERE project_id = %(project_id)s AND status = %(status)s::text
        AND (started_at, id) < (%(started_at)s::timestamptz, %(run_id)s::uuid)
    ORDER BY started_at DESC, id DESC
    LIMIT %(limit)s
) AS r;
