"""The named statements of the `.sql` files beside this one, each as a constant: `-- name: load_runs` is `LOAD_RUNS`."""

import re
from pathlib import Path
from typing import LiteralString

from db import trace

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def _statements(file_name: str) -> dict[str, LiteralString]:
    text = Path(__file__).with_name(file_name).read_text()
    _, *parts = _NAME.split(text)
    return {name: _without_comment(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _without_comment(body: str) -> LiteralString:
    lines = body.strip().splitlines()
    while lines and lines[0].startswith("--"):
        del lines[0]
    return "\n".join(lines)


_schema = _statements("schema.sql")
SEED_DEFAULT_PROJECT = _schema["seed_default_project"]
ENSURE_PARTITIONS = _schema["ensure_partitions"]
ENSURE_PARTITION_OF = _schema["ensure_partition_of"]

_drain = _statements("drain.sql")
CREATE_STAGING = _drain["create_staging"]
EMPTY_STAGING = _drain["empty_staging"]
LOCK_CURSOR = _drain["lock_cursor"]
CREATE_CURSOR = _drain["create_cursor"]
MOVE_CURSOR = _drain["move_cursor"]
REGISTER_AGENTS = _drain["register_agents"]
FIND_AGENTS = _drain["find_agents"]
LOAD_RUNS = _drain["load_runs"]
LOAD_STEPS = _drain["load_steps"]
LOAD_STEPS_OF_RUNS = _drain["load_steps_of_runs"]
COPY_RUNS = _drain["copy_runs"]
COPY_STAGED_RUNS = _drain["copy_staged_runs"]
UPDATE_RUNS = _drain["update_runs"]
COPY_STEPS = _drain["copy_steps"]
COPY_STAGED_STEPS = _drain["copy_staged_steps"]
UPDATE_STEPS = _drain["update_steps"]
UPSERT_ARTIFACTS = _drain["upsert_artifacts"]
UPSERT_METRICS = _drain["upsert_metrics"]
COPY_PENDING_TOTALS = _drain["copy_pending_totals"]
COPY_PENDING_TOOLS = _drain["copy_pending_tools"]
COPY_PENDING_LATENCIES = _drain["copy_pending_latencies"]
COPY_PENDING_ERRORS = _drain["copy_pending_errors"]
COPY_PENDING_DOCUMENTS = _drain["copy_pending_documents"]
REGISTER_ERROR_GROUPS = _drain["register_error_groups"]
HOLD_ERROR_GROUPS = _drain["hold_error_groups"]

_fold = _statements("fold.sql")
TRY_FOLD_LOCK = _fold["try_fold_lock"]
FOLD_LOCK = _fold["fold_lock"]
FOLD_TOTALS = _fold["fold_totals"]
FOLD_TOOLS = _fold["fold_tools"]
FOLD_LATENCIES = _fold["fold_latencies"]
FOLD_ERRORS = _fold["fold_errors"]
DROP_EMPTY_TOTALS = _fold["drop_empty_totals"]
DROP_EMPTY_TOOLS = _fold["drop_empty_tools"]
DROP_EMPTY_LATENCIES = _fold["drop_empty_latencies"]
DROP_EMPTY_ERRORS = _fold["drop_empty_errors"]

_search = _statements("search.sql")
TRY_SEARCH_LOCK = _search["try_search_lock"]
TAKE_DOCUMENTS = _search["take_documents"]
HOLD_RUNS = _search["hold_runs"]
ADD_WORDS = _search["add_words"]
INDEX_TERMS = _search["index_terms"]

_read = _statements("read.sql")
IS_STALE = trace.IS_STALE
RUN_SUMMARY = _read["run_summary"].replace("{is_stale}", IS_STALE)
FIND_AGENT_IDS = _read["find_agents"]
MATCHING_RUNS = _read["matching_runs"]
COUNT_TERMS = _read["count_terms"]
SEARCH_LAG = _read["search_lag"]
GET_ARTIFACT = _read["get_artifact"]
FIND_RUN = _read["find_run"]
READ_BY_PAGE = _read["read_by_page"]
LIST_SESSIONS = _read["list_sessions"]
SESSION_RUNS = _read["session_runs"].replace("{run_summary}", RUN_SUMMARY)
CURSOR_OF_SHARD = _read["cursor_of_shard"]
LIST_DRAINED = _read["list_drained"]
IS_FOLDED = _read["is_folded"]
COUNT_KEPT_LETTERS = _read["count_kept_letters"]
LIST_AGENTS = _read["list_agents"]
EXISTING_AGENTS = _read["existing_agents"]
EXISTING_USERS = _read["existing_users"]
PING = _read["ping"]
COUNT_ARRIVED = _read["count_arrived"]
CHECKSUM_RUNS = _read["checksum_runs"]

_WALK = _statements("values.sql")["walk"]
WALK_TERMS = _WALK.replace("{table}", "search_terms").replace("{column}", "term")
WALK_SESSIONS = _WALK.replace("{table}", "runs").replace("{column}", "session_id")
WALK_AGENTS = _WALK.replace("{table}", "agents").replace("{column}", "name")

_seed = _statements("seed.sql")
SEED_AGENT = _seed["seed_agent"]
SEED_USER = _seed["seed_user"]

_doctor = _statements("doctor.sql")
CREATE_SHADOWS = _doctor["create_shadows"]
EMPTY_SHADOWS = _doctor["empty_shadows"]
PREPARE_CHECK = _doctor["prepare_check"]
COUNT_RUNS = _doctor["count_runs"]
STREAM_RUNS = _doctor["stream_runs"]
STREAM_STEPS = _doctor["stream_steps"]
ADD_PENDING = _doctor["add_pending"]
FIND_LACKING_TOTALS = _doctor["find_lacking_totals"]
FIND_LACKING_TOOLS = _doctor["find_lacking_tools"]
FIND_LACKING_LATENCIES = _doctor["find_lacking_latencies"]
FIND_LACKING_ERRORS = _doctor["find_lacking_errors"]
JUDGE_TOTALS = _doctor["judge_totals"]
JUDGE_TOOLS = _doctor["judge_tools"]
JUDGE_LATENCIES = _doctor["judge_latencies"]
JUDGE_ERRORS = _doctor["judge_errors"]
JUDGE_ERROR_GROUPS = _doctor["judge_error_groups"]
FIND_STRAY_ARTIFACTS = _doctor["find_stray_artifacts"]
FIND_STRAY_METRICS = _doctor["find_stray_metrics"]
JUDGE_STRAY_STEPS = _doctor["judge_stray_steps"]
JUDGE_STRAY_ARTIFACTS = _doctor["judge_stray_artifacts"]
JUDGE_STRAY_METRICS = _doctor["judge_stray_metrics"]
JUDGE_AGENTS = _doctor["judge_agents"]
JUDGE_PARTITIONS = _doctor["judge_partitions"]
FIND_UNINDEXED_RUNS = _doctor["find_unindexed_runs"]
JUDGE_SEARCH = _doctor["judge_search"]
NOTE_DEAD_LETTERS = _doctor["note_dead_letters"]
NOTE_PENDING_DOCUMENTS = _doctor["note_pending_documents"]
NOTE_DELETIONS = _doctor["note_deletions"]
LIST_DAYS_BEING_REMOVED = _doctor["list_days_being_removed"]
LIST_CURSORS = _doctor["list_cursors"]
TRY_DOCTOR_LOCK = _doctor["try_doctor_lock"]
HOLD_DRAINS = _doctor["hold_drains"]
LOAD_ERRORS = _doctor["load_errors"]
TAKE_STEPS = _doctor["take_steps"]
TAKE_ARTIFACTS = _doctor["take_artifacts"]
TAKE_METRICS = _doctor["take_metrics"]
REGISTER_LOST_AGENTS = _doctor["register_lost_agents"]
RESTORE_ERROR_GROUPS = _doctor["restore_error_groups"]
MAKE_PARTITIONS_OF_RUNS = _doctor["make_partitions_of_runs"]
CLEAN_SEARCH = _doctor["clean_search"]
ADD_LACKING_TERMS = _doctor["add_lacking_terms"]
SEARCH_LOCK = _doctor["search_lock"]
QUEUE_DOCUMENTS = _doctor["queue_documents"]
DROP_UNINDEXED_WORDS = _doctor["drop_unindexed_words"]
ADD_LACKING_TOTALS = _doctor["add_lacking_totals"]
ADD_LACKING_TOOLS = _doctor["add_lacking_tools"]
ADD_LACKING_LATENCIES = _doctor["add_lacking_latencies"]
ADD_LACKING_ERRORS = _doctor["add_lacking_errors"]
COPY_WRONG_RUNS = _doctor["copy_wrong_runs"]
COPY_STRAY_STEPS = _doctor["copy_stray_steps"]
COPY_DAYS_OF_RUNS = _doctor["copy_days_of_runs"]
LIST_WRONG_RUNS = _doctor["list_wrong_runs"]
LIST_STRAY_STEPS = _doctor["list_stray_steps"]
LIST_STRAY_ARTIFACTS = _doctor["list_stray_artifacts"]
LIST_STRAY_METRICS = _doctor["list_stray_metrics"]

_graphql = _statements("graphql.sql")
RUNS_STEPS = _graphql["runs_steps"].replace("{step_summary}", trace.step_summary())
STEPS_ARTIFACTS = _graphql["steps_artifacts"]
RUNS_METRICS = _graphql["runs_metrics"]
AGENTS_BY_ID = _graphql["agents_by_id"]
RUNS_PAYLOADS = _graphql["runs_payloads"]
STEPS_PAYLOADS = _graphql["steps_payloads"]
ARTIFACTS_CONTENTS = _graphql["artifacts_contents"]

_kpis = _statements("metrics.sql")
ONE_SNAPSHOT = _kpis["one_snapshot"]
KPI_TOTALS = _kpis["kpi_totals"]
KPI_BUCKETS = _kpis["kpi_buckets"]
KPI_AGENTS = _kpis["kpi_agents"]
KPI_LATENCIES = _kpis["kpi_latencies"]
KPI_TOOL_LATENCIES = _kpis["kpi_tool_latencies"]
KPI_TOOLS = _kpis["kpi_tools"]
KPI_TOOL_BUCKETS = _kpis["kpi_tool_buckets"]
KPI_USERS = _kpis["kpi_users"]
KPI_MODELS = _kpis["kpi_models"]
KPI_ERRORS = _kpis["kpi_errors"]

_access = _statements("access.sql")
_PROJECT_COLUMNS = _access["project_columns"]
FIND_PROJECT = _access["find_project"].replace("{project_columns}", _PROJECT_COLUMNS)
FIND_KEY = _access["find_key"].replace("{project_columns}", _PROJECT_COLUMNS)
FIND_USER = _access["find_user"]
PROJECTS_OF_USER = _access["projects_of_user"].replace("{project_columns}", _PROJECT_COLUMNS)
TOUCH_KEYS = _access["touch_keys"]
MAKE_SECRET = _access["make_secret"]
GET_SECRET = _access["get_secret"]

_accounts = _statements("accounts.sql")
LOCK_ACCOUNTS = _accounts["lock_accounts"]
LIST_PROJECTS = _accounts["list_projects"]
CREATE_PROJECT = _accounts["create_project"]
CHANGE_PROJECT = _accounts["change_project"]
LIST_USERS = _accounts["list_users"]
FIND_CREDENTIALS = _accounts["find_credentials"]
FIND_USER_BY_EMAIL = _accounts["find_user_by_email"]
CREATE_USER = _accounts["create_user"]
RENAME_USER = _accounts["rename_user"]
SET_PASSWORD = _accounts["set_password"]
SET_FIRST_PASSWORD = _accounts["set_first_password"]
REHASH_PASSWORD = _accounts["rehash_password"]
SET_DISABLED = _accounts["set_disabled"]
SET_OPERATOR = _accounts["set_operator"]
END_SESSIONS = _accounts["end_sessions"]
SET_ROLE = _accounts["set_role"]
REMOVE_MEMBER = _accounts["remove_member"]
COUNT_OPERATORS = _accounts["count_operators"]
COUNT_ADMINS = _accounts["count_admins"]
LIST_KEYS = _accounts["list_keys"]
CREATE_KEY = _accounts["create_key"]
REVOKE_KEY = _accounts["revoke_key"]

_server = _statements("server.sql")
SERVER_FACTS = _server["server_facts"]
SCHEMA_VERSIONS = _server["schema_versions"]
END_SILENT = _server["end_silent"]

_dead_letters = _statements("dead_letters.sql")
BURY = _dead_letters["bury"]
FIND_UNSTORABLE = _dead_letters["find_unstorable"]
LIST_DEAD_LETTERS = _dead_letters["list_dead_letters"]
GET_DEAD_LETTER = _dead_letters["get_dead_letter"]
COUNT_DEAD_LETTERS = _dead_letters["count_dead_letters"]
SELECT_DEAD_LETTERS = _dead_letters["select_dead_letters"]
TAKE_DEAD_LETTERS = _dead_letters["take_dead_letters"]
FORGET_DEAD_LETTERS = _dead_letters["forget_dead_letters"]
RELABEL_DEAD_LETTERS = _dead_letters["relabel_dead_letters"]
DISCARD_DEAD_LETTERS = _dead_letters["discard_dead_letters"]

_removal = _statements("removal.sql")
PREPARE_REMOVAL = _removal["prepare_removal"]
TRY_REMOVAL_LOCK = _removal["try_removal_lock"]
KEEP_REPAIRS_OUT = _removal["keep_repairs_out"]
LIST_NEW_DELETIONS = _removal["list_new_deletions"]
LIST_OPEN_DELETIONS = _removal["list_open_deletions"]
REQUEST_DELETION = _removal["request_deletion"]
REQUEST_RETENTION = _removal["request_retention"]
SET_POSITIONS = _removal["set_positions"]
SET_COUNTS = _removal["set_counts"]
SET_ERROR = _removal["set_error"]
FINISH_DELETION = _removal["finish_deletion"]
GET_DELETION = _removal["get_deletion"].replace("{deletion_json}", _removal["deletion_json"])
LIST_DELETIONS = _removal["list_deletions"].replace("{deletion_json}", _removal["deletion_json"])
RUN_TO_REMOVE = _removal["run_to_remove"]
RUNS_OF_SESSION_TO_REMOVE = _removal["runs_of_session_to_remove"]
RUNS_OF_USER_TO_REMOVE = _removal["runs_of_user_to_remove"]
RUNS_OF_DAY_TO_REMOVE = _removal["runs_of_day_to_remove"]
LOCK_RUNS = f"{LOAD_RUNS.removesuffix(';')}\nFOR UPDATE OF r SKIP LOCKED"
STEPS_OF_DAY = f"{LOAD_STEPS_OF_RUNS.removesuffix(';')}\nWHERE s.day = %(day)s"
REMOVE_RUNS = _removal["remove_runs"]
REMOVE_PARTS = _removal["remove_parts"]
REMOVE_LETTERS_NAMING = _removal["remove_letters_naming"]
REMOVE_OLD_LETTERS = _removal["remove_old_letters"]
PLAN_FOR_ALL = _removal["plan_for_all"]
CLEAR_SAMPLES = _removal["clear_samples"]
LOCK_UNUSED_ERROR_GROUPS = _removal["lock_unused_error_groups"]
SWEEP_ERROR_GROUPS = _removal["sweep_error_groups"]
OLD_DAYS = _removal["old_days"]
SHORTEST_RETENTION = _removal["shortest_retention"]
DAYS_ON_DISK = _removal["days_on_disk"]
DATABASE_BYTES = _removal["database_bytes"]
UTC_TODAY = _removal["utc_today"]
LOCK_FOR_DROP = _removal["lock_for_drop"]
DAY_HAS_RUNS = _removal["day_has_runs"]
WATCH_RETENTION = _removal["watch_retention"]
DELETION_FIGURES = _removal["deletion_figures"]

_stale = _statements("stale.sql")
LIST_STALE_LIMITS = _stale["list_stale_limits"]
LIST_OPEN_RUNS = _stale["list_open_runs"]
