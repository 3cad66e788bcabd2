"""The migrations make what the tables say, and partitions are there ahead of time."""

from typing import Any

import psycopg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from db.migrate import alembic_config, migrate
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


UPKEEP = """
SELECT c.relname, c.reloptions,
    (SELECT jsonb_object_agg(attname, attstattarget) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0)
FROM pg_class AS c
WHERE c.oid = to_regclass(%(parent)s) OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(%(parent)s))
"""


Targets = dict[str, int | None]


def _upkeep(database: psycopg.Connection[Any], parent: str) -> tuple[Targets, list[Targets], set[str]]:
    """The targets of a table's columns, those of each partition, and the options that any partition has."""
    rows = {name: rest for name, *rest in database.execute(UPKEEP, {"parent": parent})}
    _, targets = rows.pop(parent)
    return targets, [found for _, found in rows.values()], {str(options) for options, _ in rows.values()}


def test_a_new_partition_is_kept_as_the_others_are(database: psycopg.Connection[Any]) -> None:
    ensure_partitions(database, 20)
    for parent in PARTITIONED_BY_DAY:
        targets, of_partitions, options = _upkeep(database, parent)
        assert len(of_partitions) == 22
        assert all(found == targets for found in of_partitions)
        assert options == {"['autovacuum_vacuum_insert_threshold=-1']" if parent == "steps" else "None"}
    targets, _, _ = _upkeep(database, "steps")
    assert (targets["input"], targets["index"]) == (0, 20)
    assert _upkeep(database, "artifacts")[0]["content"] == 0


def test_a_database_in_use_is_brought_to_the_newest_schema(
    database_url: str, database: psycopg.Connection[tuple[Any, ...]]
) -> None:
    """Its partitions get what new ones get, and neither those who write nor those who read are waited for."""
    database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    command.upgrade(alembic_config(database_url), "20261123_trust")
    ensure_partitions(database, 3)
    with psycopg.connect(database_url) as drain, psycopg.connect(database_url) as reader:
        drain.execute("LOCK TABLE steps, runs, artifacts IN ROW EXCLUSIVE MODE")
        reader.execute("SELECT count(*) FROM steps, runs, artifacts")
        migrate(database_url, partitions_ahead_days=5)
        drain.rollback()
    targets, of_partitions, options = _upkeep(database, "steps")
    assert len(of_partitions) == 7
    assert all(found == targets for found in of_partitions)
    assert options == {"['autovacuum_vacuum_insert_threshold=-1']"}
