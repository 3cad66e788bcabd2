"""`agentguide keys`: what programs show to be let in."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.accounts import AsJson, DataDir, ProjectSlug, checked, on_database, project_id_of, show
from cli.errors import CommandError

if TYPE_CHECKING:
    from api.accounts import Connection, Row

keys = typer.Typer(
    help="Make, list and revoke API keys. A program shows its key as `Authorization: Bearer ag_...`.", no_args_is_help=True
)

COLUMNS = {
    "prefix": "prefix",
    "name": "name",
    "scopes": "scopes",
    "made": "createdAt",
    "expires": "expiresAt",
    "revoked": "revokedAt",
    "last used": "lastUsedAt",
}


@keys.command("list")
def list_keys(project: ProjectSlug = "default", as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show a project's keys, without what is secret of them."""
    from api import accounts  # noqa: PLC0415 - here and below: `--help` is quick without it

    async def work(connection: "Connection") -> "list[Row]":
        return await accounts.list_keys(connection, await project_id_of(connection, project))

    show(on_database(data_dir, work), COLUMNS, as_json=as_json)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[
        list[str], typer.Option("--scope", help="ingest (to send), read, admin (all of it), metrics (/metrics); repeatable.")
    ],
    project: ProjectSlug = "default",
    expires_in_days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Without it the key does not expire.")] = None,
    events_per_second: Annotated[int | None, typer.Option(help="Its own limit.")] = None,
    bytes_per_second: Annotated[int | None, typer.Option(help="Its own limit.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, this once: export AGENTGUIDE_API_KEY=$(agentguide keys create agent-1 --scope ingest)"""
    from api import accounts  # noqa: PLC0415
    from api.accounts import KeyOptions  # noqa: PLC0415
    from api.admin import KeyIn  # noqa: PLC0415

    ends = None if expires_in_days is None else datetime.now(UTC) + timedelta(days=expires_in_days)
    limits = {"eventsPerSecond": events_per_second, "bytesPerSecond": bytes_per_second}
    wanted = checked(KeyIn, name=name, scopes=scope, expiresAt=ends, **limits)
    options = KeyOptions(wanted.name, tuple(wanted.scopes), ends, events_per_second, bytes_per_second)

    async def work(connection: "Connection") -> "Row":
        return await accounts.create_key(connection, await project_id_of(connection, project), options, None)

    row = on_database(data_dir, work)
    if as_json:
        typer.echo(json.dumps(row, indent=2, default=str))
        return
    typer.echo(row["key"])
    typer.echo("Keep it now: it is not shown again.", err=True)


@keys.command()
def revoke(
    prefix: Annotated[str, typer.Argument(help="The key's prefix, as `keys list` shows it.")],
    project: ProjectSlug = "default",
    data_dir: DataDir = None,
) -> None:
    """Let nobody in with a key any more, within five seconds everywhere."""
    from api import accounts  # noqa: PLC0415

    async def work(connection: "Connection") -> None:
        project_id = await project_id_of(connection, project)
        found = [key["id"] for key in await accounts.list_keys(connection, project_id) if key["prefix"] == prefix]
        if not found:
            raise CommandError(f"Project {project} has no key {prefix}: `agentguide keys list` shows those that it has.")
        await accounts.revoke_key(connection, project_id, found[0])

    on_database(data_dir, work)
    typer.echo(f"revoked {prefix}")
