"""`agentguide doctor`: whether the database says the same everywhere, and its repair."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import CommandError
from cli.terminal import harmless

if TYPE_CHECKING:
    import redis
    from rich.table import Table

    from worker.checkup import Check, Task

DIFFERENCES_CODE = 1
FAILED_CODE = 2


def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Put right what is wrong, and look again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Where the running stack keeps everything.")] = None,
) -> None:
    """Recount the roll-ups, look for what is lost or stuck, and tell; exits with 1 if something is wrong."""
    import psycopg  # noqa: PLC0415 - here and below: `--help` is quick without them

    try:
        found = _examine(data_dir, repair)
    except CommandError as error:
        raise CommandError(error.message, FAILED_CODE) from error
    except psycopg.errors.UndefinedTable as error:
        raise CommandError("The database has no tables, or old ones: run `agentguide migrate` first.", FAILED_CODE) from error
    except psycopg.Error as error:
        raise CommandError(f"The database does not do its part: {str(error).strip()}", FAILED_CODE) from error
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _show(found)
    if not found["ok"]:
        raise typer.Exit(DIFFERENCES_CODE)


def _examine(data_dir: Path | None, repair: bool) -> dict[str, Any]:
    """What `--json` prints."""
    from cli import target  # noqa: PLC0415
    from cli.options import load_settings  # noqa: PLC0415
    from worker import checkup  # noqa: PLC0415
    from worker.repair import repair as repair_found  # noqa: PLC0415

    settings = load_settings(data_dir=data_dir)
    database_url, redis_url, shards = target.find_servers(data_dir)
    began = time.monotonic()
    with checkup.open_session(database_url) as session, checkup.connect(database_url) as rows, _queue(redis_url) as queue:

        def check() -> "list[Check]":
            with _progress() as task:
                checks = checkup.check(session, days_ahead=settings.partitions_ahead_days, task=task)
            disk = checkup.check_disk(rows, settings.disk_budget_bytes)
            return [*checks, disk, checkup.check_queue(rows, queue, shards)]

        if repair and not checkup.is_alone(rows):
            raise CommandError("Another repair of this database is under way: wait for its end.")
        found: dict[str, Any] = {"checks": check()}
        if repair:
            found["found"] = found["checks"]
            found["repaired"] = repair_found(session, rows, days_ahead=settings.partitions_ahead_days)
            found["checks"] = check()
    return {
        "ok": not any(item.differences for item in found["checks"]),
        "seconds": round(time.monotonic() - began, 2),
        **{name: _camel(value) if isinstance(value, list) else value for name, value in found.items()},
    }


@contextmanager
def _queue(redis_url: str | None) -> "Iterator[redis.Redis | None]":
    if redis_url is None:
        yield None
        return
    import redis  # noqa: PLC0415

    with redis.Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=5) as connection:
        yield connection


@contextmanager
def _progress() -> "Iterator[Task]":
    """A bar on stderr for each part of the work, where a person looks."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:

        def begin(title: str, total: int) -> Callable[[int], None]:
            task = progress.add_task(title, total=total)
            return lambda done: progress.update(task, completed=done)

        yield begin


def _camel(checks: "list[Check]") -> list[dict[str, Any]]:
    found = map(asdict, checks)
    return [{"lookedAt" if name == "looked_at" else name: value for name, value in values.items()} for values in found]


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415

    console = Console(highlight=False)
    if "repaired" in found:
        console.print(_table("found", found["found"]))
        for name, count in found["repaired"].items():
            console.print(f"{name}: {count:,}")
    console.print(_table("check", found["checks"]))
    wrong, seconds = sum(check["differences"] for check in found["checks"]), found["seconds"]
    if found["ok"]:
        console.print(f"All is well ({seconds} s).")
    elif "repaired" in found:
        console.print(f"{wrong:,} differences are left after the repair ({seconds} s).")
    else:
        console.print(f"{wrong:,} differences ({seconds} s); --repair puts right what can be.")


def _table(title: str, checks: list[dict[str, Any]]) -> "Table":
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title)
    table.add_column("looked at", justify="right")
    table.add_column("differences", justify="right")
    table.add_column("example", overflow="fold")
    for check in checks:
        wrong = check["differences"]
        text = check["note"] or next(iter(check["examples"]), "")
        style = "bold red" if wrong else None
        table.add_row(
            check["name"], f"{check['lookedAt']:,}", f"{wrong:,}" if wrong else "-", escape(harmless(text)), style=style
        )
    return table
