"""Watching runs: server-sent events of the runs that change, resumable, and filtered as the list is.

An event bears an `id` only if everything before it was sent as well, so that going on from there loses nothing.
Source: HTML Living Standard, section 9.2, "Server-sent events".
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import psycopg
from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic_core import to_json

from api.access import Caller, CallerDep, ProjectId, Scope
from api.filters import Filters, KnownParameters, agent_ids
from api.finding import find_runs
from api.hub import News, Watcher
from api.routing import ReadRoute
from api.state import AppState, State
from db.run_list import RunFilter, Sort
from events.changes import Position, decode_position
from events.exceptions import DatabaseUnavailable, InvalidQuery
from events.instrumentation import STREAM_EVENTS, STREAM_MISSED

logger = logging.getLogger(__name__)

router = APIRouter(route_class=ReadRoute, prefix="/v1", tags=["read"], dependencies=[KnownParameters])

PATH = "/v1/stream"
RECONNECT_MS = 2000
PACE_SECONDS = 0.25
"""How often a client is sent changes: what changes several times meanwhile is sent once."""
CHECK_SECONDS = 1.0
"""How often it is looked whether a silent client may still read."""
GROUP_RUNS = 500
"""Runs that are looked up each time; what changes faster than that, in one project, is missed in part."""


def _message(event: str, data: dict[str, Any]) -> dict[str, Any]:
    described = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    named = {"id": {"type": "string"}, "event": {"const": event}, "data": described}
    return {"type": "object", "properties": named, "required": ["event", "data"]}


_MISSED = {"type": "object", "properties": {"changes": {"type": "integer"}}, "required": ["changes"]}
MESSAGES = {
    "schema": {"type": "string"},
    "itemSchema": {
        "oneOf": [
            _message("run", {"$ref": "#/components/schemas/RunSummary"}),
            _message("missed", _MISSED),
            _message("gap", {"type": "object"}),
        ]
    },
}
"""What OpenAPI says of the messages; heartbeats, which are comments, are none."""

FindAgents = Callable[[], Awaitable[tuple[int, ...] | None]]

HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would otherwise keep events until it has a buffer full
}


async def _watcher(
    state: State,
    project_id: ProjectId,
    wanted: Filters,
    last_event_id: Annotated[str | None, Header(description="The `id` after which to go on.")] = None,
    last_event_id_parameter: Annotated[
        str | None, Query(alias="lastEventId", description="The same, for clients that cannot set headers.")
    ] = None,
) -> AsyncIterator[Watcher]:
    since = _since(last_event_id or last_event_id_parameter)
    async with state.hub.watch(project_id, since, searches=bool(wanted.terms or wanted.q), ids=wanted.ids) as watcher:
        yield watcher


async def _agents(
    state: State,
    project_id: ProjectId,
    agent_id: Annotated[list[int] | None, Query(alias="agentId")] = None,
    agent_name: Annotated[str | None, Query(alias="agentName")] = None,
    agent_version: Annotated[str | None, Query(alias="agentVersion")] = None,
) -> FindAgents:
    """What to ask again and again: an agent of that name, or another version of it, may be registered at any time."""
    return partial(agent_ids, state, project_id, agent_id, agent_name, agent_version)


def _since(text: str | None) -> Position | None:
    try:
        return decode_position(text) if text else None
    except ValueError:
        raise InvalidQuery("`Last-Event-ID` is not the id of an event of this stream.") from None


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"description": "Server-sent events.", "content": {"text/event-stream": MESSAGES}}},
)
async def stream_runs(
    state: State,
    caller: CallerDep,
    wanted: Filters,
    find_agents: Annotated[FindAgents, Depends(_agents)],
    watcher: Annotated[Watcher, Depends(_watcher)],
) -> StreamingResponse:
    """Runs as they change, as server-sent events.

    `run` is a run that changed and that the filter lets through, as the list has it; `missed` says how many changes this
    client was too slow for, and `gap` that an unknown number is missing.
    """
    events = _Events(state, caller, wanted, find_agents, watcher)
    return StreamingResponse(events.stream(), media_type="text/event-stream", headers=HEADERS)


@dataclass(slots=True)
class _Events:
    """What one client is sent."""

    state: AppState
    caller: Caller
    wanted: RunFilter
    find_agents: FindAgents
    watcher: Watcher

    async def stream(self) -> AsyncIterator[bytes]:
        """Ends when the hub does, or when the client may not read any more; it will come again, and be told."""
        watcher, hub = self.watcher, self.state.hub
        heartbeat_seconds = self.state.settings.stream_heartbeat_seconds
        position = watcher.since
        yield format_sse_event(retry=RECONNECT_MS, id=position or None)
        silent_since = time.monotonic()
        while True:
            await watcher.wait(min(CHECK_SECONDS, silent_since + heartbeat_seconds - time.monotonic()))
            if watcher.ended or not await self._may_go_on():
                return
            # Both in one go: once this news is sent, all that there is up to this position was.
            news, position = watcher.take(), hub.position
            async with aclosing(self._messages(news, position)) as messages:
                async for message in messages:
                    yield message
                    silent_since = time.monotonic()
                    # Again, as a client may have taken its time to read this, and more is looked up for the next.
                    if watcher.ended or not await self._may_go_on():
                        return
            if time.monotonic() - silent_since >= heartbeat_seconds:
                # With its id, so that a client whose runs seldom change does not stand at what nobody remembers.
                yield format_sse_event(comment="heartbeat", id=position or None)
                silent_since = time.monotonic()
            await asyncio.sleep(PACE_SECONDS)

    async def _may_go_on(self) -> bool:
        try:
            return await self.state.authenticator.is_still(self.caller, Scope.READ)
        except DatabaseUnavailable:
            return False

    async def _messages(self, news: News, position: str) -> AsyncGenerator[bytes]:
        """The last one bears the position, if it is of a run."""
        if news.gap:
            yield format_sse_event(event="gap", data_str="{}")
        if news.missed:
            yield _missed(news.missed)
        for start in range(0, len(news.runs), GROUP_RUNS):
            if start:
                await asyncio.sleep(PACE_SECONDS)
            group = news.runs[start : start + GROUP_RUNS]
            found = await self._find(group)
            if found is None:
                yield _missed(len(group))
            elif found:
                last_id = position if start + GROUP_RUNS >= len(news.runs) else ""
                yield b"".join([*map(_run, found[:-1]), _run(found[-1], last_id)])
                STREAM_EVENTS.inc(len(found))

    async def _find(self, runs: Sequence[UUID]) -> list[str] | None:
        """Those that the filter lets through, the earliest start first; None if they cannot be read."""
        try:
            async with self.state.hub.queries:
                wanted = replace(self.wanted, ids=tuple(runs), agent_ids=await self.find_agents())
                found = await find_runs(self.state, self.caller.project.id, wanted, sort=Sort.TIME, limit=len(runs))
        except (psycopg.Error, InvalidQuery) as error:
            logger.warning("%d changed runs could not be read: %s", len(runs), error)
            STREAM_MISSED.inc(len(runs))
            return None
        return [run.json for run in reversed(found)]


def _run(text: str, event_id: str = "") -> bytes:
    return format_sse_event(event="run", data_str=text, id=event_id or None)


def _missed(changes: int) -> bytes:
    return format_sse_event(event="missed", data_str=to_json({"changes": changes}).decode())
