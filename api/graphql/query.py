"""What can be asked."""

from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry
from pydantic_core import from_json

from api.finding import decode_position, encode_position
from api.graphql.connections import After, Connection, First, connect
from api.graphql.context import Info
from api.graphql.fields import described
from api.graphql.inputs import RunFilter, RunSort, agents_of, moment_of, run_filter
from api.graphql.kpis import Kpis
from api.graphql.limits import FIRST_DEFAULT
from api.graphql.scalars import Moment, Uuid
from api.graphql.types import Agent, Run, Session, agent_of, run_of, session_of
from api.pages import decode_cursor, encode_cursor, not_ours
from api.sessions import LAST
from api.windows import asked_window
from db import queries
from db.run_list import Position, Sort


@strawberry.type
class Query:
    @described("One run; null if there is none.")
    async def run(self, info: Info, id: Uuid) -> Run | None:  # noqa: A002 - the argument's name in GraphQL
        return run_of(await info.context.loaders.runs.load(UUID(id)))

    @described("Runs, the latest (or longest, dearest, largest) first.")
    async def runs(
        self,
        info: Info,
        filter: RunFilter | None = None,  # noqa: A002
        sort: RunSort = RunSort.TIME,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[Run]:
        context, order = info.context, sort.value
        position = None if after is None else decode_position(order, after)
        wanted = await run_filter(context, filter)
        found = await context.find_runs(wanted, sort=order, limit=first + 1, after=position)
        items = {run.id: from_json(run.json) for run in found}
        context.loaders.runs.prime_many(items)
        nodes = [(made, partial(encode_position, order, run.position)) for run in found if (made := run_of(items[run.id]))]
        return connect(nodes, first, after)

    @described("Of the last 24 hours, or those before `to`, unless `from` is given.")
    async def kpis(
        self,
        info: Info,
        agent_ids: list[int] | None = None,
        agent_name: str | None = None,
        agent_version: str | None = None,
        from_: Annotated[Moment | None, strawberry.argument(name="from")] = None,
        to: Moment | None = None,
    ) -> Kpis:
        context = info.context
        window = asked_window(moment_of(from_), moment_of(to))
        agents = await agents_of(context, agent_ids, agent_name, agent_version)
        return Kpis(agents=agents, window=window)

    @described("The agents, in order of their registration.")
    async def agents(self, info: Info, first: First = FIRST_DEFAULT, after: After = None) -> Connection[Agent]:
        behind = decode_cursor(after, 1)[0] if after else 0
        if type(behind) is not int or not 0 <= behind < 2**31:
            raise not_ours()
        found = await info.context.fetch(queries.LIST_AGENTS, after=behind, limit=first + 1, offset=0)
        return connect([(agent_of(text), partial(encode_cursor, agent_id)) for agent_id, text in found], first, after)

    @described("Sessions, the one with the latest run first.")
    async def sessions(self, info: Info, first: First = FIRST_DEFAULT, after: After = None) -> Connection[Session]:
        place = LAST if after is None else decode_position(Sort.TIME, after)
        found = await info.context.fetch(queries.LIST_SESSIONS, after=place.value, after_id=place.id, limit=first + 1)
        nodes = [
            (session_of(text), partial(encode_position, Sort.TIME, Position(moment, run_id))) for moment, run_id, text in found
        ]
        return connect(nodes, first, after)
