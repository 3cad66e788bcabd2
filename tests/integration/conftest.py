"""The API in this process, on the real servers, and a drain that runs when a test says so."""

from collections.abc import Callable, Iterator

import pytest
import redis
from fastapi.testclient import TestClient

from api.app import create_app
from events.settings import Settings
from worker.drain import Outcome
from worker.jobs import Context

Drain = Callable[[], int]
"""Drains shard 0 until it is empty; gives the number of dead letters so far."""


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as running:
        yield running


@pytest.fixture
def drain(settings: Settings, queue: "redis.Redis") -> Iterator[Drain]:
    worker = Context(settings, queue).drain_of(0)

    def drain_all() -> int:
        while worker.step() is not Outcome.EMPTY:
            pass
        return worker.dead_letters

    yield drain_all
    worker.close()
