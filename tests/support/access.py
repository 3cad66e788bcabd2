"""Projects and keys for tests, straight into the database."""

from typing import Any

import psycopg

from api.keys import new_key

Connection = psycopg.Connection[tuple[Any, ...]]


def make_project(database: Connection, slug: str) -> int:
    row = database.execute("INSERT INTO projects (slug, name) VALUES (%s, %s) RETURNING id", [slug, slug.title()]).fetchone()
    assert row is not None
    return int(row[0])


def make_key(database: Connection, project_id: int, *scopes: str, expires_at: Any = None) -> str:
    """The text of a new key."""
    key = new_key()
    database.execute(
        "INSERT INTO api_keys (project_id, prefix, secret_sha256, scopes, name, expires_at)"
        " VALUES (%s, %s, %s, %s, 'test', %s)",
        [project_id, key.prefix, key.sha256, list(scopes), expires_at],
    )
    return key.text


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
