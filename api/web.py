"""The dashboard: the page of all its addresses, with a fresh nonce each time, and the files that belong to it.

`make web` builds them into `api/dashboard/`. What is served is what was there at the start, held in memory: no path leads
anywhere else, and a build that runs meanwhile takes nothing from under the pages that are open.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.routing import Match
from starlette.types import Scope

from api.routing import PublicRoute
from events.exceptions import NotFound

FOLDER = Path(__file__).with_name("dashboard")
INDEX = "index.html"

PLACES = ("runs", "compare", "agents", "tools", "sessions", "users", "pipeline", "settings", "start", "sign-in")
"""First segments of the addresses that the page itself makes sense of, with whatever comes after them."""
ROOT_FILES = ("color-scheme.js", "favicon.svg")
"""Files of the build beside the page. Their names stay when they change, so they are not kept for long."""

CODINGS = {"zstd": ".zst", "gzip": ".gz"}
"""By their ends: what the build compressed, the smallest first."""
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""Of our own, as those of the system differ from one machine to the next."""
HASHED = "public, max-age=31536000, immutable"
NAMED = "public, max-age=3600"

NONCE = b"__CSP_NONCE__"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; connect-src 'self';"
    " font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>AgentGuide: no dashboard yet</title>
<h1>The dashboard is not built</h1>
<p>AgentGuide runs, and takes and answers everything over HTTP: see <a href="/docs">the API</a>.</p>
<p>To build the dashboard, run <code>make web</code> in AgentGuide's folder, and then start the server again.</p>
</html>
"""
NOT_BUILT_POLICY = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_REFUSED = re.compile(r"q=0(\.0*)?")


@dataclass(frozen=True)
class File:
    media_type: str
    forms: Mapping[str, bytes]
    """Its bytes by their coding; `identity` is always among them."""


@dataclass(frozen=True)
class Build:
    page: bytes | None = None
    """With `NONCE` where each answer's own goes; None if nothing was built."""
    files: Mapping[str, File] = field(default_factory=dict)
    """By their paths in the build, as in `assets/index-1a2b3c4d.js`."""


class PageRoute(PublicRoute):
    """Only for GET and HEAD: to the API's clients there is nothing here, and a 405 would say that there were."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and scope["method"] not in (self.methods or ()):
            return Match.NONE, {}
        return super().matches(scope)


def read_build(folder: Path) -> Build:
    if not (folder / INDEX).is_file():
        return Build()
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    page = contents.pop(INDEX)
    compressed = {name + end for name in contents for end in CODINGS.values()}
    return Build(page, {name: _file(name, contents) for name in contents if name not in compressed})


def _file(name: str, contents: Mapping[str, bytes]) -> File:
    forms = {coding: contents[name + end] for coding, end in CODINGS.items() if name + end in contents}
    media_type = MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream")
    return File(media_type, {**forms, "identity": contents[name]})


def create_router(folder: Path = FOLDER) -> APIRouter:
    build = read_build(folder)
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    async def get_page() -> Response:
        return page_of(build)

    async def get_asset(name: str, request: Request) -> Response:
        return _answer(build.files.get(f"assets/{name}"), request, HASHED)

    async def get_root_file(request: Request) -> Response:
        return _answer(build.files.get(request.url.path[1:]), request, NAMED)

    methods = ["GET", "HEAD"]
    router.add_api_route("/assets/{name}", get_asset, methods=methods)
    for name in ROOT_FILES:
        router.add_api_route(f"/{name}", get_root_file, methods=methods)
    for path in ("/", *(f"/{place}{rest}" for place in PLACES for rest in ("", "/{rest:path}"))):
        router.add_api_route(path, get_page, methods=methods)
    return router


def page_of(build: Build) -> Response:
    """The same for every address; what to show, its script finds out."""
    if build.page is None:
        # Not a 200: whatever watches this address is to see that something is missing. A browser shows the page all the same.
        return Response(NOT_BUILT, 503, {"Content-Security-Policy": NOT_BUILT_POLICY}, "text/html")
    nonce = secrets.token_urlsafe(16)
    headers = {"Content-Security-Policy": POLICY.format(nonce=nonce), "Cache-Control": "no-cache"}
    return Response(build.page.replace(NONCE, nonce.encode()), 200, headers, "text/html")


def _answer(file: File | None, request: Request, kept: str) -> Response:
    """In the smallest form that the client takes.

    Raises:
        NotFound: the build has no such file.
    """
    if file is None:
        raise NotFound
    headers = {"Cache-Control": kept}
    if len(file.forms) > 1:
        headers["Vary"] = "Accept-Encoding"
    coding = pick_coding(request.headers.get("accept-encoding", ""), file.forms)
    if coding != "identity":
        headers["Content-Encoding"] = coding
    return Response(file.forms[coding], 200, headers, file.media_type)


def pick_coding(accepted: str, forms: Mapping[str, bytes]) -> str:
    """The first of `forms` that the header `Accept-Encoding` takes at all, however it weighs them."""
    parts = (part.replace(" ", "").partition(";") for part in accepted.lower().split(","))
    taken = {coding for coding, _, weight in parts if not _REFUSED.fullmatch(weight)}
    return next((coding for coding in forms if coding in taken), "identity")
