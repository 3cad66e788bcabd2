"""Exports: all runs that a filter lets through, streamed from a cursor of the database's, never held as a whole."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, cast

import psycopg
from fastapi import APIRouter, Query, Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from api.access import Caller, CallerDep, Scope
from api.errors import NOT_KEPT
from api.export_formats import FORMATS, Format, Row, Statement
from api.filters import Filters, KnownParameters
from api.routing import ReadRoute
from api.state import AppState, State
from db import export
from events.exceptions import AgentGuideError, Unauthorized

logger = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

router = APIRouter(route_class=ReadRoute, prefix="/v1", tags=["read"], dependencies=[KnownParameters])

FETCH_ROWS_FIRST = 100
FETCH_ROWS_MAX = 2_000
FETCH_BYTES = 1024 * 1024
"""What a FETCH should bring; how many rows that are is taken from the rows before."""
BATCH_BYTES_MAX = 4 * FETCH_BYTES
"""Rows that are larger than those before leave for the client before their FETCH is at its end."""
FETCH_SECONDS_MAX = 60
SEND_SECONDS_MAX = 60
"""How long a client may take for one part."""
EXPORT_SECONDS_MAX = 3600
"""Whoever takes longer keeps the database from tidying up."""
RETRY_AFTER_SECONDS = 10


class Name(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


_FILES = {kind.media_type.partition(";")[0]: {"schema": {"type": "string"}} for kind in FORMATS.values()}


@router.get("/runs/export", response_class=Response, responses={200: {"description": "The file.", "content": _FILES}})
async def export_runs(
    state: State,
    caller: CallerDep,
    wanted: Filters,
    name: Annotated[Name, Query(alias="format")] = Name.JSONL,
) -> Response:
    """All runs that the filters let through, the latest first, with their payloads; without steps.

    If something goes wrong on the way the connection ends before the body does: a file that came whole is whole.
    """
    kind = FORMATS[name.value]()
    return StreamedExport(state, caller, kind, kind.statement(caller.project.id, wanted))


class StreamedExport(Response):
    """Begins with the first rows in hand, so that what is wrong before still has a status of its own."""

    def __init__(self, state: AppState, caller: Caller, kind: Format, statement: Statement) -> None:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {
            **NOT_KEPT,
            "Content-Disposition": f'attachment; filename="runs-{moment}.{kind.suffix}"',
            "X-Content-Type-Options": "nosniff",
        }
        super().__init__(None, 200, headers, kind.media_type)
        del self.headers["content-length"]
        self._state = state
        self._caller = caller
        self._kind = kind
        self._statement = statement
        self._started = False

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        with self._state.exports.take(RETRY_AFTER_SECONDS):
            streaming = asyncio.create_task(self._stream(send))
            leaving = asyncio.create_task(_until_gone(receive))
            try:
                await asyncio.wait((streaming, leaving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone = not streaming.done()
                streaming.cancel()
                leaving.cancel()
                # Whatever happens, the connection is back in the pool when this is over.
                await asyncio.gather(streaming, leaving, return_exceptions=True)
        if gone:
            logger.info("the client of an export went away before its end")
            return
        error = streaming.exception()
        if error is not None and not self._started:
            raise error
        if error is not None:
            # To end without the last part makes the server cut the connection, and the client see that something is missing.
            logger.error("an export broke off: %s", _told(error), exc_info=None if _is_expected(error) else error)

    async def _stream(self, send: Send) -> None:
        async with (
            asyncio.timeout(EXPORT_SECONDS_MAX),
            aclosing(read_batches(self._state, self._statement)) as batches,
            self._kind,
        ):
            body = await self._kind.write(await anext(batches, []))
            self._started = True
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await _send_part(send, body)
            async for batch in batches:
                if not await self._state.authenticator.is_still(self._caller, Scope.READ):
                    raise Unauthorized
                await _send_part(send, await self._kind.write(batch))
            await send({"type": "http.response.body", "body": await self._kind.end(), "more_body": False})


async def read_batches(state: AppState, statement: Statement) -> AsyncGenerator[list[Row]]:
    """The rows of a statement, about a MiB at a time."""
    async with state.pool.connection() as connection, connection.transaction():
        await connection.execute(export.SET_TRANSACTION, {"milliseconds": FETCH_SECONDS_MAX * 1000})
        async with connection.cursor(name=export.CURSOR) as declared:
            await declared.execute(*statement)
            wanted = FETCH_ROWS_FIRST
            while wanted:
                count = size = 0
                async with aclosing(_fetch(connection, wanted)) as batches:
                    async for batch in batches:
                        count += len(batch)
                        size += sum(map(_size, batch))
                        yield batch
                wanted = rows_of_next_fetch(count, size) if count == wanted else 0


async def _fetch(connection: Connection, count: int) -> AsyncGenerator[list[Row]]:
    """One FETCH. Unless its rows are unusually large it is over before the client is waited for, so it does not time out."""
    batch: list[Row] = []
    size = 0
    # Row by row, as they come from the server: hundreds of the largest would be a GiB.
    stream = connection.cursor().stream(export.fetch(count))
    async with aclosing(cast("AsyncGenerator[Row]", stream)) as rows:
        async for row in rows:
            batch.append(row)
            size += _size(row)
            if size > BATCH_BYTES_MAX:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def rows_of_next_fetch(count: int, size: int) -> int:
    """How many rows bring about `FETCH_BYTES`, if they are like the `count` before, which brought `size` bytes."""
    return max(1, min(FETCH_ROWS_MAX, 4 * count, count * FETCH_BYTES // max(size, 1)))


def _size(row: Row) -> int:
    return sum(len(value) for value in row if isinstance(value, str))


async def _send_part(send: Send, body: bytes) -> None:
    if body:
        async with asyncio.timeout(SEND_SECONDS_MAX):
            await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _is_expected(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError | TimeoutError | OSError | AgentGuideError)


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
