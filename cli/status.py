"""`agentguide status`: what a running stack is made of, and how far it is behind."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from cli import datadir
from cli.errors import CommandError, explain_os_error
from cli.state import State

if TYPE_CHECKING:
    from rich.console import RenderableType

    from events.waiting import Drained

TIMEOUT_SECONDS = 2.0
NOT_RUNNING_CODE = 3


def running(data_dir: Path) -> State | None:
    """The state of the stack that runs on this directory; None if none does.

    Raises:
        CommandError: the directory is another user's.
    """
    data_dir = data_dir.expanduser().absolute()
    try:
        state = State.read(data_dir)
        if state is None or not datadir.is_locked(data_dir):
            return None
    except OSError as error:
        raise CommandError(explain_os_error(error, data_dir)) from error
    supervisor = state.pids.get("supervisor")
    return state if isinstance(supervisor, int) and psutil.pid_exists(supervisor) else None


def report(state: State) -> dict[str, Any]:
    """What `--json` prints. `backlog` and `ingestLagSeconds` are None where the queue does not answer, the lag also where the
    database does not."""
    events, size, lag_seconds = asyncio.run(_queue(state))
    return {
        "running": True,
        "apiUrl": state.api_url,
        "databaseUrl": state.database_url,
        "redisUrl": state.redis_url,
        "pids": state.pids,
        "memoryBytes": {str(pid): memory for pid in sorted(state.all_pids()) if (memory := _memory(pid)) is not None},
        "backlog": None if events is None else {"events": events, "bytes": size},
        "ingestLagSeconds": lag_seconds,
    }


async def _queue(state: State) -> tuple[int | None, int | None, float | None]:
    """Events and bytes that are not in the database, and the age of the oldest of them in seconds."""
    import redis.asyncio  # noqa: PLC0415 - nothing but a running stack needs it

    from events import waiting  # noqa: PLC0415

    cursors = await _cursors(state)
    connection = redis.asyncio.Redis.from_url(
        state.redis_url, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS
    )
    try:
        shards = await waiting.look(connection, cursors or [], state.shards)
        # Without the cursors nobody knows which entries are stored already and only not trimmed yet.
        lag_seconds = None if cursors is None else waiting.lag_seconds(shards)
        return sum(shard.events for shard in shards), sum(shard.bytes for shard in shards), lag_seconds
    except (redis.RedisError, OSError):
        return None, None, None  # the report says so
    finally:
        await connection.aclose()


async def _cursors(state: State) -> "list[Drained] | None":
    """How far the shards are drained; None: the database does not answer."""
    import psycopg  # noqa: PLC0415 - as above

    from db import queries  # noqa: PLC0415
    from db.urls import psycopg_url  # noqa: PLC0415
    from events.waiting import Drained  # noqa: PLC0415

    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            await psycopg.AsyncConnection.connect(psycopg_url(state.database_url), connect_timeout=2) as connection,
        ):
            return [Drained(*row) for row in await (await connection.execute(queries.LIST_DRAINED)).fetchall()]
    except (psycopg.Error, OSError, TimeoutError):
        return None  # the report says so


def _memory(pid: int) -> int | None:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return None  # it ended since the state was written


def table(found: dict[str, Any]) -> "RenderableType":
    """The report for a person; passwords do not show."""
    from rich.console import Group  # noqa: PLC0415 - `--json` needs no rich
    from rich.table import Table  # noqa: PLC0415

    about = Table.grid(padding=(0, 2))
    about.add_row("API", found["apiUrl"])
    about.add_row("Postgres", without_password(found["databaseUrl"]))
    about.add_row("Redis", without_password(found["redisUrl"]))
    backlog, lag_seconds = found["backlog"], found["ingestLagSeconds"]
    about.add_row("backlog", f"{backlog['events']} events, {backlog['bytes']} bytes" if backlog else "unknown: no answer")
    about.add_row("ingest lag", "unknown" if lag_seconds is None else f"{lag_seconds:.1f} s")
    parts = Table("part", "pid", "memory")
    for name, value in found["pids"].items():
        for pid in value if isinstance(value, list) else [value]:
            memory = found["memoryBytes"].get(str(pid))
            parts.add_row(name, str(pid or "-"), f"{memory / 2**20:.0f} MiB" if memory else "-")
    return Group(about, parts)


def without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{separator}{user}{colon}{'***' if colon else ''}{at}{address}"
