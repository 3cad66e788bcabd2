"""The drain's statements as functions of one connection. None of them commits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from db import copy, queries

Connection = psycopg.Connection[tuple[Any, ...]]
EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(slots=True, frozen=True)
class Cursor:
    """How far a shard is drained, in one epoch of its stream."""

    epoch: str
    entry_id: str
    events: int
    bytes: int


def calendar_day(day: int) -> date:
    """Days since 1970 as a date."""
    return date.fromordinal(EPOCH_DAY + day)


def prepare_session(connection: Connection) -> None:
    connection.execute(queries.CREATE_STAGING)


def empty_staging(connection: Connection) -> None:
    connection.execute(queries.EMPTY_STAGING)


def lock_cursor(connection: Connection, shard: int) -> Cursor | None:
    """The shard's cursor, locked until the transaction ends; None if another drain holds it."""
    row = connection.execute(queries.LOCK_CURSOR, {"shard": shard}).fetchone()
    return None if row is None else Cursor(*row)


def create_cursor(connection: Connection, shard: int) -> None:
    connection.execute(queries.CREATE_CURSOR, {"shard": shard})


def move_cursor(connection: Connection, shard: int, cursor: Cursor) -> None:
    connection.execute(
        queries.MOVE_CURSOR,
        {
            "shard": shard,
            "epoch": cursor.epoch,
            "entry_id": cursor.entry_id,
            "events": cursor.events,
            "bytes": cursor.bytes,
        },
    )


def ensure_partition_of(connection: Connection, day: int) -> None:
    connection.execute(queries.ENSURE_PARTITION_OF, {"day": calendar_day(day)})


def agent_ids(connection: Connection, agents: Iterable[tuple[int, str, str]]) -> dict[tuple[int, str, str], int]:
    """The ids of agents (project, name, version), registering those that are new."""
    wanted = sorted(agents)
    values = {
        "project_ids": [project_id for project_id, _, _ in wanted],
        "names": [name for _, name, _ in wanted],
        "versions": [version for _, _, version in wanted],
    }
    connection.execute(queries.REGISTER_AGENTS, values)
    rows = connection.execute(queries.FIND_AGENTS, values)
    return {(project_id, name, version): agent_id for project_id, name, version, agent_id in rows}


def register_error_groups(connection: Connection, groups: Iterable[tuple[int, int, str]]) -> None:
    """Keeps the messages of error groups (project, id, message)."""
    rows = sorted(groups)
    upsert(connection, queries.REGISTER_ERROR_GROUPS, ("project_ids", "ids", "messages"), rows)


def hold_error_groups(connection: Connection, groups: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of the error groups (project, id) that are registered; they stay so until the transaction ends."""
    wanted = sorted(groups)
    values = columns_of(wanted, ("project_ids", "ids"))
    return set(connection.execute(queries.HOLD_ERROR_GROUPS, values).fetchall()) if wanted else set()


def load_runs(connection: Connection, keys: Sequence[tuple[int, str]]) -> list[tuple[Any, ...]]:
    """The columns of `load_runs` for each (project, run) that exists."""
    return connection.execute(queries.LOAD_RUNS, run_keys(keys), binary=True).fetchall()


def update_runs(connection: Connection, count: int) -> None:
    """Writes the runs that are staged, `count` of them.

    Raises:
        psycopg.errors.SerializationFailure: some were removed since they were loaded; what was made of them is to be done anew.
    """
    if connection.execute(queries.UPDATE_RUNS).rowcount < count:
        raise psycopg.errors.SerializationFailure("a run was removed while events of it were stored")


def load_steps(connection: Connection, keys: Sequence[tuple[int, str, int, int]]) -> list[tuple[Any, ...]]:
    """The columns of `load_steps` for each (project, run, day, step) that exists, and for its ancestors."""
    return connection.execute(
        queries.LOAD_STEPS, {**_run_days(keys), "ids": [step_id for _, _, _, step_id in keys]}, binary=True
    ).fetchall()


def load_steps_of_runs(connection: Connection, keys: Sequence[tuple[int, str, int]]) -> list[tuple[Any, ...]]:
    """The columns of `load_steps` for every step of each (project, run, day)."""
    return connection.execute(queries.LOAD_STEPS_OF_RUNS, _run_days(keys), binary=True).fetchall()


def load_errors(connection: Connection, keys: Sequence[tuple[int, str, int]]) -> list[tuple[Any, ...]]:
    """Project, run, step (None: the run itself) and error, as text, of each (project, run, day) and of its steps."""
    return connection.execute(queries.LOAD_ERRORS, _run_days(keys)).fetchall()


def run_keys(keys: Sequence[tuple[int, str]]) -> dict[str, list[Any]]:
    return {"project_ids": [project_id for project_id, _ in keys], "run_ids": [UUID(hex=run_id) for _, run_id in keys]}


def _run_days(keys: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {
        "project_ids": [key[0] for key in keys],
        "run_ids": [UUID(hex=key[1]) for key in keys],
        "days": [calendar_day(key[2]) for key in keys],
    }


def copy_rows(connection: Connection, statement: LiteralString, rows: Iterable[bytes]) -> None:
    """Sends packed rows (see `db.copy`) as one binary COPY."""
    with connection.cursor() as cursor, cursor.copy(statement) as sink:
        for chunk in copy.stream(rows):
            sink.write(chunk)


def columns_of(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> dict[str, list[Any]]:
    """Rows turned into one array a column, as `unnest` takes them."""
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in names}


ARTIFACT_COLUMNS = (*("project_ids", "run_ids", "ids", "days", "step_ids", "types", "urls", "contents", "created_ats"),)
METRIC_COLUMNS = ("project_ids", "run_ids", "ids", "days", "names", "values", "tags", "created_ats")


def upsert(
    connection: Connection, statement: LiteralString, names: Sequence[str], rows: Sequence[tuple[Any, ...]], **more: Any
) -> None:
    """Runs one of the `unnest` statements over rows; does nothing without any."""
    if rows:
        connection.execute(statement, {**columns_of(rows, names), **more})
