"""Real servers for whatever speaks SQL or Redis: one stack a session, a fresh database from a template for each test."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
import redis
from pydantic import SecretStr

from db.migrate import migrate
from events.settings import Settings
from tests.support.stack import Stack

TEMPLATE = "template_agentguide"
_numbers = count()

FOREVER = re.compile(rb"agentguide:\{\d+\}:(stream|epoch|changes)|agentguide:\{indexed\}:changes|rq:.*")
"""The keys that may live without a TTL: the streams, their epoch, what changed lately (bounded), and RQ's own."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack as `agentguide up` starts it. Tests must leave it running and must not assume that it is empty."""
    running = Stack(tmp_path_factory.mktemp("stack") / "data")
    try:
        yield running
    finally:
        code = running.stop()
        print("\n".join(running.log[-200:]))  # noqa: T201 - shown with a failure
        assert code == 0


def _named(url: str, name: str) -> str:
    return url.replace("/agentguide?", f"/{name}?", 1)


@pytest.fixture(scope="session")
def template(stack: Stack) -> Stack:
    with stack.database() as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(_named(stack.database_url, TEMPLATE))
    return stack


@pytest.fixture
def database_url(template: Stack) -> Iterator[str]:
    """A migrated, empty database."""
    name = f"test_{next(_numbers)}"
    with template.database() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        yield _named(template.database_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def redis_url(stack: Stack) -> str:
    """A Redis database of the tests' own; no worker watches it."""
    return stack.redis_url.replace("db=0", "db=1")


@pytest.fixture
def queue(redis_url: str) -> Iterator["redis.Redis"]:
    """An empty Redis. At the end no key may be left that would live forever and should not."""
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushdb()
        yield connection
        leaked = [key for key in connection.scan_iter() if connection.ttl(key) == -1 and not FOREVER.fullmatch(key)]
        connection.flushdb()
        assert leaked == []


@pytest.fixture
def settings(database_url: str, redis_url: str, queue: "redis.Redis") -> Settings:
    return Settings(
        DATABASE_URL=SecretStr(database_url),
        REDIS_URL=SecretStr(redis_url),
        shards=1,
        allowed_hosts="testserver",
        _env_file=None,
    )
