"""From the answer to a POST until a SELECT sees the row: a steady probe of single steps, alone or beside other load."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

import psycopg

from events.records import StepRecord
from loadtest import client, database, payloads
from loadtest.client import Address, LoadError, Response

PROJECT_ID = 1
CONNECTIONS = 8
VISIBLE_SECONDS_MAX = 180.0
POLL_SECONDS = 0.003


class Seen(NamedTuple):
    answered_at: float
    """By `time.perf_counter`."""
    seconds: float
    """From then until a SELECT saw the row; up to the time between two SELECTs too high."""


async def watch_visible(
    api_url: str,
    database_url: str,
    steps: Iterable[StepRecord],
    a_second: float,
    *,
    connections: int = CONNECTIONS,
    until: asyncio.Event | None = None,
    refused: Callable[[Response], None] | None = None,
    advance: Callable[[int], None] = client.discard,
) -> list[Seen]:
    """Sends steps, each to its run, at the steady rate, and waits until all that were acknowledged are visible.

    It ends with the steps, or sends no more once `until` is set. `refused` gets each 429 and 503, which without it are errors.
    `advance` gets how many were seen so far.

    Raises:
        LoadError: a request failed, or an acknowledged step is not visible after VISIBLE_SECONDS_MAX.
    """
    address = Address.of(api_url)
    probe = _Probe()

    def requests() -> Iterator[bytes]:
        for number, step in enumerate(steps):
            if until is not None and until.is_set():
                return
            probe.sent(number, step)
            yield step_request(address, step, with_id=True)

    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(database.PREFER_INDEXES)
        sending = asyncio.create_task(client.send_steadily(address, requests(), a_second, connections, probe.answered, refused))
        try:
            await _look_until_done(connection, probe, sending, advance)
        finally:
            sending.cancel()
        await sending
    return probe.seen


def step_request(address: Address, step: StepRecord, *, with_id: bool) -> bytes:
    """A whole `POST /v1/runs/{id}/steps`."""
    return client.post_request(address, f"/v1/runs/{step.run_id}/steps", payloads.step_body(step, with_id=with_id))


class _Probe:
    """What was answered and what of it was seen."""

    def __init__(self) -> None:
        self._sent: dict[int, tuple[int, str]] = {}
        self._waiting: dict[int, tuple[str, float]] = {}
        self.seen: list[Seen] = []

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def sent(self, number: int, step: StepRecord) -> None:
        self._sent[number] = (payloads.signed(step.id), step.run_id)

    def answered(self, number: int, at: float) -> None:
        step_id, run_id = self._sent.pop(number)
        self._waiting[step_id] = (run_id, at)

    async def look(self, connection: "psycopg.AsyncConnection[tuple[int]]") -> None:
        """Takes what a SELECT sees out of what waits, and notes how long it took to be seen."""
        runs = [UUID(hex=run_id) for run_id, _ in self._waiting.values()]
        cursor = await connection.execute(database.VISIBLE_STEPS, [PROJECT_ID, runs, list(self._waiting)], prepare=True)
        rows = await cursor.fetchall()
        now = time.perf_counter()
        for (step_id,) in rows:
            _, answered_at = self._waiting.pop(step_id)
            self.seen.append(Seen(answered_at, now - answered_at))


async def _look_until_done(
    connection: "psycopg.AsyncConnection[tuple[int]]",
    probe: _Probe,
    sending: "asyncio.Task[None]",
    advance: Callable[[int], None],
) -> None:
    deadline: float | None = None
    while probe.waiting or not sending.done():
        if probe.waiting:
            await probe.look(connection)
            advance(len(probe.seen))
        if sending.done() and deadline is None:
            await sending
            deadline = time.perf_counter() + VISIBLE_SECONDS_MAX
        if deadline is not None and time.perf_counter() > deadline:
            raise LoadError(f"{probe.waiting} acknowledged steps are not visible after {VISIBLE_SECONDS_MAX:.0f} s.")
        await asyncio.sleep(POLL_SECONDS)
