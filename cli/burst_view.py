"""What a burst shows: the live view, a line a second where nobody looks on, and the table at the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from cli.burst_watch import Sample, growths, rate

UNKNOWN = "unknown"
_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*%#"

Value = Callable[[Sample], int | None]


@dataclass(slots=True, frozen=True)
class Scene:
    """What the view draws."""

    title: str
    events: int
    rows: int | None
    """That all of it makes; None: nobody looks."""
    now: Sample
    samples: list[Sample]
    stage: str
    """What is being done, in a few words."""
    latencies_ms: dict[str, float]
    sent_again: int
    """Requests."""
    acknowledged_seconds: float
    """From the start until now, or until the last answer; so the next, until all was visible."""
    visible_seconds: float


@dataclass(slots=True, frozen=True)
class Sparkline:
    """The last values that fit, the newest on the right, each against the largest of them."""

    values: Sequence[float]
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        blocks = _ASCII if options.ascii_only else _BLOCKS
        shown = self.values[-options.max_width :]
        most = max(shown, default=0.0)
        cells = [round(value / most * (len(blocks) - 1)) if most > 0 else 0 for value in shown]
        # What is more than nothing shows.
        line = "".join(blocks[max(cell, 1 if value > 0 else 0)] for cell, value in zip(cells, shown, strict=True))
        yield Segment(line.ljust(options.max_width), Style.parse(self.style))


def live_view(scene: Scene) -> RenderableType:
    head = f"[bold]{scene.title}[/]"
    body = Group(_bars(scene), Text(), _rates(scene), Text(), _notes(scene))
    return Panel(body, title=head, title_align="left", subtitle=_clock(scene), subtitle_align="right", box=box.ROUNDED)


def _clock(scene: Scene) -> str:
    return f"{scene.stage}, {scene.now.at_seconds:.1f} s"


def _bars(scene: Scene) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(width=12)
    table.add_column(ratio=1)
    table.add_column(justify="right", width=24)
    now = scene.now
    for name, done, total, unit, style in (
        ("sent", now.sent, scene.events, "events", "cyan"),
        ("acknowledged", now.acknowledged, scene.events, "events", "green"),
        ("visible", now.visible, scene.rows, "rows", "magenta"),
    ):
        if done is None or not total:
            table.add_row(name, ProgressBar(1, 0), f"[dim]{UNKNOWN}[/]")
            continue
        bar = ProgressBar(total, min(done, total), complete_style=style, finished_style=style)
        table.add_row(name, bar, f"{done:,} {unit} {100 * done // total:>3} %")
    return table


def _rates(scene: Scene) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), expand=True, header_style="dim", pad_edge=False)
    table.add_column("events/s", width=12)
    for name in ("now", "mean", "most"):
        table.add_column(name, justify="right", width=9)
    table.add_column("a bar is half a second", ratio=1, no_wrap=True, overflow="crop")
    for name, value, seconds, style in (
        ("acknowledged", _acknowledged, scene.acknowledged_seconds, "green"),
        ("drained", _drained, scene.visible_seconds, "magenta"),
        ("refused", _refused, scene.acknowledged_seconds, "red"),
    ):
        done = value(scene.now)
        if done is None:
            table.add_row(name, f"[dim]{UNKNOWN}[/]")
            continue
        grown = growths(scene.samples, value)
        figures = (rate(scene.samples, value), done / seconds if seconds else 0.0, max(grown, default=0.0))
        table.add_row(name, *map(_number, figures), Sparkline(grown, style))
    if scene.now.backlog is None:
        table.add_row("backlog", f"[dim]{UNKNOWN}[/]")
    else:
        levels = [sample.backlog or 0 for sample in scene.samples[1:]]
        most = max(levels, default=0)
        table.add_row("backlog", _number(scene.now.backlog), "[dim]events[/]", _number(most), Sparkline(levels, "yellow"))
    return table


def _notes(scene: Scene) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=12)
    latencies = ", ".join(f"{name} {value:.0f} ms" for name, value in scene.latencies_ms.items())
    table.add_row("answers", latencies or "none yet")
    table.add_row("sent again", f"{scene.sent_again:,} requests that were refused or had no answer")
    return table


def _acknowledged(sample: Sample) -> int | None:
    return sample.acknowledged


def _drained(sample: Sample) -> int | None:
    return sample.drained


def _refused(sample: Sample) -> int | None:
    return sample.refused


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def line(scene: Scene) -> str:
    """The same for a log."""
    now = scene.now
    accepted, drained = (_number(rate(scene.samples, value)) for value in (_acknowledged, _drained))
    return (
        f"{now.at_seconds:.1f} s, {scene.stage}: sent {now.sent:,} of {scene.events:,} events, "
        f"acknowledged {now.acknowledged:,} ({accepted}/s), refused {now.refused:,}, backlog {_number(now.backlog)}, "
        f"drained {drained}/s, visible {_number(now.visible)} of {_number(scene.rows)} rows"
    )
