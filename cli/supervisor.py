"""Keeps the parts of the stack alive, and ends them in order."""

import asyncio
import time
from collections.abc import Callable, Iterable

from cli.output import Output
from cli.process import Part, Process, describe_exit

DELAY_FIRST_SECONDS = 0.1
DELAY_MAX_SECONDS = 1.0
SETTLED_SECONDS = 30.0
"""A part that lived this long starts again with the first delay when it dies."""


class Backoff:
    """How long to wait before a part is started again."""

    def __init__(self) -> None:
        self._delay_seconds = DELAY_FIRST_SECONDS

    def after(self, lived_seconds: float) -> float:
        if lived_seconds >= SETTLED_SECONDS:
            self._delay_seconds = DELAY_FIRST_SECONDS
        delay, self._delay_seconds = self._delay_seconds, min(self._delay_seconds * 2, DELAY_MAX_SECONDS)
        return delay


class Keeper:
    """Keeps one part alive until it is told to stop."""

    def __init__(self, part: Part, output: Output, changed: Callable[[], None], hurry: asyncio.Event) -> None:
        self.part = part
        self.deaths = 0
        self.last_words = ""
        self.last_code: int | None = None
        self._output = output
        self._changed = changed
        self._hurry = hurry
        self._stopping = asyncio.Event()
        self._process: Process | None = None
        self.task = asyncio.create_task(self._keep(), name=part.name)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def stop(self) -> None:
        self._stopping.set()
        if self._process:
            await self._process.end(self._hurry, self._output)
        elif not self.task.done():
            self.task.cancel()
        await asyncio.wait([self.task])

    async def _keep(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            started = time.monotonic()
            cause = await self._live()
            if self._stopping.is_set():
                return
            self.deaths += 1
            delay = backoff.after(time.monotonic() - started)
            self._output.say(f"{self.part.name} {cause}; starting it again in {delay:.1f} s")
            self._changed()
            await self._pause(delay)

    async def _live(self) -> str:
        """One life of the part, from start to end; returns how it ended."""
        try:
            self._process = await Process.start(self.part, self._output)
        except OSError as error:
            self.last_words = str(error)
            return f"cannot be started ({error})"
        process = self._process
        self._changed()
        code = await process.wait()
        self._process = None
        await process.finish_speaking(0.2)
        self.last_words, self.last_code = process.last_words(), code
        return f"(pid {process.pid}) ended with {describe_exit(code)}"

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return  # the pause is over


class Supervisor:
    """All parts that are kept alive."""

    def __init__(self, output: Output, changed: Callable[[], None]) -> None:
        self.hurry = asyncio.Event()
        """Set when somebody has lost patience with an orderly end."""
        self._output = output
        self._changed = changed
        self._keepers: dict[str, Keeper] = {}
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails if a keeper itself fails: its part would never be started again, and nobody would know."""

    def start(self, part: Part) -> Keeper:
        keeper = Keeper(part, self._output, self._changed, self.hurry)
        keeper.task.add_done_callback(self._note_failure)
        self._keepers[part.name] = keeper
        return keeper

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error and not self.broken.done():
            self.broken.set_exception(error)

    def pid(self, name: str) -> int | None:
        keeper = self._keepers.get(name)
        return keeper.pid if keeper else None

    def pids(self, prefix: str) -> list[int]:
        """Pids of the parts that live and whose name starts so, in the order in which they were first started."""
        return [keeper.pid for name, keeper in self._keepers.items() if name.startswith(prefix) and keeper.pid]

    async def stop(self, prefixes: Iterable[str]) -> None:
        """Ends all parts whose name starts so, at the same time, and waits until they have ended."""
        chosen = [keeper for name, keeper in self._keepers.items() if name.startswith(tuple(prefixes))]
        await asyncio.gather(*(keeper.stop() for keeper in chosen))
