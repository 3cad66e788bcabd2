"""The figures of users."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from api.answers import Answer
from api.answers.figures import FiguresWindow


class UserFigures(Answer):
    """Of a user."""

    user_id: int
    name: str | None = Field(description="`null`: no member of the project any more.")
    runs: int
    failed_runs: int
    sessions: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    last_run_id: UUID
    last_run_at: datetime


class UsersFigures(Answer):
    """Of users, the one with most runs first."""

    window: FiguresWindow
    users: list[UserFigures]
    users_left_out: int
