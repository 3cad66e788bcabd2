"""How far a project's latest replay of dead letters is: a hash in Redis, which goes away an hour after its last change."""

import time
from typing import Any

import msgspec

from db.dead_letters import Selection
from events.simulation_progress import SILENT_SECONDS

TTL_SECONDS = 3600


class Progress(msgspec.Struct):
    """The hash; its field names are these."""

    project_id: int
    wanted: int
    """Letters."""
    last: int
    """The id of the last of them: those that come later are not meant."""
    code: str = ""
    """Only letters of this code; empty: of any."""
    letter_id: int = 0
    """Only this letter; 0: any."""
    after: int = 0
    """The id of the letter that was looked at last."""
    replayed: int = 0
    failed: int = 0
    """Looked at, and still not stored."""
    status: str = "RUNNING"
    """RUNNING, DONE or FAILED."""
    error: str = ""
    updated_at: float = 0.0
    """Seconds since 1970."""

    def selection(self) -> Selection:
        return Selection(self.project_id, self.code or None, self.letter_id or None)

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

    @property
    def is_lost(self) -> bool:
        """It says that it is running, and its job is gone."""
        return self.status == "RUNNING" and time.time() - self.updated_at > SILENT_SECONDS

    def described(self) -> dict[str, Any]:
        """As the API tells it."""
        status, error = self.status, self.error
        if self.is_lost:
            status, error = "FAILED", "The job was lost, or no worker runs; what was replayed is stored. Start it again."
        return {
            "status": status,
            "wanted": self.wanted,
            "replayed": self.replayed,
            "failed": self.failed,
            "code": self.code or None,
            "id": self.letter_id or None,
            "error": error or None,
        }


def key(project_id: int) -> str:
    return f"agentguide:replay:{project_id}"
