"""`agentguide deadletters`: events that could not be stored. It goes straight to the database, as an operator."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.accounts import AsJson, DataDir, show
from cli.errors import CommandError
from cli.terminal import harmless

if TYPE_CHECKING:
    from db.dead_letters import Selection
    from db.pipeline import Connection

deadletters = typer.Typer(
    help="List, show, replay and discard events that could not be stored. Each is kept with its reason; once what refused it "
    "is mended, a replay stores it after all.",
    no_args_is_help=True,
)

Project = Annotated[str | None, typer.Option("--project", help="Only of this project, by its slug.")]
Code = Annotated[str | None, typer.Option("--code", help="Only those of this code, as `list` shows it.")]
LetterId = Annotated[int | None, typer.Argument(help="Only this one, by its id.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]

DISCARD_LETTERS = 1000
COUNT_COLUMNS = {
    "project": "project",
    "code": "code",
    "kept": "kept",
    "ever": "buried",
    "dropped": "dropped",
    "last hour": "lastHour",
}
COLUMNS = {
    "id": "id",
    "project": "project",
    "code": "code",
    "run": "runId",
    "bytes": "bytes",
    "buried": "createdAt",
    "reason": "reason",
}


@deadletters.command("list")
def list_letters(
    project: Project = None,
    code: Code = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    before: Annotated[int | None, typer.Option(help="Only those with a smaller id: the next page.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show how many there are of each code, and the latest of them."""
    from db import dead_letters, queries  # noqa: PLC0415 - here and below: `--help` is quick without them

    with _connected(data_dir) as connection:
        project_id = _project_id(connection, project)
        counts = dead_letters.count(connection, project_id)
        values = {"project_id": project_id, "code": code, "before": 2**63 - 1 if before is None else before, "limit": limit}
        items = [json.loads(text) for _, text in connection.execute(queries.LIST_DEAD_LETTERS, values)]
    described = [{"project": one.project, **one.described()} for one in counts]
    rising = dead_letters.are_rising(counts)
    if as_json:
        typer.echo(json.dumps({"counts": described, "rising": rising, "items": items}, indent=2))
        return
    show(described, COUNT_COLUMNS, as_json=False)
    show([{**item, "reason": item["reason"].splitlines()[0][:80]} for item in items], COLUMNS, as_json=False)
    if dropped := sum(one.dropped for one in counts):
        typer.echo(f"{dropped:,} more were not kept: there were too many (AGENTGUIDE_DEAD_LETTERS_MAX, _BYTES_MAX).")
    if rising:
        typer.echo("Many more than usual were buried in the last hour.")


@deadletters.command("show")
def show_letter(
    letter_id: Annotated[int, typer.Argument(help="Its id, as `list` shows it.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show one with its whole reason and its event."""
    from db import queries  # noqa: PLC0415

    with _connected(data_dir) as connection:
        row = connection.execute(queries.GET_DEAD_LETTER, {"project_id": None, "id": letter_id}).fetchone()
    if row is None:
        raise _no_letter(letter_id)
    found = json.loads(row[0]) | {"record": bytes(row[1]).decode(errors="replace")}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        typer.echo(harmless(f"{name}: {'-' if value is None else value}"))


@deadletters.command()
def replay(
    letter_id: LetterId = None,
    project: Project = None,
    code: Code = None,
    every: All = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Store events after all. Each takes effect once, and now: what it says replaces what came after it."""
    from db import queries  # noqa: PLC0415
    from worker.dead_letters import Replayer  # noqa: PLC0415

    replayed = failed = after = 0
    with _connected(data_dir) as connection, _progress() as advance:
        selection = _selection(connection, letter_id, project, code, every=every)
        wanted, last = connection.execute(queries.SELECT_DEAD_LETTERS, selection.values).fetchone() or (0, 0)
        if letter_id is not None and not wanted:
            raise _no_letter(letter_id)
        replayer = Replayer(connection, lambda: _connect(data_dir))
        while found := replayer.replay_next(selection, after, last):
            after = found.last_id
            replayed += found.replayed
            failed += found.failed
            advance(replayed + failed, wanted)
    if as_json:
        typer.echo(json.dumps({"replayed": replayed, "failed": failed}))
    else:
        typer.echo(f"{replayed:,} replayed" + (f"; {failed:,} can still not be stored, `list` says why." if failed else "."))
    if failed:
        raise typer.Exit(1)


@deadletters.command()
def discard(
    letter_id: LetterId = None,
    project: Project = None,
    code: Code = None,
    every: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Drop events for good."""
    from db import queries  # noqa: PLC0415

    with _connected(data_dir) as connection:
        selection = _selection(connection, letter_id, project, code, every=every)
        wanted, _ = connection.execute(queries.SELECT_DEAD_LETTERS, selection.values).fetchone() or (0, 0)
        if letter_id is not None and not wanted:
            raise _no_letter(letter_id)
        if not yes and letter_id is None and wanted:
            typer.confirm(f"Drop {wanted:,} events for good?", abort=True, err=True)
        discarded = 0
        while count := connection.execute(
            queries.DISCARD_DEAD_LETTERS, {**selection.values, "limit": DISCARD_LETTERS}
        ).rowcount:
            discarded += count
    typer.echo(json.dumps({"discarded": discarded}) if as_json else f"{discarded:,} discarded.")


def _selection(
    connection: "Connection", letter_id: int | None, project: str | None, code: str | None, *, every: bool
) -> "Selection":
    from db.dead_letters import Selection  # noqa: PLC0415

    if sum((letter_id is not None, code is not None, every)) != 1:
        raise CommandError("Say which are meant: an id, --code, or --all; `agentguide deadletters list` shows what there is.")
    return Selection(_project_id(connection, project), code, letter_id)


def _project_id(connection: "Connection", slug: str | None) -> int | None:
    from db import queries  # noqa: PLC0415

    if slug is None:
        return None
    row = connection.execute(queries.FIND_PROJECT, {"slug": slug}).fetchone()
    if row is None:
        raise CommandError(f"There is no project {slug}: `agentguide projects list` shows those that there are.")
    return int(row[0])


def _no_letter(letter_id: int) -> CommandError:
    return CommandError(f"There is no dead letter {letter_id}: `agentguide deadletters list` shows those that there are.")


def _connect(data_dir: Path | None) -> "Connection":
    from cli import target  # noqa: PLC0415
    from worker import checkup  # noqa: PLC0415

    return checkup.connect(target.find_database(data_dir))


@contextmanager
def _connected(data_dir: Path | None) -> "Iterator[Connection]":
    """Raises CommandError if the database does not do its part."""
    import psycopg  # noqa: PLC0415

    try:
        with _connect(data_dir) as connection:
            yield connection
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise CommandError("The database has no tables, or old ones: run `agentguide migrate` first.") from error
    except psycopg.Error as error:
        raise CommandError(f"The database does not do its part: {str(error).strip()}") from error


@contextmanager
def _progress() -> Iterator[Any]:
    """A bar on stderr, where a person looks: takes how many are done, and of how many."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("replaying", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
