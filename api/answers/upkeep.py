"""Dead letters, deletions, simulations, and how the server is."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from api.answers import Answer, Page


class DeadLetter(Answer):
    """An event that could not be stored."""

    id: int
    project: str
    code: str
    reason: str
    run_id: UUID | None
    bytes: int
    shard: int
    entry_id: str
    created_at: datetime


class WholeDeadLetter(DeadLetter):
    """The same with the event."""

    record: str = Field(description="The event as it stood in the queue, as text.")


class DeadLetterCount(Answer):
    """How many dead letters there are of a code."""

    code: str
    kept: int
    bytes: int
    buried: int
    dropped: int
    last_hour: int


class DeadLetterPage(Page[DeadLetter]):
    """Dead letters, the latest first."""

    counts: list[DeadLetterCount]
    kept: int
    dropped: int = Field(description="What the bounds did not let be kept.")
    kept_max: int
    rising: bool


class Replay(Answer):
    """How far a replay of dead letters is."""

    status: Literal["RUNNING", "DONE", "FAILED"]
    wanted: int
    replayed: int
    failed: int
    code: str | None
    id: int | None
    error: str | None


class Discarded(Answer):
    """How many dead letters were dropped."""

    discarded: int


class DeletionRequest(Answer):
    """A deletion that was asked for."""

    id: UUID
    kind: Literal["run", "session", "user"]
    url: str = Field(description="Tells how far it is.")


class Deletion(Answer):
    """How far a deletion is."""

    id: UUID
    kind: Literal["run", "session", "user", "retention"]
    subject: str
    status: Literal["PENDING", "RUNNING", "DONE"]
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    removed: dict[str, int] = Field(description="How many of what.")
    error: str | None = Field(description="Why it does not go on; it is tried again.")


class DeletionPage(Page[Deletion]):
    """Deletions, the latest first."""


class StartedSimulation(Answer):
    """A simulation that begins."""

    id: UUID
    url: str = Field(description="Tells how far it is.")


class Simulation(Answer):
    """How far a simulation is."""

    id: UUID
    status: Literal["RUNNING", "DONE", "FAILED"]
    runs: int
    runs_sent: int
    events_sent: int
    error_rate: float
    steps: float
    seed: int
    error: str | None


class Health(Answer):
    """The process serves."""

    status: Literal["ok"]


class Readiness(Answer):
    """Whether what it needs answers."""

    status: Literal["ok", "unavailable"]
    postgres: Literal["ok", "does not answer"]
    redis: Literal["ok", "does not answer"]
