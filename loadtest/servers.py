"""Servers of one's own, named for a benchmark and never taken from the environment: they must be nobody else's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import psycopg
import redis
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from db.urls import psycopg_url
from events.jobs import QUEUE
from events.stream import ANY_STREAM
from loadtest import database

CONNECT_SECONDS = 5


class ServersError(Exception):
    """The servers cannot be used. The message says why, and what to do."""


@dataclass(slots=True, frozen=True)
class Servers:
    database_url: str
    redis_url: str

    @property
    def environment(self) -> Mapping[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def check_unused(self) -> None:
        """Raises ServersError if they do not answer, or hold or serve what somebody may want."""
        try:
            url = psycopg_url(self.database_url)
            with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
                if database.holds_runs(connection):
                    raise ServersError(
                        "The database of --database-url already holds runs, among which a load would stay: name an empty one, "
                        "or give --used-servers if that is what you want."
                    )
            with redis.Redis.from_url(
                self.redis_url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS
            ) as queue:
                _check_queue(queue)
        except (psycopg.Error, redis.RedisError) as error:
            raise ServersError(f"A server does not answer as it should: {str(error).strip()}") from error


def _check_queue(queue: "redis.Redis") -> None:
    if any(queue.xlen(key) for key in queue.scan_iter(ANY_STREAM, count=10_000)):
        raise ServersError("Events wait in the queue of --redis-url: let them drain, or name another database of it (…/1).")
    registered = cast("set[bytes]", queue.smembers(WORKERS_BY_QUEUE_KEY % QUEUE))
    workers = sum(bool(queue.exists(key)) and not queue.hexists(key, "death") for key in registered)
    if workers:
        raise ServersError(f"{workers} workers of another stack serve the queue of --redis-url: stop that stack first.")
