"""What one client of a live stream is sent, without servers."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api import live
from api.access import EVERYTHING, Caller
from api.hub import Watcher
from api.state import AppState
from db.access import Project
from db.run_list import RunFilter


class OnceLetIn:
    """An authenticator that lets a caller in the first time only."""

    def __init__(self) -> None:
        self.asked = 0

    async def is_still(self, *_: object) -> bool:
        self.asked += 1
        return self.asked == 1


def test_nothing_more_is_looked_up_for_who_may_not_read_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher(1, 10, searches=False)
    watcher.add([bytes([number]) * 16 for number in range(3)])
    found: list[str] = []

    async def find_runs(*_: Any, **__: Any) -> list[Any]:
        found.append('{"id": 1}')
        return [SimpleNamespace(json=found[-1])]

    async def find_agents() -> None:
        return None

    async def read() -> list[bytes]:
        hub = SimpleNamespace(position="here", queries=asyncio.Semaphore(1))
        settings = SimpleNamespace(stream_heartbeat_seconds=60.0)
        state = cast("AppState", SimpleNamespace(authenticator=OnceLetIn(), hub=hub, settings=settings))
        caller = Caller(Project(1, "default", "Default", None, None, None, None, {}), EVERYTHING)
        return [part async for part in live._Events(state, caller, RunFilter(), find_agents, watcher).stream()]

    monkeypatch.setattr(live, "GROUP_RUNS", 1)
    monkeypatch.setattr(live, "PACE_SECONDS", 0.0)
    monkeypatch.setattr(live, "find_runs", find_runs)
    sent = asyncio.run(read())

    assert len(found) == 1
    assert sum(b"event: run" in part for part in sent) == 1
