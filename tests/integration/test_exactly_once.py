"""Any events, cut into any batches, redelivered at any point, give what the plain model gives: rows and roll-ups."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec import Raw, structs

from db.dead_letters import Bounds
from events.records import ABSENT, AgentRef, Artifact, CloseRecord, Metric, Record, RunRecord, StepRecord
from events.settings import Settings
from events.stream import ShardStream, append_now, entries_of, stream_key
from tests.support.model import Model
from worker.drain import Drain, Outcome
from worker.jobs import Context

RUNS = [f"{number:032x}" for number in range(1, 4)]
STEPS = [f"{number:016x}" for number in range(1, 7)] + ["ffffffffffffffff"]
NOW = 1_795_000_000_000_000

payloads = st.sampled_from([ABSENT, Raw(b'{"a": 1}'), Raw(b'"text"'), Raw(b"null"), Raw(b"[1, 2]")])
errors = st.sampled_from([ABSENT, ABSENT, Raw(b'{"message": "boom 1"}'), Raw(b'{"message": "boom 2"}'), Raw(b'"bang"')])
moments = st.none() | st.integers(NOW - 7_200_000_000, NOW)
amounts = st.none() | st.integers(0, 1000)
parts = [f"{number:032x}" for number in range(100, 103)]

run_events = st.builds(
    RunRecord,
    id=st.sampled_from(RUNS),
    agent=st.none() | st.builds(AgentRef, name=st.sampled_from(["a", "b"]), version=st.sampled_from(["", "1"])),
    session_id=st.none() | st.just("s1"),
    name=st.none() | st.sampled_from(["first", "second"]),
    status=st.sampled_from([None, "PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED"]),
    input=payloads,
    output=payloads,
    error=errors,
    attributes=payloads,
    tags=payloads,
    started_at=moments,
    finished_at=moments,
    metrics=st.lists(st.builds(Metric, id=st.sampled_from(parts), name=st.just("score"), value=st.floats(0, 1)), max_size=2),
)


@st.composite
def step_events(draw: st.DrawFn) -> StepRecord:
    place = draw(st.integers(0, len(STEPS) - 1))
    # The parent of a step is always the same, but not every event tells it, and it may never come itself.
    parent = STEPS[(place - 1) // 2] if place else None
    return StepRecord(
        run_id=draw(st.sampled_from(RUNS)),
        id=STEPS[place],
        parent_id=draw(st.sampled_from([None, parent])),
        index=draw(st.none() | st.integers(0, 9)),
        tool_name=draw(st.sampled_from([None, "search", "browser"])),
        kind=draw(st.sampled_from([None, "TOOL", "LLM"])),
        model=draw(st.sampled_from([None, "large"])),
        input=draw(payloads),
        output=draw(payloads),
        error=draw(errors),
        attributes=draw(payloads),
        started_at=draw(moments),
        finished_at=draw(moments),
        input_tokens=draw(amounts),
        output_tokens=draw(amounts),
        cost_nano_usd=draw(amounts),
        artifacts=draw(
            st.lists(st.builds(Artifact, id=st.sampled_from(parts), type=st.just("text"), url=st.just("x")), max_size=1)
        ),
    )


# How long a run may have said nothing: of those that spoke just now, some are closed by this and some are not.
close_events = st.builds(
    CloseRecord, run_id=st.sampled_from(RUNS), silent_since=st.just(0), after_seconds=st.sampled_from([5, 60])
)

POISON = [
    RunRecord("f" * 32, session_id="nul \0"),
    # These are found while a batch is half sent, in the middle of runs that are sound.
    StepRecord(RUNS[1], STEPS[0], index=1 << 40),
    StepRecord(RUNS[0], STEPS[1], parent_id="ab", input_tokens=1),
    StepRecord("f" * 32, STEPS[2], started_at=1 << 70, finished_at=NOW),
]

sequences = st.lists(run_events | step_events() | close_events, min_size=1, max_size=40)


class UntrimmedStream(ShardStream):
    """A stream whose trim may not happen, as when a worker is killed between COMMIT and XTRIM."""

    crash: Callable[[], bool] = staticmethod(lambda: False)

    def trim(self, *place: Any, **told: Any) -> None:
        if self.crash():
            raise ConnectionError("killed before the trim")
        super().trim(*place, **told)


def drain_all(drain: Drain) -> None:
    while True:
        try:
            if drain.step() is Outcome.EMPTY:
                return
        except ConnectionError:
            continue


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_cut_of_any_events_gives_what_the_model_gives(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[tuple[Any, ...]], data: st.DataObject
) -> None:
    project_id = _new_project(database)
    queue.flushdb()
    model = Model()
    stream = UntrimmedStream(queue, 0)
    stream.crash = lambda: data.draw(st.booleans(), "killed before the trim")
    context = Context(settings, queue)
    drain = Drain(stream, context.connect, batch_events=data.draw(st.integers(1, 50), "batch"), letters=Bounds(1000, 1 << 20))
    events = data.draw(sequences)
    try:
        while events:
            size = data.draw(st.integers(1, len(events)), "request")
            request, events = events[:size], events[size:]
            request = [_timed(event, model, data) for event in request]
            _append(queue, project_id, request, model)
            if data.draw(st.integers(0, 3), "poison") == 0:
                # It goes into the same batches as the others and must cost them nothing.
                append_now(queue, entries_of(project_id, [data.draw(st.sampled_from(POISON), "which")], shards=1), 1)
            if data.draw(st.booleans(), "drain now"):
                drain_all(drain)
        stream.crash = lambda: False
        drain_all(drain)
    finally:
        drain.close()
    assert queue.xlen(stream_key(0)) == 0
    _assert_same(database, project_id, model)


def _timed(event: Record, model: Model, data: st.DataObject) -> Record:
    """A close as it may be sent now: of a run that is as silent as it was known to be, or has spoken since."""
    run = model.runs.get(event.run_id)
    if not isinstance(event, CloseRecord) or run is None:
        return event
    return structs.replace(event, silent_since=run["last_event_at"] - data.draw(st.sampled_from([0, 0, 1]), "spoken since"))


def _append(queue: "redis.Redis", project_id: int, events: list[Record], model: Model) -> None:
    entries = entries_of(project_id, events, shards=1)
    append_now(queue, entries, 1)
    last = queue.xrevrange(stream_key(0), count=1)[0][0].decode()
    accepted_at = int(last.partition("-")[0]) * 1000
    for event in events:
        model.apply(event, accepted_at)


def _new_project(database: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = database.execute("INSERT INTO projects (slug, name) VALUES (gen_random_uuid()::text, 'test') RETURNING id").fetchone()
    assert row is not None
    return int(row[0])


def _assert_same(database: psycopg.Connection[tuple[Any, ...]], project_id: int, model: Model) -> None:
    rows = database.execute("SELECT name, version, id FROM agents WHERE project_id = %s", [project_id]).fetchall()
    agent_ids = {AgentRef(name, version): agent_id for name, version, agent_id in rows}
    assert _stored_runs(database, project_id) == _expected_runs(model, agent_ids)
    assert _stored_steps(database, project_id) == _expected_steps(model)
    metrics = database.execute(f"SELECT run_id, id, name, value, {CREATED_AT} FROM metrics WHERE project_id = %s", [project_id])
    assert {(run.hex, part.hex): tuple(rest) for run, part, *rest in metrics} == model.metrics
    artifacts = database.execute(
        f"SELECT run_id, id, lpad(to_hex(step_id), 16, '0'), type, url, {CREATED_AT} FROM artifacts WHERE project_id = %s",
        [project_id],
    )
    assert {(run.hex, part.hex): tuple(rest) for run, part, *rest in artifacts} == model.artifacts
    assert _stored_rollups(database, project_id) == model.rollups(agent_ids)


CREATED_AT = "(extract(epoch FROM created_at) * 1000000)::bigint"
MICROSECONDS = "(extract(epoch FROM {0}) * 1000000)::bigint AS {0}"


def _stored(database: psycopg.Connection[tuple[Any, ...]], statement: str, project_id: int) -> list[dict[str, Any]]:
    with database.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(statement, [project_id]).fetchall()  # type: ignore[arg-type]


def _stored_runs(database: psycopg.Connection[tuple[Any, ...]], project_id: int) -> dict[str, dict[str, Any]]:
    times = ", ".join(MICROSECONDS.format(name) for name in ("accepted_at", "started_at", "finished_at", "last_event_at"))
    rows = _stored(
        database,
        "SELECT id, closed_as_stale, agent_id, session_id, name, status, input::text, output::text, error::text,"
        " attributes::text, tags::text, step_count, error_count, input_tokens, output_tokens, cost_nano_usd,"
        f" {times} FROM runs WHERE project_id = %s",
        project_id,
    )
    return {row.pop("id").hex: {name: value for name, value in row.items() if value is not None} for row in rows}


def _expected_runs(model: Model, agent_ids: dict[AgentRef, int]) -> dict[str, dict[str, Any]]:
    usage = model.counted_usage()
    expected = {}
    for run_id, run in model.runs.items():
        steps = [step for (owner, _), step in model.steps.items() if owner == run_id]
        sums = [sum(values[place] for (owner, _), values in usage.items() if owner == run_id) for place in range(3)]
        row = _as_stored({name: value for name, value in run.items() if name != "has_stale_error"})
        row |= {"step_count": len(steps), "error_count": sum("error" in step for step in steps)}
        row |= dict(zip(("input_tokens", "output_tokens", "cost_nano_usd"), sums, strict=True))
        if "agent" in row:
            row["agent_id"] = agent_ids[row.pop("agent")]
        expected[run_id] = row
    return expected


def _stored_steps(database: psycopg.Connection[tuple[Any, ...]], project_id: int) -> dict[tuple[str, str], dict[str, Any]]:
    times = ", ".join(MICROSECONDS.format(name) for name in ("started_at", "finished_at"))
    rows = _stored(
        database,
        "SELECT run_id, lpad(to_hex(id), 16, '0') AS id, index, lpad(to_hex(parent_id), 16, '0') AS parent_id, tool_name,"
        " name, kind, model, input::text, output::text, error::text, attributes::text, input_tokens, output_tokens,"
        f" cost_nano_usd, {times} FROM steps WHERE project_id = %s",
        project_id,
    )
    return {
        (row.pop("run_id").hex, row.pop("id")): {name: value for name, value in row.items() if value is not None}
        for row in rows
    }


def _expected_steps(model: Model) -> dict[tuple[str, str], dict[str, Any]]:
    return {key: _as_stored(step) for key, step in model.steps.items()}


def _as_stored(row: dict[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(json.loads(value)) if isinstance(value, bytes) else value for name, value in row.items()}


def _stored_rollups(database: psycopg.Connection[tuple[Any, ...]], project_id: int) -> dict[str, dict[tuple[Any, ...], Any]]:
    """As `Model.rollups` gives them. A row whose sums went back to nothing says the same as no row."""
    found: dict[str, dict[tuple[Any, ...], Any]] = {}
    for table, names in (
        ("rollup_totals", ()),
        ("rollup_tools", ("tool_name", "kind", "model")),
        ("rollup_latencies", ("subject", "tool_name")),
        ("rollup_errors", ("subject", "tool_name", "error_id")),
    ):
        statement = f"SELECT *, (extract(epoch FROM start) * 1000000)::bigint AS start FROM {table} WHERE project_id = %s"
        found[table] = {}
        for row in _stored(database, statement, project_id):
            key = (row.pop("grain"), row.pop("agent_id"), row.pop("start"), *(row.pop(name) for name in names))
            sums = row
            if table == "rollup_latencies":
                assert row["bins"] == sorted(set(row["bins"]))
                sums = dict(zip(row["bins"], row["counts"], strict=True))
            sums = {name: value for name, value in sums.items() if value and name not in ("project_id", "sample_run_id")}
            if sums:
                found[table][key] = sums
    return found
