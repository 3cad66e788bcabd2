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
INSERT_DEAD_LETTER = _drain["insert_dead_letter"]

_fold = _statements("fold.sql")
TRY_FOLD_LOCK = _fold["try_fold_lock"]
FOLD_LOCK = _fold["fold_lock"]
FOLD_TOTALS = _fold["fold_totals"]
FOLD_TOOLS = _fold["fold_tools"]
FOLD_LATENCIES = _fold["fold_latencies"]
FOLD_ERRORS = _fold["fold_errors"]

_search = _statements("search.sql")
TRY_SEARCH_LOCK = _search["try_search_lock"]
TAKE_DOCUMENTS = _search["take_documents"]
ADD_WORDS = _search["add_words"]
INDEX_TERMS = _search["index_terms"]

_read = _statements("read.sql")
RUN_SUMMARY = _read["run_summary"]
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
LIST_AGENTS = _read["list_agents"]
EXISTING_AGENTS = _read["existing_agents"]
EXISTING_USERS = _read["existing_users"]
PING = _read["ping"]
COUNT_ARRIVED = _read["count_arrived"]

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
KPI_MODELS = _kpis["kpi_models"]
KPI_ERRORS = _kpis["kpi_errors"]
