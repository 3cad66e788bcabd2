"""Who may come in: keys, users, and the projects that they belong to, as rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from db import queries

AsyncConnection = psycopg.AsyncConnection[tuple[Any, ...]]

DEFAULT_PROJECT = "default"
"""The slug of the project that a fresh database has, and of whoever needs no key."""


@dataclass(slots=True, frozen=True)
class Project:
    """A project's row. None: the server's settings say it."""

    id: int
    slug: str
    name: str
    retention_days: int | None
    stale_after_seconds: int | None
    events_per_second: int | None
    bytes_per_second: int | None
    redaction: Mapping[str, Any]


@dataclass(slots=True, frozen=True)
class ApiKey:
    """A key that is neither revoked nor expired."""

    id: int
    prefix: str
    project_id: int
    scopes: tuple[str, ...]
    expires_at: datetime | None
    events_per_second: int | None
    bytes_per_second: int | None


@dataclass(slots=True, frozen=True)
class FoundKey:
    key: ApiKey
    project: Project
    secret_sha256: bytes


@dataclass(slots=True, frozen=True)
class Member:
    """A user who may sign in, and the roles they have: in every project, for an operator."""

    id: int
    session_version: int
    is_operator: bool
    projects: Mapping[str, tuple[Project, str | None]]
    """By slug: the project, and the role that a member has there."""


async def find_project(connection: AsyncConnection, slug: str) -> Project | None:
    cursor = await connection.execute(queries.FIND_PROJECT, {"slug": slug})
    row = await cursor.fetchone()
    return None if row is None else Project(*row)


async def find_key(connection: AsyncConnection, prefix: str) -> FoundKey | None:
    """The key of that prefix, if it may be used now."""
    cursor = await connection.execute(queries.FIND_KEY, {"prefix": prefix})
    row = await cursor.fetchone()
    if row is None:
        return None
    identity, scopes, expires_at, events_per_second, bytes_per_second, digest, *project = row
    found = Project(*project)
    key = ApiKey(identity, prefix, found.id, tuple(scopes), expires_at, events_per_second, bytes_per_second)
    return FoundKey(key, found, bytes(digest))


async def find_member(connection: AsyncConnection, user_id: int) -> Member | None:
    cursor = await connection.execute(queries.FIND_USER, {"user_id": user_id})
    user = await cursor.fetchone()
    if user is None:
        return None
    cursor = await connection.execute(queries.PROJECTS_OF_USER, {"user_id": user_id, "is_operator": user[2]})
    projects = {project.slug: (project, role) for role, *row in await cursor.fetchall() for project in [Project(*row)]}
    return Member(user[0], user[1], user[2], projects)


async def touch_keys(connection: AsyncConnection, used: Mapping[int, datetime]) -> None:
    """Notes when keys were last used."""
    await connection.execute(queries.TOUCH_KEYS, {"ids": list(used), "times": list(used.values())})


async def keep_secret(connection: AsyncConnection, name: str, value: bytes) -> bytes:
    """The secret of that name: the one that is kept, or else this value, which is kept from now on."""
    await connection.execute(queries.MAKE_SECRET, {"name": name, "value": value})
    cursor = await connection.execute(queries.GET_SECRET, {"name": name})
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - it was made just before, and none is ever deleted
    return bytes(row[0])
