"""The migrations make what the tables say, and partitions are there ahead of time."""

from typing import Any

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from db.migrate import migrate
from db.partitions import PARTITIONED_BY_DAY, ensure_partitions
from db.schema import metadata
from db.urls import sqlalchemy_url


def _of_partition(_: Any, name: str | None, kind: str, reflected: bool, __: Any) -> bool:
    return not (kind == "table" and reflected and name and name.startswith(tuple(f"{table}_2" for table in PARTITIONED_BY_DAY)))


def test_the_migrations_make_the_tables_of_the_schema(database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _of_partition, "compare_type": True})
        assert [change for change in compare_metadata(context, metadata) if "alembic_version" not in str(change)] == []
    engine.dispose()


def test_migrating_again_changes_nothing(database_url: str, database: psycopg.Connection[Any]) -> None:
    migrate(database_url)
    assert database.execute("SELECT id, slug FROM projects").fetchall() == [(1, "default")]


def test_partitions_are_made_ahead(database: psycopg.Connection[Any]) -> None:
    def partitions() -> int:
        row = database.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'steps'::regclass").fetchone()
        assert row is not None
        return int(row[0])

    before = partitions()
    ensure_partitions(database, 20)
    assert partitions() == before + 13
    ensure_partitions(database, 20)
    assert partitions() == before + 13
