"""One shape for every error: `{"error": {"code", "message", "details"}}`."""

import codecs
import logging
from typing import Any

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTracePartialSuccess
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from events.exceptions import AgentGuideError, DatabaseUnavailable, InvalidEvent, InvalidQuery, MalformedBody, QueryTimeout
from events.instrumentation import REQUESTS_REFUSED
from events.limits import INTEGER_DIGITS_MAX, JSON_DEPTH_MAX

logger = logging.getLogger(__name__)

DETAILS_MAX = 100
"""An answer lists at most this many problems of one event."""
REASON_CHARS_MAX = 300

NOT_KEPT = {"Cache-Control": "no-store"}
"""For answers: without it some proxies keep them for minutes, a 404 too, and give them to others."""

OTLP_PATH = "/v1/traces"

_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

ErrorDetails = list[dict[str, Any]]


def error_response(error: AgentGuideError) -> Response:
    REQUESTS_REFUSED.labels(error.code).inc()
    headers = {**NOT_KEPT, **error.headers}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    body = {"error": {"code": error.code, "message": error.message, "details": error.details}}
    return Response(to_json(body), error.status_code, headers, "application/json")


def details_of(error: ValidationError) -> ErrorDetails:
    """The path and the reason of each problem that pydantic found, up to a bound."""
    listed = error.errors(include_url=False, include_input=False)[:DETAILS_MAX]
    return [{"path": _path(item["loc"])[:REASON_CHARS_MAX], "reason": item["msg"][:REASON_CHARS_MAX]} for item in listed]


def _path(location: tuple[int | str, ...]) -> str:
    # A union's tag stands in pydantic's location but not in the client's JSON.
    return ".".join(str(part) for part in location if part not in ("run", "step"))


def malformed_json(body: bytes, error: ValidationError, what: str = "JSON") -> MalformedBody:
    """Why the body is not JSON at all, and what to do about it."""
    reason = error.errors(include_url=False, include_input=False)[0]["msg"]
    hint = ""
    if body.startswith(_BYTE_ORDER_MARKS) or b"\0" in body[:4]:
        hint = " JSON is UTF-8 without a byte order mark."
    elif "recursion limit" in reason:
        hint = f" At most {JSON_DEPTH_MAX} brackets go into each other; send what is deeper as a text."
    elif "number out of range" in reason:
        hint = f" An integer has at most {INTEGER_DIGITS_MAX} digits; send a longer one as a text."
    elif "unicode" in reason:
        hint = " JSON is UTF-8."
    return MalformedBody(f"The body is not {what}: {reason}.{hint}")


def invalid_event(error: ValidationError) -> InvalidEvent:
    return InvalidEvent(details=details_of(error))


async def _agentguide_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AgentGuideError)  # noqa: S101 - what the handler is registered for
    response = error_response(error)
    if request.url.path == OTLP_PATH and "protobuf" in request.headers.get("content-type", "protobuf"):
        return _otlp_status(error.message, response)
    return response


def _otlp_status(message: str, response: Response) -> Response:
    """The same answer to an exporter that speaks protobuf: a `google.rpc.Status`, as OTLP/HTTP demands.

    Its field 2 is a message in words, and so is that of ExportTracePartialSuccess, which is at hand.
    """
    del response.headers["content-type"], response.headers["content-length"]
    status = ExportTracePartialSuccess(error_message=message).SerializeToString()
    return Response(status, response.status_code, response.headers, "application/x-protobuf")


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


class ErrorBody(BaseModel):
    code: str = Field(description="What went wrong, in a word for programs.")
    message: str = Field(description="The same for people, with what to do next.")
    details: Any = Field(
        description="Each problem as `path` and `reason`, or the limit that was passed; `null` if there is no more to say."
    )


class ErrorAnswer(BaseModel):
    """What every answer of 400 or more bears."""

    error: ErrorBody


def describe(openapi: dict[str, Any]) -> dict[str, Any]:
    """The app's OpenAPI with our errors in place of FastAPI's, which no route gives."""
    schemas = openapi.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    answer = ErrorAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**answer.pop("$defs"), "ErrorAnswer": answer}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
    for path, operations in openapi["paths"].items():
        described = {**content, "application/x-protobuf": {}} if path == OTLP_PATH else content
        for operation in operations.values():
            operation["responses"].pop("422", None)
            for status, blame in (("4XX", "The request cannot be answered"), ("5XX", "The server cannot answer it now")):
                operation["responses"].setdefault(status, {"description": f"{blame}; `error` says why.", "content": described})
    return openapi


def install(app: FastAPI) -> None:
    made = app.openapi
    app.openapi = lambda: app.openapi_schema or describe(made())  # type: ignore[method-assign]
    app.add_exception_handler(AgentGuideError, _agentguide_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    for kind in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
        app.add_exception_handler(kind, _database_away)
    app.add_exception_handler(psycopg.errors.QueryCanceled, _query_too_long)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(Exception, _unexpected)
