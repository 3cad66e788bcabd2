"""Closes runs that have been silent for longer than their project allows.

The close is an event: it goes the way of all events, to the shard of its run, and takes effect only if the run has still said
nothing when its turn comes. So neither a second scheduler nor events that wait in the queue make a difference.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis

from db import queries
from db.pipeline import Connection
from events import jobs
from events.backlog import measure, other_layouts
from events.connections import async_redis_connection
from events.records import CloseRecord
from events.settings import Settings
from events.stream import append_now, entries_of

logger = logging.getLogger(__name__)

PAGE_RUNS = 1000
"""Open runs that are looked at with one statement, and the most that are closed at once."""
BACKLOG_EVENTS_MAX = 10_000
"""With more in the queue nobody knows who is silent; and closes that wait there already are not sent once more."""
OPEN = ("PENDING", "RUNNING")

Place = tuple[int, str, str, str]
"""Where a pass is: project, status, and start (as text) and id of the run that was looked at last."""
START: Place = (0, "", "infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")


@dataclass(slots=True, frozen=True)
class Silent:
    run_id: str
    silent_since: int


@dataclass(slots=True, frozen=True)
class Page:
    """Some open runs of one project and status."""

    place: Place
    """Of the last one."""
    after_seconds: int
    """The project's limit."""
    silent: list[Silent]


def pages(connection: Connection, default_seconds: int, begin: Place) -> Iterator[Page]:
    """Walks over the open runs of all projects that have a limit, from a place on."""
    for project_id, after_seconds in connection.execute(
        queries.LIST_STALE_LIMITS, {"default_seconds": default_seconds}
    ).fetchall():
        for status in OPEN:
            if (project_id, status) < begin[:2]:
                continue
            place = begin if (project_id, status) == begin[:2] else (project_id, status, *START[2:])
            while (page := _page(connection, place, after_seconds)) is not None:
                yield page
                place = page.place


def _page(connection: Connection, place: Place, after_seconds: int) -> Page | None:
    project_id, status, started_at, run_id = place
    values = {"project_id": project_id, "status": status, "started_at": started_at, "run_id": run_id, "limit": PAGE_RUNS}
    rows = connection.execute(queries.LIST_OPEN_RUNS, {**values, "after_seconds": after_seconds}).fetchall()
    if not rows:
        return None
    silent = [Silent(row[1].hex, row[2]) for row in rows if row[3]]
    return Page((project_id, status, rows[-1][0], str(rows[-1][1])), after_seconds, silent)


def close_stale(
    connection: "redis.Redis",
    database: Connection,
    settings: Settings,
    begin: Place,
    *,
    stopping: Callable[[], bool],
) -> Place | None:
    """Sends closes for runs that are silent. Returns where to go on, or None if the pass is at its end, or better broken off:
    the next one begins anew."""
    deadline = time.monotonic() + settings.drain_budget_seconds
    waiting = jobs.queue(connection)
    for page in pages(database, settings.stale_after_seconds, begin):
        if page.silent:
            if not asyncio.run(_may_send(settings)):
                return None
            _send(connection, settings, page)
        if stopping() or waiting.count or time.monotonic() >= deadline:
            return page.place
    return None


def _send(connection: "redis.Redis", settings: Settings, page: Page) -> None:
    logger.info("closing %d runs of project %d that have said nothing", len(page.silent), page.place[0])
    closes = [CloseRecord(one.run_id, one.silent_since, page.after_seconds) for one in page.silent]
    for shard in append_now(connection, entries_of(page.place[0], closes, settings.shards), settings.shards):
        jobs.ring(connection, shard)


async def _may_send(settings: Settings) -> bool:
    connection = async_redis_connection(settings)
    try:
        backlog = await measure(connection, settings.shards)
        return backlog.events <= BACKLOG_EVENTS_MAX and not await other_layouts(connection, settings.shards)
    finally:
        await connection.aclose()
