"""The phases of `make loadtest`: who sends how much for how long."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

VARIABLE = "LOADTEST_PHASES"
STEPS_A_USER = 10
"""A second, of each user that sends steps at a steady rate."""
CONNECTIONS_MAX = 1000
"""The default of AGENTGUIDE_CONNECTIONS_MAX: each user has a connection."""


class Kind(StrEnum):
    STEPS = "steps"
    """Single steps at a steady rate, whatever the answers."""
    MIX = "mix"
    """The users of `loadtest/locustfile.py`."""
    FLOOD = "flood"
    """Batches one after the other from two of three users, single steps from the third; the stack's workers are stopped."""


@dataclass(frozen=True, slots=True)
class Phase:
    name: str
    title: str
    kind: Kind
    seconds: float
    users: int
    users_at_end: int
    counts: bool = True

    def users_at(self, elapsed_seconds: float) -> int:
        """Evenly from `users` to `users_at_end`."""
        share = min(1.0, max(0.0, elapsed_seconds / self.seconds))
        return round(self.users + share * (self.users_at_end - self.users))

    def asked(self, users: float) -> float | None:
        """Steps a second that so many users ask for; None where users wait for answers."""
        return users * STEPS_A_USER if self.kind is Kind.STEPS else None


def plan(seconds: float, *, quick: bool = False, flood: bool = True) -> list[Phase]:
    """The headline case. The first phase that counts takes `seconds`, the others a half of it or the same."""
    ramp_users = 60 if quick else CONNECTIONS_MAX + 100
    warm_up = _steady("warm-up", "a little of everything, not counted", Kind.MIX, 5, 20, counts=False)
    phases = [
        *([] if quick else [warm_up]),
        _steady("200/s", "200 single steps a second", Kind.STEPS, seconds, 20),
        _steady("1,000/s", "1,000 single steps a second", Kind.STEPS, seconds / 2, 100),
        _steady("mix", "agents, batches, OTLP and readers", Kind.MIX, seconds / 2, 20 if quick else 100),
        Phase("ramp", "single steps, ever more users", Kind.STEPS, seconds * 2 / 3, 40 if quick else 100, ramp_users),
    ]
    if flood:
        phases.append(_steady("flood", "batches, while no worker drains", Kind.FLOOD, 2 * seconds if quick else seconds, 6))
    return phases


def dump(phases: Sequence[Phase]) -> str:
    return json.dumps([asdict(phase) for phase in phases])


def load(text: str) -> list[Phase]:
    items: list[dict[str, Any]] = json.loads(text)
    return [Phase(**{**item, "kind": Kind(item["kind"])}) for item in items]


def _steady(name: str, title: str, kind: Kind, seconds: float, users: int, *, counts: bool = True) -> Phase:
    return Phase(name, title, kind, seconds, users, users, counts)
