"""`agentguide up`: the whole stack in the foreground."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import datadir, network
from cli.contradictions import check_processes, check_settings
from cli.embedded.postgres import Postgres
from cli.embedded.valkey import Valkey
from cli.gate import Gate
from cli.output import Output
from cli.process import Part, run_once
from cli.readiness import wait_ready
from cli.shared_counts import SharedCounts
from cli.state import State
from cli.supervisor import Supervisor

if TYPE_CHECKING:
    from pydantic import SecretStr

    from events.settings import Settings

STOP_ORDER = (("api",), ("worker-", "scheduler"), ("valkey",), ("postgres",))
"""First what takes events in, then what moves them on, then what holds them."""


def up(settings: "Settings") -> None:
    """Runs until SIGINT, SIGTERM or SIGHUP.

    Raises:
        CommandError: the stack cannot be started.
    """
    network.check_reach(settings.host, require_auth=settings.require_auth)
    check_settings(settings)
    check_processes(settings)
    data_dir = datadir.prepare(settings.data_dir)
    # Several processes listen for themselves: of a socket that they share, one would take nearly all connections.
    listen = network.listen if settings.api_processes == 1 else network.reserve
    with datadir.locked(data_dir) as lock, listen(settings.host, settings.port) as listener:
        asyncio.run(_run(settings, data_dir, lock, listener))


async def _run(settings: "Settings", data_dir: Path, lock: int, listener: socket.socket) -> None:
    output = Output([*_api_names(settings), *_worker_names(settings), "scheduler", "migrate", "postgres", "valkey"])
    try:
        stack = Stack(settings, data_dir, lock, listener, output)
        await _serve(stack, output)
    finally:
        output.close()


async def _serve(stack: "Stack", output: Output) -> None:
    asked = asyncio.Event()
    _on_signals(stack, asked, output)
    starting = asyncio.create_task(stack.start())
    ends: list[asyncio.Future[Any]] = [asyncio.create_task(asked.wait()), stack.supervisor.broken]
    try:
        await asyncio.wait([starting, *ends], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if stack.supervisor.broken.done():
            stack.supervisor.broken.result()
    finally:
        starting.cancel()
        await asyncio.wait([starting])
        await stack.stop()
        ends[0].cancel()


def _on_signals(stack: "Stack", asked: asyncio.Event, output: Output) -> None:
    def stop(number: signal.Signals) -> None:
        if asked.is_set():
            output.say("ending at once")
            stack.supervisor.hurry.set()
        else:
            output.say(f"{number.name}: ending; once more to hurry")
            asked.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # `nohup` has SIGHUP ignored, and means it.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, stop, number)


class Stack:
    """The parts and how they hang together."""

    def __init__(self, settings: "Settings", data_dir: Path, lock: int, listener: socket.socket, output: Output) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._lock = lock
        self._listener = listener
        self._output = output
        self._database_up = Gate()
        self._migrated = Gate()
        self._counts = SharedCounts(data_dir) if settings.api_processes > 1 else None
        self.supervisor = Supervisor(output, self._write_state)
        self.api_url = network.base_url(settings.host, listener.getsockname()[1])
        self._postgres = None if settings.database_url else Postgres(data_dir, output.say)
        self._valkey = None if settings.redis_url else Valkey(data_dir, settings.redis_memory_bytes)
        self._database_url = self._postgres.url if self._postgres else _secret(settings.database_url)
        self._redis_url = self._valkey.url if self._valkey else _secret(settings.redis_url)

    async def start(self) -> None:
        """Raises CommandError if a part does not start."""
        self._write_state()
        if self._counts:
            self._counts.prepare()
        keepers = [self.supervisor.start(part) for part in self._python_parts()]
        await _all_or_none(self._start_queue(), self._start_database(), self._migrate())
        self._migrated.open()
        await wait_ready(self.api_url, keepers[: self._settings.api_processes])
        sys.stdout.write(f"ready: {self.api_url}\n")
        sys.stdout.flush()

    async def stop(self) -> None:
        # Where there is one API process, ours is a copy of its listening socket, and would leave clients waiting after its end.
        self._listener.close()
        for names in STOP_ORDER:
            await self.supervisor.stop(names)
        self._database_up.close_descriptors()
        self._migrated.close_descriptors()
        for server in (self._postgres, self._valkey):
            if server:
                server.tidy()
        if self._counts:
            self._counts.remove()
        State.remove(self._data_dir)
        self._output.say("ended")

    async def _start_database(self) -> None:
        if self._postgres:
            await self._postgres.set_up(self._output, (self._lock,))
            keeper = self.supervisor.start(self._postgres.part((self._lock,)))
            await self._postgres.wait_ready(keeper, self._output)
        self._database_up.open()

    async def _start_queue(self) -> None:
        if self._valkey:
            keeper = self.supervisor.start(self._valkey.part((self._lock,)))
            await self._valkey.wait_ready(keeper)

    async def _migrate(self) -> None:
        part = self._python_part("migrate", self._database_up, "migrate")
        await run_once(part, self._output, "The database could not be migrated")

    def _python_parts(self) -> list[Part]:
        apis = [self._api_part(name) for name in _api_names(self._settings)]
        workers = [self._python_part(name, self._migrated, "worker") for name in _worker_names(self._settings)]
        return [*apis, *workers, self._python_part("scheduler", self._migrated, "scheduler")]

    def _api_part(self, name: str) -> Part:
        stop = ((signal.SIGTERM, 10.0),)
        if self._counts:
            part = self._python_part(name, self._migrated, "api", "--shared")
            return replace(part, env={**part.env, **self._counts.environment}, before_start=self._counts.tidy, stop=stop)
        listener = self._listener.fileno()
        part = self._python_part(name, self._migrated, "api", "--listener", str(listener))
        return replace(part, pass_fds=(*part.pass_fds, listener), stop=stop)

    def _python_part(self, name: str, gate: Gate, *arguments: str) -> Part:
        # -P: a folder `api` or `cli` where the user happens to stand is not ours.
        argv = [sys.executable, "-P", "-m", "cli.main", *arguments, "--gate", str(gate.descriptor)]
        return Part(name, argv, self._environment(), pass_fds=(self._lock, gate.descriptor))

    def _environment(self) -> Mapping[str, str]:
        settings = self._settings
        return os.environ | {
            "DATABASE_URL": self._database_url,
            "REDIS_URL": self._redis_url,
            "AGENTGUIDE_DATA_DIR": str(self._data_dir),
            "AGENTGUIDE_HOST": settings.host,
            "AGENTGUIDE_PORT": str(self._listener.getsockname()[1]),
            "AGENTGUIDE_WORKERS": str(settings.workers),
            "AGENTGUIDE_SHARDS": str(settings.shards),
            "PYTHONUNBUFFERED": "1",
        }

    def _write_state(self) -> None:
        pid = self.supervisor.pid
        api = self.supervisor.pids("api-") if self._counts else pid("api")
        pids: dict[str, int | list[int] | None] = {"supervisor": os.getpid(), "ingest-api": api, "read-api": api}
        pids |= {"worker": self.supervisor.pids("worker-"), "scheduler": pid("scheduler")}
        pids |= {"postgres": pid("postgres"), "valkey": pid("valkey")}
        state = State(self.api_url, self._database_url, self._redis_url, self._settings.shards, pids)
        try:
            state.write(self._data_dir)
        except OSError as error:
            # The stack is worth more than the note about it: a full disk must not end it.
            self._output.say(f"state.json could not be written, so `agentguide status` is out of date: {error}")


async def _all_or_none(*works: Coroutine[Any, Any, None]) -> None:
    """Does all at the same time; the first failure ends the others and is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        # Once only, unlike gather and what one would do after it: a second cancel would cut short the end of a process.
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


def _api_names(settings: "Settings") -> list[str]:
    count = settings.api_processes
    return ["api"] if count == 1 else [f"api-{number}" for number in range(1, count + 1)]


def _worker_names(settings: "Settings") -> list[str]:
    return [f"worker-{number}" for number in range(1, settings.workers + 1)]


def _secret(value: "SecretStr | None") -> str:
    return value.get_secret_value() if value else ""
