"""What reading needs: roll-ups by minute, hour and day without shards, error groups, the search index, indexes of lists."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_reading"
down_revision = "20261123_initial"

ENSURE_PARTITIONS = """
CREATE OR REPLACE FUNCTION ensure_partitions(first_day date, last_day date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    partition text;
    day date;
BEGIN
    -- Two drains that meet the same new day take turns.
    PERFORM pg_advisory_xact_lock(hashtext('ensure_partitions'));
    FOREACH parent IN ARRAY ARRAY['steps', 'artifacts', 'metrics', 'search_documents'] LOOP
        FOR day IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
            partition := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
            CONTINUE WHEN to_regclass(partition) IS NOT NULL;
            -- Made first and attached then: ATTACH lets readers and writers of the other partitions go on.
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition, parent);
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition, day, day + 1
            );
        END LOOP;
    END LOOP;
END
$$
"""

# Nearest rank, and the middle of its bin, as the API's percentiles are.
HISTOGRAM_PERCENTILE = """
CREATE FUNCTION histogram_percentile(bins smallint[], counts bigint[], fraction double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN bin < 0 THEN 0 ELSE power(1.02, bin) * 2.04 / 2.02 END
    FROM (
        SELECT bin, sum(count) OVER (ORDER BY bin) AS up_to, sum(count) OVER () AS total
        FROM unnest(bins, counts) AS h (bin, count)
    ) AS ranked
    WHERE up_to >= greatest(1, ceil(total * fraction::numeric))
    ORDER BY bin
    LIMIT 1
$$
"""

# What of a payload is searched: all of it, or of a large one its first 8,000 characters, with JSON's escapes out of the way. A
# compressed value says nothing of how large it is.
SEARCHABLE = r"""
CREATE FUNCTION searchable(payload jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN pg_column_size(payload) <= 8000 AND pg_column_compression(payload) IS NULL THEN payload
        ELSE to_jsonb(left(regexp_replace(left(payload::text, 16000), '\\[nrtbf"/\\]', ' ', 'g'), 8000))
    END
$$
"""

# A role for people with psql. It is a convenience and never stops a migration: a managed database may not let us make one, and
# as roles are of the whole cluster, another database may have made it before, or make it just now.
READER = """
DO $$
BEGIN
    CREATE ROLE agentguide_reader NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN RAISE WARNING 'agentguide_reader was not made: %', SQLERRM;
END
$$;
DO $$
BEGIN
    -- For who logs in as this role. They guard against accidents: what it may read and write, the grants say.
    ALTER ROLE agentguide_reader SET default_transaction_read_only = on;
    ALTER ROLE agentguide_reader SET statement_timeout = '60s';
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'agentguide_reader has no limits of its own: %', SQLERRM;
END
$$;
DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO agentguide_reader', current_schema());
    GRANT SELECT ON projects, agents, runs, steps, artifacts, metrics, error_groups, rollup_totals, rollup_tools,
        rollup_latencies, rollup_errors, search_documents, search_terms TO agentguide_reader;
    -- Not the address.
    GRANT SELECT (id, name) ON users TO agentguide_reader;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'agentguide_reader may read nothing: %', SQLERRM;
END
$$
"""

PENDING = ("pending_totals", "pending_tools", "pending_latencies", "pending_errors", "pending_documents")
ROLLUPS = ("rollup_totals", "rollup_tools", "rollup_latencies", "rollup_errors")

# What was rolled up so far goes the way of what is new: the next fold adds it to the new tables.
KEEP_ROLLUPS = """
INSERT INTO pending_totals (
    project_id, agent_id, minute, runs, runs_succeeded, runs_failed, runs_cancelled, runs_timed, run_microseconds, steps,
    steps_failed, steps_timed, step_microseconds, input_tokens, output_tokens, cost_nano_usd
)
SELECT project_id, agent_id, minute, runs, runs_succeeded, runs_failed, runs_cancelled, runs_timed, run_microseconds, steps,
    steps_failed, steps_timed, step_microseconds, input_tokens, output_tokens, cost_nano_usd
FROM rollup_minutes;
INSERT INTO pending_totals (project_id, agent_id, minute, runs_pending)
SELECT project_id, coalesce(agent_id, 0), date_trunc('minute', started_at, 'UTC'), count(*)
FROM runs WHERE status = 'PENDING'
GROUP BY 1, 2, 3;
INSERT INTO pending_tools (
    project_id, agent_id, hour, tool_name, kind, model, calls, calls_failed, calls_timed, microseconds, input_tokens,
    output_tokens, cost_nano_usd
)
SELECT project_id, agent_id, hour, tool_name, kind, model, calls, calls_failed, calls_timed, microseconds, input_tokens,
    output_tokens, cost_nano_usd
FROM rollup_tools;
INSERT INTO pending_latencies (project_id, agent_id, start, subject, tool_name, bin, count)
SELECT project_id, agent_id, hour, subject, tool_name, bin, count FROM rollup_latencies;
INSERT INTO pending_documents (project_id, run_id, day, whole, step_ids)
SELECT project_id, run_id, day, part = 0, coalesce(array_agg(id) FILTER (WHERE id IS NOT NULL), '{}')
FROM (
    SELECT r.project_id, r.id AS run_id, r.day, s.id,
        (row_number() OVER (PARTITION BY r.project_id, r.id ORDER BY s.id) - 1) / 200 AS part
    FROM runs AS r
    LEFT JOIN steps AS s ON (s.project_id, s.run_id, s.day) = (r.project_id, r.id, r.day)
) AS parts
GROUP BY project_id, run_id, day, part
ORDER BY project_id, run_id, part;
"""


def upgrade() -> None:
    op.create_table(
        "error_groups",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message", sa.Text(), nullable=False, comment="numbers, ids and quoted text folded away; `id` is its hash"),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("error_groups_pkey")),
    )
    op.create_table(
        "indexed_runs",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.UUID(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_microseconds", sa.BigInteger(), nullable=True),
        sa.Column("cost_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("step_count", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.ARRAY(sa.Text()), nullable=False, comment="under what the run stands in search_terms"),
        sa.PrimaryKeyConstraint("project_id", "run_id", name=op.f("indexed_runs_pkey")),
        comment="what lists are sorted by and changes with every step; written beside the drain",
    )
    op.create_index(
        "indexed_runs_duration_idx",
        "indexed_runs",
        ["project_id", sa.literal_column("duration_microseconds DESC"), sa.literal_column("run_id DESC")],
        unique=False,
        postgresql_include=["started_at"],
        postgresql_where=sa.text("duration_microseconds IS NOT NULL"),
    )
    op.create_index(
        "indexed_runs_cost_idx",
        "indexed_runs",
        ["project_id", sa.literal_column("cost_nano_usd DESC"), sa.literal_column("run_id DESC")],
        unique=False,
        postgresql_include=["started_at"],
    )
    op.create_index(
        "indexed_runs_started_idx",
        "indexed_runs",
        ["project_id", sa.literal_column("started_at DESC"), sa.literal_column("run_id DESC")],
        unique=False,
    )
    op.create_index(
        "indexed_runs_steps_idx",
        "indexed_runs",
        ["project_id", sa.literal_column("step_count DESC"), sa.literal_column("run_id DESC")],
        unique=False,
    )
    op.create_table(
        "pending_documents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False, comment="the run itself changed, not only its steps"),
        sa.Column("step_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pending_documents_pkey")),
        comment="what the search index does not know yet",
    )
    op.create_table(
        "pending_errors",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("error_id", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
    )
    op.create_table(
        "pending_latencies",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("bin", sa.SmallInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        comment="runs by the minute, steps by the hour",
    )
    op.create_table(
        "pending_tools",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("calls", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls_failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls_timed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("microseconds", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_nano_usd", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.create_table(
        "pending_totals",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("runs", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_pending", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_succeeded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_cancelled", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_timed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("run_microseconds", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("steps", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("steps_failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("steps_timed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("step_microseconds", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_nano_usd", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.create_table(
        "rollup_errors",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grain", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tool_name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("error_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sample_run_id", sa.UUID(), nullable=True, comment="the latest run that had it"),
        sa.CheckConstraint("grain IN ('minute', 'hour', 'day')", name=op.f("rollup_errors_grain_check")),
        sa.CheckConstraint("subject IN ('run', 'step')", name=op.f("rollup_errors_subject_check")),
        sa.PrimaryKeyConstraint(
            "project_id", "grain", "agent_id", "start", "subject", "tool_name", "error_id", name=op.f("rollup_errors_pkey")
        ),
        comment="hours and days",
    )
    op.create_table(
        "rollup_totals",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grain", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), autoincrement=False, nullable=False),
        sa.Column("runs", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_pending", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_succeeded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_cancelled", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("runs_timed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("run_microseconds", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("steps", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("steps_failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("steps_timed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("step_microseconds", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_nano_usd", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("grain IN ('minute', 'hour', 'day')", name=op.f("rollup_totals_grain_check")),
        sa.PrimaryKeyConstraint("project_id", "grain", "agent_id", "start", name=op.f("rollup_totals_pkey")),
        comment="agent_id 0: the run's agent is not known yet; -1: all agents",
    )
    op.create_table(
        "search_documents",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.UUID(), autoincrement=False, nullable=False),
        sa.Column("id", sa.UUID(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("day", sa.Date(), autoincrement=False, nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "run_id", "id", "day", name=op.f("search_documents_pkey")),
        comment="the words of a run: of some of its steps in each row",
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index(
        "search_documents_words_idx",
        "search_documents",
        ["words"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 1024},
    )
    op.create_table(
        "search_terms",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("term", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.UUID(), autoincrement=False, nullable=False),
        sa.Column("least", sa.Double(), nullable=True, comment="of a metric, the least of its values in the run"),
        sa.Column("greatest", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint(
            *("project_id", "term", "started_at", "run_id"),
            name=op.f("search_terms_pkey"),
            postgresql_include=["least", "greatest"],
        ),
        comment="what runs can be found by and have many of (tool:..., tag:..., metric:...), in order of time",
    )
    op.execute(KEEP_ROLLUPS)
    op.drop_table("rollup_minutes")
    op.drop_table("rollup_tools")
    op.drop_table("rollup_latencies")
    op.create_table(
        "rollup_tools",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grain", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), autoincrement=False, nullable=False),
        sa.Column("tool_name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("calls", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls_failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls_timed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("microseconds", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_nano_usd", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("grain IN ('minute', 'hour', 'day')", name=op.f("rollup_tools_grain_check")),
        sa.PrimaryKeyConstraint(
            "project_id", "grain", "agent_id", "start", "tool_name", "kind", "model", name=op.f("rollup_tools_pkey")
        ),
        comment="hours and days",
    )
    op.create_table(
        "rollup_latencies",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grain", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), autoincrement=False, nullable=False),
        sa.Column("tool_name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("bins", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("counts", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.CheckConstraint("grain IN ('minute', 'hour', 'day')", name=op.f("rollup_latencies_grain_check")),
        sa.CheckConstraint("subject IN ('run', 'step')", name=op.f("rollup_latencies_subject_check")),
        sa.PrimaryKeyConstraint(
            "project_id", "grain", "agent_id", "subject", "start", "tool_name", name=op.f("rollup_latencies_pkey")
        ),
        comment="a logarithmic histogram: bin b holds durations of 1.02^b to 1.02^(b+1) microseconds, bin -1 those of nothing",
    )
    op.add_column("runs", sa.Column("error_id", sa.BigInteger(), nullable=True, comment="the error group of `error`"))
    op.add_column(
        "runs",
        sa.Column(
            "duration_microseconds",
            sa.BigInteger(),
            sa.Computed(
                "CASE WHEN finished_at >= started_at THEN (extract(epoch FROM finished_at - started_at) * 1000000)::bigint END",
                persisted=True,
            ),
            nullable=True,
        ),
    )
    op.create_index(
        "runs_failed_idx",
        "runs",
        ["project_id", sa.literal_column("started_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("error_count > 0 OR error IS NOT NULL"),
    )
    op.create_index(
        "runs_session_idx",
        "runs",
        ["project_id", "session_id", sa.literal_column("started_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("session_id IS NOT NULL"),
    )
    op.create_index(
        "runs_user_idx",
        "runs",
        ["project_id", "user_id", sa.literal_column("started_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.add_column("steps", sa.Column("error_id", sa.BigInteger(), nullable=True, comment="the error group of `error`"))
    op.create_index(
        "steps_tail_idx",
        "steps",
        ["project_id", "run_id", "index", "id"],
        unique=False,
        postgresql_where=sa.text("index >= 1000"),
    )
    for table in PENDING:
        # They fill and empty all day long: swept as soon as there is something to sweep.
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,"
            " autovacuum_vacuum_cost_delay = 0)"
        )
    for table in ROLLUPS:
        # Room beside each row, so that adding to it touches no index.
        op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")
    op.execute(ENSURE_PARTITIONS)
    op.execute(
        "SELECT ensure_partitions(day, day) FROM (SELECT DISTINCT to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD')"
        " AS day FROM pg_inherits WHERE inhparent = 'steps'::regclass) AS days"
    )
    op.execute(HISTOGRAM_PERCENTILE)
    op.execute(SEARCHABLE)
    op.execute(READER)


def downgrade() -> None:
    raise NotImplementedError("The roll-ups of this schema do not fit the one before: go back with a backup.")
