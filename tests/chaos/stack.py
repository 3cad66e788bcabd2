"""The stacks that faults are done to: `agentguide up` as it comes, and one with proxies and clocks around its servers."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli.state import State
from events.stream import stream_key
from tests.chaos.proxy import Proxy
from tests.chaos.servers import SMALL_DISK, OwnPostgres, OwnValkey
from tests.support.stack import Stack
from tests.support.waiting import wait_until

SHARDS = 2
WORKERS = 2
DISK_BYTES = 512 << 20
RESTART_SECONDS = 30.0


class Victim(Stack):
    """`agentguide up` with embedded servers."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        super().__init__(data_dir, "--workers", str(WORKERS), "--shards", str(SHARDS), **environment)
        self.client_url = self.url
        """Where the clients send to."""

    def pids(self, part: str) -> list[int]:
        """Of the processes of a part that live, as the supervisor's note has them: to ask the command each time is slow."""
        state = State.read(self.data_dir)
        found = state.pids.get(part) if state else None
        return [pid for pid in (found if isinstance(found, list) else [found]) if pid]

    def signal(self, part: str, number: signal.Signals) -> list[int]:
        """Sends a signal to each process of a part. Returns those that got it."""
        return [pid for pid in self.pids(part) if send(pid, number)]

    def wait_restarted(self, part: str, before: list[int]) -> None:
        """Waits until the supervisor has started as many processes as there were, none of them the old."""

        def restarted() -> bool:
            now = self.pids(part)
            return len(now) == len(before) and not set(now) & set(before)

        wait_until(restarted, seconds=RESTART_SECONDS, what=f"{part} to be started again")

    def start_again(self) -> None:
        """Starts `up` once more where it was, after its end."""
        self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.start(str(urlsplit(self.url).port))

    def wait_drained(self, seconds: float = 60.0) -> None:
        with self.queue() as queue:
            keys = [stream_key(shard) for shard in range(SHARDS)]
            wait_until(lambda: not any(queue.xlen(key) for key in keys), seconds=seconds, what="empty streams")

    def run(self, *arguments: str) -> "subprocess.Popen[str]":
        """Starts another command of AgentGuide on the same servers."""
        environment = self.environment | {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}
        environment |= {"AGENTGUIDE_SHARDS": str(SHARDS)}
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False  # it died of something else meanwhile
    return True


class Clock:
    """The clock of some processes, by libfaketime: a file that says how far it is off."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, offset_seconds: int) -> None:
        """It takes up to a second until all have seen it."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{offset_seconds:+d}\n")
        draft.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """Empty where libfaketime is not installed."""
        library = _libfaketime()
        if library is None:
            return {}
        # The monotonic clock stays as it is, as no step of the wall clock moves it.
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


def _libfaketime() -> Path | None:
    spec = importlib.util.find_spec("libfaketime")
    if spec is None or spec.origin is None:
        return None
    library = Path(spec.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    return library if library.exists() else None


class Surrounded(Victim):
    """`agentguide up` with servers named in its environment: all connections go through proxies, all clocks can be false."""

    def __init__(self, directory: Path, disk: Path | None) -> None:
        """`disk` is a small file system for Postgres; None: there is none."""
        self.disk = disk
        self.valkey_clock = Clock(directory / "valkey.clock")
        self.parts_clock = Clock(directory / "parts.clock")
        (directory / "valkey").mkdir()
        self.postgres = OwnPostgres(disk or _made(directory / "postgres"), SMALL_DISK)
        self.valkey = OwnValkey(directory / "valkey", self.valkey_clock.environment)
        self.to_postgres = Proxy(self.postgres.port)
        self.to_valkey = Proxy(self.valkey.port)
        try:
            super().__init__(
                directory / "data",
                DATABASE_URL=self.postgres.url_through(self.to_postgres.port),
                REDIS_URL=self.valkey.url_through(self.to_valkey.port),
                **self.parts_clock.environment,
            )
        except BaseException:
            self._end_surroundings()
            raise
        # What looks on goes straight to the servers.
        self.database_url, self.redis_url = self.postgres.url, self.valkey.url
        self.to_api = Proxy(urlsplit(self.url).port or 0)
        self.client_url = f"http://127.0.0.1:{self.to_api.port}"

    def stop(self) -> int:
        try:
            return super().stop()
        finally:
            self.to_api.close()
            self._end_surroundings()

    def _end_surroundings(self) -> None:
        self.to_postgres.close()
        self.to_valkey.close()
        self.postgres.stop()
        self.valkey.stop()


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


@contextmanager
def embedded(directory: Path) -> Iterator[Victim]:
    with _ended(Victim(directory / "data")) as victim:
        yield victim


@contextmanager
def surrounded(directory: Path) -> Iterator[Surrounded]:
    with _small_disk(directory / "disk") as disk, _ended(Surrounded(directory, disk)) as victim:
        yield victim


@contextmanager
def _ended(victim: "Victim") -> Iterator[Any]:
    try:
        yield victim
    finally:
        code = victim.stop()
        assert code == 0, f"`up` ended with {code}"


@contextmanager
def _small_disk(place: Path) -> Iterator[Path | None]:
    """A file system of its own, in memory; None where mounting is not allowed, as in most containers."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "tmpfs", str(place)]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        yield None
        return
    try:
        yield place
    finally:
        # Lazily: a process that is about to end may still stand in it.
        subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=True)
