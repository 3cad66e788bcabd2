"""`agentguide retention`: what is not kept any more, shown or removed."""

import json
import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.accounts import AsJson, DataDir
from cli.errors import CommandError

if TYPE_CHECKING:
    from db.pipeline import Connection
    from events.settings import Settings
    from worker.retention import Plan

PAUSE_SECONDS = 0.5
GIVE_UP_SECONDS = 60.0
"""How long to go on while nothing can be done."""


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Remove the runs of days that are not kept any more; the stack does so by itself every hour.

    AGENTGUIDE_RETENTION_DAYS says how many days are kept, a project may say it for itself, and over
    AGENTGUIDE_DISK_BUDGET_BYTES the oldest days go, whoever keeps them.
    """
    import psycopg  # noqa: PLC0415 - here and below: `--help` is quick without them

    from cli import target  # noqa: PLC0415
    from cli.options import load_settings  # noqa: PLC0415
    from db.urls import psycopg_url  # noqa: PLC0415
    from worker import removal  # noqa: PLC0415
    from worker.retention import make_plan  # noqa: PLC0415

    settings = load_settings(data_dir=data_dir)
    database_url = psycopg_url(target.find_database(data_dir))
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
            removal.prepare(connection)
            plan = make_plan(connection, settings)
            removed = None if dry_run else _apply(connection, plan, settings)
    except psycopg.errors.UndefinedTable as error:
        raise CommandError("The database has no tables, or old ones: run `agentguide migrate` first.") from error
    except psycopg.OperationalError as error:
        raise CommandError(f"The database does not do its part: {str(error).strip()}") from error
    if as_json:
        typer.echo(json.dumps(_described(plan, removed), indent=2))
    else:
        _show(plan, removed)


def _apply(connection: "Connection", plan: "Plan", settings: "Settings") -> Counter[str]:
    """Asks for the days to go and works on all that are asked for, or waits for who is at it. Returns what went of ours.

    Raises:
        CommandError: somebody holds a day's partitions for too long.
    """
    from db import queries  # noqa: PLC0415
    from worker import deletions  # noqa: PLC0415
    from worker.retention import ask_for, drop_old_letters  # noqa: PLC0415

    asked = ask_for(connection, plan)
    drop_old_letters(connection, settings)
    deadline = time.monotonic() + GIVE_UP_SECONDS
    last = None
    while (state := connection.execute(queries.WATCH_RETENTION, {"ids": asked}).fetchall()[0])[0]:
        if state != last:
            last, deadline = state, time.monotonic() + GIVE_UP_SECONDS
        if time.monotonic() > deadline:
            raise CommandError(
                f"{state[0]} days cannot go yet, as their partitions are in use, by an export perhaps: the stack tries again, "
                "or call this later."
            )
        if not deletions.is_alone(connection) or not deletions.take_turn(connection, None, 0, may_go_on=lambda: True):
            time.sleep(PAUSE_SECONDS)
    return Counter({"runs": state[1], "steps": state[2]})


def _described(plan: "Plan", removed: Counter[str] | None) -> dict[str, Any]:
    from pydantic.alias_generators import to_camel  # noqa: PLC0415

    return {
        "applied": removed is not None,
        "projects": [{to_camel(name): value for name, value in asdict(share).items()} for share in plan.shares],
        "partitions": [{"day": str(going.day), "bytes": going.bytes, "reason": going.reason} for going in plan.partitions],
        "databaseBytes": plan.database_bytes,
        "budgetBytes": plan.budget_bytes,
        "overBytes": plan.over_bytes,
        "removed": None if removed is None else dict(removed),
    }


def _show(plan: "Plan", removed: Counter[str] | None) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console(highlight=False)
    if plan.budget_bytes:
        over = f", {_size(plan.over_bytes)} more than what can go" if plan.over_bytes else ""
        console.print(f"The database takes {_size(plan.database_bytes)} of {_size(plan.budget_bytes)}{over}.")
    if not plan.going:
        console.print("Nothing has to go.")
        return
    shares = Table("project", "days kept")
    for heading in ("days that go", "runs", "steps", "bytes (about)"):
        shares.add_column(heading, justify="right")
    for share in plan.shares:
        kept = "all" if share.days_kept is None else str(share.days_kept)
        shares.add_row(share.project, kept, str(share.days), f"{share.runs:,}", f"{share.steps:,}", _size(share.bytes))
    console.print(shares)
    if plan.partitions:
        partitions = Table("partitions of", "because of the")
        partitions.add_column("bytes", justify="right")
        for going in plan.partitions:
            partitions.add_row(str(going.day), going.reason, _size(going.bytes))
        console.print(partitions)
    if removed is None:
        console.print("Nothing was changed; without --dry-run this goes.")
    else:
        console.print(f"Removed {removed['runs']:,} runs with {removed['steps']:,} steps.")


def _size(size: int) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:,} {unit}"
        size //= 1024
    return f"{size:,} GiB"
