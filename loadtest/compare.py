"""`make bench-compare`, or `python -m loadtest.compare`: what changed since the last benchmark.

Shows the newest result in `bench/results/` beside the last one of another commit, or two that are named by file or commit.
Exit code 1 says that a ratio to bare COPY became worse by more than the tolerance.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from loadtest import growth, plots, results
from loadtest.command import RESULTS
from loadtest.comparison import Change, Comparison, Mark, compare
from loadtest.display import Display
from loadtest.figures import shown
from loadtest.results import Kept, Result, ResultError

PICTURES = Path(__file__).parent.parent / "docs" / "images" / "load"
COLUMNS_MAX = 6
COLOURS = {Mark.WORSE: "red", Mark.BETTER: "green", Mark.PERHAPS_WORSE: "yellow", Mark.PERHAPS_BETTER: "cyan"}


def main(
    now: Annotated[str | None, typer.Argument(help="The result to look at: a file or a commit. Else the newest.")] = None,
    against: Annotated[
        str | None, typer.Option(help="What to hold it against: a file or a commit. Else the last one of another commit.")
    ] = None,
    tolerance: Annotated[float, typer.Option(min=0, help="A ratio worse by more than this per cent is a regression.")] = 15.0,
    history: Annotated[bool, typer.Option("--history", help="Show and draw every figure of all results instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    results_dir: Annotated[Path, typer.Option(help="Where the results are.")] = RESULTS,
    pictures_dir: Annotated[Path, typer.Option(help="Where `--history` draws history.svg, and growth.svg.")] = PICTURES,
) -> None:
    """Compare two results of `make bench`: values, and ratios to bare COPY, which say the same on a slower or busier day."""
    try:
        if history:
            _show_history(results.read_all(results_dir), pictures_dir, as_json=as_json)
            return
        this = results.named(now, results_dir) if now else results.newest(results_dir)
        other = results.named(against, results_dir) if against else results.last_before(this, results_dir)
    except ResultError as error:
        Display().say(f"bench-compare: {error}")
        raise typer.Exit(2) from None
    comparison = compare(other, this, tolerance)
    if against is None:
        comparison.warnings.extend(passed_over(other, this, results_dir))
    if as_json:
        print(json.dumps(to_json(comparison), indent=2))
    else:
        _show(comparison)
    if comparison.regressions:
        raise typer.Exit(1)


def _show(comparison: Comparison) -> None:
    console = _console()
    console.print(f"before: {comparison.before.title}\nnow:    {comparison.now.title}", highlight=False, soft_wrap=True)
    console.print(table(comparison.changes))
    for line in (*comparison.warnings, *verdict(comparison)):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def table(changes: Sequence[Change]) -> Table:
    found = Table("figure")
    for heading in ("before", "now", "value", "of bare COPY", "ratio"):
        found.add_column(heading, justify="right")
    found.add_column("")
    for change in changes:
        colour = COLOURS.get(change.mark)
        found.add_row(
            change.now.title,
            f"{shown(change.before.value)} {change.now.unit}",
            f"{shown(change.now.value)} {change.now.unit}",
            f"{change.of_value:+.0%}",
            f"{change.before.ratio:.3f} {change.now.ratio:.3f}" if change.before.ratio and change.now.ratio else "",
            "" if change.of_ratio is None else f"{change.of_ratio:+.0%}",
            f"[{colour}]{change.mark}[/]" if colour else str(change.mark),
        )
    return found


def passed_over(before: Result, now: Result, directory: Path) -> list[str]:
    """The results between the two that nothing can be held against."""
    between = [result for result in results.read_all(directory) if before.order < result.order < now.order]
    return [f"passed over, as it was disturbed: {result.title}" for result in between if result.is_disturbed]


def verdict(comparison: Comparison) -> list[str]:
    percent = f"{comparison.tolerance_percent:g} %"
    if not comparison.regressions:
        judged = [change for change in comparison.changes if change.mark is not Mark.NOT_JUDGED]
        return [f"No ratio is worse by more than {percent}." if judged else "Nothing could be judged."]
    return [f"Regression of more than {percent}:", *(f"  {change.words}" for change in comparison.regressions)]


def to_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "before": _about(comparison.before),
        "now": _about(comparison.now),
        "tolerancePercent": comparison.tolerance_percent,
        "figures": [
            {
                "name": change.now.name,
                "unit": change.now.unit,
                "before": change.before.value,
                "now": change.now.value,
                "change": round(change.of_value, 4),
                "ratioBefore": change.before.ratio,
                "ratioNow": change.now.ratio,
                "changeOfRatio": None if change.of_ratio is None else round(change.of_ratio, 4),
                "mark": str(change.mark) or None,
            }
            for change in comparison.changes
        ],
        "warnings": comparison.warnings,
        "regressions": [change.words for change in comparison.regressions],
    }


def _about(result: Result) -> dict[str, Any]:
    return {
        "file": result.path.name,
        "takenAt": result.taken_at,
        "commit": result.commit,
        "subject": result.subject,
        "changed": result.changed,
    }


def _show_history(found: Sequence[Result], pictures: Path, *, as_json: bool) -> None:
    if not found:
        raise ResultError("There is no result yet: `make bench` makes one.")
    drawn = draw(found, pictures)
    if as_json:
        print(json.dumps([history_json(result) for result in found], indent=2))
        return
    console = _console()
    console.print(history_table(found[-COLUMNS_MAX:]))
    for number, result in list(enumerate(found, 1))[-COLUMNS_MAX:]:
        console.print(f"{number}: {result.title}", highlight=False, soft_wrap=True, markup=False)
        for disturbance in result.disturbances():
            console.print(f"   disturbed: {disturbance}", highlight=False, soft_wrap=True)
    if len(found) > COLUMNS_MAX:
        console.print(f"the last {COLUMNS_MAX} of {len(found)} results; --json has all", highlight=False)
    for path in drawn:
        console.print(f"drawn: {path}", highlight=False, soft_wrap=True)


def history_json(result: Result) -> dict[str, Any]:
    return {
        **_about(result),
        "disturbed": list(result.disturbances()),
        "figures": {
            name: {"value": figure.value, "unit": figure.unit, "ratioToCopy": figure.ratio}
            for name, figure in result.figures.items()
        },
    }


def history_table(found: Sequence[Result]) -> Table:
    """A row a figure, a column a result: ratios to bare COPY in brackets."""
    rows = {name: figure for result in found for name, figure in result.figures.items()}
    shown_table = Table("figure", "unit", title="AgentGuide benchmark, the newest result on the right")
    for result in found:
        shown_table.add_column(f"{result.taken_at[5:16].replace('T', ' ')}\n{result.commit or ''}", justify="right")
    for name, figure in rows.items():
        cells = [_cell(result.figures.get(name)) for result in found]
        shown_table.add_row(figure.title, figure.unit, *cells)
    return shown_table


def _cell(figure: Kept | None) -> str:
    if figure is None:
        return ""
    return f"{shown(figure.value)} ({figure.ratio:.3f})" if figure.ratio is not None else shown(figure.value)


def draw(found: Sequence[Result], pictures: Path) -> list[Path]:
    """Draws all figures over all results, and the last measure of growth, if there is one. Returns the pictures."""
    numbered = list(enumerate(found, 1))

    def lines(wanted: Sequence[str], *, ratio: bool = False) -> list[plots.Line]:
        drawn = []
        for name in wanted:
            have = [(number, result.figures[name]) for number, result in numbered if name in result.figures]
            points = [(float(number), (figure.ratio or 0.0) if ratio else figure.value) for number, figure in have]
            if points:
                drawn.append(plots.Line(have[-1][1].title, points, marks=True))
        return drawn

    names = {name: figure for result in found for name, figure in result.figures.items()}
    rates = [name for name, figure in names.items() if figure.ratio is not None]
    groups: list[tuple[str, str, list[str]]] = [
        ("Latency", "ms", [name for name, figure in names.items() if figure.unit == "ms"]),
        ("Bare COPY", "rows/s", ["copy", "copy_before", "copy_after"]),
        ("Peak of memory", "MiB", [name for name in names if name.startswith("peak_")]),
        ("Start", "s", [name for name, figure in names.items() if figure.unit == "s"]),
        ("Shares", "%", [name for name, figure in names.items() if figure.unit == "%"]),
    ]
    panels = [plots.Panel("Ratio to bare COPY", "ratio", lines(rates, ratio=True))]
    panels += [plots.Panel("Rates", "a second", lines(rates))]
    panels += [
        plots.Panel(title, unit, lines(wanted), logarithmic=unit == "ms") for title, unit, wanted in groups if lines(wanted)
    ]
    label = f"results in order of time: 1 is of {found[0].taken_at[:10]}, {len(found)} of {found[-1].taken_at[:10]}"
    paths = [pictures / "history.svg"]
    plots.draw(paths[0], "Benchmark by result", panels, x_label=label)
    if grown := [result for result in found if result.growth]:
        paths.append(pictures / "growth.svg")
        growth.draw(paths[1], grown[-1].growth)
    return paths


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 140)


if __name__ == "__main__":
    typer.run(main)
