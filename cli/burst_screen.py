"""Where a burst is shown: a live view on a terminal, a line a second in a pipe or a log, nothing beside `--json`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live

from cli.burst_view import Scene, line, live_view

LINE_SECONDS = 1.0


class Screen(Protocol):
    def show(self, scene: Scene) -> None: ...


class Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._due_at = 0.0
        self._stage = ""

    def show(self, scene: Scene) -> None:
        if time.monotonic() >= self._due_at or scene.stage != self._stage:
            self._due_at = time.monotonic() + LINE_SECONDS
            self._stage = scene.stage
            self._console.print(line(scene), highlight=False, soft_wrap=True)


class Picture:
    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, scene: Scene) -> None:
        self._live.update(live_view(scene), refresh=True)


@contextmanager
def screen_of(console: Console) -> Iterator[Screen]:
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield Picture(live)
    else:
        yield Lines(console)
