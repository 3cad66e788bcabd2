"""What the commands for projects, users and keys have in common: they go straight to the database, as operators."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.errors import CommandError
from cli.terminal import harmless

if TYPE_CHECKING:
    from api.accounts import Connection, Row
    from api.json_body import Body

ProjectSlug = Annotated[str, typer.Option("--project", help="The project, by its slug.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataDir = Annotated[Path | None, typer.Option(help="Where the running stack keeps everything.")]

T = TypeVar("T")
_B = TypeVar("_B", bound="Body")


def on_database(data_dir: Path | None, work: "Callable[[Connection], Awaitable[T]]") -> T:
    """What `work` gives, with a connection to the stack's database.

    Raises:
        CommandError: it cannot be done.
    """
    from cli import target  # noqa: PLC0415 - here and below: `--help` is quick without them

    return on_url(target.find_database(data_dir), work)


def on_url(database_url: str, work: "Callable[[Connection], Awaitable[T]]") -> T:
    """The same on a database that is known."""
    import psycopg  # noqa: PLC0415

    from db.urls import psycopg_url  # noqa: PLC0415
    from events.exceptions import AgentGuideError  # noqa: PLC0415

    async def run() -> T:
        connecting = psycopg.AsyncConnection.connect(
            psycopg_url(database_url), autocommit=True, connect_timeout=5, options="-c timezone=UTC"
        )
        async with await connecting as connection:
            return await work(connection)

    try:
        return asyncio.run(run())
    except AgentGuideError as error:
        raise CommandError(error.message) from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise CommandError("The database has no tables, or old ones: run `agentguide migrate` first.") from error
    except psycopg.OperationalError as error:
        raise CommandError(f"The database does not answer: {str(error).strip()}") from error


def checked(model: type[_B], **values: Any) -> _B:
    """The body that a route would take, by the fields' names in JSON; None was not given.

    Raises:
        CommandError: a value is not valid.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return model.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        reasons = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems]
        raise CommandError(f"This is not valid: {'; '.join(reasons)}.") from None


def ask_password(email: str, *, from_stdin: bool) -> str:
    """Typed twice at a terminal, or the first line of stdin: what stands in a command line, everybody on the machine can read.

    Raises:
        CommandError: there is none.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError(
            "There is no terminal to ask for the password at: give it as a line on stdin, with --password-stdin."
        )
    password: str = typer.prompt(f"Password of {email}", hide_input=True, confirmation_prompt=True, err=True)
    return password


async def project_id_of(connection: "Connection", slug: str) -> int:
    """Raises CommandError if there is no such project."""
    from db.access import find_project  # noqa: PLC0415

    project = await find_project(connection, slug)
    if project is None:
        raise CommandError(f"There is no project {slug}: `agentguide projects list` shows those that there are.")
    return project.id


async def user_id_of(connection: "Connection", email: str) -> int:
    """Raises CommandError if there is no such user."""
    from api import accounts  # noqa: PLC0415

    user_id = await accounts.find_user(connection, email.strip().lower())
    if user_id is None:
        raise CommandError(f"There is no user {email}: `agentguide users list` shows those that there are.")
    return user_id


def show(rows: "Sequence[Row]", columns: Mapping[str, str], *, as_json: bool) -> None:
    """Rows as JSON, or as a table of these columns (heading to the row's key)."""
    if as_json:
        typer.echo(json.dumps(rows, indent=2, default=str))
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(*columns)
    for row in rows:
        table.add_row(*(escape(harmless(_cell(row[key]))) for key in columns.values()))
    Console(highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(f"{item['project']}: {item['role']}" if isinstance(item, dict) else str(item) for item in value) or "-"
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value)
