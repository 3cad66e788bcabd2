"""KPIs of users, from their runs: no roll-up knows users, so it takes time with the number of runs in the window.

Shapes and units as in `api.kpis`.
"""

from typing import Any

from api.rollups import Agents, fetch, snapshot
from api.state import AppState
from api.windows import Grain, Window
from db import queries

USERS_MAX = 1000


async def users(state: AppState, project_id: int, agents: Agents, window: Window, *, limit: int = 50) -> dict[str, Any]:
    """Users, the one with most runs first; runs without a user are in none. Who is no member any more has no name."""
    covered = window.covered(Grain.MINUTE)  # as the summary, so that the parts add up to it
    asked = {
        "project_id": project_id,
        "agent_ids": None if agents is None else list(agents),
        "start": covered.start,
        "end": covered.end,
        "limit": limit,
    }
    async with snapshot(state) as cursor:
        rows = await fetch(cursor, queries.KPI_USERS, **asked)
    return {
        "window": window.described(covered),
        "users": [_described(*row) for _, *row in rows],
        "usersLeftOut": (rows[0][0] if rows else 0) - len(rows),
    }


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
