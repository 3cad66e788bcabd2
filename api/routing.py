"""Routes that say who may use them: a router's route class is its scope. An app refuses routes that say nothing."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, cast

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from api.access import CALLER, Scope
from api.state import state_of

Endpoint = Callable[[Request], Awaitable[Response]]
FAILURE = "agentguide.failure"
"""Where the error of a request that went the short way stands in its ASGI scope."""


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
        if FAILURE in scope:
            raise scope.pop(FAILURE)  # an error that stays in what its own frames hold would keep the body of its request
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # which says 405
            return
        response = await self.answer(scope, receive, send)
        await response(scope, receive, send)

    async def answer(self, scope: AsgiScope, receive: Receive, send: Send) -> Response:
        request = Request(scope, receive, send)
        scope[CALLER] = await state_of(request).authenticator.find_caller(scope, self.needs)
        return await cast("Endpoint", self.endpoint)(request)


class IngestLane:
    """The short way to the ingest routes, past the layers of FastAPI and Starlette, which cost a sixth of such a request.

    What fails goes the long way again, where its route raises the same error: so errors have one way to their answers.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = [
            (context.path_regex.match, route)  # with the prefix that its router was included under
            for context in iter_route_contexts(routes)
            if isinstance(route := context.original_route, IngestRoute)
        ]

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        route = self._route_of(scope)
        if route is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await route.answer(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - it is raised again
            scope[FAILURE] = error
            await self._app(scope, receive, send)
        else:
            await response(scope, receive, send)

    def _route_of(self, scope: AsgiScope) -> IngestRoute | None:
        if scope["type"] != "http" or scope.get("root_path"):
            return None
        path, method = scope["path"], scope["method"]
        for match, route in self._routes:
            if (found := match(path)) is not None and method in (route.methods or ()):
                scope["path_params"] = found.groupdict()
                return route
        return None


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
