"""Dead letters: a project's events that could not be stored; to look at, to have stored after all, to drop."""

import asyncio
import logging
import time
from typing import Annotated, cast

import psycopg
import redis
from fastapi import APIRouter, Query, Response
from psycopg_pool import PoolTimeout
from pydantic_core import from_json, to_json
from redis.exceptions import RedisError

from api.access import ProjectId
from api.answers import answered_with
from api.answers.upkeep import DeadLetterPage, Discarded, Replay, WholeDeadLetter
from api.filters import KnownParameters
from api.pages import Limit, PageCursor, decode_cursor, encode_cursor, json_response, not_ours, page, rows
from api.routing import EditRoute, ReadRoute
from api.state import AppState, State
from db import queries
from db.dead_letters import Count, Selection, are_rising
from events import jobs, replay_progress
from events.connections import redis_connection
from events.exceptions import Conflict, InvalidQuery, NotFound, QueueUnavailable
from events.instrumentation import DEAD_LETTERS
from events.replay_progress import Progress
from events.settings import Settings

logger = logging.getLogger(__name__)

router = APIRouter(route_class=ReadRoute, prefix="/v1/deadletters", tags=["dead letters"], dependencies=[KnownParameters])
editing = APIRouter(route_class=EditRoute, prefix="/v1/deadletters", tags=["dead letters"], dependencies=[KnownParameters])

ID_MAX = 2**63 - 1
DISCARD_LETTERS = 1000
"""How many one statement drops."""
FIGURES_SECONDS = 10.0
"""How old the figures of `/metrics` may be."""
FIGURES_TIMEOUT_SECONDS = 2.0

Code = Annotated[
    str | None, Query(min_length=1, max_length=100, description="Only those of this code: an SQLSTATE, or an error's class.")
]
LetterId = Annotated[int | None, Query(alias="id", ge=1, le=ID_MAX, description="Only this one.")]
All = Annotated[bool, Query(alias="all", description="All of them; needed where neither `code` nor `id` is given.")]


@router.get("", responses=answered_with(DeadLetterPage))
async def get_dead_letters(
    state: State, project_id: ProjectId, code: Code = None, limit: Limit = 50, cursor: PageCursor = None
) -> Response:
    """Dead letters without their events, the latest first; and how many there are of each code, what the bounds did not let be
    kept included."""
    _refuse_nul(code)
    values = {"project_id": project_id, "code": code, "before": _position(cursor), "limit": limit}
    found = await rows(state, queries.LIST_DEAD_LETTERS, values)
    counts = await _counts(state, project_id)
    return page(
        [text for _, text in found],
        encode_cursor(found[-1][0]) if len(found) == limit else None,
        counts=[count.described() for count in counts],
        kept=sum(count.kept for count in counts),
        dropped=sum(count.dropped for count in counts),
        keptMax=state.settings.dead_letters_max,
        rising=are_rising(counts),
    )


# Before the letters: `replay` is no id of one.
@router.get("/replay", responses=answered_with(Replay))
async def get_replay(state: State, project_id: ProjectId) -> Response:
    """How far the project's latest replay is. It is known for an hour after its end."""
    progress = await _replay_of(state, project_id)
    if progress is None:
        raise NotFound("There is no replay, or it ended more than an hour ago.")
    return json_response(to_json(progress.described()))


@router.get("/{letter_id}", responses=answered_with(WholeDeadLetter))
async def get_dead_letter(letter_id: str, state: State, project_id: ProjectId) -> Response:
    """A dead letter with its event, as text."""
    found = await rows(state, queries.GET_DEAD_LETTER, {"project_id": project_id, "id": _letter_id(letter_id)})
    if not found:
        raise _no_letter(letter_id)
    text, record = found[0]
    return json_response(to_json(from_json(text) | {"record": record.decode(errors="replace")}))


@editing.post("/replay", status_code=202, responses=answered_with(Replay, 202))
async def start_replay(
    state: State, project_id: ProjectId, code: Code = None, letter_id: LetterId = None, every: All = False
) -> Response:
    """Has a worker store dead letters after all: one, those of a code, or all that there are now; one replay at a time."""
    selection = _selection(project_id, code, letter_id, every)
    running = await _replay_of(state, project_id)
    if running is not None and running.status == "RUNNING" and not running.is_lost:
        raise Conflict("A replay is under way; `GET /v1/deadletters/replay` tells how far it is.")
    wanted, last = (await rows(state, queries.SELECT_DEAD_LETTERS, selection.values))[0]
    if letter_id is not None and not wanted:
        raise _no_letter(str(letter_id))
    progress = Progress(project_id, wanted, last, code or "", letter_id or 0, updated_at=time.time())
    await _start(state, progress)
    return Response(to_json(progress.described()), 202, media_type="application/json")


@editing.delete("", responses=answered_with(Discarded))
async def discard_dead_letters(
    state: State, project_id: ProjectId, code: Code = None, letter_id: LetterId = None, every: All = False
) -> Response:
    """Drops dead letters for good: one, those of a code, or all."""
    selection = _selection(project_id, code, letter_id, every)
    discarded = 0
    async with state.pool.connection() as connection:
        while count := (
            await connection.execute(queries.DISCARD_DEAD_LETTERS, {**selection.values, "limit": DISCARD_LETTERS})
        ).rowcount:
            discarded += count
    if letter_id is not None and not discarded:
        raise _no_letter(str(letter_id))
    return json_response(to_json({"discarded": discarded}))


def _selection(project_id: int, code: str | None, letter_id: int | None, every: bool) -> Selection:
    if sum((code is not None, letter_id is not None, every)) != 1:
        raise InvalidQuery("Say which dead letters are meant: `id`, `code`, or `all=true`.")
    _refuse_nul(code)
    return Selection(project_id, code, letter_id)


def _refuse_nul(code: str | None) -> None:
    if code is not None and "\0" in code:
        raise InvalidQuery("`code` holds the character NUL, which no code does.")


def _letter_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= ID_MAX):
        raise _no_letter(text)
    return int(text[:20])


def _no_letter(letter_id: str) -> NotFound:
    return NotFound(f"There is no dead letter {letter_id[:30]}.")


def _position(cursor: str | None) -> int:
    if cursor is None:
        return ID_MAX
    (before,) = decode_cursor(cursor, 1)
    if type(before) is not int or not 0 <= before <= ID_MAX:
        raise not_ours()
    return before


async def _counts(state: AppState, project_id: int) -> list[Count]:
    return [Count(*row) for row in await rows(state, queries.COUNT_DEAD_LETTERS, {"project_id": project_id})]


async def _replay_of(state: AppState, project_id: int) -> Progress | None:
    try:
        fields = cast("dict[bytes, bytes]", await state.redis.hgetall(replay_progress.key(project_id)))
    except (RedisError, OSError, TimeoutError):
        raise QueueUnavailable("The queue does not answer.", retry_after=1) from None
    return Progress.from_hash(fields)


async def _start(state: AppState, progress: Progress) -> None:
    key = replay_progress.key(progress.project_id)
    try:
        pipeline = state.redis.pipeline(transaction=True)
        pipeline.delete(key)
        pipeline.hset(key, mapping=progress.to_hash())
        pipeline.expire(key, replay_progress.TTL_SECONDS)
        await pipeline.execute()
        async with asyncio.timeout(state.settings.redis_timeout_seconds):
            # RQ's client blocks, and the event loop has requests to serve.
            await asyncio.to_thread(_enqueue, state.settings, progress.project_id)
    except (RedisError, OSError, TimeoutError):
        raise QueueUnavailable("The queue does not answer.", retry_after=1) from None


def _enqueue(settings: Settings, project_id: int) -> None:
    connection: redis.Redis = redis_connection(settings)
    try:
        jobs.enqueue(connection, jobs.REPLAY, project_id, 0)
    finally:
        connection.close()


async def refresh_figures(state: AppState) -> None:
    """Brings up to date what `/metrics` says. While the database is away the figures stay as they were."""
    if time.monotonic() < DEAD_LETTERS.due:
        return
    DEAD_LETTERS.due = time.monotonic() + FIGURES_SECONDS
    try:
        async with state.pool.connection(timeout=FIGURES_TIMEOUT_SECONDS) as connection:
            found = await connection.execute(queries.COUNT_DEAD_LETTERS, {"project_id": None})
            DEAD_LETTERS.counts = [Count(*row) for row in await found.fetchall()]
    except (psycopg.Error, PoolTimeout) as error:
        logger.warning("the figures of dead letters stay as they were: %s", error)
