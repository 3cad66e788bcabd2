-- name: seed_default_project
-- The project that everything belongs to until there are keys that say otherwise.
INSERT INTO projects (slug, name)
SELECT 'default', 'Default'
WHERE NOT EXISTS (SELECT FROM projects WHERE slug = 'default');

-- name: ensure_partitions
-- Partitions from yesterday until some days ahead.
SELECT ensure_partitions(((now() AT TIME ZONE 'UTC')::date - 1), ((now() AT TIME ZONE 'UTC')::date + %(days_ahead)s::int));

-- name: ensure_partition_of
-- The partition of one day, for an entry that waited longer than the partitions made ahead of time.
SELECT ensure_partitions(%(day)s::date, %(day)s::date);
