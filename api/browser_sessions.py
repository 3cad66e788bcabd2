"""Sessions of signed-in browsers: a short signed token in a cookie that no script can read."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import jwt
from starlette.types import Scope

from events.settings import Settings

ALGORITHM = "HS256"
AUDIENCE = "agentguide:session"
CLAIMS = ["aud", "sub", "ver", "csrf", "iat", "exp", "auth_time"]
TOKEN_SECONDS = 15 * 60
RENEW_AFTER_SECONDS = 5 * 60
SESSION_SECONDS = 12 * 3600
"""However busily it is used, then one signs in again."""
LEEWAY_SECONDS = 5
"""By which the clocks of the machines that serve may differ."""

COOKIE = "agentguide_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Over https: a browser takes it only from this very host, and no neighbour in the domain can plant one."""


@dataclass(slots=True, frozen=True)
class Session:
    """A browser's. It is over when the user's `session_version` is another."""

    user_id: int
    version: int
    csrf: str
    """What a page must send back in `X-CSRF-Token` with whatever changes something."""
    issued_at: int
    """Seconds since 1970, as below."""
    signed_in_at: int

    @property
    def expires_at(self) -> int:
        return min(self.issued_at + TOKEN_SECONDS, self.ends_at)

    @property
    def ends_at(self) -> int:
        return self.signed_in_at + SESSION_SECONDS


def new_session(user_id: int, version: int) -> Session:
    now = int(time.time())
    return Session(user_id, version, secrets.token_urlsafe(24), now, now)


def renewed(session: Session) -> Session | None:
    """The same for longer; None while it is fresh."""
    now = int(time.time())
    return replace(session, issued_at=now) if now - session.issued_at >= RENEW_AFTER_SECONDS else None


def write_session(session: Session, signing_key: bytes) -> str:
    """The cookie's value."""
    claims = {
        "aud": AUDIENCE,
        "sub": str(session.user_id),
        "ver": session.version,
        "csrf": session.csrf,
        "iat": session.issued_at,
        "exp": session.expires_at,
        "auth_time": session.signed_in_at,
    }
    return jwt.encode(claims, _key(signing_key), ALGORITHM)


def read_session(cookie: str, signing_key: bytes) -> Session | None:
    """None if it is over, or none of ours. Whether its user still may sign in is not asked here."""
    try:
        claims: dict[str, Any] = jwt.decode(
            cookie,
            _key(signing_key),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            leeway=LEEWAY_SECONDS,
            options={"require": CLAIMS},
        )
        return Session(int(claims["sub"]), claims["ver"], claims["csrf"], claims["iat"], claims["auth_time"])
    except (jwt.InvalidTokenError, ValueError):
        return None


def _key(signing_key: bytes) -> bytes:
    """For this use alone, and as long as the algorithm wants it."""
    return hashlib.blake2b(signing_key, digest_size=32, person=b"agentguide-sess").digest()


def cookie_of(header: str, *, secure: bool) -> str | None:
    """The session's cookie in a `Cookie` header. Over https only the one that no neighbour in the domain can have planted."""
    wanted, found = SECURE_COOKIE if secure else COOKIE, None
    # http.cookies takes seconds for a hostile header, and finds nothing behind a cookie that it does not understand.
    for cookie in header.split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == wanted and value:
            found = value
    return found


def is_csrf_right(session: Session, header: str | None) -> bool:
    return hmac.compare_digest((header or "").encode(), session.csrf.encode())


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def is_secure(scope: Scope, settings: Settings) -> bool:
    return settings.secure_cookies or scope["scheme"] == "https"


def set_cookie(session: Session, signing_key: bytes, *, secure: bool) -> str:
    """The value of a `Set-Cookie` header."""
    return _cookie(write_session(session, signing_key), session.expires_at - int(time.time()), secure=secure)


def clear_cookies() -> list[str]:
    """The same, for there to be none."""
    return [_cookie("", 0, secure=secure) for secure in (False, True)]


def _cookie(value: str, seconds: int, *, secure: bool) -> str:
    name, mark = (SECURE_COOKIE, "; Secure") if secure else (COOKIE, "")
    return f"{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{mark}"
