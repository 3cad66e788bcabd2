"""Whether agents and users exist: asked of Postgres once, then remembered. Ingest asks Postgres nothing else."""

from collections.abc import Sequence
from typing import LiteralString

from psycopg_pool import AsyncConnectionPool

from db import queries
from events.exceptions import UnknownReference
from events.records import Record, RunRecord

REMEMBERED_MAX = 100_000

_Known = set[tuple[int, int]]
"""(project, id) of what exists."""


class Lookups:
    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._agents: _Known = set()
        self._users: _Known = set()

    async def problems(self, project_id: int, events: Sequence[Record]) -> dict[int, str]:
        """For each event (by its place) that names an agent or a user that does not exist: which."""
        runs = [(place, event) for place, event in enumerate(events) if isinstance(event, RunRecord)]
        agents = {run.agent_id for _, run in runs if run.agent_id is not None}
        users = {run.user_id for _, run in runs if run.user_id is not None}
        no_agents = await self._missing(self._agents, queries.EXISTING_AGENTS, project_id, agents)
        no_users = await self._missing(self._users, queries.EXISTING_USERS, project_id, users)
        found: dict[int, str] = {}
        for place, run in runs:
            if run.agent_id in no_agents:
                found[place] = f"agentId {run.agent_id} does not exist; GET /v1/agents lists those that do"
            elif run.user_id in no_users:
                found[place] = f"userId {run.user_id} does not exist in this project"
        return found

    async def require(self, project_id: int, event: Record) -> None:
        """Raises UnknownReference if the event names an agent or a user that does not exist."""
        for reason in (await self.problems(project_id, [event])).values():
            raise UnknownReference(reason, details=[{"path": reason.partition(" ")[0], "reason": reason}])

    async def _missing(self, known: _Known, statement: LiteralString, project_id: int, ids: set[int]) -> set[int]:
        asked = [identity for identity in ids if (project_id, identity) not in known]
        if not asked:
            return set()
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, {"project_id": project_id, "ids": asked})
            existing = {row[0] for row in await cursor.fetchall()}
        if len(known) + len(existing) > REMEMBERED_MAX:
            known.clear()
        known.update((project_id, identity) for identity in existing)
        return set(asked) - existing
