"""KPIs of users, from their runs: no roll-up knows users, so it takes time with the number of runs in the window.

Shapes and units as in `api.kpis`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from api.rollups import Agents, fetch, snapshot
from api.state import AppState
from api.windows import Grain, Window
from db import queries
from events.exceptions import Busy

USERS_MAX = 1000
TURN_SECONDS = 5.0
"""How long one waits for one's turn."""
RETRY_AFTER_SECONDS = 5


async def users(state: AppState, project_id: int, agents: Agents, window: Window, *, limit: int = 50) -> dict[str, Any]:
    """Users, the one with most runs first; runs without a user are in none. Who is no member any more has no name.

    Raises:
        Busy: others who ask for them kept it from its turn.
    """
    covered = window.covered(Grain.MINUTE)  # as the summary, so that the parts add up to it
    asked = {
        "project_id": project_id,
        "agent_ids": None if agents is None else list(agents),
        "start": covered.start,
        "end": covered.end,
        "limit": limit,
    }
    async with _turn(state), snapshot(state) as cursor:
        rows = await fetch(cursor, queries.KPI_USERS, **asked)
    return {
        "window": window.described(covered),
        "users": [_described(*row) for _, *row in rows],
        "usersLeftOut": (rows[0][0] if rows else 0) - len(rows),
    }


@asynccontextmanager
async def _turn(state: AppState) -> AsyncIterator[None]:
    """Of a large project they take seconds: a few who ask at once are not to hold all connections of those who read."""
    try:
        async with asyncio.timeout(TURN_SECONDS):
            await state.user_figures.acquire()
    except TimeoutError:
        raise Busy("Figures of users are being counted for others; try again later.", retry_after=RETRY_AFTER_SECONDS) from None
    try:
        yield
    finally:
        state.user_figures.release()


def _described(user_id: int, name: str | None, *figures: Any) -> dict[str, Any]:
    runs, failed, sessions, input_tokens, output_tokens, cost_nano_usd, last_run_id, last_run_at = figures
    return {
        "userId": user_id,
        "name": name,
        "runs": runs,
        "failedRuns": failed,
        "sessions": sessions,
        "inputTokens": input_tokens,
        "outputTokens": output_tokens,
        "costUsd": cost_nano_usd / 1e9,
        "lastRunId": last_run_id,
        "lastRunAt": last_run_at.isoformat(),
    }
