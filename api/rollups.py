"""Reading roll-ups: what all KPIs share."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncCursor

from api.state import AppState
from api.windows import Segment
from db import queries
from db.arrays import load_fast
from db.rollups import ALL_AGENTS
from events.histogram import merge, percentiles

Agents = Sequence[int] | None
"""The ids of the agents that are asked about; all agents if there is None."""

EXACT_FROM_MICROSECONDS = 10_000
"""From here on three decimals of a millisecond take nothing from what a histogram tells."""


@asynccontextmanager
async def snapshot(state: AppState) -> AsyncIterator[AsyncCursor[tuple[Any, ...]]]:
    """All statements see the same moment, so that the parts of an answer fit each other."""
    async with state.pool.connection() as connection, connection.transaction():
        cursor = connection.cursor(binary=True)
        load_fast(cursor)
        await cursor.execute(queries.ONE_SNAPSHOT)
        yield cursor


async def fetch(cursor: AsyncCursor[tuple[Any, ...]], statement: Any, **values: Any) -> list[tuple[Any, ...]]:
    return await (await cursor.execute(statement, values)).fetchall()


def rows_of(project_id: int, agents: Agents, segments: Sequence[Segment]) -> dict[str, Any]:
    """The parameters that say which rows of a roll-up a statement reads."""
    return {
        "project_id": project_id,
        "agent_ids": [ALL_AGENTS] if agents is None else list(agents),
        "grains": [segment.grain.value for segment in segments],
        "starts": [segment.start for segment in segments],
        "ends": [segment.end for segment in segments],
    }


class Histogram:
    """Of durations, from its parts."""

    def __init__(self, parts: Iterable[tuple[Sequence[int], Sequence[int]]] = ()) -> None:
        self._parts = list(parts)

    def add(self, bins: Sequence[int], counts: Sequence[int]) -> None:
        self._parts.append((bins, counts))

    def merged(self) -> tuple[Sequence[int], Sequence[int]]:
        """Bins, in order, and their counts."""
        if len(self._parts) != 1:
            self._parts = [merge(self._parts)]
        return self._parts[0]

    def percentiles(self, fractions: Mapping[str, float]) -> dict[str, float | None]:
        """In milliseconds, by their names; at most 1 % off."""
        found = percentiles(*self.merged(), list(fractions.values()))
        return dict(zip(fractions, map(milliseconds, found), strict=True))


def milliseconds(microseconds: float | None) -> float | None:
    if microseconds is None:
        return None
    return round(microseconds / 1000, 3 if microseconds >= EXACT_FROM_MICROSECONDS else 6)


def mean_milliseconds(microseconds: float, count: int) -> float | None:
    return round(microseconds / count / 1000, 3) if count else None


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
