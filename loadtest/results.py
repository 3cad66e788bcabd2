"""Results of `make bench` as they are kept, one file each: found, read, and looked at."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest import commits
from loadtest.command import RESULTS
from loadtest.figures import COPY

DISTURBED_OVER = 0.2
"""By how much bare COPY before and after the rest may differ if nobody else was at work."""


class ResultError(Exception):
    """There is no such result. The message says what was looked for, and where."""


@dataclass(slots=True, frozen=True)
class Kept:
    """A figure as it is kept."""

    name: str
    title: str
    value: float
    unit: str
    ratio: float | None
    """To bare COPY; None for what is not a rate."""


@dataclass(slots=True, frozen=True)
class Result:
    path: Path
    taken_at: str
    commit: str | None
    """The short hash; None in results from before it was noted, and where there was no git."""
    subject: str
    changed: bool
    """The code was not that of the commit."""
    quick: bool
    sizes: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    figures: Mapping[str, Kept]
    repeats: Sequence[Mapping[str, float]]
    """The values of each run by figure, if it was repeated."""
    growth: Sequence[dict[str, Any]]

    @property
    def title(self) -> str:
        commit = f"{self.commit}{' with changes' if self.changed else ''}" if self.commit else "an unknown commit"
        return f"{self.path.stem}, {commit}{f' ({self.subject})' if self.subject else ''}"

    @property
    def copy_rate(self) -> float:
        """Of bare COPY, rows a second."""
        return self.figures[COPY].value

    @property
    def order(self) -> tuple[str, str]:
        return self.taken_at, self.path.name

    @property
    def is_disturbed(self) -> bool:
        """Whether most of its runs were."""
        return 2 * len(list(self.disturbances())) > max(1, len(self.repeats))

    def is_same_code(self, other: "Result") -> bool:
        """Whether both are surely of the same code: a tree with changes may have had others."""
        return self.commit is not None and self.commit == other.commit and not (self.changed or other.changed)

    def disturbances(self) -> Iterator[str]:
        """What says that somebody else was at work while this was measured."""
        runs = self.repeats or [{name: figure.value for name, figure in self.figures.items()}]
        for number, run in enumerate(runs, 1):
            before, after = run.get(f"{COPY}_before", 0.0), run.get(f"{COPY}_after", 0.0)
            if min(before, after) < (1 - DISTURBED_OVER) * max(before, after):
                which = f"run {number} of {len(runs)}: " if len(runs) > 1 else ""
                yield f"{which}bare COPY {before:,.0f} rows/s before the rest, {after:,.0f} after it"


def read(path: Path) -> Result:
    """Raises ResultError if this is no result of `make bench`."""
    try:
        kept = json.loads(path.read_text())
        commit = kept.get("commit") or {}
        return Result(
            path=path,
            taken_at=kept["takenAt"],
            commit=commit.get("hash"),
            subject=commit.get("subject", ""),
            changed=commit.get("changed", False),
            quick=kept["quick"],
            sizes=kept["sizes"],
            machine={name: value for name, value in kept["machine"].items() if not name.startswith("loadAverage")},
            versions=kept["versions"],
            figures={figure.name: figure for figure in map(_figure, kept["figures"])},
            repeats=[run["figures"] for run in kept.get("repeats", ())],
            growth=kept.get("growth", ()),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"{path} is no result of `make bench`: {type(error).__name__}: {error}") from None


def _figure(kept: Mapping[str, Any]) -> Kept:
    # How many children Postgres has changes from run to run.
    name, title = (re.sub(r"postgres' \d+ children", "postgres' children", kept[key]) for key in ("name", "title"))
    return Kept(name, title, float(kept["value"]), kept["unit"], kept["ratioToCopy"])


def read_all(directory: Path = RESULTS) -> list[Result]:
    """All of a directory but those of quick runs, the oldest first.

    Raises:
        ResultError: one of the files cannot be read.
    """
    # Those of other benchmarks have a name before the time.
    found = [read(path) for path in directory.glob("[0-9]*.json")]
    return sorted((result for result in found if not result.quick), key=lambda result: result.order)


def named(name: str, directory: Path = RESULTS) -> Result:
    """The result that a file holds, with or without its directory and suffix, or else the newest one of a commit.

    Raises:
        ResultError: there is none.
    """
    for path in (Path(name), directory / name, directory / f"{name}.json"):
        if path.is_file():
            return read(path)
    wanted = commits.full_hash(name) or name
    same = [result for result in read_all(directory) if result.commit and wanted.startswith(result.commit)]
    if not same:
        raise ResultError(f"{name} is neither a file nor a commit with a result in {directory}.")
    return same[-1]


def newest(directory: Path = RESULTS) -> Result:
    """Raises ResultError if there is none."""
    found = read_all(directory)
    if not found:
        raise ResultError(f"There is no result in {directory}: `make bench` makes one.")
    return found[-1]


def last_before(result: Result, directory: Path = RESULTS) -> Result:
    """The last one before it that is of other code, has measured some of the same, and was not disturbed, if there is one.

    Raises:
        ResultError: there is none, not even a disturbed one.
    """
    measured = {name for name, figure in result.figures.items() if figure.ratio is not None}
    found = [
        other
        for other in read_all(directory)
        if other.order < result.order and not other.is_same_code(result) and measured & other.figures.keys()
    ]
    if not found:
        raise ResultError(f"{directory} holds no earlier result of another commit with the same figures as {result.path.name}.")
    return ([other for other in found if not other.is_disturbed] or found)[-1]
