"""`/docs`: Swagger UI over the app's OpenAPI. It comes with the server, so the page works without any other."""

import hashlib
from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from api.routing import PublicRoute
from events.exceptions import NotFound

FILES = ("swagger-ui.css", "swagger-ui-bundle.js")

router = APIRouter(route_class=PublicRoute, prefix="/docs", include_in_schema=False)

_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null})'
_START_SHA256 = b64encode(hashlib.sha256(_START.encode()).digest()).decode()

PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>AgentGuide API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="docs"><a href="openapi.json">openapi.json</a> says what this page shows where scripts are on.</div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>{_START}</script>
</html>
"""

POLICY = (
    f"default-src 'none'; script-src 'self' 'sha256-{_START_SHA256}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@router.get("")
async def get_docs() -> Response:
    return Response(PAGE, media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/{name}")
async def get_file(name: str) -> Response:
    if name not in FILES:
        raise NotFound
    return FileResponse(_swagger_ui() / name, headers={"Cache-Control": "public, max-age=86400"})


def _swagger_ui() -> Path:
    """Where the package keeps its files; its code, which is for other frameworks, is not run."""
    spec = find_spec("swagger_ui")
    assert spec is not None  # noqa: S101 - it is one of our dependencies
    assert spec.origin is not None  # noqa: S101
    return Path(spec.origin).with_name("static")
