-- name: server_facts
-- What a part must know of its server before it starts: version, whether it is a standby, whether it refuses to be written.
SELECT
    current_setting('server_version_num')::int, pg_is_in_recovery(),
    current_setting('default_transaction_read_only')::bool, current_database(), to_regclass('alembic_version') IS NOT NULL;

-- name: schema_versions
-- The versions that the schema says it has; one, unless somebody changed it by hand.
SELECT version_num FROM alembic_version;

-- name: end_silent
-- Ends the sessions of workers that are in a transaction and have been waited for: whoever is there no more holds no lock.
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE
    application_name = %(name)s AND datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
    AND xact_start IS NOT NULL AND wait_event = 'ClientRead' AND state_change < now() - make_interval(secs => %(seconds)s);
