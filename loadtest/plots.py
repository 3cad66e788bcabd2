"""Pictures of what a load did: panels one above the other over a common x axis, as SVG or PNG."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

POINTS_MAX = 600
WIDTH_INCHES = 10.0
PANEL_INCHES = 2.1
TITLE_INCHES = 0.7
PNG_DOTS_AN_INCH = 110
LEGEND_LINES_A_COLUMN = 9

# Eight colours that people who see colours differently can tell apart. Source: Okabe and Ito, "Color Universal Design".
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a8a00")
STYLES = ("-", "--", ":")
INK, GRID, PAPER, LIMIT = "#24292f", "#d9dde1", "#ffffff", "#b3261e"

_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and is small
    "svg.hashsalt": "agentguide",  # the same picture of the same figures, so that a commit shows what changed
    "font.size": 9,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class Line:
    """Points as (x, y), in the order of x. `marks` shows each by a dot, for few of them."""

    name: str
    points: Sequence[tuple[float, float]]
    marks: bool = False


@dataclass(frozen=True)
class Panel:
    """`unit` is that of y. A `limit` is a line across, which y should stay under, or over."""

    title: str
    unit: str
    lines: Sequence[Line]
    limit: float | None = None
    logarithmic: bool = False
    from_zero: bool = True


def draw(path: Path, title: str, panels: Sequence[Panel], x_label: str = "seconds") -> None:
    """Writes one picture; the suffix of `path`, .svg or .png, says which kind. Its folder is made.

    Raises:
        ValueError: there are no panels, or the suffix is neither.
    """
    if not panels or path.suffix not in (".svg", ".png"):
        raise ValueError(f"{path.name}: a picture has panels, and is an .svg or a .png")
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        height = TITLE_INCHES + PANEL_INCHES * len(panels)
        figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained", facecolor=PAPER)
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)
        for axes, panel in zip(rows[:, 0], panels, strict=True):
            _draw_panel(axes, panel)
        rows[-1, 0].set_xlabel(x_label)
        metadata: dict[str, Any] = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, dpi=PNG_DOTS_AN_INCH, facecolor=PAPER, metadata=metadata)
    if path.suffix == ".svg":
        path.write_text(_shortened(path.read_text()))


def _shortened(svg: str) -> str:
    """With coordinates of a hundredth of a point: they are most of the file."""
    return re.sub(r' (?:d|x|y)="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), svg)


def thin(points: Sequence[tuple[float, float]], most: int = POINTS_MAX) -> list[tuple[float, float]]:
    """At most so many of the points, in their order: of each stretch the lowest and the highest, so that no peak is lost."""
    if len(points) <= most:
        return list(points)
    stretches = most // 2
    kept: list[tuple[float, float]] = []
    for number in range(stretches):
        stretch = points[number * len(points) // stretches : (number + 1) * len(points) // stretches]
        known = [point for point in stretch if not math.isnan(point[1])] or stretch[:1]
        lowest, highest = min(known, key=lambda point: point[1]), max(known, key=lambda point: point[1])
        kept += sorted({lowest, highest})
    return kept


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title, loc="left", fontsize=10)
    axes.set_ylabel(panel.unit)
    axes.set_facecolor(PAPER)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    drawn = [line for line in panel.lines if line.points]
    for number, line in enumerate(drawn):
        xs, ys = zip(*thin(line.points), strict=True)
        style = STYLES[number // len(COLOURS) % len(STYLES)]
        marker, colour = "o" if line.marks else None, COLOURS[number % len(COLOURS)]
        axes.plot(xs, ys, style, color=colour, label=line.name, linewidth=1.3, marker=marker, markersize=4)
    if panel.limit is not None:
        axes.axhline(panel.limit, color=LIMIT, linestyle="--", linewidth=1, label="limit")
    if not drawn:
        axes.text(0.5, 0.5, "no data", ha="center", va="center", transform=axes.transAxes)
    _scale(axes, panel)
    if len(drawn) > 1 or panel.limit is not None:
        columns = -(-len(drawn) // LEGEND_LINES_A_COLUMN)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8, ncols=max(1, columns))


def _scale(axes: Axes, panel: Panel) -> None:
    if panel.logarithmic:
        axes.set_yscale("log", nonpositive="mask")
    elif panel.from_zero:
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
