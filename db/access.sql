-- name: project_columns
-- Of a project `p`, as `db.access.Project` has them: an expression.
p.id, p.slug, p.name, p.retention_days, p.stale_after_seconds, p.events_per_second, p.bytes_per_second, p.redaction

-- name: find_project
-- By its slug.
SELECT {project_columns} FROM projects AS p WHERE p.slug = %(slug)s;

-- name: find_key
-- A key that may be used, with its project.
SELECT k.id, k.scopes, k.expires_at, k.events_per_second, k.bytes_per_second, k.secret_sha256, {project_columns}
FROM api_keys AS k
JOIN projects AS p ON p.id = k.project_id
WHERE k.prefix = %(prefix)s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());

-- name: find_user
-- A user who may sign in.
SELECT id, session_version, is_operator
FROM users
WHERE id = %(user_id)s AND disabled_at IS NULL AND password_hash IS NOT NULL;

-- name: projects_of_user
-- What an operator, or a member, may see, with the member's role there; the oldest project first.
SELECT m.role, {project_columns}
FROM projects AS p
LEFT JOIN memberships AS m ON m.project_id = p.id AND m.user_id = %(user_id)s
WHERE %(is_operator)s OR m.user_id IS NOT NULL
ORDER BY p.id;

-- name: touch_keys
-- When keys were last used.
UPDATE api_keys AS k SET last_used_at = greatest(k.last_used_at, used.at)
FROM unnest(%(ids)s::int[], %(times)s::timestamptz[]) AS used (id, at)
WHERE k.id = used.id;

-- name: make_secret
-- One of the server's own, unless there is one of that name.
INSERT INTO secrets (name, value) VALUES (%(name)s, %(value)s) ON CONFLICT DO NOTHING;

-- name: get_secret
SELECT value FROM secrets WHERE name = %(name)s;
