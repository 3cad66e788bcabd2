"""`agentguide delete`: a run, a session's or a user's data goes, everywhere."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from cli.accounts import AsJson, DataDir, ProjectSlug
from cli.errors import CommandError

if TYPE_CHECKING:
    from db.pipeline import Connection

delete = typer.Typer(
    help="Delete a run, or all runs of a session or a user, everywhere. A worker does it: the stack must run.",
    no_args_is_help=True,
)

POLL_SECONDS = 0.2
REQUESTED_BY = "command line"

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Wait = Annotated[bool, typer.Option(help="Whether to wait until it is done.")]


@delete.command("run")
def delete_run(
    run_id: Annotated[str, typer.Argument(help="Its id, as GET /v1/runs shows it.")],
    project: ProjectSlug = "default",
    yes: Yes = False,
    wait: Wait = True,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Delete a run with its steps, artifacts and metrics."""
    from events.ids import is_run_id  # noqa: PLC0415 - here and below: `--help` is quick without them

    if not is_run_id(run_id):
        raise CommandError(f"{run_id!r} is not the id of a run: that is a UUID or 32 hex digits.")
    _delete("run", str(UUID(run_id)), project, data_dir, yes=yes, wait=wait, as_json=as_json)


@delete.command("session")
def delete_session(
    session_id: Annotated[str, typer.Argument(help="Its id, as GET /v1/sessions shows it.")],
    project: ProjectSlug = "default",
    yes: Yes = False,
    wait: Wait = True,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Delete all runs of a session."""
    _delete("session", session_id, project, data_dir, yes=yes, wait=wait, as_json=as_json)


@delete.command("user")
def delete_user(
    user_id: Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="The user's id.")],
    project: ProjectSlug = "default",
    yes: Yes = False,
    wait: Wait = True,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Delete all runs of a user; the user stays."""
    _delete("user", str(user_id), project, data_dir, yes=yes, wait=wait, as_json=as_json)


def _delete(kind: str, subject: str, project: str, data_dir: Path | None, *, yes: bool, wait: bool, as_json: bool) -> None:
    import psycopg  # noqa: PLC0415

    from cli import target  # noqa: PLC0415
    from db import queries  # noqa: PLC0415
    from db.urls import psycopg_url  # noqa: PLC0415

    database_url = target.find_database(data_dir)
    _confirm(f"Delete {kind} {subject!r} of project {project}? It cannot be undone.", yes=yes)
    try:
        with psycopg.connect(psycopg_url(database_url), autocommit=True, connect_timeout=5) as connection:
            found = connection.execute(queries.FIND_PROJECT, {"slug": project}).fetchone()
            if found is None:
                raise CommandError(f"There is no project {project}: `agentguide projects list` shows those that there are.")
            values = {"project_id": found[0], "kind": kind, "subject": subject, "requested_by": REQUESTED_BY}
            [(deletion_id,)] = connection.execute(queries.REQUEST_DELETION, values).fetchall()
            told = _follow(connection, found[0], deletion_id, wait=wait, quiet=as_json)
    except psycopg.errors.UndefinedTable as error:
        raise CommandError("The database has no tables, or old ones: run `agentguide migrate` first.") from error
    except psycopg.OperationalError as error:
        raise CommandError(f"The database does not answer: {str(error).strip()}") from error
    typer.echo(json.dumps(told, indent=2) if as_json else _sentence(told))


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask at whether this is meant: say so with --yes.")
    typer.confirm(question, abort=True, err=True)


def _follow(connection: "Connection", project_id: int, deletion_id: UUID, *, wait: bool, quiet: bool) -> dict[str, Any]:
    """The deletion as the API shows it, at once or when it is done."""
    from db import queries  # noqa: PLC0415

    if wait and not quiet:
        typer.echo(f"deletion {deletion_id}: waiting until a worker has done it; Ctrl-C leaves it to the worker", err=True)
    while True:
        [(text,)] = connection.execute(queries.GET_DELETION, {"project_id": project_id, "id": deletion_id}).fetchall()
        told: dict[str, Any] = json.loads(text)
        if not wait or told["status"] == "DONE":
            return told
        time.sleep(POLL_SECONDS)


def _sentence(told: dict[str, Any]) -> str:
    if told["status"] != "DONE":
        return f"deletion {told['id']} is asked for; GET /v1/deletions/{told['id']} follows it"
    removed = told["removed"]
    return f"deleted {removed['runs']:,} runs with {removed['steps']:,} steps"
