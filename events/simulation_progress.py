"""How far a simulation is: a hash in Redis for each, which goes away an hour after its last change.

The job sends the runs slice by slice and notes here, after each slice, how many have gone. The API starts it and reads along.
"""

import time
from typing import Any

import msgspec

from events.ids import run_uuid

TTL_SECONDS = 3600
SILENT_SECONDS = 150.0
"""Longer than a slice can take (see `settings.JOB_TIMEOUT_SECONDS`): whoever is silent for so long has lost its job."""


class Progress(msgspec.Struct):
    """The hash; its field names are these."""

    project_id: int
    runs: int
    """Wanted."""
    error_rate: float
    steps: float
    """Wanted in a run, in the mean."""
    seed: int
    status: str = "RUNNING"
    """RUNNING, DONE or FAILED."""
    runs_sent: int = 0
    events_sent: int = 0
    error: str = ""
    updated_at: float = 0.0
    """Seconds since 1970."""

    def to_hash(self) -> dict[Any, str | int | float]:
        """As of now."""
        return msgspec.structs.asdict(self) | {"updated_at": time.time()}

    @staticmethod
    def from_hash(fields: dict[bytes, bytes]) -> "Progress | None":
        """None for an empty hash, which is how Redis says that there is none."""
        if not fields:
            return None
        texts = {name.decode(): value.decode() for name, value in fields.items()}
        return msgspec.convert(texts, Progress, strict=False)

    def described(self, simulation_id: str) -> dict[str, Any]:
        """As the API tells it."""
        status, error = self.status, self.error
        if status == "RUNNING" and time.time() - self.updated_at > SILENT_SECONDS:
            status, error = "FAILED", "The job was lost, or no worker runs; start the simulation again with the same seed."
        return {
            "id": run_uuid(simulation_id),
            "status": status,
            "runs": self.runs,
            "runsSent": self.runs_sent,
            "eventsSent": self.events_sent,
            "errorRate": self.error_rate,
            "steps": self.steps,
            "seed": self.seed,
            "error": error or None,
        }


def key(simulation_id: str) -> str:
    return f"agentguide:simulation:{simulation_id}"
