"""Pages of lists: rows, cursors and the answer around them. Items are JSON that Postgres built, passed on as it is."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, LiteralString

from fastapi import Query, Response
from pydantic_core import from_json, to_json

from api.state import AppState
from events.exceptions import InvalidQuery

PAGE_MAX = 1000

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Items a page.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Items to pass over; `cursor` is quicker.")]
PageCursor = Annotated[str | None, Query(max_length=500, description="`nextCursor` of the page before.")]


async def rows(
    state: AppState, statement: LiteralString, values: dict[str, Any], *, binary: bool = False
) -> list[tuple[Any, ...]]:
    async with state.pool.connection() as connection:
        return await (await connection.cursor(binary=binary).execute(statement, values)).fetchall()


def json_response(text: bytes) -> Response:
    return Response(text, media_type="application/json")


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
