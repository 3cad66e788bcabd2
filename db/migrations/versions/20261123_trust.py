"""What trust needs: rights and limits of projects, users and keys; runs that fell silent; dead letters by reason; deletions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_trust"
down_revision = "20261123_reading"

TIMESTAMP = sa.DateTime(timezone=True)
NO = sa.text("false")
NOTHING = sa.text("0")


def upgrade() -> None:
    op.add_column(
        "projects", sa.Column("retention_days", sa.Integer(), comment="NULL here and below: what the server's settings say")
    )
    op.add_column("projects", sa.Column("stale_after_seconds", sa.Integer()))
    op.add_column("projects", sa.Column("redaction", postgresql.JSONB(), nullable=False, server_default="{}"))
    for table in ("projects", "api_keys"):
        op.add_column(table, sa.Column("events_per_second", sa.Integer()))
        op.add_column(table, sa.Column("bytes_per_second", sa.BigInteger()))
    op.add_column("api_keys", sa.Column("created_by", sa.Integer(), comment="the user who made it; NULL: the command line"))
    op.add_column("users", sa.Column("password_hash", sa.Text(), comment="argon2id; NULL: cannot sign in"))
    op.add_column(
        "users",
        sa.Column("is_operator", sa.Boolean(), nullable=False, server_default=NO, comment="may make projects and users"),
    )
    op.add_column("users", sa.Column("disabled_at", TIMESTAMP))
    op.add_column(
        "users",
        sa.Column(
            "session_version", sa.Integer(), nullable=False, server_default=NOTHING, comment="sessions of an older one are over"
        ),
    )
    op.add_column(
        "runs", sa.Column("last_event_at", TIMESTAMP, comment="when its last event was accepted; NULL: with the first one")
    )
    # Not NOT NULL: drains of an older version, which go on meanwhile, stage their rows in a copy of this table.
    op.add_column("runs", sa.Column("closed_as_stale", sa.Boolean(), server_default=NO))
    # Runs that are under way have not been silent: nobody noted when they spoke.
    op.execute("UPDATE runs SET last_event_at = now() WHERE status IN ('PENDING', 'RUNNING')")
    # What is old, for retention; it costs the drain nothing, as runs stand in the table about as they came.
    op.create_index("runs_day_idx", "runs", ["day"], postgresql_using="brin")
    _dead_letters()
    op.create_table(
        "deletions",
        sa.Column("id", sa.UUID(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False, comment="0: all, where the retention of a whole day ends"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="the run, session or user whose data goes"),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "positions",
            postgresql.JSONB(),
            server_default="{}",
            nullable=False,
            comment="what must be drained before it begins",
        ),
        sa.Column("finished_at", TIMESTAMP),
        sa.Column("counts", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("error", sa.Text()),
        sa.CheckConstraint("kind IN ('run', 'session', 'user', 'retention')", name=op.f("deletions_kind_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("deletions_pkey")),
        comment="asked for; also the queue of what is still to be done",
    )
    op.create_index("deletions_project_idx", "deletions", ["project_id", sa.literal_column("id DESC")])
    op.create_index("deletions_open_idx", "deletions", ["id"], postgresql_where=sa.text("finished_at IS NULL"))
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIMESTAMP, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("secrets_pkey")),
        comment="the server's own",
    )


def _dead_letters() -> None:
    op.add_column(
        "dead_letters",
        sa.Column("code", sa.Text(), nullable=False, server_default="", comment="SQLSTATE, or the error's class"),
    )
    op.add_column("dead_letters", sa.Column("run_id", sa.UUID(), comment="NULL: the record cannot be read"))
    op.create_index("dead_letters_code_idx", "dead_letters", ["project_id", "code", "id"])
    op.create_table(
        "dead_letter_counts",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", TIMESTAMP, autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), server_default=NOTHING, nullable=False),
        sa.Column(
            "dropped",
            sa.BigInteger(),
            server_default=NOTHING,
            nullable=False,
            comment="of them, those that were not kept",
        ),
        sa.PrimaryKeyConstraint("project_id", "hour", "code", name=op.f("dead_letter_counts_pkey")),
        comment="every event that was ever buried",
    )


def downgrade() -> None:
    raise NotImplementedError("What is new here would be lost, and code of the schema before runs on this one: leave it.")
