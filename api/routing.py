"""Routes that say who may use them: a router's route class is its scope. An app refuses routes that say nothing."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from api.access import CALLER, Scope
from api.state import state_of

Endpoint = Callable[[Request], Awaitable[Response]]


class GuardedRoute(APIRoute):
    """A route that is served only to callers with its scope; its endpoint finds them with `caller_of`."""

    needs: ClassVar[Scope]

    async def handle(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["method"] in (self.methods or ()):  # else it is a 405, whoever asks
            scope[CALLER] = await state_of(Request(scope)).authenticator.find_caller(scope, self.needs)
        await super().handle(scope, receive, send)


class IngestRoute(GuardedRoute):
    """A route of the hot path, whose endpoint takes the request and gives the response, and nothing in between.

    FastAPI's own handling of a request that needs no parameters costs as much as everything an ingest route does; its
    OpenAPI stays.
    """

    needs = Scope.INGEST

    async def handle(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # which says 405
            return
        request = Request(scope, receive, send)
        scope[CALLER] = await state_of(request).authenticator.find_caller(scope, self.needs)
        response = await cast("Endpoint", self.endpoint)(request)
        await response(scope, receive, send)


class ReadRoute(GuardedRoute):
    needs = Scope.READ


class EditRoute(GuardedRoute):
    needs = Scope.EDIT


class AdminRoute(GuardedRoute):
    needs = Scope.ADMIN


class OperatorRoute(GuardedRoute):
    needs = Scope.OPERATE


class MetricsRoute(GuardedRoute):
    needs = Scope.METRICS


class PublicRoute(APIRoute):
    """For everybody: there is no caller."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options["openapi_extra"] = {"security": [], **(options.get("openapi_extra") or {})}
        super().__init__(*arguments, **options)


def check_routes(app: FastAPI) -> None:
    """Raises TypeError if a route does not say who may use it."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if context.path != app.openapi_url and not isinstance(route, GuardedRoute | PublicRoute):
            raise TypeError(f"{context.path} says not who may use it: give its router one of the route classes of api.routing")
