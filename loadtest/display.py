"""Progress on stderr: bars where a person looks, a line a measure elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[int], None]
"""Takes how many are done so far."""


class Display:
    def __init__(self) -> None:
        self._console = Console(stderr=True)

    @contextmanager
    def task(self, title: str, total: int) -> Iterator[Advance]:
        if not self._console.is_terminal:
            self._console.print(f"{title} ({total})", highlight=False)
            yield lambda _: None
            return
        columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        # Twice a second: drawing takes CPU from what is measured.
        with Progress(*columns, console=self._console, refresh_per_second=2) as progress:
            task = progress.add_task(title, total=total)
            yield lambda done: progress.update(task, completed=done)
            progress.update(task, completed=total)

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False)
