"""Brings a database to the newest schema, with its default project and the partitions of the coming days."""

import logging
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config

from db import queries
from db.partitions import ensure_partitions
from db.urls import psycopg_url, sqlalchemy_url

logger = logging.getLogger(__name__)

MIGRATION_LOCK = 0x6167_6D69
"""Advisory lock, so that of two `migrate` at once one waits for the other."""


def alembic_config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["database_url"] = sqlalchemy_url(database_url)
    return config


def migrate(database_url: str, *, partitions_ahead_days: int = 7) -> None:
    """Upgrades to head; running it again changes nothing.

    Raises:
        psycopg.OperationalError: the database does not answer.
    """
    with psycopg.connect(psycopg_url(database_url), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        command.upgrade(alembic_config(database_url), "head")
        connection.execute(queries.SEED_DEFAULT_PROJECT)
        ensure_partitions(connection, partitions_ahead_days)
    logger.info("the database schema is at its newest")
