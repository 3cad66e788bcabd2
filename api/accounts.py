"""Projects, users and keys as one manages them: what routes, commands and the first start have in common.

Each function takes a connection that commits by itself. Rows come as dictionaries in the shape that the API answers.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from api.keys import new_key
from db import queries
from events.exceptions import Conflict, InvalidRequest, LastOfAll, NotFound

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Row = dict[str, Any]
Role = Literal["viewer", "editor", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "editor", "admin")

EMAIL_CHARS_MAX = 254
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")

_CHANGEABLE = {
    "name": "name",
    "retentionDays": "retention_days",
    "staleAfterSeconds": "stale_after_seconds",
    "eventsPerSecond": "events_per_second",
    "bytesPerSecond": "bytes_per_second",
    "redaction": "redaction",
}
"""Of a project: as it is answered, and as it is stored."""


@dataclass(slots=True, frozen=True)
class KeyOptions:
    """What a new key is to be."""

    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None
    events_per_second: int | None = None
    bytes_per_second: int | None = None


def normal_email(text: str) -> str:
    """The one way in which an e-mail is stored and looked for.

    Raises:
        ValueError: it is none.
    """
    email = text.strip().lower()
    if len(email) > EMAIL_CHARS_MAX or not _EMAIL.fullmatch(email):
        raise ValueError("an e-mail has the form name@domain")
    return email


async def take_turns(connection: Connection) -> None:
    """Until the end of the transaction nobody else changes who may do what."""
    await connection.execute(queries.LOCK_ACCOUNTS)


async def list_projects(connection: Connection, ids: list[int] | None) -> list[Row]:
    """None: all of them."""
    return await _rows(connection, queries.LIST_PROJECTS, {"ids": ids})


async def create_project(connection: Connection, slug: str, changes: Mapping[str, Any], admin_id: int | None) -> Row:
    """With whoever made it as its admin; None: the command line, or somebody without a name.

    Raises:
        Conflict: the slug is taken.
    """
    async with connection.transaction():
        project_id = await _value(connection, queries.CREATE_PROJECT, {"slug": slug, "name": slug})
        if project_id is None:
            raise Conflict(f"There is a project {slug!r} already.")
        if admin_id is not None:
            await connection.execute(queries.SET_ROLE, {"project_id": project_id, "user_id": admin_id, "role": "admin"})
        return await change_project(connection, project_id, changes)


async def change_project(connection: Connection, project_id: int, changes: Mapping[str, Any]) -> Row:
    """`changes` by the names of the answer; what is not among them stays.

    Raises:
        NotFound: there is no such project.
    """
    async with connection.transaction():
        await take_turns(connection)
        found = await list_projects(connection, [project_id])
        if not found:
            raise NotFound(f"There is no project {project_id}.")
        project: Row = {**found[0], **changes}
        values = {column: project[name] for name, column in _CHANGEABLE.items()}
        await connection.execute(queries.CHANGE_PROJECT, {**values, "redaction": Jsonb(project["redaction"]), "id": project_id})
        return project


async def list_users(connection: Connection, project_id: int | None) -> list[Row]:
    """The members of a project; None: everybody."""
    return await _rows(connection, queries.LIST_USERS, {"project_id": project_id, "user_id": None})


async def get_user(connection: Connection, user_id: int, project_id: int | None) -> Row:
    """As a project sees them; None: with all their roles.

    Raises:
        NotFound: there is no such user, or not in the project.
    """
    found = await _rows(connection, queries.LIST_USERS, {"project_id": project_id, "user_id": user_id})
    if not found:
        raise NotFound(f"There is no user {user_id}.")
    return found[0]


async def find_user(connection: Connection, email: str) -> int | None:
    return await _value(connection, queries.FIND_USER_BY_EMAIL, {"email": email})


async def create_user(connection: Connection, email: str, name: str | None) -> int:
    """Raises Conflict if there is one with this e-mail."""
    user_id = await _value(connection, queries.CREATE_USER, {"email": email, "name": name or email})
    if user_id is None:
        raise Conflict(f"There is a user {email} already.")
    return user_id


async def rename_user(connection: Connection, user_id: int, name: str) -> None:
    await connection.execute(queries.RENAME_USER, {"user_id": user_id, "name": name})


async def set_password(connection: Connection, user_id: int, password_hash: str) -> int:
    """Ends the user's sessions; gives the version of those to come.

    Raises:
        NotFound: there is no such user.
    """
    version = await _value(connection, queries.SET_PASSWORD, {"user_id": user_id, "password_hash": password_hash})
    if version is None:
        raise NotFound(f"There is no user {user_id}.")
    return version


async def set_first_password(connection: Connection, user_id: int, password_hash: str) -> bool:
    """False, and nothing is changed, if there is one."""
    values = {"user_id": user_id, "password_hash": password_hash}
    return bool((await connection.execute(queries.SET_FIRST_PASSWORD, values)).rowcount)


async def set_disabled(connection: Connection, user_id: int, disabled: bool) -> None:
    """Ends the user's sessions.

    Raises:
        LastOfAll: no operator would be left.
    """
    async with _keeping_operator(connection):
        await connection.execute(queries.SET_DISABLED, {"user_id": user_id, "disabled": disabled})


async def set_operator(connection: Connection, user_id: int, is_operator: bool) -> None:
    """Raises LastOfAll if no operator would be left."""
    async with _keeping_operator(connection):
        await connection.execute(queries.SET_OPERATOR, {"user_id": user_id, "is_operator": is_operator})


async def set_role(connection: Connection, project_id: int, user_id: int, role: Role, *, by_operator: bool) -> None:
    """Makes the user a member of the project, or gives a member another role.

    Raises:
        LastOfAll: the project would be left without an admin, by somebody who could not name another one.
    """
    async with _keeping_admin(connection, project_id, by_operator=by_operator):
        await connection.execute(queries.SET_ROLE, {"project_id": project_id, "user_id": user_id, "role": role})


async def remove_member(connection: Connection, project_id: int, user_id: int, *, by_operator: bool) -> None:
    """The user is no member any more; runs that name them keep doing so.

    Raises:
        NotFound: they are no member.
        LastOfAll: as with `set_role`.
    """
    async with _keeping_admin(connection, project_id, by_operator=by_operator):
        removed = await connection.execute(queries.REMOVE_MEMBER, {"project_id": project_id, "user_id": user_id})
        if not removed.rowcount:
            raise NotFound(f"There is no user {user_id}.")


async def count_operators(connection: Connection) -> int:
    """Those who can sign in."""
    return int(await _value(connection, queries.COUNT_OPERATORS, {}) or 0)


async def list_keys(connection: Connection, project_id: int) -> list[Row]:
    return await _rows(connection, queries.LIST_KEYS, {"project_id": project_id, "key_id": None})


async def create_key(connection: Connection, project_id: int, options: KeyOptions, created_by: int | None) -> Row:
    """The key's row and, this once, its text as `key`.

    Raises:
        InvalidRequest: it would have expired already.
    """
    if options.expires_at is not None and options.expires_at <= datetime.now(UTC):
        raise InvalidRequest(
            "A key that has expired is of no use.", details=[{"path": "expiresAt", "reason": "is in the past"}]
        )
    key = new_key()
    values = {
        "project_id": project_id,
        "prefix": key.prefix,
        "sha256": key.sha256,
        "scopes": sorted(options.scopes),
        "name": options.name,
        "expires_at": options.expires_at,
        "events_per_second": options.events_per_second,
        "bytes_per_second": options.bytes_per_second,
        "created_by": created_by,
    }
    key_id = await _value(connection, queries.CREATE_KEY, values)
    (row,) = await _rows(connection, queries.LIST_KEYS, {"project_id": project_id, "key_id": key_id})
    return {"key": key.text} | row


async def revoke_key(connection: Connection, project_id: int, key_id: int) -> None:
    """Raises NotFound if the project has no such key."""
    revoked = await connection.execute(queries.REVOKE_KEY, {"project_id": project_id, "key_id": key_id})
    if not revoked.rowcount:
        raise NotFound(f"There is no key {key_id}.")


@asynccontextmanager
async def _keeping_operator(connection: Connection) -> AsyncIterator[None]:
    async with connection.transaction():
        await take_turns(connection)
        before = await count_operators(connection)
        yield
        if before and not await count_operators(connection):
            raise LastOfAll("Nobody could manage this server any more: make another operator first, with a password.")


@asynccontextmanager
async def _keeping_admin(connection: Connection, project_id: int, *, by_operator: bool) -> AsyncIterator[None]:
    async with connection.transaction():
        await take_turns(connection)
        before = await _count_admins(connection, project_id)
        yield
        if before and not by_operator and not await _count_admins(connection, project_id):
            raise LastOfAll("The project would have no admin any more: make another one first.")


async def _count_admins(connection: Connection, project_id: int) -> int:
    return int(await _value(connection, queries.COUNT_ADMINS, {"project_id": project_id}) or 0)


async def _rows(connection: Connection, statement: LiteralString, values: Mapping[str, Any]) -> list[Row]:
    cursor = connection.cursor(row_factory=dict_row)
    return await (await cursor.execute(statement, values)).fetchall()


async def _value(connection: Connection, statement: LiteralString, values: Mapping[str, Any]) -> int | None:
    """The only column of the only row, if there is one."""
    row = await (await connection.execute(statement, values)).fetchone()
    return None if row is None else int(row[0])
