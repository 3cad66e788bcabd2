"""Dead letters: bounded, told of, replayed exactly once, dropped; and poison that does not hold up what is healthy."""

import json
import threading
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
import redis
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from cli.main import app
from db.dead_letters import Count, Selection, are_rising
from events import jobs
from events.instrumentation import DEAD_LETTERS
from events.records import AgentRef, Record, RunRecord, StepRecord
from events.settings import Settings
from events.stream import append_now, entries_of, stream_key
from tests.integration.conftest import Drain
from tests.integration.test_doctor import Doctor
from tests.support.access import make_key, make_project
from worker.dead_letters import Replayer
from worker.drain import Outcome
from worker.jobs import Context
from worker.main import make_worker

LATER = 4000
"""A project that is not there yet, so that what comes for it cannot be stored."""
NUL = msgspec.Raw(b'"\\u0000"')


def _send(queue: "redis.Redis", *events: Record, project_id: int = 1) -> None:
    append_now(queue, entries_of(project_id, events, 1), 1)


def _lose(queue: "redis.Redis", drain: Drain, count: int) -> list[str]:
    """Has some runs buried, each with a step, that can be stored once their project is there."""
    runs = [uuid4().hex for _ in range(count)]
    for run in runs:
        _send(queue, RunRecord(run, agent=AgentRef("a"), status="SUCCESS"), project_id=LATER)
    drain()
    return runs


def _mend(database: psycopg.Connection[Any]) -> None:
    database.execute("INSERT INTO projects (id, slug, name) OVERRIDING SYSTEM VALUE VALUES (%s, 'later', 'Later')", [LATER])


def _ids(database: psycopg.Connection[Any]) -> list[int]:
    return [row[0] for row in database.execute("SELECT id FROM dead_letters ORDER BY id")]


def _count(database: psycopg.Connection[Any], table: str) -> int:
    row = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])


def _replay(settings: Settings, queue: "redis.Redis", selection: Selection) -> tuple[int, int]:
    context = Context(settings, queue)
    replayed = failed = after = 0
    with context.connect() as connection:
        replayer = Replayer(connection, context.connect)
        while found := replayer.replay_next(selection, after, 2**62):
            after, replayed, failed = found.last_id, replayed + found.replayed, failed + found.failed
    return replayed, failed


def test_a_replay_stores_what_can_be_stored_by_now(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    runs = _lose(queue, drain, 3)
    _send(queue, RunRecord("f" * 32, input=NUL), project_id=LATER)
    drain()
    codes = database.execute("SELECT code, run_id FROM dead_letters ORDER BY id").fetchall()
    assert codes == [*(("23503", UUID(run)) for run in runs), ("22P05", UUID("f" * 32))]
    assert _replay(settings, queue, Selection(LATER)) == (0, 4)
    _mend(database)
    assert _replay(settings, queue, Selection(LATER, "22P05")) == (0, 1)
    assert _replay(settings, queue, Selection(LATER, id=_ids(database)[0])) == (1, 0)
    assert _replay(settings, queue, Selection(1)) == (0, 0)
    assert _replay(settings, queue, Selection()) == (2, 1)
    assert {row[0].hex for row in database.execute("SELECT id FROM runs WHERE status = 'SUCCESS'")} == set(runs)
    assert _count(database, "dead_letters") == 1
    assert Doctor(settings).names() == set()


def test_two_replays_and_a_drain_at_once_count_each_event_once(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.dead_letters.SLICE_LETTERS", 5)
    runs = _lose(queue, drain, 40)
    _mend(database)
    steps = [StepRecord(run, "a" * 16, tool_name="search") for run in runs]
    for step in steps:
        _send(queue, step, project_id=LATER)
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(_replay(settings, queue, Selection())[0])) for _ in range(2)]
    for thread in threads:
        thread.start()
    drain()
    for thread in threads:
        thread.join()
    drain()
    assert sum(counts) == 40
    assert database.execute("SELECT count(*), sum(step_count) FROM runs WHERE status = 'SUCCESS'").fetchone() == (40, 40)
    assert Doctor(settings).names() == set()


def test_what_cannot_be_read_stays(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    _send(queue, RunRecord(uuid4().hex))
    queue.xadd(stream_key(0), {"project": 1, "count": 2, "events": b'[{"type":"run","id":7},'})
    queue.xadd(stream_key(0), {"project": 1, "count": 1, "events": b'[{"type":"what"}]'})
    drain()
    assert database.execute("SELECT DISTINCT run_id FROM dead_letters").fetchall() == [(None,)]
    assert _replay(settings, queue, Selection()) == (0, 2)
    assert _count(database, "dead_letters") == 2


def test_what_is_over_the_bounds_is_counted_and_not_kept(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any]
) -> None:
    bounded = settings.model_copy(update={"dead_letters_max": 3, "dead_letters_bytes_max": 300})
    other = make_project(database, "other")
    drain = Context(bounded, queue).drain_of(0)
    try:
        for _ in range(2):
            _send(queue, *(RunRecord(uuid4().hex, session_id="\0") for _ in range(4)))
            _send(
                queue,
                RunRecord(uuid4().hex, session_id="\0"),
                RunRecord(uuid4().hex, name="x" * 400, session_id="\0"),
                project_id=other,
            )
            while drain.step() is not Outcome.EMPTY:
                pass
    finally:
        drain.close()
    assert database.execute("SELECT project_id, count(*) FROM dead_letters GROUP BY 1 ORDER BY 1").fetchall() == [
        (1, 3),
        (other, 2),
    ]
    counted = database.execute("SELECT project_id, sum(count), sum(dropped) FROM dead_letter_counts GROUP BY 1 ORDER BY 1")
    assert counted.fetchall() == [(1, 8, 5), (other, 4, 2)]
    _, report = Doctor(settings)()
    [note] = [check["note"] for check in report["checks"] if check["name"] == "dead letters"]
    assert note.endswith("7 more were not kept")


def test_a_flood_of_poison_costs_the_healthy_nothing(
    queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    run = uuid4().hex
    healthy = [StepRecord(run, f"{number:016x}") for number in range(1, 1501)]
    poison = [StepRecord(uuid4().hex, "e" * 16, input=NUL) for _ in healthy]
    _send(queue, *(event for pair in zip(healthy, poison, strict=True) for event in pair))
    before = _transactions(database)
    assert drain() == 1500
    assert database.execute("SELECT step_count FROM runs").fetchall() == [(1500,)]
    # Not one by one: a subtransaction each would be 1,500 of them and more.
    assert _transactions(database) - before < 300


def _transactions(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT txid_current()").fetchone()
    assert row is not None
    return int(row[0])


def test_poison_that_only_a_trial_finds_lets_the_cursor_move(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.drain.PART_EVENTS", 2)
    monkeypatch.setattr("worker.drain.PARTS_SECONDS", 0.0)
    too_long_for_an_index = "".join(f"{number:x}" for number in range(30_000))
    for _ in range(4):
        _send(queue, RunRecord(uuid4().hex), RunRecord(uuid4().hex, session_id=too_long_for_an_index))
    worker = Context(settings, queue).drain_of(0)
    try:
        assert worker.step() is Outcome.FULL
        assert _count(database, "runs") == 1  # the others did not wait for the last culprit
        assert queue.xlen(stream_key(0)) == 3
    finally:
        worker.close()
    assert drain() == 3
    assert _count(database, "runs") == 4
    assert database.execute("SELECT DISTINCT code FROM dead_letters").fetchall() == [("54000",)]


def test_the_api_lists_shows_replays_and_discards(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, client: TestClient
) -> None:
    for number in range(3):
        _send(queue, RunRecord(uuid4().hex, name=f"run {number}", input=NUL), RunRecord(uuid4().hex, session_id="\0"))
    drain()
    first = client.get("/v1/deadletters?limit=4").json()
    rest = client.get(f"/v1/deadletters?limit=4&cursor={first['nextCursor']}").json()
    assert [item["id"] for item in first["items"] + rest["items"]] == _ids(database)[::-1]
    assert (first["kept"], first["dropped"], first["rising"]) == (6, 0, False)
    assert {count["code"]: (count["kept"], count["buried"], count["lastHour"]) for count in first["counts"]} == {
        "22021": (3, 3, 3),
        "22P05": (3, 3, 3),
    }
    letter = client.get("/v1/deadletters?code=22P05").json()["items"][-1]["id"]
    shown = client.get(f"/v1/deadletters/{letter}").json()
    assert json.loads(shown["record"])["name"] == "run 0"

    assert client.post("/v1/deadletters/replay").status_code == 422
    started = client.post(f"/v1/deadletters/replay?id={letter}")
    assert (started.status_code, started.json()["status"], started.json()["wanted"]) == (202, "RUNNING", 1)
    assert client.post("/v1/deadletters/replay?all=true").status_code == 409
    database.execute(
        "UPDATE dead_letters SET record = replace(encode(record, 'escape'), '\\\\u0000', '')::bytea WHERE id = %s", [letter]
    )
    make_worker(settings, queue).work(burst=True, logging_level="WARNING")
    told = client.get("/v1/deadletters/replay").json()
    assert (told["status"], told["replayed"], told["failed"], told["error"]) == ("DONE", 1, 0, None)
    assert database.execute("SELECT name FROM runs").fetchall() == [("run 0",)]
    assert client.get(f"/v1/deadletters/{letter}").status_code == 404

    assert client.delete("/v1/deadletters?code=22P05").json() == {"discarded": 2}
    assert client.delete("/v1/deadletters").status_code == 422
    assert client.delete("/v1/deadletters?all=true").json() == {"discarded": 3}
    DEAD_LETTERS.due = 0
    figures = client.get("/metrics").text
    assert 'agentguide_dead_letters_total{code="22P05",project="default"} 3.0' in figures
    assert 'agentguide_dead_letters_kept{code="22P05",project="default"} 0.0' in figures


def test_letters_belong_to_their_project(
    settings: Settings, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain, client: TestClient
) -> None:
    other = make_project(database, "other")
    _send(queue, RunRecord(uuid4().hex, input=NUL))
    drain()
    [letter] = _ids(database)
    headers = {"Authorization": f"Bearer {make_key(database, other, 'admin', 'read')}"}
    assert client.get("/v1/deadletters", headers=headers).json()["items"] == []
    assert client.get(f"/v1/deadletters/{letter}", headers=headers).status_code == 404
    assert client.post(f"/v1/deadletters/replay?id={letter}", headers=headers).status_code == 404
    assert client.delete(f"/v1/deadletters?id={letter}", headers=headers).status_code == 404
    assert client.delete("/v1/deadletters?all=true", headers=headers).json() == {"discarded": 0}
    reader = {"Authorization": f"Bearer {make_key(database, 1, 'read')}"}
    assert client.get(f"/v1/deadletters/{letter}", headers=reader).status_code == 200
    assert client.delete(f"/v1/deadletters?id={letter}", headers=reader).status_code == 403
    assert _ids(database) == [letter]


def test_a_lost_replay_goes_on_from_its_place_and_no_other(
    settings: Settings, queue: "redis.Redis", client: TestClient
) -> None:
    client.post("/v1/deadletters/replay?all=true")
    context = Context(settings, queue)
    [job] = jobs.queue(queue).jobs
    jobs.queue(queue).empty()
    from worker.jobs import replay  # noqa: PLC0415

    replay(context, 1, 77)
    assert client.get("/v1/deadletters/replay").json()["status"] == "RUNNING"
    replay(context, *job.args)
    assert client.get("/v1/deadletters/replay").json()["status"] == "DONE"


def test_the_command_lists_shows_replays_and_discards(
    database_url: str, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    runs = _lose(queue, drain, 2)
    _send(queue, RunRecord(uuid4().hex, input=NUL))
    drain()

    def command(*words: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, ["deadletters", *words, "--json"], env={"DATABASE_URL": database_url})
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if done.stdout else None

    listed = command("list")
    assert [item["id"] for item in listed["items"]] == _ids(database)[::-1]
    assert [count["code"] for count in listed["counts"]] == ["23503", "22P05"]
    assert command("list", "--project", "default")["items"][0]["project"] == "default"
    assert command("show", str(listed["items"][-1]["id"]))["runId"] == str(UUID(runs[0]))
    command("replay", code=1)
    command("show", "999999", code=1)
    _mend(database)
    assert command("replay", "--all", code=1) == {"replayed": 2, "failed": 1}
    assert command("discard", "--code", "23503", "--yes") == {"discarded": 0}
    assert command("discard", str(_ids(database)[0])) == {"discarded": 1}
    assert _count(database, "runs") == 2


def test_letters_rise_where_many_more_come_than_usual() -> None:
    def count(last_hour: int, usual: float) -> Count:
        return Count("p", "c", 0, 0, 0, 0, last_hour, usual)

    assert not are_rising([])
    assert not are_rising([count(9, 0)])
    assert are_rising([count(10, 0)])
    assert not are_rising([count(10, 1), count(20, 9)])
    assert are_rising([count(10, 1), count(21, 9)])
