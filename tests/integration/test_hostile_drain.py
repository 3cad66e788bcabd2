"""Hostile records that got onto the stream all the same cost their neighbours nothing, and none of them is lost."""

import json
from typing import Any

import psycopg
import redis
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from events.stream import epoch_key, stream_key
from tests.integration.conftest import Drain

texts = st.sampled_from(["", "a", "\0", "\ud800", "'", "x" * 300, "1e400"])
values = st.recursive(
    st.none() | st.booleans() | texts | st.sampled_from([0, -1, 2**31, 2**63, 10**40, 1e308, -0.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
FIELDS = {
    "run": ["agent", "agent_id", "user_id", "session_id", "name", "status", "input", "tags", "started_at", "metrics"],
    "step": [
        "id",
        "parent_id",
        "index",
        "tool_name",
        "kind",
        "error",
        "attributes",
        "finished_at",
        "cost_nano_usd",
        "artifacts",
    ],
    "what": ["input"],
}
WRONG = [
    b"null",
    b"[]",
    b'"text"',
    b"7",
    b"{}",
    b'{"type":1}',
    b'{"type":"run"}',
    b'{"type":"run","id":7}',
    b'{"type":"run","id":"no id"}',
    b'{"type":"run","id":"RUN","input":%b}' % (b"[" * 300 + b"]" * 300),
    b'{"type":"run","id":"RUN","input":1e400000}',
    b'{"type":"run","id":"RUN","started_at":%b}' % (b"9" * 5000),
    b'{"type":"run","id":"RUN","metrics":[{"id":"x","name":"m","value":1e308}]}',
]  # fmt: skip


@st.composite
def hostile_records(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(list(FIELDS)))
    fields = draw(st.dictionaries(st.sampled_from(FIELDS[kind]), values, min_size=1, max_size=3))
    identity = {"id": "RUN"} if kind == "run" else {"run_id": "RUN", "id": "f" * 16}
    return json.dumps({"type": kind, **identity, **fields}).encode()


@examples(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(hostile=st.lists(hostile_records(), min_size=1, max_size=8))
@example(hostile=WRONG)
def test_every_healthy_event_arrives_once_and_no_hostile_one_is_lost(
    queue: "redis.Redis", database: psycopg.Connection[tuple[Any, ...]], drain: Drain, hostile: list[bytes]
) -> None:
    row = database.execute("INSERT INTO projects (slug, name) VALUES (gen_random_uuid()::text, 'p') RETURNING id").fetchone()
    assert row is not None
    project_id = row[0]
    own = {f"{2**100 + number:032x}": one for number, one in enumerate(hostile)}
    sent = {run_id: one.replace(b"RUN", run_id.encode()) for run_id, one in own.items()}
    mixed: list[bytes] = []
    for number, one in enumerate(sent.values(), 1):
        mixed += [b'{"type":"step","run_id":"%032x","id":"%016x","input_tokens":1}' % (1, number), one]
    queue.hset(epoch_key(0), "id", "this life")
    truncated = b"[" + mixed[0][:-9]
    for events in (b"[" + b",".join(mixed) + b"]", truncated, b'[{"type":"run","id":"%032x","name":"healthy"}]' % 1):
        queue.xadd(stream_key(0), {"project": project_id, "count": len(mixed), "events": events})
    drain()
    assert queue.xlen(stream_key(0)) == 0

    stored = database.execute("SELECT id, name, step_count, input_tokens FROM runs WHERE project_id = %s", [project_id])
    runs = {row[0].hex: row[1:] for row in stored}
    assert runs.pop(f"{1:032x}") == ("healthy", len(hostile), len(hostile))
    letters = database.execute("SELECT run_id, record FROM dead_letters WHERE project_id = %s", [project_id]).fetchall()
    texts = {bytes(record) for _, record in letters}
    named = {run_id.hex for run_id, _ in letters if run_id is not None}
    assert truncated in texts
    assert [one for run_id, one in sent.items() if one not in texts and run_id not in named | runs.keys()] == []
