"""The API in this process, on the real servers, and a drain that runs when a test says so."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import redis
from fastapi.testclient import TestClient

from api.app import create_app
from events.settings import Settings
from worker import checkup, removal
from worker.drain import Outcome
from worker.jobs import Context

Differences = Callable[[], list[str]]
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


@pytest.fixture
def differences(database_url: str) -> Differences:
    """What the doctor finds."""

    def find() -> list[str]:
        with checkup.open_session(database_url) as session:
            found = checkup.check(session, days_ahead=1, task=lambda *_: lambda _: None)
        return [f"{check.name}: {check.examples}" for check in found if check.differences]

    return find


@pytest.fixture
def context(settings: Settings, queue: "redis.Redis") -> Iterator[Context]:
    made = Context(settings, queue)
    yield made
    made.close()


@pytest.fixture
def remover(database_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        removal.prepare(connection)
        yield connection
