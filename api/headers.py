"""The outermost layer of an app: which requests of browsers it takes at all, and the headers of every answer."""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import browser_sessions
from api.access import CALLER, Caller
from api.errors import error_response
from api.routing import IngestLane
from api.state import AppState
from events.exceptions import AgentGuideError, ForeignHost, ForeignOrigin
from events.settings import Settings, comma_separated

HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Of every answer that does not say otherwise itself. Nothing that an agent wrote is to run or to be kept anywhere."""
_NAMES = frozenset(name for name, _ in HEADERS)

CORS_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
CORS_REQUEST_HEADERS = (
    *("Authorization", "Content-Encoding", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-API-Key", "X-CSRF-Token"),
    "X-AgentGuide-Project",
)
CORS_ANSWER_HEADERS = ("Content-Disposition", "Idempotent-Replayed", "RateLimit", "RateLimit-Policy", "Retry-After")

HOSTS_REMEMBERED = 100
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[0-9a-z._-]+)(:\d{1,5})?")


class GuardedApp(FastAPI):
    """Whatever it answers goes through the guard, also what its own handlers of errors say."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings

    def openapi(self) -> dict[str, Any]:
        """With what a request may show, where it has to: so `/docs` asks for a key. Public routes say that they need none."""
        described = super().openapi()
        if self._settings.require_auth:
            described["components"]["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, `ag_...`."},
                "session": {"type": "apiKey", "in": "cookie", "name": self._cookie, "description": "Of a signed-in browser."},
            }
            described["security"] = [{"key": []}, {"session": []}]
        return described

    @property
    def _cookie(self) -> str:
        return browser_sessions.SECURE_COOKIE if self._settings.secure_cookies else browser_sessions.COOKIE

    def build_middleware_stack(self) -> ASGIApp:
        inner: ASGIApp = IngestLane(super().build_middleware_stack(), self.routes)
        origins = comma_separated(self._settings.cors_origins)
        if origins:
            inner = CORSMiddleware(
                inner,
                allow_origins=origins,
                allow_credentials=True,
                allow_methods=CORS_METHODS,
                allow_headers=CORS_REQUEST_HEADERS,
                expose_headers=CORS_ANSWER_HEADERS,
            )
        return Guard(inner, self._settings)


class Guard:
    """Refuses what a page of another origin sends, also one whose name was bound to this machine; adds headers."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._origins = frozenset(origin.lower().encode() for origin in comma_separated(settings.cors_origins))
        self._hosts = Hosts(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                message["headers"] = [*given, *_lacking(given)]
                if CALLER in scope and message["status"] < 400:
                    message["headers"] += await _renewal(scope, self._settings)
            await send(message)

        error = self._refusal(scope["method"], headers)
        if error is None:
            await self._app(scope, receive, send_guarded)
        else:
            await error_response(error)(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Mapping[bytes, bytes]) -> AgentGuideError | None:
        host = headers.get(b"host", b"")
        if not self._hosts.allow(host):
            return ForeignHost()
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site is None and origin is None:
            return None  # no browser, or one that only follows a link
        if origin is not None and origin.lower() in self._origins:
            return None
        if site is None:
            return None if origin is not None and _is_at(origin, host) else ForeignOrigin()
        if site in (b"same-origin", b"none"):
            return None
        # Whoever follows a link from elsewhere sees the answer, and the page with the link does not.
        follows = method == "GET" and headers.get(b"sec-fetch-mode") == b"navigate" and origin is None
        return None if follows and headers.get(b"sec-fetch-dest") == b"document" else ForeignOrigin()


def _lacking(given: Iterable[tuple[bytes, bytes]]) -> Sequence[tuple[bytes, bytes]]:
    for name, _ in given:
        if name in _NAMES:
            names = {name for name, _ in given}
            return [pair for pair in HEADERS if pair[0] not in names]
    return HEADERS


def _is_at(origin: bytes, host: bytes) -> bool:
    """The scheme is not compared: a proxy may have taken TLS away."""
    return origin.partition(b"://")[2].lower() == host.lower()


async def _renewal(scope: Scope, settings: Settings) -> list[tuple[bytes, bytes]]:
    """The session that let the request in goes on. One that was ended meanwhile gains nothing: its version stays."""
    caller: Caller = scope[CALLER]
    longer = browser_sessions.renewed(caller.session) if caller.session else None
    if longer is None:
        return []
    state: AppState = scope["app"].state.agentguide
    signing_key = await state.authenticator.signing_key()
    secure = browser_sessions.is_secure(scope, settings)
    return [(b"set-cookie", browser_sessions.set_cookie(longer, signing_key, secure=secure).encode())]


class Hosts:
    """The names by which this server may be called.

    Where no key is needed, a page on the web could otherwise have its own name lead to this machine and then ask as if it
    were of the same origin. With keys every name does, unless some are listed.
    """

    def __init__(self, settings: Settings) -> None:
        listed = comma_separated(settings.allowed_hosts)
        self._names = {name.lower() for name in (*listed, settings.host)}
        self._every = settings.require_auth and not listed
        self._known: set[bytes] = set()

    def allow(self, header: bytes) -> bool:
        if self._every or header in self._known:
            return True
        if not self._is_ours(header.decode("latin-1").lower()):
            return False
        if len(self._known) < HOSTS_REMEMBERED:
            self._known.add(header)
        return True

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"]
        bare = name.strip("[]")
        return name in self._names or bare in self._names or bare == "localhost" or _is_loopback(bare)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
