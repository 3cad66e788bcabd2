"""The mix's sender: what is not taken is sent again, unchanged, and counted once."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from loadtest import client
from loadtest.client import Address, LoadError
from loadtest.mix import Job, Sender, Stock, Tally

ANSWERS = {
    "taken": b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
    "refused": b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n{}",
    "failed": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}",
    "invalid": b"HTTP/1.1 422 Unprocessable Content\r\nContent-Length: 2\r\n\r\n{}",
}


class Server:
    """Answers one request after the other as it was told; "broken" closes the connection instead."""

    def __init__(self, *answers: str) -> None:
        self._answers = iter(answers)
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.bodies.append(await reader.readexactly(length))
                answer = next(self._answers)
                if answer == "broken":
                    return
                writer.write(ANSWERS[answer])
        except asyncio.IncompleteReadError:
            pass  # the client is done
        finally:
            writer.close()


def send(server: Server, *names: str) -> tuple[Tally, list[str]]:
    """Sends one job a name, as fast as it goes."""
    tally, learned = Tally(), []

    async def run() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        async with listening:
            address = Address("127.0.0.1", listening.sockets[0].getsockname()[1])
            until = asyncio.Event()
            await Sender("steps", address, tally, learned.append).run(jobs(address, until, *names), 1000, 0.0, until)

    client.run(run())
    return tally, learned


def jobs(address: Address, until: asyncio.Event, *names: str) -> Iterator[Job]:
    for number, name in enumerate(names, 1):
        if number == len(names):
            until.set()
        yield Job(client.post_request(address, "/v1/runs", name.encode()), runs=1, events=1, known=name)


def test_what_is_taken_counts_and_is_known() -> None:
    tally, learned = send(Server("taken", "taken"), "a", "b")
    assert (tally.runs, tally.events, tally.requests["steps"], learned) == (2, 2, 2, ["a", "b"])
    assert len(tally.latencies["steps"]) == len(tally.answered_at["steps"]) == 2


def test_what_is_refused_fails_or_gets_no_answer_is_sent_again_and_counts_once() -> None:
    server = Server("refused", "failed", "broken", "taken", "taken")
    tally, _ = send(server, "a", "b")
    assert server.bodies == [b"a", b"a", b"a", b"a", b"b"]
    assert (tally.runs, tally.refused, tally.failures.total()) == (2, 1, 2)
    assert "answer 500" in tally.failures
    assert tally.latencies["steps"][0] > 0.5, "the time of all tries counts"


def test_what_the_server_will_never_take_ends_the_load() -> None:
    with pytest.raises(LoadError, match="422"):
        send(Server("invalid"), "a")


def test_a_stock_is_made_ahead_and_never_runs_out() -> None:
    def counting() -> Callable[[], int]:
        made = iter(range(1000))
        return lambda: next(made)

    async def take() -> list[int]:
        stock = Stock(counting())
        filling = asyncio.create_task(stock.fill())
        await asyncio.sleep(0.05)
        filling.cancel()
        return [*stock.take(3), *stock.take(500)]

    assert client.run(take()) == list(range(503))
