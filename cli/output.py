"""The stack's log: every line of every part on stderr, with the part's name before it."""

import os
import queue
import select
import sys
import threading
import time
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

OWN_NAME = "up"
LINES_MAX = 20_000
COLORS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")


class Output:
    """Writes from a thread of its own: when nobody reads stderr, lines are dropped and counted, and no part waits."""

    def __init__(self, names: Sequence[str], descriptor: int | None = None) -> None:
        self._descriptor = sys.stderr.fileno() if descriptor is None else descriptor
        self._prefixes = _prefixes((OWN_NAME, *names))
        self._lines: queue.Queue[bytes | None] = queue.Queue(LINES_MAX)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_all, name="output", daemon=True)
        self._thread.start()

    def line(self, name: str, text: bytes) -> None:
        try:
            self._lines.put_nowait(self._prefixes[name] + text + b"\n")
        except queue.Full:
            self._dropped += 1

    def say(self, text: str) -> None:
        """A line of the supervisor's own."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        self.line(OWN_NAME, f"{stamp} {text}".encode())

    def close(self, within_seconds: float = 2.0) -> None:
        try:
            self._lines.put(None, timeout=within_seconds)
        except queue.Full:
            return  # nobody reads stderr: the thread is a daemon and ends with us
        self._thread.join(within_seconds)

    def _write_all(self) -> None:
        open_end = True
        while open_end:
            batch = [self._lines.get()]
            while len(batch) < LINES_MAX and not self._lines.empty():
                batch.append(self._lines.get())
            open_end = batch[-1] is not None
            data = b"".join(line for line in batch if line)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                data += self._prefixes[OWN_NAME] + b"%d lines of log were dropped: stderr was not read\n" % dropped
            if not self._write(data):
                return

    def _write(self, data: bytes) -> bool:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError:
                return False  # stderr is closed; the stack itself goes on, and there is nowhere left to say so
        return True


def _prefixes(names: Sequence[str]) -> dict[str, bytes]:
    console = Console(stderr=True, soft_wrap=True)
    width = max(map(len, names))
    prefixes = {}
    for position, name in enumerate(names):
        style = "bold" if name == OWN_NAME else COLORS[(position - 1) % len(COLORS)]
        with console.capture() as capture:
            console.print(Text(f"{name:<{width}}|", style), end=" ")
        prefixes[name] = capture.get().encode()
    return prefixes
