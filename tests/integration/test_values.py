"""Values to choose from: those that there are, by their first characters, and found by a walk along an index."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.values import WALK_MAX
from db import queries
from tests.integration.conftest import Drain
from tests.support.plans import explain, nodes

DATABASE = "test_values"
Database = psycopg.Connection[tuple[Any, ...]]

RUNS: list[dict[str, Any]] = [
    {"agent": {"name": "shop", "version": "1"}, "sessionId": "monday", "tags": ["batch"], "tools": ["search", "send%mail"]},
    {"agent": {"name": "shop", "version": "2"}, "sessionId": "Monday", "tags": {"team": "blue"}, "tools": ["Search", "größe"]},
    {"agent": {"name": "shepherd"}, "sessionId": "moon", "tags": {"team": "red", "tool:x": "1"}, "tools": ["sea", "send_mail"]},
    {
        "agent": {"name": "writer"},
        "metrics": [{"name": "score", "value": 1}, {"name": "scope", "value": 2}],
        "tools": ["search"],
    },
]

VALUES = {
    "tool": {"search", "send%mail", "Search", "größe", "sea", "send_mail"},
    "model": {"of search", "of send%mail", "of Search", "of größe", "of sea", "of send_mail"},
    "tag": {"batch", "team", "team=blue", "team=red", "tool:x", "tool:x=1"},
    "metric": {"score", "scope"},
    "session": {"monday", "Monday", "moon"},
    "agent": {"shop", "shepherd", "writer"},
}

PREFIXES = ("", "s", "S", "sea", "search", "searching", "se%", "send%", "send_", "g", "grö", "of s", "team", "team=", "tool:")
PREFIXES += ("mon", "M", "sh", "~", "\\", "ÿ", "\U0010ffff", "'", "%")


@pytest.fixture
def runs(client: TestClient, drain: Drain) -> None:
    for run in RUNS:
        sent = {name: value for name, value in run.items() if name != "tools"}
        run_id = client.post("/v1/runs", json=sent).json()["id"]
        for tool in run["tools"]:
            client.post(f"/v1/runs/{run_id}/steps", json={"toolName": tool, "model": f"of {tool}"})
    assert drain() == 0


def _values(client: TestClient, **asked: Any) -> list[str]:
    answer = client.get("/v1/runs/values", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"items"}
    return list(answer.json()["items"])


@pytest.mark.usefixtures("runs")
def test_values_begin_as_asked_for_in_alphabetical_order(client: TestClient) -> None:
    for field, values in VALUES.items():
        for prefix in PREFIXES:
            expected = sorted(value for value in values if value.startswith(prefix))
            assert _values(client, field=field, prefix=prefix) == expected, (field, prefix)
            assert _values(client, field=field, prefix=prefix, limit=2) == expected[:2], (field, prefix)
        assert _values(client, field=field) == sorted(values)


@pytest.mark.usefixtures("runs")
def test_each_value_is_one_that_the_filter_takes(client: TestClient) -> None:
    names = {"session": "sessionId", "agent": "agentName"}
    for field in VALUES:
        for value in _values(client, field=field):
            found = client.get("/v1/runs", params={names.get(field, field): value}).json()["items"]
            assert found, (field, value)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "Field required"),
        ("field=user", "'tool', 'model', 'tag'"),
        ("field=tool&limit=0", "greater than or equal to 1"),
        ("field=tool&limit=101", "less than or equal to 100"),
        ("field=tool&prefix=" + "x" * 257, "at most 256"),
        ("field=tool&prefix=a%00", "NUL"),
        ("field=tool&q=a", "no parameter `q`"),
    ],
)
def test_what_is_refused_and_why(client: TestClient, query: str, reason: str) -> None:
    answer = client.get(f"/v1/runs/values?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_query")
    assert reason in answer.text


FILL = """
INSERT INTO runs (project_id, id, day, session_id, status, started_at, accepted_at)
SELECT 1, gen_random_uuid(), current_date, 'session ' || n % 50, 'SUCCESS', now() - n * interval '1 s', now()
FROM generate_series(1, 30000) AS n;
INSERT INTO search_terms
SELECT 1, term, started_at, id FROM runs, unnest(ARRAY['tool:one', 'tool:two', 'model:large', 'tag:' || session_id]) AS term;
INSERT INTO agents (project_id, name, version) SELECT 1, 'agent ' || n % 50, n FROM generate_series(1, 30000) AS n;
"""

WALKS = [
    (queries.WALK_TERMS, "tool:", "tool:", "search_terms_pkey", 2),
    (queries.WALK_TERMS, "tag:", "tag:session 1", "search_terms_pkey", 11),
    (queries.WALK_SESSIONS, "", "session 1", "runs_session_idx", 11),
    (queries.WALK_AGENTS, "", "agent 1", "agents_project_id_name_version_key", 11),
]


def _filled(url: str) -> Iterator[Database]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL)
        connection.execute("VACUUM ANALYZE runs, search_terms, agents")
        yield connection


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
def test_a_walk_reads_what_it_finds_and_no_more(database_url: str, plan: str) -> None:
    """Of 30,000 rows, or of 120,000 terms, the pages of an index that each value takes."""
    for connection in _filled(database_url):
        connection.execute(f"SET plan_cache_mode = {plan}")  # type: ignore[arg-type]
        for statement, kind, prefix, index, found in WALKS:
            values = {"project_id": 1, "kind": kind, "prefix": prefix, "limit": 20, "walk_max": WALK_MAX}
            explained = explain(connection, statement, values, "ANALYZE, BUFFERS, FORMAT JSON")
            scans = [node for node in nodes(explained) if "Relation Name" in node]
            assert explained["Actual Rows"] == found
            assert {(node["Node Type"], node["Index Name"]) for node in scans} == {("Index Only Scan", index)}
            assert explained["Shared Hit Blocks"] + explained["Shared Read Blocks"] < 10 * (found + 2)


def test_where_text_is_sorted_by_a_languages_rules(database: Database) -> None:
    """There capitals stand among the others, and what begins so does not stand together."""
    collation = database.execute(
        "SELECT quote_ident(collname) FROM pg_collation WHERE collname IN ('en-x-icu', 'en_US.utf8', 'de_DE.utf8') LIMIT 1"
    ).fetchone()
    if collation is None:
        pytest.skip("this PostgreSQL knows no languages")
    words = ["tool:mail", "tool:Mail", "tool:mails", "tool:Mails", "tool:MAILS", "tool:mäil", "tool:mz", "Tool:mail2"]
    words += ["tag:mail", "tag:mail2", "model:mail3", "tool:mail 2", "tool:mail-2", "tool:Mail-2"]
    database.execute(f"CREATE TABLE words (project_id int, term text COLLATE {collation[0]})")  # type: ignore[arg-type]
    database.execute("INSERT INTO words SELECT 1, unnest(%s::text[])", [words])
    # The statement asks the database's own collation, which is by bytes here.
    walk = queries.WALK_TERMS.replace("search_terms", "words").replace("'a' < 'B'", f"'a' < 'B' COLLATE {collation[0]}")
    for prefix in ("", "m", "M", "mail", "Mail", "mails", "MA", "mä"):
        asked = {"project_id": 1, "kind": "tool:", "prefix": f"tool:{prefix}", "limit": 20, "walk_max": WALK_MAX}
        found = [value for (value,) in database.execute(walk, asked)]
        expected = {word.removeprefix("tool:") for word in words if word.startswith(f"tool:{prefix}")}
        assert (set(found), len(found)) == (expected, len(expected)), prefix
