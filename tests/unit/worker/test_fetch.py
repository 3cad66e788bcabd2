"""The fetch ahead: whatever becomes of it, what `fetch` gives is the batch behind the position that it is asked for."""

import threading

import pytest
import redis

from events import records
from events.records import RunRecord
from events.stream import Entry
from worker.fetch import Fetcher, Page

EVENTS_MAX = 2


class Stream:
    """Entries "1-0", "2-0", ... in the place of a shard's stream."""

    def __init__(self, count: int) -> None:
        self.entries = [Entry(f"{n}-0", 1, 1, records.encode([RunRecord(f"{n:032x}")])) for n in range(1, count + 1)]
        self.errors: list[Exception] = []
        self.reads: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def read(self, after: str, events_max: int) -> Page:
        self.reads.append(after)
        assert self.gate.wait(10)
        if self.errors:
            raise self.errors.pop()
        behind = [entry for entry in self.entries if int(entry.id[:-2]) > int(after[:-2])]
        return behind[:events_max], len(behind) >= events_max


def ids(fetcher: Fetcher, epoch: str, after: str) -> list[str]:
    fetched = fetcher.fetch((epoch, after))
    assert [event.entry_id for event in fetched.events] == [entry.id for entry in fetched.entries]
    return [entry.id for entry in fetched.entries]


def made(stream: Stream) -> Fetcher:
    return Fetcher(stream, EVENTS_MAX)  # type: ignore[arg-type]


@pytest.mark.parametrize("decodes", [0, 1, 3])
def test_what_was_started_is_read_once(decodes: int) -> None:
    stream = Stream(5)
    fetcher = made(stream)
    fetcher.start(("a", "2-0"))
    for _ in range(decodes):  # each part of a batch that is stored in parts asks for it
        fetcher.decode()
    assert ids(fetcher, "a", "2-0") == ["3-0", "4-0"]
    assert stream.reads == ["2-0"]
    assert ids(fetcher, "a", "4-0") == ["5-0"]


@pytest.mark.parametrize("asked", [("b", "2-0"), ("a", "0-0")])
def test_another_epoch_or_position_is_read_anew(asked: tuple[str, str]) -> None:
    stream = Stream(5)
    fetcher = made(stream)
    fetcher.start(("a", "2-0"))
    fetcher.decode()
    fetcher.fetch(asked)
    assert stream.reads == ["2-0", asked[1]]


@pytest.mark.parametrize("decodes", [False, True])
def test_an_error_of_the_thread_is_told_once(decodes: bool) -> None:
    stream = Stream(5)
    stream.errors.append(redis.ConnectionError("gone"))
    fetcher = made(stream)
    fetcher.start(("a", "2-0"))
    if decodes:
        fetcher.decode()
    with pytest.raises(redis.ConnectionError):
        fetcher.fetch(("a", "2-0"))
    assert ids(fetcher, "a", "2-0") == ["3-0", "4-0"]


@pytest.mark.parametrize("decodes", [False, True])
def test_what_is_forgotten_comes_back_as_nothing(decodes: bool) -> None:
    stream = Stream(5)
    stream.gate.clear()
    fetcher = made(stream)
    fetcher.start(("a", "2-0"))
    if decodes:
        fetcher.decode()
    threading.Timer(0.05, stream.gate.set).start()
    fetcher.forget()
    assert stream.gate.is_set(), "the thread has let go of the stream"
    fetcher.decode()
    stream.entries.append(stream.entries.pop(2))  # what is behind the position is another entry by now
    assert ids(fetcher, "a", "2-0") == ["4-0", "5-0"]


def test_an_entry_that_cannot_be_read_is_told_of() -> None:
    stream = Stream(3)
    stream.entries[2] = Entry("3-0", 1, 1, b"[{]")
    fetcher = made(stream)
    fetcher.start(("a", "1-0"))
    fetched = fetcher.fetch(("a", "1-0"))
    assert [entry.id for entry in fetched.entries] == ["2-0", "3-0"]
    assert fetched.error
    assert not fetched.events
