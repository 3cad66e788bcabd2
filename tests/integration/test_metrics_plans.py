"""Each statement of the KPIs, on filled roll-ups, reads ranges of their primary keys and nothing else of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
import pytest

from api.rollups import Agents, rows_of
from api.windows import Grain, Window
from db import queries
from tests.support.plans import explain, nodes
from tests.support.stack import Stack

DATABASE = "test_kpi_plans"
WINDOW = Window(datetime(2026, 11, 2, 10, 17, tzinfo=UTC), datetime(2026, 11, 9, 18, 44, tzinfo=UTC))

# Ten days of eight agents and all of them, each with a row a minute, and four tools.
FILL = """
INSERT INTO rollup_totals (project_id, grain, agent_id, start, runs)
SELECT 1, grain, agent_id, start, 1
FROM (VALUES ('minute'), ('hour'), ('day')) AS g (grain), generate_series(-1, 7) AS agent_id,
    generate_series('2026-11-01', '2026-11-10', ('1 ' || grain)::interval) AS start;
INSERT INTO rollup_tools (project_id, grain, agent_id, start, tool_name, kind, model, calls)
SELECT 1, grain, agent_id, start, 'tool ' || tool, 'TOOL', 'm', 1
FROM (VALUES ('hour'), ('day')) AS g (grain), generate_series(-1, 7) AS agent_id, generate_series(1, 4) AS tool,
    generate_series('2026-11-01', '2026-11-10', ('1 ' || grain)::interval) AS start;
INSERT INTO rollup_latencies (project_id, grain, agent_id, subject, start, tool_name, bins, counts)
SELECT 1, grain, agent_id, 'run', start, '', '{700}', '{1}'
FROM (VALUES ('minute'), ('hour'), ('day')) AS g (grain), generate_series(-1, 7) AS agent_id,
    generate_series('2026-11-01', '2026-11-10', ('1 ' || grain)::interval) AS start;
INSERT INTO rollup_latencies (project_id, grain, agent_id, subject, start, tool_name, bins, counts)
SELECT 1, grain, agent_id, 'step', start, 'tool ' || tool, '{700}', '{1}'
FROM (VALUES ('hour'), ('day')) AS g (grain), generate_series(-1, 7) AS agent_id, generate_series(1, 4) AS tool,
    generate_series('2026-11-01', '2026-11-10', ('1 ' || grain)::interval) AS start;
INSERT INTO rollup_errors (project_id, grain, agent_id, start, subject, tool_name, error_id, count)
SELECT 1, grain, agent_id, start, 'step', 'tool ' || tool, error_id, 1
FROM (VALUES ('hour'), ('day')) AS g (grain), generate_series(-1, 7) AS agent_id, generate_series(1, 4) AS tool,
    generate_series(1, 3) AS error_id, generate_series('2026-11-01', '2026-11-10', ('1 ' || grain)::interval) AS start;
INSERT INTO runs (project_id, id, day, agent_id, user_id, session_id, status, started_at, accepted_at)
SELECT 1, gen_random_uuid(), '2026-11-01', n % 7 + 1, CASE WHEN n % 3 > 0 THEN n % 40 END, n % 1000, 'SUCCESS',
    '2026-11-01T00:00:00Z'::timestamptz + n * interval '25 s', now()
FROM generate_series(1, 30000) AS n;
INSERT INTO agents (project_id, name) SELECT 1, 'agent ' || number FROM generate_series(1, 7) AS number;
ANALYZE;
"""

STATEMENTS: dict[str, tuple[LiteralString, str, Grain]] = {
    "totals": (queries.KPI_TOTALS, "rollup_totals", Grain.MINUTE),
    "buckets": (queries.KPI_BUCKETS, "rollup_totals", Grain.MINUTE),
    "agents": (queries.KPI_AGENTS, "rollup_totals", Grain.MINUTE),
    "latencies": (queries.KPI_LATENCIES, "rollup_latencies", Grain.MINUTE),
    "tool latencies": (queries.KPI_TOOL_LATENCIES, "rollup_latencies", Grain.HOUR),
    "tool buckets": (queries.KPI_TOOL_BUCKETS, "rollup_tools", Grain.HOUR),
    "tools": (queries.KPI_TOOLS, "rollup_tools", Grain.HOUR),
    "models": (queries.KPI_MODELS, "rollup_tools", Grain.HOUR),
    "errors": (queries.KPI_ERRORS, "rollup_errors", Grain.HOUR),
}


@pytest.fixture(scope="module")
def filled(template: Stack) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with template.database() as connection:
        connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template_agentguide")
        with psycopg.connect(template.database_url.replace("/agentguide?", f"/{DATABASE}?", 1), autocommit=True) as own:
            own.prepare_threshold = None
            own.execute(FILL)
            yield own
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.mark.parametrize("agents", [None, (3,), (1, 2, 3)], ids=["all agents", "one agent", "some agents"])
@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_it_reads_ranges_of_the_primary_key(
    filled: psycopg.Connection[tuple[Any, ...]], name: str, plan: str, agents: Agents
) -> None:
    statement, table, grain = STATEMENTS[name]
    filled.execute(f"SET plan_cache_mode = {plan}")
    found = nodes(explain(filled, statement, _values(name, agents, grain)))
    scans = [node for node in found if table in (node.get("Relation Name"), node.get("Index Name", "").removesuffix("_pkey"))]
    assert [(node["Node Type"], node.get("Index Name")) for node in scans] == [("Index Scan", f"{table}_pkey")]
    condition = scans[0]["Index Cond"]
    for column in ("project_id", "grain", "agent_id", "start >=", "start <"):
        assert column in condition
    assert "Filter" not in scans[0]
    assert ("tool_name" in condition) == (name in ("tool latencies", "tool buckets"))


def _values(name: str, agents: Agents, grain: Grain) -> dict[str, Any]:
    values = rows_of(1, agents, WINDOW.covered(grain).segments())
    if name == "agents" and agents is None:
        values["agent_ids"] = None
    periods = [0] * len(values["grains"])
    values |= {"periods": periods, "bucket": "day", "subject": "run", "tool_names": ["tool 1", "tool 2"], "limit": 10}
    return values | {"tool_name": "tool 1"}


@pytest.mark.parametrize("agents", [None, [3]], ids=["all agents", "one agent"])
@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
def test_users_are_counted_from_the_runs_of_the_window_alone(
    filled: psycopg.Connection[tuple[Any, ...]], plan: str, agents: list[int] | None
) -> None:
    """A tenth of the runs lies in the window, and some of those outside share a page with one."""
    filled.execute(f"SET plan_cache_mode = {plan}")  # type: ignore[arg-type]
    values = {"project_id": 1, "agent_ids": agents, "limit": 50}
    values |= {"start": datetime(2026, 11, 3, tzinfo=UTC), "end": datetime(2026, 11, 3, 21, tzinfo=UTC)}
    found = list(nodes(explain(filled, queries.KPI_USERS, values, "ANALYZE, FORMAT JSON")))
    scans = [node for node in found if node.get("Relation Name") == "runs" or node.get("Index Name", "").startswith("runs_")]
    assert scans
    for scan in scans:
        assert scan["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Bitmap Index Scan")
        looked_at = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
        assert looked_at * scan["Actual Loops"] <= 3100
