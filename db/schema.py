"""The tables. Hot ones (runs, steps, artifacts, metrics) hold no foreign keys: the drain writes them in key order from one
place, and every key starts with the project so that the tables stay distributable by run."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR, UUID
from sqlalchemy.types import TypeEngine

from db.rollups import GRAINS, TOOL_TOTALS, TOTALS

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
STEPS_TAIL_FROM = 1000
"""The index from which on a run's steps have a database index of their own."""

Timestamp = DateTime(timezone=True)


def _created_at() -> Column[object]:
    return Column("created_at", Timestamp, nullable=False, server_default=func.now())


def _key(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False, nullable=False)


def _sum(name: str) -> Column[object]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _big_sum(name: str) -> Column[object]:
    """A sum that hostile values could take beyond a bigint."""
    return Column(name, Numeric, nullable=False, server_default=text("0"))


def _place() -> list[Column[object]]:
    """What every roll-up row is keyed by: a bucket of time and an agent."""
    return [_key("project_id", Integer), _key("grain", Text), _key("agent_id", Integer), _key("start", Timestamp)]


def _pending_place(start: str) -> list[Column[object]]:
    return [
        Column("project_id", Integer, nullable=False),
        Column("agent_id", Integer, nullable=False),
        Column(start, Timestamp, nullable=False),
    ]


def _is_grain() -> CheckConstraint:
    return CheckConstraint(f"grain IN {GRAINS}", name="grain")


projects = Table(
    "projects",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    _created_at(),
    Column("retention_days", Integer, comment="NULL here and below: what the server's settings say"),
    Column("stale_after_seconds", Integer),
    Column("events_per_second", Integer),
    Column("bytes_per_second", BigInteger),
    Column("redaction", JSONB, nullable=False, server_default="{}"),
)

users = Table(
    "users",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    _created_at(),
    Column("password_hash", Text, comment="argon2id; NULL: cannot sign in"),
    Column("is_operator", Boolean, nullable=False, server_default=text("false"), comment="may make projects and users"),
    Column("disabled_at", Timestamp),
    Column("session_version", Integer, nullable=False, server_default=text("0"), comment="sessions of an older one are over"),
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
    Column("created_by", Integer, comment="the user who made it; NULL: the command line"),
    Column("events_per_second", Integer),
    Column("bytes_per_second", BigInteger),
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
    Column("error_id", BigInteger, comment="the error group of `error`"),
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
    Column("last_event_at", Timestamp, comment="when its last event was accepted; NULL: with the first one"),
    # Not NOT NULL: drains of an older version, which know nothing of it, stage their rows in a copy of this table.
    Column("closed_as_stale", Boolean, server_default=text("false")),
    Column(
        "duration_microseconds",
        BigInteger,
        Computed(
            "CASE WHEN finished_at >= started_at THEN (extract(epoch FROM finished_at - started_at) * 1000000)::bigint END",
            persisted=True,
        ),
    ),
    CheckConstraint(f"status IN {RUN_STATUSES}", name="status"),
    Index("runs_started_idx", "project_id", text("started_at DESC"), text("id DESC")),
    Index("runs_agent_idx", "project_id", "agent_id", text("started_at DESC"), text("id DESC")),
    Index("runs_status_idx", "project_id", "status", text("started_at DESC"), text("id DESC")),
    Index(
        "runs_user_idx",
        *("project_id", "user_id", text("started_at DESC"), text("id DESC")),
        postgresql_where=text("user_id IS NOT NULL"),
    ),
    Index(
        "runs_session_idx",
        *("project_id", "session_id", text("started_at DESC"), text("id DESC")),
        postgresql_where=text("session_id IS NOT NULL"),
    ),
    Index(
        "runs_failed_idx",
        *("project_id", text("started_at DESC"), text("id DESC")),
        postgresql_where=text("error_count > 0 OR error IS NOT NULL"),
    ),
    Index("runs_day_idx", "day", postgresql_using="brin"),
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
    Column("error_id", BigInteger, comment="the error group of `error`"),
    # Only of what is far down in a long run: most runs have nothing there, and their steps cost the drain nothing more.
    Index("steps_tail_idx", "project_id", "run_id", "index", "id", postgresql_where=text(f"index >= {STEPS_TAIL_FROM}")),
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
    Column("code", Text, nullable=False, server_default="", comment="SQLSTATE, or the error's class"),
    Column("run_id", UUID(), comment="NULL: the record cannot be read"),
    Index("dead_letters_project_idx", "project_id", text("id DESC")),
    Index("dead_letters_code_idx", "project_id", "code", "id"),
)

dead_letter_counts = Table(
    "dead_letter_counts",
    metadata,
    _key("project_id", Integer),
    _key("hour", Timestamp),
    _key("code", Text),
    _sum("count"),
    Column("dropped", BigInteger, nullable=False, server_default=text("0"), comment="of them, those that were not kept"),
    comment="every event that was ever buried",
)

deletions = Table(
    "deletions",
    metadata,
    Column("id", UUID(), primary_key=True, server_default=text("uuidv7()")),
    Column("project_id", Integer, nullable=False, comment="0: all, where the retention of a whole day ends"),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="the run, session or user whose data goes"),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Timestamp, nullable=False, server_default=func.now()),
    Column("positions", JSONB, nullable=False, server_default="{}", comment="what must be drained before it begins"),
    Column("finished_at", Timestamp),
    Column("counts", JSONB, nullable=False, server_default="{}"),
    Column("error", Text),
    CheckConstraint("kind IN ('run', 'session', 'user', 'retention')", name="kind"),
    Index("deletions_project_idx", "project_id", text("id DESC")),
    Index("deletions_open_idx", "id", postgresql_where=text("finished_at IS NULL")),
    comment="asked for; also the queue of what is still to be done",
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    _created_at(),
    comment="the server's own",
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

error_groups = Table(
    "error_groups",
    metadata,
    _key("project_id", Integer),
    _key("id", BigInteger),
    Column("message", Text, nullable=False, comment="numbers, ids and quoted text folded away; `id` is its hash"),
)

_BIG = ("run_microseconds", "step_microseconds", "microseconds", "cost_nano_usd")

rollup_totals = Table(
    "rollup_totals",
    metadata,
    *_place(),
    *(_big_sum(name) if name in _BIG else _sum(name) for name in TOTALS),
    _is_grain(),
    comment="agent_id 0: the run's agent is not known yet; -1: all agents",
)

rollup_tools = Table(
    "rollup_tools",
    metadata,
    *_place(),
    *(_key("tool_name", Text), _key("kind", Text), _key("model", Text)),
    *(_big_sum(name) if name in _BIG else _sum(name) for name in TOOL_TOTALS),
    _is_grain(),
    comment="hours and days",
)

rollup_latencies = Table(
    "rollup_latencies",
    metadata,
    *(_key("project_id", Integer), _key("grain", Text), _key("agent_id", Integer), _key("subject", Text)),
    *(_key("start", Timestamp), _key("tool_name", Text)),
    Column("bins", ARRAY(SmallInteger), nullable=False),
    Column("counts", ARRAY(BigInteger), nullable=False),
    CheckConstraint("subject IN ('run', 'step')", name="subject"),
    _is_grain(),
    comment="a logarithmic histogram: bin b holds durations of 1.02^b to 1.02^(b+1) microseconds, bin -1 those of nothing",
)

rollup_errors = Table(
    "rollup_errors",
    metadata,
    *(*_place(), _key("subject", Text), _key("tool_name", Text), _key("error_id", BigInteger)),
    _sum("count"),
    Column("sample_run_id", UUID(), comment="the latest run that had it"),
    CheckConstraint("subject IN ('run', 'step')", name="subject"),
    _is_grain(),
    comment="hours and days",
)

# What drains append and the fold adds to the roll-ups; without an index, as it is always taken as a whole.
pending_totals = Table("pending_totals", metadata, *_pending_place("minute"), *(_sum(name) for name in TOTALS))

pending_tools = Table(
    "pending_tools",
    metadata,
    *_pending_place("hour"),
    *(Column(name, Text, nullable=False) for name in ("tool_name", "kind", "model")),
    *(_sum(name) for name in TOOL_TOTALS),
)

pending_latencies = Table(
    "pending_latencies",
    metadata,
    *_pending_place("start"),
    Column("subject", Text, nullable=False),
    Column("tool_name", Text, nullable=False),
    Column("bin", SmallInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    comment="runs by the minute, steps by the hour",
)

pending_errors = Table(
    "pending_errors",
    metadata,
    *_pending_place("hour"),
    Column("subject", Text, nullable=False),
    Column("tool_name", Text, nullable=False),
    Column("error_id", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("run_id", UUID(), nullable=False),
)

pending_documents = Table(
    "pending_documents",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("project_id", Integer, nullable=False),
    Column("run_id", UUID(), nullable=False),
    Column("day", Date, nullable=False),
    Column("whole", Boolean, nullable=False, comment="the run itself changed, not only its steps"),
    Column("step_ids", ARRAY(BigInteger), nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    comment="what the search index does not know yet",
)

search_documents = Table(
    "search_documents",
    metadata,
    _key("project_id", Integer),
    _key("run_id", UUID()),
    Column("id", UUID(), primary_key=True, server_default=text("uuidv7()")),
    _key("day", Date),
    Column("words", TSVECTOR, nullable=False),
    Index("search_documents_words_idx", "words", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 1024}),
    postgresql_partition_by="RANGE (day)",
    comment="the words of a run: of some of its steps in each row",
)

search_terms = Table(
    "search_terms",
    metadata,
    Column("project_id", Integer, nullable=False, autoincrement=False),
    Column("term", Text, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("run_id", UUID(), nullable=False),
    Column("least", Double, comment="of a metric, the least of its values in the run"),
    Column("greatest", Double),
    PrimaryKeyConstraint("project_id", "term", "started_at", "run_id", postgresql_include=["least", "greatest"]),
    comment="what runs can be found by and have many of (tool:..., tag:..., metric:...), in order of time",
)

indexed_runs = Table(
    "indexed_runs",
    metadata,
    _key("project_id", Integer),
    _key("run_id", UUID()),
    Column("started_at", Timestamp, nullable=False),
    Column("duration_microseconds", BigInteger),
    Column("cost_nano_usd", BigInteger, nullable=False),
    Column("step_count", BigInteger, nullable=False),
    Column("terms", ARRAY(Text), nullable=False, comment="under what the run stands in search_terms"),
    Index(
        "indexed_runs_duration_idx",
        *("project_id", text("duration_microseconds DESC"), text("run_id DESC")),
        postgresql_include=["started_at"],
        postgresql_where=text("duration_microseconds IS NOT NULL"),
    ),
    Index(
        "indexed_runs_cost_idx",
        *("project_id", text("cost_nano_usd DESC"), text("run_id DESC")),
        postgresql_include=["started_at"],
    ),
    Index("indexed_runs_started_idx", "project_id", text("started_at DESC"), text("run_id DESC")),
    Index("indexed_runs_steps_idx", "project_id", text("step_count DESC"), text("run_id DESC")),
    comment="what lists are sorted by and changes with every step; written beside the drain",
)
