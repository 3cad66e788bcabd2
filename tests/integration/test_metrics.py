"""KPIs are what a naive recount of the rows gives, for any events, windows and agents."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from api import kpis, tool_kpis
from api.state import AppState
from api.tool_kpis import Subject, ToolSort
from api.windows import Grain, Window
from events.stream import append_now, entries_of
from tests.integration.conftest import Drain
from tests.integration.test_exactly_once import NOW, sequences
from tests.support.recount import Recount, Row, assert_percentiles, durations, without_percentiles

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TODAY = datetime.now(UTC)
"""When steps without a time of their own are accepted, or a little earlier."""

starts = st.one_of(
    st.integers(NOW - 8_000_000_000, NOW + 60_000_000).map(lambda at: EPOCH + timedelta(microseconds=at)),
    st.sampled_from([timedelta(days=-3), timedelta(hours=-5), timedelta(minutes=-1)]).map(lambda ago: TODAY + ago),
)
lengths = st.one_of(
    st.timedeltas(timedelta(microseconds=1), timedelta(hours=3)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=30)),
)
windows = st.builds(lambda start, length: Window(start, start + length), starts, lengths)


class Kpis:
    """The functions behind the routes, called as the API does."""

    def __init__(self, database_url: str) -> None:
        self._runner = asyncio.Runner()
        self._pool = AsyncConnectionPool(database_url, open=False, kwargs={"autocommit": True, "options": "-c timezone=UTC"})
        self._runner.run(self._pool.open())
        self.state = cast("AppState", SimpleNamespace(pool=self._pool))

    def get(self, answer: Coroutine[Any, Any, Row]) -> Row:
        return self._runner.run(answer)

    def close(self) -> None:
        self._runner.run(self._pool.close())
        self._runner.close()


@pytest.fixture
def asked(database_url: str) -> Iterator[Kpis]:
    kpis = Kpis(database_url)
    yield kpis
    kpis.close()


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_answer_is_a_recount_of_the_rows(
    queue: "redis.Redis", database: psycopg.Connection[tuple[Any, ...]], drain: Drain, asked: Kpis, data: st.DataObject
) -> None:
    statement = "INSERT INTO projects (slug, name) VALUES (gen_random_uuid()::text, 'test') RETURNING id"
    project_id = database.execute(statement).fetchall()[0][0]
    for _ in range(data.draw(st.integers(1, 3), "drains")):
        append_now(queue, entries_of(project_id, data.draw(sequences), shards=1), 1)
        assert drain() == 0
    rows = Recount.fetch(database, project_id)
    known = [run["agent_id"] for run in rows.runs if run["agent_id"]]
    for _ in range(2):
        chosen = data.draw(st.none() | st.lists(st.sampled_from([*known, 2**31 - 1]), unique=True), "agents")
        window = data.draw(windows, "window")
        bucket = data.draw(st.none() | st.sampled_from([Grain.HOUR, Grain.DAY]), "bucket")
        sort = data.draw(st.sampled_from(ToolSort), "sort")
        whose = (asked.state, project_id, chosen, window)
        _check_summary(asked.get(kpis.summary(*whose)), rows, chosen)
        _check_timeseries(asked.get(kpis.timeseries(*whose, bucket)), rows, chosen)
        answer = asked.get(tool_kpis.tools(*whose, sort=sort))
        _check_tools(answer, rows, chosen, sort)
        _check_errors(answer, rows, chosen, _messages(database, project_id))
        models = asked.get(tool_kpis.models(*whose))
        expected = rows.within(models["window"]["covered"], chosen).by("model")
        assert {model.pop("model"): model for model in models["models"]} == expected
        for subject, tool in ((Subject.RUN, None), (Subject.STEP, None), (Subject.STEP, "search"), (Subject.STEP, "")):
            latency = asked.get(tool_kpis.latency(*whose, subject=subject, tool=tool))
            _check_latency(latency, rows, chosen)


def _messages(database: psycopg.Connection[tuple[Any, ...]], project_id: int) -> dict[int, str]:
    return dict(database.execute("SELECT id, message FROM error_groups WHERE project_id = %s", [project_id]).fetchall())


def _check_figures(answer: Row, rows: Recount) -> None:
    expected = rows.figures()
    assert {name: without_percentiles(answer)[name] for name in expected} == expected
    assert_percentiles(answer["durationMs"], durations(rows.runs))


def _check_summary(answer: Row, rows: Recount, agents: list[int] | None) -> None:
    found = rows.within(answer["window"]["covered"], agents)
    _check_figures(answer, found)
    _check_figures(answer["previous"], rows.within(answer["previous"]["window"]["covered"], agents))
    assert answer["previous"]["window"]["covered"]["to"] == answer["window"]["covered"]["from"]
    by_agent = {agent["id"] or 0: agent for agent in answer["agents"]}
    assert by_agent.keys() == found.agents().keys()
    for agent_id, figures in found.agents().items():
        assert by_agent[agent_id].items() >= figures.items()
    order = [(-agent["runs"], agent["id"] or 0) for agent in answer["agents"]]
    assert order == sorted(order)
    assert answer["agentsLeftOut"] == 0


def _check_timeseries(answer: Row, rows: Recount, agents: list[int] | None) -> None:
    covered = answer["window"]["covered"]
    start, end = (datetime.fromisoformat(covered[name]) for name in ("from", "to"))
    length = Grain(answer["bucket"]).length
    at = Grain(answer["bucket"]).floor(start)
    for bucket in answer["buckets"]:
        assert datetime.fromisoformat(bucket["start"]) == at
        _check_figures(bucket, rows.of(agents, max(start, at), min(end, at + length)))
        at += length
    assert at - length < end <= at


def _check_tools(answer: Row, rows: Recount, agents: list[int] | None, sort: ToolSort) -> None:
    found = rows.within(answer["window"]["covered"], agents)
    listed = {tool["toolName"] or "": without_percentiles(tool) for tool in answer["tools"]}
    for tool in listed.values():
        del tool["toolName"]
    assert listed == found.by("tool_name")
    for tool in answer["tools"]:
        steps = [step for step in found.steps if step["tool_name"] == (tool["toolName"] or "")]
        assert_percentiles(tool["durationMs"], durations(steps))
    order = [_sort_key(tool, sort) for tool in answer["tools"]]
    assert order == sorted(order, reverse=True)
    failing = [tool["failures"] for tool in answer["topFailing"]]
    assert failing == sorted((tool["failures"] for tool in listed.values() if tool["failures"]), reverse=True)[:5]


def _sort_key(tool: Row, sort: ToolSort) -> float:
    p95 = tool["durationMs"]["p95"]
    slowness = -1.0 if p95 is None else p95
    return {ToolSort.CALLS: tool["calls"], ToolSort.FAILING: tool["failures"], ToolSort.SLOWEST: slowness}[sort]


def _check_errors(answer: Row, rows: Recount, agents: list[int] | None, messages: dict[int, str]) -> None:
    expected = rows.within(answer["window"]["covered"], agents).errors()
    met: Counter[tuple[str, str | None, str]] = Counter()
    for (subject, tool, group), count in expected.items():
        met[subject, tool, messages[group]] += count
    assert {(error["subject"], error["toolName"], error["message"]): error["count"] for error in answer["errors"]} == met
    assert {error["sampleRunId"] for error in answer["errors"]} <= {run["id"] for run in rows.runs}


def _check_latency(answer: Row, rows: Recount, agents: list[int] | None) -> None:
    found = rows.within(answer["window"]["covered"], agents)
    measured = found.runs if answer["subject"] == "run" else found.steps
    tool = answer["toolName"]
    values = durations(row for row in measured if tool is None or row["tool_name"] == tool)
    assert answer["total"] == len(values)
    assert sum(bucket["count"] for bucket in answer["buckets"]) == len(values)
    assert all(bucket["count"] > 0 and bucket["fromMs"] < bucket["toMs"] for bucket in answer["buckets"])
    assert_percentiles(answer["durationMs"], values)
    edges = iter(answer["buckets"])
    bucket, left = None, 0
    for value in values:
        while not left:
            bucket = next(edges)
            left = bucket["count"]
        assert bucket is not None
        assert bucket["fromMs"] * 0.999999 <= value / 1000 <= bucket["toMs"] * 1.000001
        left -= 1
