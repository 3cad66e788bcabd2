"""One shape for every error: `{"error": {"code", "message", "details"}}`."""

import logging
from typing import Any

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from pydantic import ValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from events.exceptions import AgentGuideError, DatabaseUnavailable, InvalidEvent, InvalidQuery, QueryTimeout
from events.instrumentation import REQUESTS_REFUSED

logger = logging.getLogger(__name__)

DETAILS_MAX = 100
"""An answer lists at most this many problems of one event."""
REASON_CHARS_MAX = 300

NOT_KEPT = {"Cache-Control": "no-store"}
"""For answers: without it some proxies keep them for minutes, a 404 too, and give them to others."""

ErrorDetails = list[dict[str, Any]]


def error_response(error: AgentGuideError) -> Response:
    REQUESTS_REFUSED.labels(error.code).inc()
    headers = NOT_KEPT if error.retry_after is None else {**NOT_KEPT, "Retry-After": str(error.retry_after)}
    body = {"error": {"code": error.code, "message": error.message, "details": error.details}}
    return Response(to_json(body), error.status_code, headers, "application/json")


def details_of(error: ValidationError) -> ErrorDetails:
    """The path and the reason of each problem that pydantic found, up to a bound."""
    listed = error.errors(include_url=False, include_input=False)[:DETAILS_MAX]
    return [{"path": _path(item["loc"])[:REASON_CHARS_MAX], "reason": item["msg"][:REASON_CHARS_MAX]} for item in listed]


def _path(location: tuple[int | str, ...]) -> str:
    # A union's tag stands in pydantic's location but not in the client's JSON.
    return ".".join(str(part) for part in location if part not in ("run", "step"))


def invalid_event(error: ValidationError) -> InvalidEvent:
    return InvalidEvent(details=details_of(error))


async def _agentguide_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, AgentGuideError)  # noqa: S101 - what the handler is registered for
    return error_response(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    message = f"{request.method} {request.url.path}: {error.detail}"
    body = {"error": {"code": code, "message": message, "details": None}}
    return Response(to_json(body), error.status_code, {**NOT_KEPT, **(error.headers or {})}, "application/json")


async def _invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    details = [{"path": _path(item["loc"]), "reason": item["msg"]} for item in error.errors()]
    return error_response(InvalidQuery("The request is not valid; see `details`.", details=details))


async def _database_away(_: Request, error: Exception) -> Response:
    logger.warning("the database did not answer: %s", error)
    return error_response(DatabaseUnavailable(retry_after=1))


async def _query_too_long(_: Request, error: Exception) -> Response:
    logger.warning("a statement was broken off: %s", error)
    return error_response(QueryTimeout(retry_after=1))


async def _client_gone(request: Request, _: Exception) -> Response:
    logger.info("the client of %s %s went away before it had sent its body", request.method, request.url.path)
    return Response(status_code=400)  # nobody is there to read it


async def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("unexpected error in %s %s", request.method, request.url.path, exc_info=error)
    return error_response(AgentGuideError("Something went wrong here, not with you; the server's log has the details."))


def install(app: FastAPI) -> None:
    app.add_exception_handler(AgentGuideError, _agentguide_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    for kind in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
        app.add_exception_handler(kind, _database_away)
    app.add_exception_handler(psycopg.errors.QueryCanceled, _query_too_long)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(Exception, _unexpected)
