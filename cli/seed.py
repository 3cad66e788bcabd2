"""`agentguide seed`: agents and users to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError

USERS = (
    ("operations@example.com", "Operations Desk"),
    ("support@example.com", "Support Lead"),
    ("analytics@example.com", "Analytics Team"),
    ("platform@example.com", "Platform Engineering"),
)
"""Email and name. Functions, not people."""


def seed(
    project_id: Annotated[int, typer.Option(min=1, help="The project that they belong to.")] = 1,
    data_dir: Annotated[Path | None, typer.Option(help="Where the running stack keeps everything.")] = None,
) -> None:
    """Make agents and users to begin with; those that are there stay as they are."""
    import psycopg  # noqa: PLC0415 - here and below: `--help` is quick without them

    from cli import target  # noqa: PLC0415
    from db import queries  # noqa: PLC0415
    from db.urls import psycopg_url  # noqa: PLC0415
    from events.simulated_agents import AGENTS  # noqa: PLC0415

    database_url = psycopg_url(target.find_database(data_dir))
    agents = [{"project_id": project_id, "name": agent.name, "version": agent.version} for agent in AGENTS]
    users = [{"project_id": project_id, "email": email, "name": name} for email, name in USERS]
    try:
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            new_agents = [values for values in agents if connection.execute(queries.SEED_AGENT, values).rowcount]
            new_users = [values for values in users if connection.execute(queries.SEED_USER, values).rowcount]
    except psycopg.errors.ForeignKeyViolation as error:
        raise CommandError(f"There is no project {project_id}: give --project-id the id of one that there is.") from error
    except psycopg.errors.UndefinedTable as error:
        raise CommandError("The database has no tables yet: run `agentguide migrate` first.") from error
    except psycopg.OperationalError as error:
        raise CommandError(f"The database does not answer: {str(error).strip()}") from error
    for values in new_agents:
        typer.echo(f"agent {values['name']} {values['version']}")
    for values in new_users:
        typer.echo(f"user {values['name']} <{values['email']}>")
    old = len(agents) - len(new_agents), len(users) - len(new_users)
    typer.echo(
        f"made {len(new_agents)} agents and {len(new_users)} users in project {project_id}; "
        f"{old[0]} agents and {old[1]} users were there before"
    )
