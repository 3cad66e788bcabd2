"""The first who may do everything: from the settings, or made up and told once."""

import secrets
from typing import TYPE_CHECKING

import typer

from cli.accounts import on_url
from cli.errors import CommandError

if TYPE_CHECKING:
    from api.accounts import Connection
    from events.settings import Settings

NOBODYS_EMAIL = "admin@localhost"
PASSWORD_BYTES = 15
"""As many random bytes: 20 characters."""


def ensure(database_url: str, settings: "Settings") -> None:
    """Makes the admin that the settings name, unless they have a password already. Where they name none, keys are required,
    and no operator can sign in, one is made and its password printed: this once, as then there is one.

    Raises:
        CommandError: the e-mail of the settings is none.
    """
    from api.accounts import normal_email  # noqa: PLC0415 - here and below: `--help` is quick without it
    from api.passwords import hash_password  # noqa: PLC0415

    if settings.admin_email is not None and settings.admin_password is not None:
        try:
            email = normal_email(settings.admin_email)
        except ValueError as error:
            raise CommandError(f"AGENTGUIDE_ADMIN_EMAIL is not valid: {error}.") from None
        password_hash = hash_password(settings.admin_password.get_secret_value())
        on_url(database_url, lambda connection: _make_named(connection, email, password_hash))
    elif settings.require_auth:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        password_hash = hash_password(password)
        if on_url(database_url, lambda connection: _make_nobodys(connection, password_hash)):
            typer.echo(
                f"The first admin is {NOBODYS_EMAIL} with the password {password} - it is not shown again; "
                f"`agentguide users set-password {NOBODYS_EMAIL}` sets another."
            )


async def _make_named(connection: "Connection", email: str, password_hash: str) -> None:
    from api import accounts  # noqa: PLC0415
    from db.access import DEFAULT_PROJECT, find_project  # noqa: PLC0415

    async with connection.transaction():
        await accounts.take_turns(connection)
        user_id = await accounts.find_user(connection, email)
        if user_id is None:
            user_id = await accounts.create_user(connection, email, None)
        if not await accounts.set_first_password(connection, user_id, password_hash):
            return  # they have one: whatever they may do by now was decided since
        await accounts.set_operator(connection, user_id, True)
        project = await find_project(connection, DEFAULT_PROJECT)
        if project is not None:
            await accounts.set_role(connection, project.id, user_id, "admin", by_operator=True)


async def _make_nobodys(connection: "Connection", password_hash: str) -> bool:
    """Whether one was needed."""
    from api import accounts  # noqa: PLC0415

    async with connection.transaction():
        await accounts.take_turns(connection)
        if await accounts.count_operators(connection):
            return False
        user_id = await accounts.find_user(connection, NOBODYS_EMAIL)
        if user_id is None:
            user_id = await accounts.create_user(connection, NOBODYS_EMAIL, "First admin")
        await accounts.set_password(connection, user_id, password_hash)
        await accounts.set_disabled(connection, user_id, False)
        await accounts.set_operator(connection, user_id, True)
    return True
