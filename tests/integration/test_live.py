"""Watching runs: what arrives, where one goes on, what is told of what did not arrive, and what it costs the others."""

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.error import HTTPError
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from msgspec import Raw

from db.dead_letters import Bounds
from events.changes import CHANGES_MAX, INDEXED_KEY, changes_key, place_of
from events.ids import IdMint
from events.records import AgentRef, Record, RunRecord, StepRecord
from events.settings import Settings
from events.stream import ShardStream, append_now, entries_of, epoch_key
from tests.integration.conftest import Drain
from tests.support.serving import serving
from tests.support.sse import EventStream
from tests.support.waiting import wait_until
from worker.drain import Drain as ShardDrain
from worker.drain import Outcome
from worker.jobs import Context

Send = Callable[[list[Record]], None]


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    with serving(settings) as served:
        yield served


@pytest.fixture
def send(queue: "redis.Redis", drain: Drain) -> Send:
    """Stores events as one batch."""

    def send_and_drain(events: list[Record]) -> None:
        append_now(queue, entries_of(1, events, 1), 1)
        assert drain() == 0

    return send_and_drain


def _runs(count: int, **fields: Any) -> list[Record]:
    return [RunRecord(uuid4().hex, **fields) for _ in range(count)]


def _ids(events: list[Record]) -> list[str]:
    return [str(UUID(hex=event.run_id)) for event in events]


def _ask(url: str, headers: dict[str, str] | None = None) -> tuple[int, Any, Mapping[str, str]]:
    """Status, answer and headers of something that is no stream."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=30) as response:  # noqa: S310
            return response.status, json.load(response), response.headers
    except HTTPError as refused:
        with refused:
            return refused.code, json.load(refused), refused.headers


def _tell(queue: "redis.Redis", runs: list[Record]) -> None:
    """Tells of runs without a drain."""
    queue.hset(epoch_key(0), "id", "test")
    ShardStream(queue, 0).trim("test", "0-1", 0, 0, changed=[(1, run.run_id) for run in runs])


def test_changes_arrive_as_the_list_shows_them(url: str, send: Send) -> None:
    with EventStream(url) as stream:
        runs = _runs(3, agent=AgentRef("a"), tags=Raw(b'["x"]'))
        send(runs)
        stream.wait_for_runs(3)
        listed = _ask(f"{url}/v1/runs")[1]["items"]
        assert sorted(stream.runs, key=str) == sorted(listed, key=str)
        send([RunRecord(runs[0].run_id, status="SUCCESS"), StepRecord(runs[0].run_id, IdMint().step_id())])
        stream.wait_for_runs(4)
        assert stream.runs[-1]["id"] == _ids(runs)[0]
        assert (stream.runs[-1]["status"], stream.runs[-1]["stepCount"]) == ("SUCCESS", 1)
        assert stream.gaps == stream.missed == 0


def test_filters_are_those_of_the_list(url: str, send: Send) -> None:
    with EventStream(url, "status=FAILED") as failed, EventStream(url, "agentName=b&status=FAILED") as of_b:
        mine = _runs(2, agent=AgentRef("a"), status="FAILED")
        send([*_runs(2, agent=AgentRef("a"), status="SUCCESS"), *mine])
        failed.wait_for_runs(2)
        assert set(failed.run_ids) == set(_ids(mine))
        assert of_b.runs == []
        # Nobody had heard of this agent when the stream began.
        others = _runs(1, agent=AgentRef("b"), status="FAILED")
        send(others)
        of_b.wait_for_all(_ids(others))
        assert set(of_b.run_ids) == set(_ids(others))
    assert _ask(f"{url}/v1/stream?status=DONE")[0] == 422
    assert _ask(f"{url}/v1/stream?colour=red")[0] == 422


def test_one_run_is_told_of_whatever_else_there_is_no_room_for(settings: Settings, send: Send) -> None:
    mine = _runs(2, agent=AgentRef("a"))
    ids = "&".join(f"id={run_id}" for run_id in _ids(mine))
    with serving(settings.model_copy(update={"stream_pending_max": 2})) as url:
        with EventStream(url, ids) as stream, EventStream(url, f"{ids}&status=FAILED") as failed:
            send([*_runs(5), *mine, *_runs(5)])
            stream.wait_for_runs(2)
            send([*_runs(5), RunRecord(mine[0].run_id, status="FAILED"), *_runs(5)])
            failed.wait_for_runs(1)
            stream.wait_for_runs(3)
            assert sorted(stream.run_ids) == sorted([*_ids(mine), _ids(mine)[0]])
            assert failed.run_ids == _ids(mine)[:1]
            assert (stream.missed, stream.gaps, failed.missed, failed.gaps) == (0, 0, 0, 0)
            last_id = stream.last_id
        send([RunRecord(mine[1].run_id, status="SUCCESS"), *_runs(9)])
        with EventStream(url, ids, {"Last-Event-ID": last_id}) as again:
            again.wait_for_runs(1)
            assert (again.run_ids[-1], again.missed, again.gaps) == (_ids(mine)[1], 0, 0)


def test_what_only_the_search_index_knows_is_told_when_it_does(url: str, send: Send) -> None:
    run = uuid4().hex
    with EventStream(url, "tool=browser") as stream, EventStream(url, "q=zeppelin&metric=score") as by_words:
        send([*_runs(2), StepRecord(run, IdMint().step_id(), tool_name="browser")])
        stream.wait(lambda: stream.runs, "the run that used the tool")
        assert set(stream.run_ids) == set(_ids([RunRecord(run)]))
        assert by_words.runs == []


def test_going_on_from_an_id_gives_what_came_meanwhile_and_no_more(url: str, send: Send) -> None:
    with EventStream(url) as first:
        before = _runs(2)
        send(before)
        first.wait(lambda: len(first.runs) == 2 and first.last_id == first.messages[-1].id, "two runs")
    assert set(first.run_ids) == set(_ids(before))
    meanwhile: list[Record] = []
    for number in range(3):
        batch = _runs(number + 1)
        send(batch)
        meanwhile += batch
    send([RunRecord(before[0].run_id, status="SUCCESS")])
    meanwhile.append(before[0])
    for query, headers in (("", {"Last-Event-ID": first.last_id}), (f"lastEventId={first.last_id}", {})):
        with EventStream(url, query, headers) as second:
            second.wait_for_runs(len(meanwhile))
            assert second.messages[0].id == first.last_id
            last = _runs(1)
            send(last)
            meanwhile += last
            second.wait_for_runs(len(meanwhile))
            assert sorted(second.run_ids) == sorted(_ids(meanwhile))
            assert second.gaps == second.missed == 0


def test_an_event_bears_an_id_only_if_all_before_it_were_sent(url: str, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.GROUP_RUNS", 4)
    with EventStream(url) as stream:
        everything = _runs(10)
        send(everything)
        stream.wait_for_runs(10)
    runs = [message for message in stream.messages if message.event == "run"]
    assert [bool(message.id) for message in runs] == [False] * 9 + [True]


def test_a_client_that_stands_at_the_start_of_an_empty_queue_can_go_on(url: str, send: Send) -> None:
    with EventStream(url) as first:
        pass
    assert first.last_id == "0-0_0-0"
    runs = _runs(2)
    send(runs)
    with EventStream(url, headers={"Last-Event-ID": first.last_id}) as second:
        second.wait_for_runs(2)
        assert second.gaps == 0


def test_a_place_that_nobody_remembers_is_a_gap(url: str, send: Send, queue: "redis.Redis") -> None:
    with EventStream(url) as first:
        send(_runs(1))
        first.wait_for_runs(1)
    for _ in range(2):
        send(_runs(1))
    queue.xtrim(changes_key(0), maxlen=1, approximate=False)
    for place in (first.last_id, "1-1", "1-1_2-2_3-3", "0-0_0-0", "999999999999999-9_0-0"):
        with EventStream(url, headers={"Last-Event-ID": place}) as late:
            last = _runs(1)
            send(last)
            late.wait_for_all(_ids(last))
            assert late.gaps == 1


@pytest.mark.parametrize("place", ["x", "1-1;DROP", "1", "1-1_", "-", "9" * 40, "1-1_" * 2000])
def test_an_id_that_is_none_is_refused(url: str, place: str) -> None:
    status, answer, _ = _ask(f"{url}/v1/stream", {"Last-Event-ID": place})
    assert (status, answer["error"]["code"]) == (422, "invalid_query")
    assert _ask(f"{url}/v1/stream?lastEventId={place}")[0] == 422


def test_what_there_is_no_room_for_is_told_as_a_number(settings: Settings, send: Send) -> None:
    with serving(settings.model_copy(update={"stream_pending_max": 5})) as url, EventStream(url) as stream:
        first = _runs(12)
        send(first)
        stream.wait_for_runs(5)
        assert stream.missed == 7
        assert next(message.event for message in stream.messages if message.event) == "missed"
        more = _runs(5)
        send(more)
        stream.wait_for_runs(10)
        assert set(stream.run_ids[5:]) == set(_ids(more))
        assert (stream.missed, stream.gaps) == (7, 0)


def test_a_slow_reader_holds_up_nobody_and_is_told_what_it_missed(settings: Settings, send: Send) -> None:
    with (
        serving(settings.model_copy(update={"stream_pending_max": 20})) as url,
        EventStream(url, read=False, receive_bytes=4096) as slow,
        EventStream(url) as fast,
    ):
        sent = 0
        missed = _metric(url, "agentguide_stream_missed_total")
        while _metric(url, "agentguide_stream_missed_total") == missed:
            assert sent < 4000
            send(_runs(20, tags=Raw(b'["%s"]' % (b"x" * 30_000))))
            sent += 20
            fast.wait_for_runs(sent)
        slow.read()
        slow.wait(lambda: len(slow.runs) + slow.missed == sent, "all runs or their number")
        assert slow.missed > 0
        assert len(set(slow.run_ids)) == len(slow.runs)
        assert fast.missed == fast.gaps == slow.gaps == 0


def test_silence_is_broken_by_heartbeats_that_say_how_far_it_is(settings: Settings, send: Send) -> None:
    quick = settings.model_copy(update={"stream_heartbeat_seconds": 0.1})
    with serving(quick) as url, EventStream(url, "status=FAILED") as stream:
        stream.wait(lambda: [message.comment for message in stream.messages].count("heartbeat") >= 2, "two heartbeats")
        before = stream.last_id
        send(_runs(1))
        stream.wait(lambda: stream.last_id != before, "the id of something that it does not want")
        assert stream.messages[-1].comment == "heartbeat"
        assert stream.runs == []


def test_the_streams_of_changes_are_bounded_and_have_no_hole(queue: "redis.Redis") -> None:
    stream = ShardStream(queue, 0)
    queue.hset(epoch_key(0), "id", "test")
    for first in range(0, CHANGES_MAX + 300, 100):
        # Runs of a project make an entry, so these are as many as if a hundred batches came.
        changed = [(first + number, "f" * 32) for number in range(100)]
        stream.trim("test", "0-1", 0, 0, changed=changed)
        stream.tell_indexed(changed)
    for key in (changes_key(0), INDEXED_KEY):
        assert CHANGES_MAX <= queue.xlen(key) <= CHANGES_MAX + 150
        places = [place_of(entry_id) for entry_id, _ in queue.xrange(key)]
        assert all(after.follows(before) for before, after in pairwise(places))
        assert places[-1].number == CHANGES_MAX + 299


def test_a_batch_of_an_epoch_that_is_gone_tells_nothing(queue: "redis.Redis") -> None:
    queue.hset(epoch_key(0), "id", "now")
    ShardStream(queue, 0).trim("before", "0-1", 0, 0, changed=[(1, "f" * 32)])
    assert not queue.exists(changes_key(0))


def test_a_full_queue_is_drained_and_the_gap_is_told(
    url: str, queue: "redis.Redis", database: psycopg.Connection[Any], drain: Drain
) -> None:
    with EventStream(url) as stream:
        runs = _runs(3)
        append_now(queue, entries_of(1, runs, 1), 1)
        bound = queue.config_get("maxmemory")["maxmemory"]
        queue.config_set("maxmemory", 1)
        try:
            assert drain() == 0
        finally:
            queue.config_set("maxmemory", bound)
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (3,)
        stream.wait(lambda: stream.gaps, "the gap")
        for key in (changes_key(0), INDEXED_KEY):
            assert [fields for _, fields in queue.xrange(key)] == [{b"gap": b"1"}]
        more = _runs(1)
        append_now(queue, entries_of(1, more, 1), 1)
        drain()
        stream.wait(lambda: stream.run_ids == _ids(more), "what comes when there is room again")


class UntrimmedOnce(ShardStream):
    """The first trim does not happen, as when a worker is killed between COMMIT and trim."""

    killed = False

    def trim(self, *place: Any, **told: Any) -> None:
        if not self.killed:
            self.killed = True
            raise ConnectionError("killed before the trim")
        super().trim(*place, **told)


def test_a_batch_that_was_stored_but_not_told_is_a_gap(url: str, settings: Settings, queue: "redis.Redis") -> None:
    append_now(queue, entries_of(1, _runs(1), 1), 1)
    worker = ShardDrain(UntrimmedOnce(queue, 0), Context(settings, queue).connect, batch_events=100, letters=Bounds(10, 10_000))
    try:
        with EventStream(url) as stream:
            with pytest.raises(ConnectionError):
                worker.step()
            after = _runs(1)
            append_now(queue, entries_of(1, after, 1), 1)
            while worker.step() is not Outcome.EMPTY:
                pass
            stream.wait(lambda: stream.gaps == 1 and stream.run_ids == _ids(after), "the gap, and what comes after it")
    finally:
        worker.close()


def test_a_queue_that_was_wiped_is_a_gap(url: str, send: Send, queue: "redis.Redis") -> None:
    with EventStream(url) as stream:
        send(_runs(1))
        stream.wait_for_runs(1)
        queue.flushdb()
        send(_runs(1))
        stream.wait(lambda: stream.gaps == 1 and len(stream.runs) == 2, "the gap, and the run")


def test_runs_that_the_database_does_not_give_are_missed(
    url: str, send: Send, queue: "redis.Redis", database: psycopg.Connection[Any]
) -> None:
    runs = _runs(3)
    send(runs)
    with EventStream(url) as stream:
        database.execute("ALTER TABLE runs RENAME TO runs_away")
        _tell(queue, runs)
        stream.wait(lambda: stream.missed == 3, "the number that was missed")
        database.execute("ALTER TABLE runs_away RENAME TO runs")
        _tell(queue, runs[:1])
        stream.wait(lambda: stream.run_ids == _ids(runs[:1]), "what comes now")


def test_other_projects_are_not_told(url: str, queue: "redis.Redis", send: Send) -> None:
    with EventStream(url) as stream:
        queue.hset(epoch_key(0), "id", "test")
        ShardStream(queue, 0).trim("test", "0-1", 0, 0, changed=[(2, "f" * 32)])
        queue.delete(epoch_key(0))
        runs = _runs(1)
        send(runs)
        stream.wait(lambda: stream.run_ids == _ids(runs), "a run of its own")


def test_clients_are_bounded_and_those_that_leave_make_room(settings: Settings, queue: "redis.Redis") -> None:
    with serving(settings.model_copy(update={"stream_clients_max": 2})) as url:
        before = _metric(url, "agentguide_stream_clients")
        with EventStream(url), EventStream(url):
            assert _metric(url, "agentguide_stream_clients") == before + 2
            status, answer, headers = _ask(f"{url}/v1/stream")
            assert (status, answer["error"]["code"]) == (503, "busy")
            assert int(headers["Retry-After"]) > 0
            assert _reading(queue)
        wait_until(lambda: _metric(url, "agentguide_stream_clients") == before, what="both to be gone")
        wait_until(lambda: not _reading(queue), what="the hub to read no more")
        with EventStream(url):
            assert _reading(queue)


def test_open_streams_do_not_hold_up_the_end(settings: Settings, send: Send, caplog: pytest.LogCaptureFixture) -> None:
    with serving(settings) as url:
        reader = EventStream(url)
        stuck = EventStream(url, read=False, receive_bytes=4096)
        send(_runs(300, tags=Raw(b'["%s"]' % (b"x" * 30_000))))
        reader.wait_for_runs(300)
    assert "graceful shutdown exceeded" not in caplog.text
    wait_until(lambda: reader.ended, what="the stream to end")
    reader.close()
    stuck.close()


def _metric(url: str, name: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:  # noqa: S310
        lines = [line for line in response.read().decode().splitlines() if line.startswith(name + " ")]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


def _reading(queue: "redis.Redis") -> bool:
    """Whether somebody waits for changes in the tests' database."""
    return any(client["cmd"] == "xread" and client["db"] == "1" for client in queue.client_list())
