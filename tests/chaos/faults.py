"""Every fault: a function that does it while clients send, and returns when it is over.

What it must not do: lose or double anything that was acknowledged, or keep a fresh event from being seen for long afterwards.
"""

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from signal import SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM
from typing import Any

import psutil
import psycopg

from cli.contradictions import REFUSED_CODE
from events import jobs
from events.stream import NewEntry, append_now, id_order, shard_of, stream_key
from tests.chaos.load import Load, Unit, payload
from tests.chaos.stack import SHARDS, WORKERS, Surrounded, Victim, send
from tests.support.waiting import wait_until
from worker.jobs import APPLICATION_NAME


class NotPossible(Exception):
    """This fault cannot be done here; the message says why."""


@dataclass
class Scene:
    """What a fault is done to."""

    stack: Any
    """A Victim, or a Surrounded for faults of the network, the clocks and the disk."""
    load: Load
    quick: bool
    ended_at: float | None = None
    """On the monotonic clock: when the fault was over, if that was before its function returned."""
    times: int = 1
    """How often it was done."""

    def seconds(self, full: float, quick: float) -> float:
        return quick if self.quick else full

    def hold(self, full: float, quick: float) -> None:
        """Lets the fault last, while the load goes on."""
        time.sleep(self.seconds(full, quick))


Strike = Callable[[Scene], None]


@dataclass(frozen=True)
class Fault:
    name: str
    says: str
    strike: Strike
    quick: bool = True
    """Whether the short cut has it; where it has not, another one of its kind is there."""
    surrounded: bool = False
    refuses: bool = True
    """Whether clients may be refused meanwhile: only where API or queue are hurt."""


# Killed


def _killed(part: str, times: int) -> Strike:
    def strike(scene: Scene) -> None:
        scene.times = times
        for _ in range(times):
            time.sleep(random.uniform(0.3, 1.8))
            wait_until(lambda: scene.stack.pids(part), seconds=30, what=f"a living {part}")
            send(random.choice(scene.stack.pids(part)), SIGKILL)

    return strike


PARTS = ("ingest-api", "worker", "scheduler", "valkey", "postgres")


def _any_killed(scene: Scene) -> None:
    scene.times = 6 if scene.quick else 20
    for _ in range(scene.times):
        time.sleep(random.uniform(0.1, scene.seconds(2.0, 0.6)))
        living = wait_until(lambda: [pid for part in PARTS for pid in scene.stack.pids(part)], what="a living part")
        send(random.choice(living), SIGKILL)


def _supervisor_killed(scene: Scene) -> None:
    scene.times = 5
    for _ in range(scene.times):
        time.sleep(2)
        scene.stack.process.kill()
        scene.stack.start_again()


# Stopped


def _stopped(part: str) -> Strike:
    def strike(scene: Scene) -> None:
        pids = scene.stack.signal(part, SIGSTOP)
        assert pids
        try:
            scene.hold(30, 1)
        finally:
            for pid in pids:
                send(pid, SIGCONT)

    return strike


def _frozen_holder(scene: Scene) -> None:
    """A worker is stopped in the middle of a batch, with the shard's cursor locked; others go on; it wakes up late."""
    stack: Victim = scene.stack
    with stack.database() as database:
        with database.transaction():
            database.execute("LOCK TABLE steps IN EXCLUSIVE MODE")
            # Now each worker is in the middle of a drain's transaction. The first one stays there.
            wait_until(lambda: _waiting_for_lock(stack) >= WORKERS, seconds=20, what="each worker amid a batch")
            frozen = stack.pids("worker")[0]
            send(frozen, SIGSTOP)
        try:
            if scene.quick:
                # The full run waits for the workers to find out by themselves.
                time.sleep(0.5)
                database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
                    " AND wait_event = 'ClientRead' AND xact_start < now() - interval '0.4 seconds'",
                    [APPLICATION_NAME],
                )
            time.sleep(scene.seconds(35, 0))
            _wait_until_stored(scene)
        finally:
            send(frozen, SIGCONT)


def _waiting_for_lock(stack: Victim) -> int:
    with stack.database() as database:
        rows = database.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = %s", [APPLICATION_NAME]
        )
        return (rows.fetchone() or (0,))[0]


def _wait_until_stored(scene: Scene) -> None:
    """What is acknowledged now is stored before the fault is over: somebody goes on."""
    stack: Victim = scene.stack
    with stack.queue() as queue, stack.database() as database:
        newest = [queue.xinfo_stream(stream_key(shard))["last-generated-id"].decode() for shard in range(SHARDS)]

        def passed() -> bool:
            rows = database.execute("SELECT entry_id FROM stream_cursors ORDER BY shard").fetchall()
            return all(id_order(row[0]) >= id_order(entry_id) for row, entry_id in zip(rows, newest, strict=True))

        wait_until(passed, seconds=15, what="what was acknowledged to be stored")


# Valkey


TORN = (b"*5\r\n$4\r\nXADD\r\n$3", b"\x00" * 4096, b"*3\r\n$7\r\nEVALSHA\r\n$40\r\n" + b"\x00" * 500, b"*")
"""What a crash may leave behind the last write that was finished: a beginning, or blocks that were never written."""


def _torn_tail(scene: Scene) -> None:
    stack: Victim = scene.stack
    tails = TORN[: 2 if scene.quick else None]
    scene.times = len(tails)
    for tail in tails:
        scene.hold(3, 0.5)
        with _no_restarts(stack):
            pids = stack.signal("valkey", SIGKILL)
            wait_until(lambda gone=pids: not any(_runs(pid) for pid in gone), what="the end of Valkey")
            newest = max(
                (stack.data_dir / "valkey" / "appendonlydir").glob("*.incr.aof"), key=lambda file: file.stat().st_mtime
            )
            with newest.open("ab") as file:
                file.write(tail)
        scene.ended_at = time.monotonic()
        stack.wait_restarted("valkey", pids)


def _runs(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _full_memory(scene: Scene) -> None:
    stack: Victim = scene.stack
    with stack.queue() as queue:
        before = queue.config_get("maxmemory")["maxmemory"]
        frozen = stack.signal("worker", SIGSTOP)
        try:
            scene.hold(3, 0.5)
            queue.config_set("maxmemory", int(queue.info("memory")["used_memory"]) - 1)
            scene.hold(10, 1)
        finally:
            for pid in frozen:
                send(pid, SIGCONT)
        try:
            # The drains have to make room without any.
            stack.wait_drained(20)
        finally:
            queue.config_set("maxmemory", before)


# Postgres


@contextmanager
def _no_restarts(stack: Victim) -> Iterator[None]:
    """The supervisor looks away."""
    send(stack.process.pid, SIGSTOP)
    try:
        yield
    finally:
        send(stack.process.pid, SIGCONT)


def _postgres_down(scene: Scene) -> None:
    with _no_restarts(scene.stack):
        scene.stack.signal("postgres", SIGKILL)
        scene.hold(75, 2)


def _postgres_restarted(scene: Scene) -> None:
    scene.times = 3
    for _ in range(scene.times):
        time.sleep(2)
        pids = scene.stack.signal("postgres", SIGINT)
        scene.ended_at = time.monotonic()
        scene.stack.wait_restarted("postgres", pids)


def _read_only(scene: Scene) -> None:
    with scene.stack.database() as database:
        database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        database.execute("SELECT pg_reload_conf()")
        try:
            scene.hold(5, 0.7)
            # One that starts now is told so, and tries until it may.
            send(scene.stack.pids("worker")[0], SIGKILL)
            scene.hold(10, 0.8)
        finally:
            database.execute("SET default_transaction_read_only = off")
            database.execute("ALTER SYSTEM RESET default_transaction_read_only")
            database.execute("SELECT pg_reload_conf()")


def _no_connections(scene: Scene) -> None:
    taken: list[Any] = []
    try:
        with contextlib.suppress(psycopg.OperationalError):  # "too many clients already" is what it is for
            while True:
                taken.append(psycopg.connect(scene.stack.database_url, connect_timeout=5))
        send(scene.stack.pids("worker")[0], SIGKILL)
        scene.hold(15, 1.5)
    finally:
        for connection in taken:
            connection.close()


def _lock_held(scene: Scene) -> None:
    with scene.stack.database() as database, database.transaction():
        database.execute("LOCK TABLE steps, runs IN ACCESS EXCLUSIVE MODE")
        scene.hold(60, 2)


def _disk_full(scene: Scene) -> None:
    stack: Surrounded = scene.stack
    if stack.disk is None:
        raise NotPossible("a small file system has to be mounted for it, which this user may not")
    filler = stack.disk / "filler"
    with filler.open("wb") as file, contextlib.suppress(OSError):  # no space left: as it should be
        while True:
            file.write(b"\0" * (1 << 20))
            file.flush()
    scene.hold(20, 3)
    filler.unlink()
    scene.ended_at = time.monotonic()
    if not stack.postgres.alive:  # it gives up where it cannot even write its log; somebody starts it again
        stack.postgres.start()


# The network


def _slow(name: str) -> Strike:
    def strike(scene: Scene) -> None:
        proxy = getattr(scene.stack, name)
        proxy.delay_seconds = 0.05
        try:
            scene.hold(15, 1.2)
        finally:
            proxy.delay_seconds = 0.0

    return strike


def _reset(name: str) -> Strike:
    def strike(scene: Scene) -> None:
        proxy = getattr(scene.stack, name)
        until = time.monotonic() + scene.seconds(15, 1.2)
        while time.monotonic() < until:
            proxy.reset_all()
            time.sleep(random.uniform(0.05, 0.5))

    return strike


def _silent(name: str) -> Strike:
    def strike(scene: Scene) -> None:
        proxy = getattr(scene.stack, name)
        proxy.silence_all()
        scene.hold(20, 1.2)
        proxy.reset_silent()

    return strike


# Clocks


def _clock(name: str, offset_seconds: int) -> Strike:
    def strike(scene: Scene) -> None:
        clock = getattr(scene.stack, name)
        if not clock.environment:
            raise NotPossible("libfaketime, which makes clocks false, is not there for this system")
        clock.set(offset_seconds)
        try:
            scene.hold(6, 1.3)
            # A bell that a dead worker held is one that nobody lets go of.
            for pid in scene.stack.pids("worker"):
                send(pid, SIGKILL)
            scene.hold(6, 0.5)
            _wait_until_stored(scene)
        finally:
            clock.set(0)
        time.sleep(1.1)

    return strike


# Releases


def _rolling_restart(scene: Scene) -> None:
    stack: Victim = scene.stack
    for part in ("ingest-api", "worker") if scene.quick else PARTS:
        pids = stack.signal(part, SIGTERM if part != "postgres" else SIGINT)
        stack.wait_restarted(part, pids)
        wait_until(lambda: _ready(stack), seconds=30, what=f"ready again without the first {part}")
    scene.ended_at = time.monotonic()


def _stack_restarted(scene: Scene) -> None:
    stack: Victim = scene.stack
    stack.process.send_signal(SIGTERM)
    stack.start_again()


def _ready(stack: Victim) -> bool:
    try:
        return stack.request("GET", "/readyz", timeout=3)[0] == 200
    except OSError:
        return False


def _two_drainers(scene: Scene) -> None:
    stack: Victim = scene.stack
    others = [stack.run("worker") for _ in range(1 if scene.quick else 2)]
    try:
        with stack.queue() as queue:
            until = time.monotonic() + scene.seconds(20, 2.5)
            while time.monotonic() < until:
                if jobs.queue(queue).count < 8:
                    for shard in range(SHARDS):
                        jobs.enqueue(queue, jobs.DRAIN, shard)
                        jobs.enqueue(queue, jobs.DRAIN, shard)
                time.sleep(0.01)
    finally:
        scene.ended_at = time.monotonic()
        for other in others:
            other.terminate()
            other.communicate(timeout=30)


NEWER = "99991231_newer"


def _newer_schema(scene: Scene) -> None:
    """The schema is upgraded under running writers, which go on; what is started now is too old, and says so."""
    stack: Victim = scene.stack
    with stack.database() as database:
        (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
        database.execute("SET lock_timeout = '5s'")
        with database.transaction():
            database.execute("ALTER TABLE runs ADD COLUMN of_tomorrow integer NOT NULL DEFAULT 7")
            database.execute("ALTER TABLE steps ADD COLUMN of_tomorrow text")
            database.execute("CREATE TABLE of_tomorrow (id bigint PRIMARY KEY)")
            database.execute("UPDATE alembic_version SET version_num = %s", [NEWER])
        try:
            # Running writers lose their sessions as well: what they prepare anew is made of the new schema.
            database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [APPLICATION_NAME]
            )
            _assert_refused(stack, *(("worker", "migrate") if scene.quick else ("worker", "scheduler", "api", "migrate")))
            scene.hold(10, 0.5)
        finally:
            with database.transaction():
                database.execute("ALTER TABLE runs DROP COLUMN of_tomorrow")
                database.execute("ALTER TABLE steps DROP COLUMN of_tomorrow")
                database.execute("DROP TABLE of_tomorrow")
                database.execute("UPDATE alembic_version SET version_num = %s", [version])


def _assert_refused(stack: Victim, *commands: str) -> None:
    started = {command: stack.run(command, *(("--port", "0") if command == "api" else ())) for command in commands}
    for command, process in started.items():
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == REFUSED_CODE, (command, said)
        assert "newer" in said.splitlines()[-1], (command, said)


def _older_events(scene: Scene) -> None:
    """Entries as another version writes them: fields that are missing, and fields that nobody knows here."""
    stack: Victim = scene.stack
    with stack.queue() as queue:
        for _ in range(100):
            unit = Unit(random.randbytes(16).hex(), "", 1, patched=True)
            unit.run_id = unit.mark
            entry = NewEntry(shard_of(unit.run_id, SHARDS), 1, 2, _events_of_another_version(unit.mark))
            for shard in append_now(queue, [entry], SHARDS):
                jobs.ring(queue, shard)
            scene.load.add(unit, events=2)


def _events_of_another_version(mark: str) -> bytes:
    run = {
        "type": "run",
        "id": mark,
        "agent": {"name": "older", "of_tomorrow": 1},
        "input": payload(mark, 0),
        "status": "SUCCESS",
    }
    step = {"type": "step", "run_id": mark, "id": f"{1:016x}", "tool_name": "fetch", "input": payload(mark, 1)}
    step |= {"output": payload(mark, -1), "of_tomorrow": {"a": [1, 2]}}
    return json.dumps([run | {"of_tomorrow": "x"}, step]).encode()


FAULTS = (
    Fault("kill-api", "the API killed", _killed("ingest-api", 15), quick=False),
    Fault("kill-worker", "a worker killed", _killed("worker", 20), quick=False, refuses=False),
    Fault("kill-scheduler", "the scheduler killed", _killed("scheduler", 10), quick=False, refuses=False),
    Fault("kill-valkey", "Valkey killed", _killed("valkey", 15), quick=False),
    Fault("kill-postgres", "Postgres killed", _killed("postgres", 15), quick=False, refuses=False),
    Fault("kill-any", "any part killed, by chance", _any_killed),
    Fault("kill-supervisor", "`agentguide up` killed, and started again", _supervisor_killed, quick=False),
    Fault("stop-api", "the API stopped", _stopped("ingest-api"), quick=False),
    Fault("stop-worker", "all workers stopped", _stopped("worker"), quick=False, refuses=False),
    Fault("stop-scheduler", "the scheduler stopped", _stopped("scheduler"), quick=False, refuses=False),
    Fault("stop-valkey", "Valkey stopped", _stopped("valkey")),
    Fault("stop-postgres", "Postgres stopped", _stopped("postgres"), quick=False, refuses=False),
    Fault(
        "late-worker", "a worker stopped in the middle of a batch, woken after others took over", _frozen_holder, refuses=False
    ),
    Fault("torn-log", "Valkey killed, the end of its log torn", _torn_tail),
    Fault("full-memory", "Valkey at maxmemory", _full_memory),
    Fault("postgres-down", "Postgres away", _postgres_down, refuses=False),
    Fault("postgres-restart", "Postgres restarted", _postgres_restarted, quick=False, refuses=False),
    Fault("read-only", "the database read-only", _read_only, refuses=False),
    Fault("connections", "no connection to Postgres left", _no_connections, refuses=False),
    Fault("lock", "a lock on runs and steps held", _lock_held, refuses=False),
    Fault("rolling-restart", "every part restarted, one after the other", _rolling_restart),
    Fault("stack-restart", "the whole stack restarted", _stack_restarted, quick=False),
    Fault("two-drainers", "two drains on each shard", _two_drainers, refuses=False),
    Fault("newer-schema", "the schema upgraded under running writers", _newer_schema, refuses=False),
    Fault("older-events", "events of another version in the queue", _older_events, refuses=False),
    Fault("slow-postgres", "50 ms each way to Postgres", _slow("to_postgres"), quick=False, surrounded=True, refuses=False),
    Fault("slow-valkey", "50 ms each way to Valkey", _slow("to_valkey"), surrounded=True),
    Fault("slow-clients", "50 ms each way to the API", _slow("to_api"), quick=False, surrounded=True),
    Fault(
        "reset-postgres", "connections to Postgres reset", _reset("to_postgres"), quick=False, surrounded=True, refuses=False
    ),
    Fault("reset-valkey", "connections to Valkey reset", _reset("to_valkey"), surrounded=True),
    Fault("reset-clients", "connections to the API reset", _reset("to_api"), quick=False, surrounded=True),
    Fault("silent-postgres", "connections to Postgres half-open", _silent("to_postgres"), surrounded=True, refuses=False),
    Fault("silent-valkey", "connections to Valkey half-open", _silent("to_valkey"), quick=False, surrounded=True),
    Fault("silent-clients", "connections to the API half-open", _silent("to_api"), quick=False, surrounded=True),
    Fault("disk-full", "Postgres' disk full", _disk_full, surrounded=True, refuses=False),
    Fault(
        "clock-parts-back", "API's and workers' clocks an hour back", _clock("parts_clock", -3600), quick=False, surrounded=True
    ),
    Fault("clock-parts-on", "API's and workers' clocks an hour on", _clock("parts_clock", 3600), quick=False, surrounded=True),
    Fault("clock-valkey-back", "Valkey's clock an hour back", _clock("valkey_clock", -3600), surrounded=True),
    Fault("clock-valkey-on", "Valkey's clock an hour on", _clock("valkey_clock", 3600), quick=False, surrounded=True),
    # The last of all: the ids of streams never go back, so all that comes after it is of that day.
    Fault(
        "clock-future",
        "Valkey's clock 40 days on, where there is no partition",
        _clock("valkey_clock", 40 * 86400),
        quick=False,
        surrounded=True,
    ),
)
