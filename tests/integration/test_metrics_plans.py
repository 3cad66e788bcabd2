"""Each statement of the KPIs, on filled roll-ups, reads ranges of their primary keys and nothing else of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
import pytest

from api.rollups import Agents, rows_of
from api.windows import Grain, Window
from db import queries
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
INSERT INTO agents (project_id, name) SELECT 1, 'agent ' || number FROM generate_series(1, 7) AS number;
ANALYZE;
"""

STATEMENTS: dict[str, tuple[LiteralString, str, Grain]] = {
    "totals": (queries.KPI_TOTALS, "rollup_totals", Grain.MINUTE),
    "buckets": (queries.KPI_BUCKETS, "rollup_totals", Grain.MINUTE),
    "agents": (queries.KPI_AGENTS, "rollup_totals", Grain.MINUTE),
    "latencies": (queries.KPI_LATENCIES, "rollup_latencies", Grain.MINUTE),
    "tool latencies": (queries.KPI_TOOL_LATENCIES, "rollup_latencies", Grain.HOUR),
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
    nodes = list(_nodes(_explain(filled, statement, _values(name, agents, grain))))
    scans = [node for node in nodes if table in (node.get("Relation Name"), node.get("Index Name", "").removesuffix("_pkey"))]
    assert [(node["Node Type"], node.get("Index Name")) for node in scans] == [("Index Scan", f"{table}_pkey")]
    condition = scans[0]["Index Cond"]
    for column in ("project_id", "grain", "agent_id", "start >=", "start <"):
        assert column in condition
    assert "Filter" not in scans[0]


def _values(name: str, agents: Agents, grain: Grain) -> dict[str, Any]:
    values = rows_of(1, agents, WINDOW.covered(grain).segments())
    if name == "agents" and agents is None:
        values["agent_ids"] = None
    periods = [0] * len(values["grains"])
    return values | {"periods": periods, "bucket": "day", "subject": "run", "tool_names": ["tool 1", "tool 2"], "limit": 10}


def _explain(connection: psycopg.Connection[tuple[Any, ...]], statement: LiteralString, values: dict[str, Any]) -> Any:
    """The plan as the server makes it for a prepared statement, which these become when they are asked often."""
    cursor = psycopg.ClientCursor(connection)
    parts = statement.split("%(")
    names = list(dict.fromkeys(part.partition(")s")[0] for part in parts[1:]))
    text = statement
    for place, part in enumerate(names, 1):
        text = text.replace(f"%({part})s", f"${place}")
    connection.execute("DEALLOCATE ALL")
    connection.execute(f"PREPARE asked AS {text}")  # type: ignore[arg-type]
    given = ", ".join(f"%({part})s" for part in names)
    return cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE asked({given})", values).fetchall()[0][0][0]["Plan"]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
