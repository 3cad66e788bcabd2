"""What a database says of itself and of its schema, to be judged before a part works with it."""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from db import queries

VERSION_MIN = 180000
"""`server_version_num` of the oldest PostgreSQL with `RETURNING old, new` and `uuidv7()`."""

_REVISION = re.compile(r'^(revision|down_revision)\b[^=\n]*= *"(\w+)"', re.MULTILINE)


class Schema(Enum):
    NONE = "none"
    OLD = "old"
    CURRENT = "current"
    NEW = "new"
    """Made by a newer AgentGuide than this one."""


@dataclass(slots=True, frozen=True)
class Server:
    version: int
    """`server_version_num`, as 180006."""
    standby: bool
    read_only: bool
    database: str
    schema: Schema


def ask(connection: psycopg.Connection[Any]) -> Server:
    """Raises psycopg.Error if the server does not tell."""
    version, standby, read_only, database, has_schema = connection.execute(queries.SERVER_FACTS).fetchall()[0]
    found = [row[0] for row in connection.execute(queries.SCHEMA_VERSIONS)] if has_schema else []
    return Server(version, standby, read_only, database, judge(found))


def judge(found: list[str]) -> Schema:
    """What the versions in a database mean to this code."""
    known, newest = _versions()
    if not found:
        return Schema.NONE
    if set(found) - known:
        return Schema.NEW
    return Schema.CURRENT if found == [newest] else Schema.OLD


@cache
def _versions() -> tuple[frozenset[str], str]:
    """All versions that this code knows, and the newest; read from the migrations' text, as Alembic is slow to import."""
    known: set[str] = set()
    followed: set[str] = set()
    for file in (files("db") / "migrations" / "versions").iterdir():
        if file.name.endswith(".py"):
            for name, version in _REVISION.findall(file.read_text()):
                (known if name == "revision" else followed).add(version)
    (newest,) = known - followed
    return frozenset(known), newest
