"""Running a query: in a thread and an event loop of its own, as its work is Python's and would keep others waiting."""

import asyncio
import logging
from typing import Any

import msgspec
import psycopg
from graphql import GraphQLError
from psycopg_pool import PoolTimeout
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from api.graphql.answers import Answer, Asked
from api.graphql.context import Context
from api.graphql.schema import OPERATIONS, schema
from events.exceptions import AgentGuideError, DatabaseUnavailable, InvalidQuery, QueryTimeout
from events.instrumentation import REQUESTS_REFUSED

logger = logging.getLogger(__name__)

ERRORS_MAX = 20
"""An answer lists at most this many errors."""
MESSAGE_CHARS_MAX = 300


def run_query(asked: Asked, context: Context, seconds: float) -> Answer:
    """For a thread: gives the whole answer, whatever goes wrong."""
    return asyncio.run(_run(asked, context, seconds))


async def _run(asked: Asked, context: Context, seconds: float) -> Answer:
    try:
        async with asyncio.timeout(seconds):
            result = await schema.execute(
                asked.query, asked.variables, context, None, asked.operation_name, allowed_operation_types=OPERATIONS
            )
    except TimeoutError:
        return _answer(None, [GraphQLError("", original_error=QueryTimeout())])
    except MissingQueryError:
        return _answer(None, [GraphQLError("The query is empty.")])
    except CannotGetOperationTypeError:
        return _answer(None, [GraphQLError("There is no operation of that `operationName`, or none at all.")])
    except InvalidOperationTypeError:
        return _answer(None, [GraphQLError("Only queries can be run here, no mutations or subscriptions.")])
    return _answer(result.data, result.errors or [])


def _answer(data: dict[str, Any] | None, errors: list[GraphQLError]) -> Answer:
    """What the client did wrong leaves no data, wherever in the query it is; what went wrong here leaves the rest of it."""
    if not errors:
        return Answer(200, msgspec.json.encode({"data": data}))
    causes = [_cause(error) for error in errors]
    for code in {cause.code for cause in causes}:
        REQUESTS_REFUSED.labels(code).inc()
    status = 200 if data is not None else max(cause.status_code for cause in causes)
    refusals = [cause.status_code for cause in causes if cause.status_code < 500]
    if refusals:
        status, data = 400, None
    shown = [_shown(error, cause) for error, cause in zip(errors[:ERRORS_MAX], causes, strict=False)]
    body: dict[str, Any] = {"errors": shown} if status == 400 else {"errors": shown, "data": data}
    return Answer(status, msgspec.json.encode(body), 1 if status == 503 else None)


def _cause(error: GraphQLError) -> AgentGuideError:
    """The error that stands behind one; what nobody foresaw is logged, and shows nothing of itself."""
    found: BaseException = error
    while isinstance(found, GraphQLError) and found.original_error is not None:
        found = found.original_error
    if isinstance(found, AgentGuideError):
        return found
    if isinstance(found, GraphQLError):
        return InvalidQuery(error.message)
    if isinstance(found, psycopg.OperationalError | psycopg.InterfaceError | PoolTimeout):
        logger.warning("the database did not answer: %s", found)
        return DatabaseUnavailable()
    logger.error("unexpected error in a GraphQL query at %s", error.path, exc_info=found)
    return AgentGuideError("Something went wrong here, not with you; the server's log has the details.")


def _shown(error: GraphQLError, cause: AgentGuideError) -> dict[str, Any]:
    """As the specification has it; `extensions.code` is as in the answers of other routes."""
    shown: dict[str, Any] = {"message": cause.message[:MESSAGE_CHARS_MAX]}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        shown["path"] = error.path
    return {**shown, "extensions": {"code": cause.code}}
