"""What goes into a thread that runs queries, and what comes out."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, frozen=True)
class Asked:
    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


@dataclass(slots=True, frozen=True)
class Answer:
    status_code: int
    body: bytes
    retry_after: int | None = None
