"""Whether an agent or a user exists: asked of Postgres once, then remembered. Ingest asks Postgres nothing else."""

from collections.abc import Iterable
from typing import LiteralString

from psycopg_pool import AsyncConnectionPool

from db import queries
from events.exceptions import UnknownReference
from events.records import Record, RunRecord

REMEMBERED_MAX = 100_000


class Lookups:
    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._known: set[tuple[str, int, int]] = set()

    async def problems(self, project_id: int, events: Iterable[Record]) -> dict[int, str]:
        """For each event (by its place) that names an agent or a user that does not exist: which."""
        found: dict[int, str] = {}
        for place, event in enumerate(events):
            if not isinstance(event, RunRecord):
                continue
            if event.agent_id is not None and not await self._exists(
                "agentId", queries.AGENT_EXISTS, project_id, event.agent_id
            ):
                found[place] = f"agentId {event.agent_id} does not exist; GET /v1/agents lists those that do"
            if event.user_id is not None and not await self._exists("userId", queries.USER_EXISTS, project_id, event.user_id):
                found[place] = f"userId {event.user_id} does not exist in this project"
        return found

    async def require(self, project_id: int, event: Record) -> None:
        """Raises UnknownReference if the event names an agent or a user that does not exist."""
        for reason in (await self.problems(project_id, [event])).values():
            raise UnknownReference(reason, details=[{"path": reason.partition(" ")[0], "reason": reason}])

    async def _exists(self, kind: str, statement: LiteralString, project_id: int, identity: int) -> bool:
        key = (kind, project_id, identity)
        if key in self._known:
            return True
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, {"project_id": project_id, "id": identity})
            row = await cursor.fetchone()
        exists = bool(row and row[0])
        if exists:
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known.add(key)
        return exists
