"""What load needs: upkeep of large tables that costs little beside the drain."""

from alembic import op

revision = "20261124_load"
down_revision = "20261123_trust"

PAYLOADS = ("input", "output", "error", "attributes")
STEP_COLUMNS = (
    *("project_id", "run_id", "id", "day", "index", "parent_id", "tool_name", "name", "kind", "model", "started_at"),
    *("finished_at", "input_tokens", "output_tokens", "cost_nano_usd", "usage_below", "error_id"),
)
STEPS_TARGET = 20
"""A sample of 6,000 rows instead of 30,000: steps are only ever looked up by their key."""

# As before; but a partition is analyzed as its parent is, which LIKE does not see to, and steps are not vacuumed because some
# were added: nothing reads them from an index alone, and most days are dropped whole. Changed steps are cleaned up as ever.
ENSURE_PARTITIONS = """
CREATE OR REPLACE FUNCTION ensure_partitions(first_day date, last_day date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    partition text;
    day date;
    targets text;
BEGIN
    -- Two drains that meet the same new day take turns.
    PERFORM pg_advisory_xact_lock(hashtext('ensure_partitions'));
    FOREACH parent IN ARRAY ARRAY['steps', 'artifacts', 'metrics', 'search_documents'] LOOP
        SELECT string_agg(format('ALTER COLUMN %I SET STATISTICS %s', attname, attstattarget), ', ')
        INTO targets
        FROM pg_attribute
        WHERE attrelid = parent::regclass AND attstattarget IS NOT NULL AND NOT attisdropped;
        FOR day IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
            partition := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
            CONTINUE WHEN to_regclass(partition) IS NOT NULL;
            -- Made first and attached then: ATTACH lets readers and writers of the other partitions go on.
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition, parent);
            IF targets IS NOT NULL THEN
                EXECUTE format('ALTER TABLE %I ', partition) || targets;
            END IF;
            IF parent = 'steps' THEN
                EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_insert_threshold = -1)', partition);
            END IF;
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition, day, day + 1
            );
        END LOOP;
    END LOOP;
END
$$
"""

EXISTING_PARTITIONS = """
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'steps'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_vacuum_insert_threshold = -1)', partition);
    END LOOP;
END
$$
"""


def upgrade() -> None:
    # Payloads are never searched for, and to sort a sample of them was most of what ANALYZE took.
    _set_targets("steps", dict.fromkeys(STEP_COLUMNS, STEPS_TARGET) | dict.fromkeys(PAYLOADS, 0))
    _set_targets("runs", dict.fromkeys(("input", "output", "attributes"), 0))
    _set_targets("artifacts", {"content": 0})
    op.execute(ENSURE_PARTITIONS)
    op.execute(EXISTING_PARTITIONS)


def _set_targets(table: str, targets: dict[str, int]) -> None:
    changes = ", ".join(f'ALTER COLUMN "{column}" SET STATISTICS {target}' for column, target in targets.items())
    op.execute(f"ALTER TABLE {table} {changes}")


def downgrade() -> None:
    raise NotImplementedError("Code of the schema before runs on this one: leave it.")
