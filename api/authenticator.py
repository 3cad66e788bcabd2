"""Finds out who asks: by an API key, by the session of a signed-in browser, or, on a machine of one's own, without either."""

import asyncio
import hmac
import logging
import re
import secrets
import time
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.types import Scope as AsgiScope

from api import browser_sessions
from api.access import EVERYTHING, OF_ROLE, WITHIN_PROJECT, Caller, Scope
from api.browser_sessions import Session
from api.fresh import Fresh
from api.keys import parse
from db import access
from db.access import DEFAULT_PROJECT, ApiKey, Member, Project
from events.exceptions import Forbidden, NotFound, Unauthorized
from events.settings import Settings

logger = logging.getLogger(__name__)

TOUCH_SECONDS = 20.0
SIGNING_KEY = "sessions"
SIGNING_KEY_BYTES = 32
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PROJECT_HEADER = b"x-agentguide-project"
PROJECT_PARAMETER = "project"
"""For who has more than one project: a key has its own."""
SLUG = r"[a-z0-9][a-z0-9-]{0,62}"

_SLUG = re.compile(SLUG)
_NO_KEY = "There is no such key, or it has expired or was revoked."


@dataclass(slots=True, frozen=True)
class _Key:
    key: ApiKey
    secret_sha256: bytes
    caller: Caller


class Authenticator:
    """Callers by what their requests bear. Knows what the database said of them at most five seconds ago."""

    def __init__(self, settings: Settings, pool: AsyncConnectionPool) -> None:
        self._settings = settings
        self._pool = pool
        self._keys = Fresh(self._load_key)
        self._members = Fresh(self._load_member)
        self._projects = Fresh(self._load_project)
        self._signing_key: bytes | None = None
        self._used: dict[int, datetime] = {}

    async def find_caller(self, scope: AsgiScope, needed: Scope) -> Caller:
        """Who asks, having the scope that is needed.

        Raises:
            Unauthorized: nobody, or somebody unknown.
            Forbidden: somebody who may not.
            NotFound: somebody who names a project that is none of theirs.
            DatabaseUnavailable: nobody can say.
        """
        secure = browser_sessions.is_secure(scope, self._settings)
        key, cookie, csrf, project = _credentials(scope["headers"], secure=secure)
        if project is None and scope["query_string"]:
            project = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get(PROJECT_PARAMETER)
        caller = None
        if key is not None:
            caller = await self._caller_of_key(key)
            if project is not None and project != caller.project.slug:
                raise no_project(project)
        elif cookie is not None:
            caller = await self._caller_of_session(cookie, csrf, scope["method"], project)
        if caller is None:
            if self._settings.require_auth:
                raise Unauthorized
            caller = await self._anyone(project)
        if needed not in caller.scopes:
            raise _forbidden(caller, needed)
        return caller

    async def is_still(self, caller: Caller, needed: Scope) -> bool:
        """Whether a caller of some time ago would be let in again: for answers that last.

        Raises:
            DatabaseUnavailable: nobody can say.
        """
        if caller.key is not None:
            found = await self._keys.get(caller.key.prefix)
            return found is not None and found.caller.key == caller.key and _is_valid(found)
        if caller.user_id is not None:
            member, session = await self._members.get(caller.user_id), caller.session
            if member is None or session is None or member.session_version != session.version or session.ends_at <= time.time():
                return False
            project = member.projects.get(caller.project.slug)
            return project is not None and needed in _scopes_of(member, project[1])
        return True

    async def member(self, user_id: int) -> Member | None:
        """A user who may sign in, with their projects."""
        return await self._members.get(user_id)

    def forget_member(self, user_id: int) -> None:
        self._members.forget(user_id)

    async def signing_key(self) -> bytes:
        """What sessions are signed with: the same in every process."""
        if self._signing_key is None:
            given = self._settings.secret_key
            if given is not None:
                self._signing_key = given.get_secret_value().encode()
            else:
                async with self._pool.connection() as connection:
                    new = secrets.token_bytes(SIGNING_KEY_BYTES)
                    self._signing_key = await access.keep_secret(connection, SIGNING_KEY, new)
        return self._signing_key

    async def run(self) -> None:
        """Notes now and then which keys were used, until cancelled."""
        while True:
            await asyncio.sleep(TOUCH_SECONDS)
            await self._touch()

    async def close(self) -> None:
        await self._touch()
        for cache in (self._keys, self._members, self._projects):
            await cache.close()

    async def _touch(self) -> None:
        used, self._used = self._used, {}
        if used:
            try:
                async with self._pool.connection(timeout=1.0) as connection:
                    await access.touch_keys(connection, used)
            except (psycopg.Error, PoolTimeout) as error:
                logger.warning("when %d keys were last used could not be noted: %s", len(used), error)

    async def _caller_of_key(self, text: str) -> Caller:
        presented = parse(text)
        if presented is None:
            raise Unauthorized("This is no API key of ours, or a mistyped one: they look like ag_<prefix>_<secret>_<checksum>.")
        known = self._keys.peek(presented.prefix)
        found = await self._keys.get(presented.prefix) if known is None else known.value
        if found is None or not hmac.compare_digest(presented.sha256, found.secret_sha256) or not _is_valid(found):
            raise Unauthorized(_NO_KEY)
        self._used[found.key.id] = datetime.now(UTC)
        return found.caller

    async def _caller_of_session(self, cookie: str, csrf: str | None, method: str, project: str | None) -> Caller | None:
        """None if the session is over."""
        session = browser_sessions.read_session(cookie, await self.signing_key())
        if session is None:
            return None
        member = await self._members.get(session.user_id)
        if member is not None and member.session_version < session.version:
            # Another process gave the user a new password, and this session: what is known here is older.
            self._members.forget(session.user_id)
            member = await self._members.get(session.user_id)
        if member is None or member.session_version != session.version:
            return None
        if method not in SAFE_METHODS and not browser_sessions.is_csrf_right(session, csrf):
            raise Forbidden("The header X-CSRF-Token is missing or wrong: send the `csrfToken` that GET /v1/session gives.")
        return _caller_of_member(member, session, project)

    async def _anyone(self, slug: str | None) -> Caller:
        slug = slug or DEFAULT_PROJECT
        # What no project can be called is neither asked for nor remembered.
        project = await self._projects.get(slug) if _SLUG.fullmatch(slug) else None
        if project is None:
            raise no_project(slug)
        return Caller(project, EVERYTHING)

    async def _load_key(self, prefix: str) -> _Key | None:
        async with self._pool.connection() as connection:
            found = await access.find_key(connection, prefix)
        if found is None:
            return None
        scopes = frozenset(map(Scope, found.key.scopes))
        if Scope.ADMIN in scopes:
            scopes |= WITHIN_PROJECT
        return _Key(found.key, found.secret_sha256, Caller(found.project, scopes, found.key))

    async def _load_member(self, user_id: int) -> Member | None:
        async with self._pool.connection() as connection:
            return await access.find_member(connection, user_id)

    async def _load_project(self, slug: str) -> Project | None:
        async with self._pool.connection() as connection:
            return await access.find_project(connection, slug)


def no_project(slug: str) -> NotFound:
    return NotFound(f"There is no project {slug[:64]!r}.")


def _is_valid(found: _Key) -> bool:
    return found.key.expires_at is None or found.key.expires_at > datetime.now(UTC)


def _caller_of_member(member: Member, session: Session, slug: str | None) -> Caller:
    if not member.projects and slug is None:
        raise Forbidden("You are a member of no project: ask an admin of one to make you a member.")
    slug = slug if slug is not None else next(iter(member.projects))
    found = member.projects.get(slug)
    if found is None:
        raise no_project(slug)
    project, role = found
    return Caller(project, _scopes_of(member, role), user_id=member.id, session=session)


def _scopes_of(member: Member, role: str | None) -> frozenset[Scope]:
    if member.is_operator:
        return EVERYTHING
    return frozenset() if role is None else OF_ROLE[role]


def _forbidden(caller: Caller, needed: Scope) -> Forbidden:
    have = ", ".join(sorted(caller.scopes)) or "none"
    who = "This key has" if caller.key is not None else "You have"
    return Forbidden(f"{who} not the scope `{needed}` that this needs, but: {have}.")


def _credentials(
    headers: Sequence[tuple[bytes, bytes]], *, secure: bool
) -> tuple[str | None, str | None, str | None, str | None]:
    """The key, the session's cookie, the CSRF token and the project that a request names."""
    key = cookie = csrf = project = None
    for name, value in headers:
        if name == b"authorization":
            key = _key_of(value.decode("latin-1"))
        elif name == b"x-api-key":
            key = key or value.decode("latin-1").strip()
        elif name == b"cookie":
            cookie = browser_sessions.cookie_of(value.decode("latin-1"), secure=secure) or cookie
        elif name == b"x-csrf-token":
            csrf = value.decode("latin-1")
        elif name == PROJECT_HEADER:
            project = value.decode("latin-1")
    return key, cookie, csrf, project


def _key_of(authorization: str) -> str:
    """The key of `Bearer <key>`, or of `Basic`, where it is the password: so exporters of other tools send it."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        with suppress(ValueError):
            return b64decode(rest.strip(), validate=True).decode().partition(":")[2]
    raise Unauthorized(
        "The header Authorization is not understood: send `Bearer <key>`, or `Basic` with the key as the password."
    )
