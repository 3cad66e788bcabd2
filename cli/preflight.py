"""What is looked at before a part starts: whether its servers would lose or refuse events.

A server that answers and is wrong is refused, in one sentence. One that is merely away is waited for, as containers start in
any order and servers are restarted.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg
import redis

from cli.contradictions import Refused
from db import server
from db.server import Schema
from db.urls import psycopg_url
from events.settings import MEMORY_SHARE_MAX

if TYPE_CHECKING:
    from events.settings import Settings

logger = logging.getLogger(__name__)

REDIS_VERSION_MIN = 7
WAIT_SECONDS = 60.0
"""How long a command that ends by itself waits for a server; a part waits for ever."""
POLL_SECONDS = 0.2
TELL_SECONDS = 10.0
CONNECT_SECONDS = 2

AWAY = (psycopg.OperationalError, redis.ConnectionError, redis.TimeoutError, OSError)
"""What a server's absence looks like. A wrong password looks the same; the message tells."""


def check_database(settings: "Settings", *, writes: bool, migrates: bool = False) -> None:
    """Looks at the database. `writes`: it must be one that can be written; `migrates`: an older schema is no fault.

    Raises:
        Refused: it must not be worked with.
        psycopg.OperationalError: it does not answer.
    """
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    try:
        with psycopg.connect(psycopg_url(url), autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
            found = server.ask(connection)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise Refused(f"The Postgres of DATABASE_URL cannot be worked with: {str(error).strip()}.") from error
    where = f"The database {found.database}"
    if found.version < server.VERSION_MIN:
        raise Refused(f"The Postgres of DATABASE_URL is version {found.version // 10000}: it must be 18 or newer.")
    if writes and found.standby:
        raise Refused(f"{where} is a standby, which takes no events: let DATABASE_URL name its primary.")
    if writes and found.read_only:
        raise Refused(f"{where} is read-only: set its default_transaction_read_only to off, or name another in DATABASE_URL.")
    if found.schema is Schema.NEW:
        raise Refused(
            f"{where} was brought to a newer schema than this AgentGuide knows: install the newer AgentGuide here too."
        )
    if not migrates and found.schema is not Schema.CURRENT:
        what = "has no tables of AgentGuide" if found.schema is Schema.NONE else "has the schema of an older AgentGuide"
        raise Refused(f"{where} {what}: run `agentguide migrate`.")


def check_queue(settings: "Settings", *, accepts: bool) -> None:
    """Looks at the queue's server. `accepts`: for who takes events in; who drains must be able to whatever its memory is.

    Raises:
        Refused: it must not be worked with.
        redis.ConnectionError, redis.TimeoutError: it does not answer.
    """
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    with redis.Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS) as connection:
        try:
            facts: dict[str, Any] = connection.info()
        except redis.ResponseError as error:
            raise Refused(f"The Redis of REDIS_URL does not tell what it is: let its user run INFO ({error}).") from error
        fsync = _fsync_policy(connection)
    if int(facts["redis_version"].partition(".")[0]) < REDIS_VERSION_MIN:
        raise Refused(f"The Redis of REDIS_URL is version {facts['redis_version']}: it must be 7 or newer, or a Valkey.")
    if facts["role"] != "master":
        raise Refused("The Redis of REDIS_URL is a replica, which takes no events: let REDIS_URL name its primary.")
    if facts["maxmemory_policy"] != "noeviction":
        raise Refused(
            f"The Redis of REDIS_URL may evict events that wait (maxmemory-policy {facts['maxmemory_policy']}): "
            "set its maxmemory-policy to noeviction."
        )
    bound = int(facts["maxmemory"])
    if accepts and bound and settings.backlog_high_bytes > MEMORY_SHARE_MAX * bound:
        raise Refused(
            "AGENTGUIDE_BACKLOG_HIGH_BYTES is over four fifths of the maxmemory of REDIS_URL, so the queue would be full "
            "first: lower the one (and AGENTGUIDE_BACKLOG_LOW_BYTES with it) or raise the other."
        )
    _check_durability(settings, on=bool(facts["aof_enabled"]), fsync=fsync)


def _check_durability(settings: "Settings", *, on: bool, fsync: str) -> None:
    if on and fsync in ("always", ""):
        return
    lost = (
        f"keeps events on disk only after they were acknowledged (appendfsync {fsync})" if on else "keeps no append-only file"
    )
    wanted = "appendfsync to always" if on else "appendonly to yes"
    if not settings.allow_unsafe_redis:
        raise Refused(
            f"The Redis of REDIS_URL {lost}, so a crash of it loses them: set its {wanted}, or accept that with "
            "AGENTGUIDE_ALLOW_UNSAFE_REDIS=true."
        )
    logger.warning("the Redis of REDIS_URL %s: a crash of it loses acknowledged events", lost)


def _fsync_policy(connection: "redis.Redis") -> str:
    """The server's `appendfsync`; empty where it does not tell, as hosted ones often do not."""
    try:
        return str(connection.config_get("appendfsync").get("appendfsync", ""))
    except redis.ResponseError as error:
        logger.warning("the Redis of REDIS_URL does not tell its appendfsync, which should be always: %s", error)
        return ""


def check_servers(settings: "Settings", *, writes: bool) -> None:
    """Both servers, for who stores events (`writes`) or who takes them in; raises what their checks raise."""
    check_database(settings, writes=writes)
    check_queue(settings, accepts=not writes)


def wait_for(check: Callable[[], None], within_seconds: float | None = None) -> None:
    """Runs a check until its server answers, and says now and then what it waits for.

    Raises:
        Refused: the server answers and is wrong, or did not answer in time.
    """
    began = tell_at = time.monotonic()
    while True:
        try:
            return check()
        except AWAY as error:
            now, reason = time.monotonic(), " ".join(str(error).split())
        if within_seconds is not None and now - began > within_seconds:
            raise Refused(f"A server did not answer for {within_seconds:.0f} s: start it, or correct its URL ({reason}).")
        if now >= tell_at:
            logger.warning("waiting for a server: %s", reason)
            tell_at = now + TELL_SECONDS
        time.sleep(POLL_SECONDS)


class Guard:
    """For the API, which serves while its servers are away: looks at them as soon as they answer."""

    def __init__(self, settings: "Settings") -> None:
        """Raises Refused if they answer and are wrong."""
        self._settings = settings
        self._refusal: Refused | None = None
        self._away = ""
        try:
            self._check()
        except AWAY as error:
            self._away = " ".join(str(error).split())

    def watch(self, stop: Callable[[], None]) -> None:
        """Has `stop` called, in a thread, if the servers that are away turn out to be wrong."""
        if self._away:
            logger.warning("serving although a server is away: %s", self._away)
            threading.Thread(target=self._watch, args=[stop], name="preflight", daemon=True).start()

    def raise_refusal(self) -> None:
        """Raises what made the guard stop the process, if it did."""
        if self._refusal is not None:
            raise self._refusal

    def _check(self) -> None:
        # The API stores nothing in the database itself: one that is read-only for a while must not keep it from taking events.
        check_servers(self._settings, writes=False)

    def _watch(self, stop: Callable[[], None]) -> None:
        try:
            wait_for(self._check)
        except Refused as error:
            self._refusal = error
            stop()
