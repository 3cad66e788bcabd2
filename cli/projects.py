"""`agentguide projects`: the walls between those who share a server."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.accounts import AsJson, DataDir, checked, on_database, project_id_of, show
from cli.errors import CommandError

if TYPE_CHECKING:
    from api.accounts import Connection, Row

projects = typer.Typer(
    help="Make projects and change their settings. Runs, keys and dead letters belong to one, and nobody sees past its wall.",
    no_args_is_help=True,
)

Slug = Annotated[str, typer.Argument(help="Its name in URLs, headers and commands: a-z, 0-9 and -.")]
Name = Annotated[str | None, typer.Option(help="Its name for people.")]
Retention = Annotated[int | None, typer.Option(min=0, help="Days that runs are kept; 0: for ever.")]
Stale = Annotated[int | None, typer.Option(min=0, help="Silence after which a run is closed; 0: never.")]
Events = Annotated[int | None, typer.Option(min=0, help="Limit of all its keys together; 0: none.")]
Bytes = Annotated[int | None, typer.Option(min=0, help="The same in bytes.")]
Redaction = Annotated[str | None, typer.Option(help="What is made unreadable, as JSON; {}: the defaults.")]

UNSETTABLE = {
    "retention-days": "retentionDays",
    "stale-after-seconds": "staleAfterSeconds",
    "events-per-second": "eventsPerSecond",
    "bytes-per-second": "bytesPerSecond",
}

COLUMNS = {
    "id": "id",
    "slug": "slug",
    "name": "name",
    "retention days": "retentionDays",
    "stale after s": "staleAfterSeconds",
    "events/s": "eventsPerSecond",
    "bytes/s": "bytesPerSecond",
}


@projects.command("list")
def list_projects(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show all projects with their settings; - is what the server's settings say."""
    from api import accounts  # noqa: PLC0415 - here and below: `--help` is quick without it

    show(on_database(data_dir, lambda connection: accounts.list_projects(connection, None)), COLUMNS, as_json=as_json)


@projects.command()
def create(
    slug: Slug,
    name: Name = None,
    retention_days: Retention = None,
    stale_after_seconds: Stale = None,
    events_per_second: Events = None,
    bytes_per_second: Bytes = None,
    redaction: Redaction = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a project. Then give it keys: agentguide keys create NAME --project SLUG --scope ingest"""
    from api import accounts  # noqa: PLC0415
    from api.admin import ProjectIn  # noqa: PLC0415

    given = _given(name, retention_days, stale_after_seconds, events_per_second, bytes_per_second, redaction)
    changes = checked(ProjectIn, slug=slug, **given).changes()
    row = on_database(data_dir, lambda connection: accounts.create_project(connection, slug, changes, None))
    show([row], COLUMNS, as_json=as_json)


@projects.command()
def change(
    slug: Slug,
    name: Name = None,
    retention_days: Retention = None,
    stale_after_seconds: Stale = None,
    events_per_second: Events = None,
    bytes_per_second: Bytes = None,
    redaction: Redaction = None,
    unset: Annotated[
        list[str], typer.Option(help="An option above that is to be what the server's settings say again; repeatable.")
    ] = [],  # noqa: B006 - typer makes a new one
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Rename a project or change its settings; what is not given stays."""
    from api import accounts  # noqa: PLC0415
    from api.admin import ProjectPatch  # noqa: PLC0415

    given = _given(name, retention_days, stale_after_seconds, events_per_second, bytes_per_second, redaction)
    changes = checked(ProjectPatch, **given).changes() | _unset(unset)

    async def work(connection: "Connection") -> "Row":
        return await accounts.change_project(connection, await project_id_of(connection, slug), changes)

    show([on_database(data_dir, work)], COLUMNS, as_json=as_json)


def _given(
    name: str | None,
    retention_days: int | None,
    stale_after_seconds: int | None,
    events_per_second: int | None,
    bytes_per_second: int | None,
    redaction: str | None,
) -> dict[str, Any]:
    return {
        "name": name,
        "retentionDays": retention_days,
        "staleAfterSeconds": stale_after_seconds,
        "eventsPerSecond": events_per_second,
        "bytesPerSecond": bytes_per_second,
        "redaction": None if redaction is None else _object(redaction),
    }


def _unset(options: list[str]) -> dict[str, None]:
    unknown = [option for option in options if option not in UNSETTABLE]
    if unknown:
        raise CommandError(f"--unset takes {', '.join(UNSETTABLE)}, and not {unknown[0]}.")
    return {UNSETTABLE[option]: None for option in options}


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"--redaction is not JSON: {error}.") from None
