"""The named statements of the `.sql` files beside this one, each as a constant: `-- name: load_runs` is `LOAD_RUNS`."""

import re
from pathlib import Path
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def _statements(file_name: str) -> dict[str, LiteralString]:
    text = Path(__file__).with_name(file_name).read_text()
    _, *parts = _NAME.split(text)
    # The files are part of the program: as constant as a literal.
    return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}


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
ADD_ROLLUP_MINUTES = _drain["add_rollup_minutes"]
ADD_ROLLUP_TOOLS = _drain["add_rollup_tools"]
ADD_ROLLUP_LATENCIES = _drain["add_rollup_latencies"]
INSERT_DEAD_LETTER = _drain["insert_dead_letter"]

_read = _statements("read.sql")
GET_RUN = _read["get_run"]
CURSOR_OF_SHARD = _read["cursor_of_shard"]
LIST_AGENTS = _read["list_agents"]
EXISTING_AGENTS = _read["existing_agents"]
EXISTING_USERS = _read["existing_users"]
PING = _read["ping"]
COUNT_ARRIVED = _read["count_arrived"]

_seed = _statements("seed.sql")
SEED_AGENT = _seed["seed_agent"]
SEED_USER = _seed["seed_user"]
