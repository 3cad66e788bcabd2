"""The figures of reading, of a large database and a small one side by side, and how they are shown and kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from loadtest.asking import Answers
from loadtest.loader import Loaded

PERCENTS = (50, 95, 99)


@dataclass(slots=True)
class Measured:
    """One database."""

    loaded: Loaded
    database_bytes: int
    table_bytes: dict[str, int]
    versions: dict[str, str]
    answers: list[Answers]


def pairs(full: Measured, small: Measured) -> Iterator[tuple[Answers, Answers | None]]:
    """Answers to each question, and those of the small database; that may have no page far behind the start of a list."""
    beside = {answers.question.name: answers for answers in small.answers}
    for answers in full.answers:
        yield answers, beside.get(answers.question.name)


def as_json(full: Measured, small: Measured) -> list[dict[str, Any]]:
    return [
        {
            "name": answers.question.name,
            "title": answers.question.title,
            "unit": "ms",
            **_percentiles(answers),
            "small": _percentiles(other) if other else None,
            "ratioToSmall": round(_ratio(answers, other), 2) if other else None,
            "target": answers.question.target_ms,
            "reached": answers.reached,
            "refused": answers.refused,
            "requests": len(answers.milliseconds),
            "bytesAnAnswer": answers.bytes // len(answers.milliseconds),
            "slowest": answers.slowest.path,
        }
        for answers, other in pairs(full, small)
    ]


def database_as_json(measured: Measured) -> dict[str, Any]:
    return {
        "runs": measured.loaded.runs,
        "steps": measured.loaded.steps,
        "bytes": measured.database_bytes,
        "tableBytes": measured.table_bytes,
        "loadSeconds": {stage: round(seconds, 1) for stage, seconds in measured.loaded.seconds.items()},
    }


def table(full: Measured, small: Measured) -> Table:
    found = Table("question", title=f"Reading: milliseconds with {full.loaded.runs:,} runs and {full.loaded.steps:,} steps")
    for heading in (*(f"p{percent}" for percent in PERCENTS), f"p95 with {small.loaded.runs:,} runs", "ratio", "target"):
        found.add_column(heading, justify="right")
    found.add_column("reached", justify="center")
    for answers, other in pairs(full, small):
        target = answers.question.target_ms
        found.add_row(
            answers.question.title,
            *(f"{answers.percentile(percent):.1f}" for percent in PERCENTS),
            f"{other.percentile(95):.1f}" if other else "",
            f"{_ratio(answers, other):.1f}" if other else "",
            f"<= {target:g}" if target else "",
            {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[answers.reached],
        )
    return found


def _ratio(answers: Answers, other: Answers) -> float:
    return answers.percentile(95) / other.percentile(95)


def _percentiles(answers: Answers) -> dict[str, float]:
    return {f"p{percent}": round(answers.percentile(percent), 3) for percent in PERCENTS}
