"""Routes of the hot path."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


class DirectRoute(APIRoute):
    """A route whose endpoint takes the request and gives the response, and nothing in between.

    FastAPI's own handling of a request that needs no parameters costs as much as everything an ingest route does; its
    OpenAPI stays.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        direct = cast("Endpoint", endpoint)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await direct(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = app
