"""Servers of one's own that a benchmark must not load."""

import pytest
import redis

from events.ids import epoch_id
from events.records import RunRecord
from events.settings import Settings
from events.stream import append_now, entries_of
from loadtest.servers import Servers, ServersError
from tests.support.stack import Stack


def test_servers_that_nobody_uses_are_fine(database_url: str, redis_url: str, queue: "redis.Redis") -> None:
    Servers(database_url, redis_url).check_unused()


def test_a_database_without_tables_is_fine(template: Stack, redis_url: str, queue: "redis.Redis") -> None:
    empty = template.database_url.replace("/agentguide?", "/postgres?", 1)
    Servers(empty, redis_url).check_unused()


def test_a_queue_in_which_events_wait_is_refused(database_url: str, redis_url: str, queue: "redis.Redis") -> None:
    append_now(queue, entries_of(1, [RunRecord(id=epoch_id())], shards=1), shards=1)
    with pytest.raises(ServersError, match="Events wait"):
        Servers(database_url, redis_url).check_unused()


def test_a_queue_that_others_serve_is_refused(database_url: str, stack: Stack) -> None:
    with pytest.raises(ServersError, match="workers of another stack"):
        Servers(database_url, stack.redis_url).check_unused()


def test_a_server_that_is_not_there_is_told(settings: Settings, redis_url: str) -> None:
    with pytest.raises(ServersError, match="does not answer"):
        Servers("postgresql://nobody@127.0.0.1:1/none", redis_url).check_unused()
