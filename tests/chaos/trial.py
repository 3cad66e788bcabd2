"""One fault under load, from the first event to the verdict."""

import subprocess
import time
from dataclasses import dataclass, field
from uuid import uuid4

import psycopg
import redis

from events.exceptions import QueueUnavailable
from tests.chaos import oracle
from tests.chaos.faults import Fault, NotPossible, Scene
from tests.chaos.load import Client, Load, LoadError, Refused
from tests.chaos.oracle import Verdict
from tests.chaos.stack import Victim
from tests.support.waiting import wait_until

RECOVERY_SECONDS_MAX = 5.0
"""Within this time of a fault's end a fresh event has to be accepted and visible."""
BUSY_RECOVERY_SECONDS_MAX = 20.0
"""The same for quick trials, which share the machine with other tests, and browsers among them."""
PATIENCE_SECONDS = 90.0
"""How long it is waited for nevertheless, to tell how long it took."""
RUNNING_UNITS = 10
FAILURES = (AssertionError, LoadError, OSError, psycopg.Error, redis.RedisError, subprocess.SubprocessError)
"""What goes wrong when a stack does not survive; each is a problem of its row, and the next fault has its turn."""


@dataclass
class Row:
    """A line of the table."""

    name: str
    says: str
    times: int = 1
    """How often it was done."""
    lasted_seconds: float = 0.0
    """From its beginning to its end; under load all the time."""
    events: int = 0
    """Acknowledged."""
    lost: int = 0
    doubled: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """Requests by what they got instead of an acknowledgement."""
    recovery_seconds: float | None = None
    problems: list[str] = field(default_factory=list)
    not_possible: str = ""

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.problems)


def run(fault: Fault, stack: Victim, *, quick: bool, recount: bool = True) -> Row:
    """Does a fault to a stack. Everything that is wrong afterwards is in the row; nothing is raised."""
    row = Row(fault.name, fault.says)
    load = Load(stack.client_url)
    scene = Scene(stack, load, quick)
    try:
        wait_until(lambda: len(load.tally.units) >= RUNNING_UNITS or load.tally.errors, seconds=30, what="the load to run")
        began = time.monotonic()
        fault.strike(scene)
        ended = scene.ended_at or time.monotonic()
        row.times, row.lasted_seconds = scene.times, round(ended - began, 1)
        row.recovery_seconds = round(_recovery(stack, ended), 2)
        if row.recovery_seconds > (BUSY_RECOVERY_SECONDS_MAX if quick else RECOVERY_SECONDS_MAX):
            row.problems.append(f"a fresh event was visible after {row.recovery_seconds:.1f} s only")
    except NotPossible as error:
        row.not_possible = str(error)
    except FAILURES as error:
        row.problems.append(f"{type(error).__name__}: {error}")
    _finish(row, stack, load, recount=recount)
    # A machine that is busy enough keeps the queue from answering in time, whatever is hurt.
    if row.refused.keys() - {QueueUnavailable.code} and not fault.refuses:
        row.problems.append(f"clients were refused: {row.refused}")
    return row


def _recovery(stack: Victim, ended_at: float) -> float:
    """Seconds from the fault's end until an event that is sent after it can be read."""
    run_id = uuid4().hex
    body = b'{"id": "%s", "agent": {"name": "fresh"}}' % run_id.encode()

    def gets(status: int, method: str, path: str, body: bytes | None = None) -> bool:
        client = Client(stack.client_url, 2.0)
        try:
            return client.send(method, path, body, {"Content-Type": "application/json"})[0] == status
        except Refused:
            return False
        finally:
            client.close()

    wait_until(lambda: gets(201, "POST", "/v1/runs", body), seconds=PATIENCE_SECONDS, what="an accepted event")
    wait_until(lambda: gets(200, "GET", f"/v1/runs/{run_id}"), seconds=PATIENCE_SECONDS, what="a fresh event to be visible")
    return time.monotonic() - ended_at


def _finish(row: Row, stack: Victim, load: Load, *, recount: bool) -> None:
    """Ends the load and asks the oracle."""
    tally = load.finish()
    row.events, row.refused = tally.events, dict(tally.refused)
    row.problems += tally.errors
    verdict = Verdict()
    try:
        stack.wait_drained()
        with stack.database() as database:
            oracle.judge(database, tally.units, verdict)
        if recount:
            oracle.recount(stack.database_url, verdict)
    except FAILURES as error:
        verdict.note(f"{type(error).__name__}: {error}")
    row.lost, row.doubled = verdict.lost, verdict.doubled
    row.problems += verdict.problems
