"""What one query holds: whose data it asks for, its way to the database, what it has loaded."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, LiteralString, TypeVar, cast

import strawberry

from api.finding import FoundRun, find_runs
from api.graphql.loaders import Loaders
from api.state import AppState
from db.run_list import Position, RunFilter, Sort
from events.exceptions import InvalidQuery

T = TypeVar("T")

BYTES_MAX = 8 * 1024 * 1024
"""Of JSON that one query may load."""
ROWS_A_CHUNK = 4
"""Rows that are taken from the connection together; with the largest payloads they are 16 MiB."""


class Context:
    """Of one query, in the thread and event loop that it runs in; the database's connections live in the server's loop.

    A query asks one thing at a time, so it never takes more than one connection of the pool.
    """

    def __init__(
        self, state: AppState, project_id: int, server: asyncio.AbstractEventLoop, operation_name: str | None = None
    ) -> None:
        self.state = state
        self.project_id = project_id
        self.operation_name = operation_name
        self.loaders = Loaders(self)
        self._server = server
        self._turn = asyncio.Lock()
        self._bytes_left = BYTES_MAX

    async def ask(self, asked: Callable[[], Awaitable[T]]) -> T:
        """What a coroutine function gives that must run in the server's loop."""

        async def run() -> T:
            return await asked()

        async with self._turn:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), self._server))

    async def find_runs(
        self, wanted: RunFilter, *, sort: Sort = Sort.TIME, limit: int, after: Position | None = None
    ) -> list[FoundRun]:
        """As `api.finding.find_runs`."""
        found = await self.ask(lambda: find_runs(self.state, self.project_id, wanted, sort=sort, limit=limit, after=after))
        self._spend(sum(len(run.json) for run in found))
        return found

    async def fetch(self, statement: LiteralString, **values: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement; parameters are `values` and project_id.

        Raises:
            InvalidQuery: the query has loaded too much.
        """
        return await self.ask(lambda: self._fetch(statement, {**values, "project_id": self.project_id}))

    async def _fetch(self, statement: LiteralString, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        found = []
        async with self.state.pool.connection() as connection:
            stream = connection.cursor().stream(statement, values, size=ROWS_A_CHUNK)
            async with aclosing(cast("AsyncGenerator[tuple[Any, ...]]", stream)) as rows:
                async for row in rows:
                    self._spend(sum(len(value) for value in row if isinstance(value, str)))
                    found.append(row)
        return found

    def _spend(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise InvalidQuery(f"The query loads more than {BYTES_MAX >> 20} MiB; ask for fewer objects or for less of each.")


Info = strawberry.Info[Context, None]
