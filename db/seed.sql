-- name: seed_agent
-- An agent by name and version; once more changes nothing.
INSERT INTO agents (project_id, name, version)
VALUES (%(project_id)s, %(name)s, %(version)s)
ON CONFLICT DO NOTHING;

-- name: seed_user
-- A user and a membership in the project; once more changes nothing.
WITH added AS (
    INSERT INTO users (email, name) VALUES (%(email)s, %(name)s)
    ON CONFLICT (email) DO UPDATE SET name = excluded.name
    RETURNING id
)
INSERT INTO memberships (project_id, user_id, role)
SELECT %(project_id)s, id, 'editor' FROM added
ON CONFLICT DO NOTHING;
