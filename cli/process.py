"""One child process of the stack: how it is started, what it says, how it is ended."""

import asyncio
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.errors import CommandError, with_reason
from cli.output import Output

LINE_BYTES_MAX = 64 * 1024
PR_SET_PDEATHSIG = 1
HURRY_SECONDS = 1.0
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """The user and group that a part runs as."""

    uid: int
    gid: int


async def _nothing() -> None:
    return


@dataclass(frozen=True)
class Part:
    """A program of the stack."""

    name: str
    argv: list[str]
    env: Mapping[str, str]
    cwd: Path | None = None
    stop: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 15.0),)
    """Signals that end it, each with the seconds it is given; after the last comes SIGKILL."""
    account: Account | None = None
    pass_fds: tuple[int, ...] = ()
    quiet: bool = False
    """Its output is only kept for the message about its failure."""
    before_start: Callable[[], Awaitable[None]] = field(default=_nothing)


class Process:
    """A started part."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process, speech: "Speech") -> None:
        self.part = part
        self._process = process
        self._speech = speech

    @classmethod
    async def start(cls, part: Part, output: Output) -> "Process":
        """Raises OSError if the program cannot be run."""
        await part.before_start()
        speech = Speech(part.name, None if part.quiet else output)
        read_end, write_end = os.pipe()
        reader = os.fdopen(read_end, "rb", buffering=0)  # closed by the transport
        try:
            await asyncio.get_running_loop().connect_read_pipe(lambda: speech, reader)
            process = await asyncio.create_subprocess_exec(
                *part.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=dict(part.env),
                cwd=part.cwd,
                pass_fds=part.pass_fds,
                # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which then ends all in order.
                start_new_session=True,
                preexec_fn=_end_with_parent(part.stop[0][0]),
                user=part.account.uid if part.account else None,
                group=part.account.gid if part.account else None,
                extra_groups=[] if part.account else None,
            )
        finally:
            os.close(write_end)
        return cls(part, process, speech)

    @property
    def pid(self) -> int:
        return self._process.pid

    def last_words(self) -> str:
        return " / ".join(self._speech.last)

    async def wait(self) -> int:
        """The exit code; negative is the signal that killed it."""
        return await self._process.wait()

    async def finish_speaking(self, within_seconds: float = 1.0) -> None:
        """Waits for the last of its output; not for ever, as a process of its own making may hold the pipe."""
        await asyncio.wait([self._speech.ended], timeout=within_seconds)

    async def end(self, hurry: asyncio.Event, output: Output) -> None:
        """Ends it with the signals of its part; `hurry` cuts each wait short."""
        for number, seconds in self.part.stop:
            self._signal(number)
            if await self._gone(seconds, hurry):
                return
        if not hurry.is_set():
            output.say(f"{self.part.name} (pid {self.pid}) does not end by itself and is killed")
        self._signal(signal.SIGKILL)
        await self.wait()

    def kill_group(self) -> None:
        """Ends what the process had started itself."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # it left nothing behind

    async def _gone(self, seconds: float, hurry: asyncio.Event) -> bool:
        waits = [asyncio.create_task(self.wait()), asyncio.create_task(hurry.wait())]
        try:
            # Even in a hurry it gets a moment, or the signal would be pointless.
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if waits[0] not in done and done:
                await asyncio.wait(waits[:1], timeout=HURRY_SECONDS)
            return waits[0].done()
        finally:
            for task in waits:
                task.cancel()

    def _signal(self, number: signal.Signals) -> None:
        try:
            self._process.send_signal(number)
        except ProcessLookupError:
            return  # it has ended by itself


class Speech(asyncio.Protocol):
    """What a part writes to stdout and stderr, line by line; remembers the last lines."""

    def __init__(self, name: str, output: Output | None) -> None:
        self._name = name
        self._output = output
        self._rest = b""
        self.last: deque[str] = deque(maxlen=3)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        while len(self._rest) > LINE_BYTES_MAX:
            self._line(self._rest[:LINE_BYTES_MAX])
            self._rest = self._rest[LINE_BYTES_MAX:]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest:
            self._line(self._rest)
        if not self.ended.done():
            self.ended.set_result(None)

    def _line(self, line: bytes) -> None:
        line = line.rstrip(b"\r")
        if line.strip():
            self.last.append(line.decode(errors="replace").strip())
        if self._output:
            self._output.line(self._name, line)


async def run_once(part: Part, output: Output, failure: str) -> None:
    """Runs a part that ends by itself.

    Raises:
        CommandError: it failed; the message is `failure` with the last lines it wrote.
    """
    process = await Process.start(part, output)
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        at_once = asyncio.Event()
        at_once.set()
        await process.end(at_once, output)
        process.kill_group()
        raise
    await process.finish_speaking()
    if code != 0:
        raise CommandError(with_reason(f"{failure} ({describe_exit(code)})", process.last_words()))


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _end_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """For the child, between fork and exec: the kernel sends it this signal when the supervisor dies.

    A supervisor that is killed with SIGKILL cannot end its children itself. Set after the change of user, which would
    clear it, as subprocess runs `preexec_fn` last. Elsewhere than on Linux, the next `up` ends the leftovers.
    """
    if _libc is None:
        return None
    parent = os.getpid()
    prctl = _libc.prctl

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os._exit(1)  # the supervisor died before the signal was set

    return in_child
