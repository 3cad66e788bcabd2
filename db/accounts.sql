-- name: lock_accounts
-- Whoever takes rights away takes turns, so that two cannot each leave the other as the last who has them.
SELECT pg_advisory_xact_lock(hashtext('accounts'));

-- name: list_projects
-- All of them, or those with these ids.
SELECT id, slug, name, retention_days AS "retentionDays", stale_after_seconds AS "staleAfterSeconds",
    events_per_second AS "eventsPerSecond", bytes_per_second AS "bytesPerSecond", redaction, created_at AS "createdAt"
FROM projects
WHERE %(ids)s::int[] IS NULL OR id = ANY (%(ids)s)
ORDER BY id;

-- name: create_project
-- None if the slug is taken.
INSERT INTO projects (slug, name) VALUES (%(slug)s, %(name)s) ON CONFLICT DO NOTHING RETURNING id;

-- name: change_project
-- Everything that can be changed of a project.
UPDATE projects SET
    name = %(name)s, retention_days = %(retention_days)s, stale_after_seconds = %(stale_after_seconds)s,
    events_per_second = %(events_per_second)s, bytes_per_second = %(bytes_per_second)s, redaction = %(redaction)s
WHERE id = %(id)s;

-- name: list_users
-- Everybody, with the projects of each; or only the members of a project, with their role there and nothing of others.
SELECT u.id, u.email, u.name, u.is_operator AS "isOperator", u.disabled_at IS NOT NULL AS "isDisabled",
    u.password_hash IS NOT NULL AS "hasPassword", u.created_at AS "createdAt",
    coalesce(
        jsonb_agg(jsonb_build_object('project', p.slug, 'role', m.role) ORDER BY p.id) FILTER (WHERE p.id IS NOT NULL), '[]'
    ) AS roles
FROM users AS u
LEFT JOIN memberships AS m ON m.user_id = u.id AND (%(project_id)s::int IS NULL OR m.project_id = %(project_id)s)
LEFT JOIN projects AS p ON p.id = m.project_id
WHERE (%(project_id)s::int IS NULL OR m.project_id IS NOT NULL) AND (%(user_id)s::int IS NULL OR u.id = %(user_id)s)
GROUP BY u.id
ORDER BY u.id;

-- name: find_credentials
-- What a sign-in is checked against. Who is disabled or has no password is not there.
SELECT id, password_hash, session_version
FROM users
WHERE email = %(email)s AND disabled_at IS NULL AND password_hash IS NOT NULL;

-- name: find_user_by_email
SELECT id FROM users WHERE email = %(email)s;

-- name: create_user
-- None if there is one with this e-mail.
INSERT INTO users (email, name) VALUES (%(email)s, %(name)s) ON CONFLICT DO NOTHING RETURNING id;

-- name: rename_user
UPDATE users SET name = %(name)s WHERE id = %(user_id)s;

-- name: set_password
-- Ends all sessions of the user.
UPDATE users SET password_hash = %(password_hash)s, session_version = session_version + 1
WHERE id = %(user_id)s
RETURNING session_version;

-- name: set_first_password
-- Of somebody who has none: whoever has one has chosen it.
UPDATE users SET password_hash = %(password_hash)s WHERE id = %(user_id)s AND password_hash IS NULL;

-- name: rehash_password
-- The same password, hashed anew; unless it was changed meanwhile.
UPDATE users SET password_hash = %(password_hash)s WHERE id = %(user_id)s AND password_hash = %(old_hash)s;

-- name: set_disabled
-- Ends all sessions of the user.
UPDATE users SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END,
    session_version = session_version + 1
WHERE id = %(user_id)s;

-- name: set_operator
UPDATE users SET is_operator = %(is_operator)s WHERE id = %(user_id)s;

-- name: end_sessions
-- All sessions of the user, in every browser.
UPDATE users SET session_version = session_version + 1 WHERE id = %(user_id)s;

-- name: set_role
-- Makes the user a member, or changes what a member may do.
INSERT INTO memberships (project_id, user_id, role) VALUES (%(project_id)s, %(user_id)s, %(role)s)
ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role;

-- name: remove_member
DELETE FROM memberships WHERE project_id = %(project_id)s AND user_id = %(user_id)s;

-- name: count_operators
-- Those who can sign in.
SELECT count(*) FROM users WHERE is_operator AND disabled_at IS NULL AND password_hash IS NOT NULL;

-- name: count_admins
-- Of a project, those who can sign in.
SELECT count(*)
FROM memberships AS m
JOIN users AS u ON u.id = m.user_id
WHERE m.project_id = %(project_id)s AND m.role = 'admin' AND u.disabled_at IS NULL AND u.password_hash IS NOT NULL;

-- name: list_keys
-- Of a project, the latest first; also those that are revoked or have expired.
SELECT k.id, k.prefix, k.name, k.scopes, k.events_per_second AS "eventsPerSecond", k.bytes_per_second AS "bytesPerSecond",
    k.created_at AS "createdAt", k.created_by AS "createdBy", k.expires_at AS "expiresAt", k.revoked_at AS "revokedAt",
    k.last_used_at AS "lastUsedAt"
FROM api_keys AS k
WHERE k.project_id = %(project_id)s AND (%(key_id)s::int IS NULL OR k.id = %(key_id)s)
ORDER BY k.id DESC;

-- name: create_key
INSERT INTO api_keys (
    project_id, prefix, secret_sha256, scopes, name, expires_at, events_per_second, bytes_per_second, created_by
)
VALUES (
    %(project_id)s, %(prefix)s, %(sha256)s, %(scopes)s, %(name)s, %(expires_at)s, %(events_per_second)s,
    %(bytes_per_second)s, %(created_by)s
)
RETURNING id;

-- name: revoke_key
-- Once more changes nothing.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE project_id = %(project_id)s AND id = %(key_id)s;
