"""Runs migrations online, on the database that `db.migrate` names, each in a transaction that does not wait long for locks."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from db.schema import metadata

engine = create_engine(context.config.attributes["database_url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        connection.execute(text("SET lock_timeout = '10s'"))
        context.run_migrations()
