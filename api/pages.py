"""Pages of lists: rows, cursors and the answer around them. Items are JSON that Postgres built, passed on as it is."""

import base64
import binascii
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, LiteralString, cast

from fastapi import Query, Response
from psycopg import AsyncConnection
from pydantic_core import from_json, to_json

from api.errors import NOT_KEPT
from api.state import AppState
from events.exceptions import InvalidQuery

PAGE_MAX = 1000
PAGE_BYTES_MAX = 32 * 1024 * 1024
"""Of JSON in a page, give or take its last item. What is larger would be in memory several times over."""
FEW_ROWS = 32
FEW_RUNS = 64
"""So many are fetched at once, whatever their size: by a statement that is prepared, and all that most pages have."""

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Items a page.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Items to pass over; `cursor` is quicker.")]
PageCursor = Annotated[str | None, Query(max_length=500, description="`nextCursor` of the page before.")]


async def rows(
    state: AppState, statement: LiteralString, values: dict[str, Any], *, binary: bool = False
) -> list[tuple[Any, ...]]:
    async with state.pool.connection() as connection:
        return await (await connection.cursor(binary=binary).execute(statement, values)).fetchall()


async def rows_up_to(
    connection: AsyncConnection[tuple[Any, ...]], statement: LiteralString, values: dict[str, Any], bytes_max: int
) -> tuple[list[tuple[Any, ...]], bool]:
    """The first rows, whose texts together are about as large as they may be, and whether those are all."""
    found: list[tuple[Any, ...]] = []
    left = bytes_max
    stream = connection.cursor().stream(statement, values, size=FEW_ROWS)
    async with aclosing(cast("AsyncGenerator[tuple[Any, ...]]", stream)) as arriving:
        async for row in arriving:
            if left <= 0:
                return found, False
            found.append(row)
            left -= sum(len(value) for value in row if isinstance(value, str))
    return found, True


async def run_rows(state: AppState, statement: LiteralString, values: dict[str, Any], limit: int) -> list[tuple[Any, ...]]:
    """Up to `limit` rows with a run as JSON text in each.

    Raises:
        InvalidQuery: they are too large, which only tags can make them.
    """
    if limit <= FEW_RUNS:
        return await rows(state, statement, values)
    async with state.pool.connection() as connection:
        found, is_whole = await rows_up_to(connection, statement, values, PAGE_BYTES_MAX)
    if not is_whole:
        raise InvalidQuery(f"{limit} of these runs are larger than {PAGE_BYTES_MAX >> 20} MiB: ask for fewer at once.")
    return found


def json_response(text: bytes) -> Response:
    return Response(text, media_type="application/json", headers=NOT_KEPT)


def page(items: Sequence[str], next_cursor: str | None, **more: Any) -> Response:
    """`{"items": [...], "nextCursor": ...}`, and what more there is to say."""
    rest = b"".join(b"," + to_json(name) + b":" + to_json(value) for name, value in more.items())
    listed = ",".join(items).encode()
    return json_response(b'{"items":[' + listed + b'],"nextCursor":' + to_json(next_cursor) + rest + b"}")


def encode_cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(to_json(values)).decode().rstrip("=")


def not_ours() -> InvalidQuery:
    return InvalidQuery("`cursor` is not one that this list gave out.")


def decode_cursor(cursor: str, length: int) -> list[Any]:
    """The values that a cursor of this many was made of.

    Raises:
        InvalidQuery: it is not one of ours.
    """
    try:
        values = from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise not_ours() from None
    if not isinstance(values, list) or len(values) != length:
        raise not_ours()
    return values
