"""`/v1/session`: signing in and out with a browser, and who is signed in."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, SecretStr
from pydantic_core import to_json

from api import accounts, attempts, browser_sessions, passwords
from api.admin import Password
from api.answers import answered_with
from api.answers.access import BrowserSession
from api.browser_sessions import Session, new_session, renewed
from api.errors import NOT_KEPT
from api.filters import KnownParameters
from api.json_body import Body, described, json_body
from api.routing import PublicRoute
from api.state import AppState, State
from db import queries
from db.access import Member
from events.exceptions import Forbidden, SignInFailed, Unauthorized

router = APIRouter(prefix="/v1", tags=["session"], route_class=PublicRoute, dependencies=[KnownParameters])

Given = Annotated[SecretStr, Field(max_length=passwords.CHARS_MAX)]


class Credentials(Body):
    """Body of `POST /v1/session`."""

    email: Annotated[str, Field(max_length=1000)]
    password: Given


class PasswordChange(Body):
    """Body of `PUT /v1/session/password`."""

    current: Given
    new: Password


@router.post("/session", openapi_extra=described(Credentials), responses=answered_with(BrowserSession))
async def sign_in(request: Request, state: State) -> Response:
    """Sets the session's cookie. The answer is the same whether the e-mail is unknown or the password wrong."""
    given = await json_body(request, Credentials)
    email = given.email.replace("\0", "").strip().lower()
    user_id, version = await _prove(request, state, email, given.password)
    return await _begin(request, state, user_id, version)


@router.get("/session", responses=answered_with(BrowserSession))
async def get_session(request: Request, state: State) -> Response:
    """Who is signed in, and the token that `X-CSRF-Token` must bear with whatever changes something."""
    found = await _find(request, state)
    if found is not None:
        session, member = found
        return await _signed_in(request, state, renewed(session) or session, member)
    if state.settings.require_auth:
        raise Unauthorized("Nobody is signed in: POST /v1/session with `email` and `password`.")
    async with state.pool.connection() as connection:
        projects = await accounts.list_projects(connection, None)
    listed = [{"id": project["id"], "slug": project["slug"], "name": project["name"], "role": None} for project in projects]
    return _json({"user": None, "projects": listed, "csrfToken": None, "expiresAt": None, "endsAt": None} | _about(state))


@router.delete("/session", status_code=204)
async def sign_out(
    request: Request,
    state: State,
    everywhere: Annotated[bool, Query(description="Ends the user's sessions in all other browsers, too.")] = False,
) -> Response:
    """Takes the cookie away. Who was not signed in is none the worse for it."""
    found = await _find(request, state)
    if found is not None:
        session, _ = found
        _check_csrf(request, session)
        if everywhere:
            async with state.pool.connection() as connection:
                await connection.execute(queries.END_SESSIONS, {"user_id": session.user_id})
            state.authenticator.forget_member(session.user_id)
    response = Response(status_code=204, headers=NOT_KEPT)
    for cookie in browser_sessions.clear_cookies():
        response.headers.append("Set-Cookie", cookie)
    return response


@router.put("/session/password", openapi_extra=described(PasswordChange), responses=answered_with(BrowserSession))
async def change_password(request: Request, state: State) -> Response:
    """A new password for oneself: it ends the sessions in all other browsers."""
    found = await _find(request, state)
    if found is None:
        raise Unauthorized("Nobody is signed in: POST /v1/session with `email` and `password`.")
    session, _ = found
    _check_csrf(request, session)
    given = await json_body(request, PasswordChange)
    async with state.pool.connection() as connection:
        user = await accounts.get_user(connection, session.user_id, None)
    await _prove(request, state, user["email"], given.current)
    password_hash = await state.passwords.hash(given.new.get_secret_value())
    async with state.pool.connection() as connection:
        version = await accounts.set_password(connection, session.user_id, password_hash)
    return await _begin(request, state, session.user_id, version)


async def _prove(request: Request, state: AppState, email: str, password: SecretStr) -> tuple[int, int]:
    """The user's id and the version of their sessions.

    Raises:
        SignInFailed: nobody has this e-mail, or not this password.
        TooManyAttempts, QueueUnavailable, Busy: it was not even looked at.
    """
    await attempts.count(state.redis, email, request.client.host if request.client else None)
    async with state.pool.connection() as connection:
        row = await (await connection.execute(queries.FIND_CREDENTIALS, {"email": email})).fetchone()
    stored = None if row is None else str(row[1])
    if not await state.passwords.is_right(password.get_secret_value(), stored) or row is None or stored is None:
        raise SignInFailed
    await attempts.forgive(state.redis, email)
    user_id, version = int(row[0]), int(row[2])
    if passwords.is_outdated(stored):
        anew = await state.passwords.hash(password.get_secret_value())
        async with state.pool.connection() as connection:
            values = {"user_id": user_id, "password_hash": anew, "old_hash": stored}
            await connection.execute(queries.REHASH_PASSWORD, values)
    return user_id, version


async def _begin(request: Request, state: AppState, user_id: int, version: int) -> Response:
    """A session that starts now."""
    # What this process remembers of the user may be of before.
    state.authenticator.forget_member(user_id)
    member = await state.authenticator.member(user_id)
    if member is None:
        raise SignInFailed
    return await _signed_in(request, state, new_session(user_id, version), member)


async def _find(request: Request, state: AppState) -> tuple[Session, Member] | None:
    """The session that the request bears, if it is not over."""
    secure = browser_sessions.is_secure(request.scope, state.settings)
    cookie = browser_sessions.cookie_of("; ".join(request.headers.getlist("cookie")), secure=secure)
    session = browser_sessions.read_session(cookie, await state.authenticator.signing_key()) if cookie else None
    if session is None:
        return None
    member = await state.authenticator.member(session.user_id)
    if member is not None and member.session_version < session.version:
        # They signed in just now, and another process knew it first.
        state.authenticator.forget_member(session.user_id)
        member = await state.authenticator.member(session.user_id)
    if member is None or member.session_version != session.version:
        return None
    return session, member


def _check_csrf(request: Request, session: Session) -> None:
    if not browser_sessions.is_csrf_right(session, request.headers.get("x-csrf-token")):
        raise Forbidden("The header X-CSRF-Token is missing or wrong: send the `csrfToken` that GET /v1/session gives.")


async def _signed_in(request: Request, state: AppState, session: Session, member: Member) -> Response:
    async with state.pool.connection() as connection:
        user = await accounts.get_user(connection, member.id, None)
    response = _json(
        {
            "user": {name: user[name] for name in ("id", "email", "name", "isOperator")},
            "projects": [
                {"id": project.id, "slug": project.slug, "name": project.name, "role": role}
                for project, role in member.projects.values()
            ],
            "csrfToken": session.csrf,
            "expiresAt": browser_sessions.moment(session.expires_at),
            "endsAt": browser_sessions.moment(session.ends_at),
            **_about(state),
        }
    )
    secure = browser_sessions.is_secure(request.scope, state.settings)
    signing_key = await state.authenticator.signing_key()
    response.headers.append("Set-Cookie", browser_sessions.set_cookie(session, signing_key, secure=secure))
    return response


def _about(state: AppState) -> dict[str, Any]:
    """Of the server, for whoever may know."""
    return {"authRequired": state.settings.require_auth, "ingestUrl": state.settings.ingest_url or None}


def _json(content: Any) -> Response:
    return Response(to_json(content), headers=NOT_KEPT, media_type="application/json")
