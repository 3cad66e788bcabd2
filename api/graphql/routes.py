"""`/graphql`. Source: GraphQL over HTTP, https://graphql.github.io/graphql-over-http/draft/.

What runs queries is imported with the first of them: it takes 10 MiB and a third of a second, and many processes have none.
"""

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from api.access import ProjectId
from api.body import read_body
from api.errors import details_of
from api.graphql.answers import Answer, Asked
from api.routing import ReadRoute
from api.state import AppState, State
from events.exceptions import MalformedBody, UnsupportedMedia

router = APIRouter(route_class=ReadRoute, tags=["graphql"])

BODY_BYTES_MAX = 256 * 1024
RETRY_AFTER_SECONDS = 1
GRAPHQL_RESPONSE = "application/graphql-response+json"

_INTRODUCTION = """\
# The schema of this API in GraphQL's own language. Send queries by POST to this path, as application/json:
#   {"query": "{ runs(first: 5) { edges { node { id status } } } }", "variables": null, "operationName": null}
# Introspection is on, so a client such as GraphiQL or Altair finds all of this by itself.

"""


class QueryIn(BaseModel):
    """Body of `POST /graphql`."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


_BODY = QueryIn.model_json_schema()
_ANSWER = {"type": "object", "properties": {"data": {}, "errors": {"type": "array", "items": {"type": "object"}}}}


@router.post(
    "/graphql",
    responses={
        200: {"description": "`data` and `errors`, as GraphQL has them.", "content": {"application/json": {"schema": _ANSWER}}},
        400: {
            "description": "`errors` of GraphQL, or `error`.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
    },
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}}}},
)
async def post_graphql(request: Request, state: State, project_id: ProjectId) -> Response:
    """Runs a query. What is wrong with it comes as GraphQL's `errors`; what is wrong with the request itself as `error`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMedia("Send the query as application/json.")
    asked = _asked(await read_body(request, BODY_BYTES_MAX))
    with state.queries.take(RETRY_AFTER_SECONDS):
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(state.threads, _run, asked, state, project_id, loop)
    headers = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
    kind = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in request.headers.get("accept", "") else "application/json"
    return Response(answer.body, answer.status_code, headers, kind)


@router.get("/graphql", response_class=PlainTextResponse)
async def get_graphql(request: Request, state: State) -> Response:
    """The schema, in GraphQL's schema language. Queries are not taken by GET."""
    if "query" in request.query_params:
        raise HTTPException(405, "Send the query by POST, as JSON.", {"Allow": "POST"})
    schema = await asyncio.get_running_loop().run_in_executor(state.threads, _schema)
    return Response(_INTRODUCTION + schema, media_type="text/plain; charset=utf-8")


def _run(asked: Asked, state: AppState, project_id: int, server: asyncio.AbstractEventLoop) -> Answer:
    from api.graphql.context import Context  # noqa: PLC0415
    from api.graphql.execution import run_query  # noqa: PLC0415

    context = Context(state, project_id, server, asked.operation_name)
    return run_query(asked, context, state.settings.read_timeout_seconds)


def _schema() -> str:
    from api.graphql.schema import schema  # noqa: PLC0415

    return schema.as_str()


def _asked(body: bytes) -> Asked:
    try:
        asked = QueryIn.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise MalformedBody(f"The body is not JSON: {error.errors()[0]['msg']}") from None
        raise MalformedBody(
            "The body is not a GraphQL request, an object with `query`; batches are not taken.", details=details_of(error)
        ) from None
    return Asked(asked.query, asked.variables, asked.operation_name)
