"""The tables. Hot ones (runs, steps, artifacts, metrics) hold no foreign keys: the drain writes them in key order from one
place, and every key starts with the project so that the tables stay distributable by run."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

RUN_STATUSES = ("PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED")
PARTITIONED_BY_DAY = ("steps", "artifacts", "metrics")

Timestamp = DateTime(timezone=True)


def _created_at() -> Column[object]:
    return Column("created_at", Timestamp, nullable=False, server_default=func.now())


def _key(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False, nullable=False)


def _sum(name: str) -> Column[object]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


projects = Table(
    "projects",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    _created_at(),
)

users = Table(
    "users",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    _created_at(),
)

memberships = Table(
    "memberships",
    metadata,
    Column("project_id", ForeignKey(projects.c.id), primary_key=True),
    Column("user_id", ForeignKey(users.c.id), primary_key=True),
    Column("role", Text, nullable=False),
    _created_at(),
    CheckConstraint("role IN ('viewer', 'editor', 'admin')", name="role"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("project_id", ForeignKey(projects.c.id), nullable=False),
    Column("prefix", Text, nullable=False, unique=True),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("name", Text, nullable=False),
    _created_at(),
    Column("expires_at", Timestamp),
    Column("revoked_at", Timestamp),
    Column("last_used_at", Timestamp),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("project_id", ForeignKey(projects.c.id), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False, server_default=""),
    _created_at(),
    UniqueConstraint("project_id", "name", "version"),
)

runs = Table(
    "runs",
    metadata,
    _key("project_id", Integer),
    _key("id", UUID()),
    Column("day", Date, nullable=False, comment="UTC day of acceptance; the partition of everything the run holds"),
    Column("agent_id", Integer),
    Column("user_id", Integer),
    Column("session_id", Text),
    Column("name", Text),
    Column("status", Text, nullable=False),
    Column("input", JSONB),
    Column("output", JSONB),
    Column("error", JSONB),
    Column("started_at", Timestamp, nullable=False),
    Column("finished_at", Timestamp),
    Column("tags", JSONB),
    Column("attributes", JSONB),
    Column("accepted_at", Timestamp, nullable=False),
    _sum("step_count"),
    _sum("error_count"),
    _sum("input_tokens"),
    _sum("output_tokens"),
    _sum("cost_nano_usd"),
    Column("next_index", Integer, nullable=False, server_default=text("0")),
    Column(
        "awaited_parents",
        ARRAY(BigInteger),
        nullable=False,
        server_default="{}",
        comment="steps that are not here yet and have usage below them",
    ),
    CheckConstraint(f"status IN {RUN_STATUSES}", name="status"),
    Index("runs_started_idx", "project_id", text("started_at DESC"), text("id DESC")),
    Index("runs_agent_idx", "project_id", "agent_id", text("started_at DESC"), text("id DESC")),
    Index("runs_status_idx", "project_id", "status", text("started_at DESC"), text("id DESC")),
)

steps = Table(
    "steps",
    metadata,
    _key("project_id", Integer),
    _key("run_id", UUID()),
    _key("id", BigInteger),
    _key("day", Date),
    Column("index", Integer, nullable=False),
    Column("parent_id", BigInteger),
    Column("tool_name", Text),
    Column("name", Text),
    Column("kind", Text),
    Column("model", Text),
    Column("input", JSONB),
    Column("output", JSONB),
    Column("error", JSONB),
    Column("attributes", JSONB),
    Column("started_at", Timestamp),
    Column("finished_at", Timestamp),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cost_nano_usd", BigInteger),
    Column(
        "usage_below",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="a step below reports usage, so this one's is not counted again",
    ),
    postgresql_partition_by="RANGE (day)",
)

artifacts = Table(
    "artifacts",
    metadata,
    _key("project_id", Integer),
    _key("run_id", UUID()),
    _key("id", UUID()),
    _key("day", Date),
    Column("step_id", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("url", Text),
    Column("content", JSONB),
    Column("created_at", Timestamp, nullable=False),
    postgresql_partition_by="RANGE (day)",
)

metrics = Table(
    "metrics",
    metadata,
    _key("project_id", Integer),
    _key("run_id", UUID()),
    _key("id", UUID()),
    _key("day", Date),
    Column("name", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("tags", JSONB),
    Column("created_at", Timestamp, nullable=False),
    postgresql_partition_by="RANGE (day)",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("project_id", Integer, nullable=False),
    Column("shard", Integer, nullable=False),
    Column("entry_id", Text, nullable=False, comment="stream entry that held the event"),
    Column("reason", Text, nullable=False),
    Column("record", LargeBinary, nullable=False, comment="the event as it stood in the stream"),
    _created_at(),
    Index("dead_letters_project_idx", "project_id", text("id DESC")),
)

stream_cursors = Table(
    "stream_cursors",
    metadata,
    _key("shard", Integer),
    Column("epoch", Text, nullable=False, comment="life of the stream that the cursor counts in"),
    Column("entry_id", Text, nullable=False, comment="last stream entry that is in the database"),
    Column("events", BigInteger, nullable=False, comment="events drained in this epoch"),
    Column("bytes", BigInteger, nullable=False, comment="bytes drained in this epoch"),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
)

rollup_minutes = Table(
    "rollup_minutes",
    metadata,
    _key("project_id", Integer),
    _key("minute", Timestamp),
    _key("shard", Integer),
    _key("agent_id", Integer),
    _sum("runs"),
    _sum("runs_succeeded"),
    _sum("runs_failed"),
    _sum("runs_cancelled"),
    _sum("runs_timed"),
    _sum("run_microseconds"),
    _sum("steps"),
    _sum("steps_failed"),
    _sum("steps_timed"),
    _sum("step_microseconds"),
    _sum("input_tokens"),
    _sum("output_tokens"),
    _sum("cost_nano_usd"),
    comment="agent_id 0: the run's agent is not known yet",
)

rollup_tools = Table(
    "rollup_tools",
    metadata,
    _key("project_id", Integer),
    _key("hour", Timestamp),
    _key("shard", Integer),
    _key("agent_id", Integer),
    _key("tool_name", Text),
    _key("kind", Text),
    _key("model", Text),
    _sum("calls"),
    _sum("calls_failed"),
    _sum("calls_timed"),
    _sum("microseconds"),
    _sum("input_tokens"),
    _sum("output_tokens"),
    _sum("cost_nano_usd"),
)

rollup_latencies = Table(
    "rollup_latencies",
    metadata,
    _key("project_id", Integer),
    _key("hour", Timestamp),
    _key("shard", Integer),
    _key("agent_id", Integer),
    _key("subject", Text),
    _key("tool_name", Text),
    _key("bin", Integer),
    _sum("count"),
    CheckConstraint("subject IN ('run', 'step')", name="subject"),
    comment="a logarithmic histogram: bin b holds durations from 1.02^b to 1.02^(b+1) microseconds",
)
