"""`agentguide users`: people who sign in with a browser."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.accounts import AsJson, DataDir, ProjectSlug, ask_password, checked, on_database, project_id_of, show, user_id_of
from cli.errors import CommandError

if TYPE_CHECKING:
    from api.accounts import Connection, Row

users = typer.Typer(
    help="Make users, give them passwords, and roles in projects. Programs have keys instead: agentguide keys",
    no_args_is_help=True,
)

Email = Annotated[str, typer.Argument(help="Their e-mail; nothing is sent to it.")]
RoleName = Annotated[
    str, typer.Argument(help="viewer (reads), editor (also sends and repairs) or admin (also keys and members).")
]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Take the password from the first line of stdin.")]

COLUMNS = {
    "id": "id",
    "e-mail": "email",
    "name": "name",
    "roles": "roles",
    "operator": "isOperator",
    "disabled": "isDisabled",
    "password": "hasPassword",
}


@users.command("list")
def list_users(
    project: Annotated[str | None, typer.Option("--project", help="Only its members.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show everybody, or the members of a project."""
    from api import accounts  # noqa: PLC0415 - here and below: `--help` is quick without it

    async def work(connection: "Connection") -> "list[Row]":
        return await accounts.list_users(connection, None if project is None else await project_id_of(connection, project))

    show(on_database(data_dir, work), COLUMNS, as_json=as_json)


@users.command()
def create(
    email: Email,
    name: Annotated[str | None, typer.Option(help="Their name for people.")] = None,
    role: Annotated[str | None, typer.Option(help="viewer, editor or admin of --project.")] = None,
    project: ProjectSlug = "default",
    operator: Annotated[bool, typer.Option("--operator", help="May do everything, in all projects.")] = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="They cannot sign in until they have one.")] = False,
    password_stdin: PasswordStdin = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a user; asks for the password."""
    from api import accounts  # noqa: PLC0415
    from api.admin import UserIn  # noqa: PLC0415
    from api.passwords import hash_password  # noqa: PLC0415

    if role is None and not operator:
        raise CommandError("Say what they may do: --role viewer, editor or admin, or --operator.")
    password = None if no_password else ask_password(email, from_stdin=password_stdin)
    wanted = checked(UserIn, email=email, name=name, role=role, password=password)
    password_hash = hash_password(wanted.password.get_secret_value()) if wanted.password else None

    async def work(connection: "Connection") -> "Row":
        async with connection.transaction():
            user_id = await accounts.create_user(connection, wanted.email, wanted.name)
            if wanted.role is not None:
                project_id = await project_id_of(connection, project)
                await accounts.set_role(connection, project_id, user_id, wanted.role, by_operator=True)
            if password_hash:
                await accounts.set_password(connection, user_id, password_hash)
            if operator:
                await accounts.set_operator(connection, user_id, True)
            return await accounts.get_user(connection, user_id, None)

    show([on_database(data_dir, work)], COLUMNS, as_json=as_json)


@users.command()
def set_password(email: Email, password_stdin: PasswordStdin = False, data_dir: DataDir = None) -> None:
    """Give somebody another password, which ends their sessions."""
    from api import accounts  # noqa: PLC0415
    from api.admin import UserPatch  # noqa: PLC0415
    from api.passwords import hash_password  # noqa: PLC0415

    async def find(connection: "Connection") -> int:
        return await user_id_of(connection, email)

    user_id = on_database(data_dir, find)
    wanted = checked(UserPatch, password=ask_password(email, from_stdin=password_stdin))
    assert wanted.password is not None  # noqa: S101 - it was just given
    password_hash = hash_password(wanted.password.get_secret_value())
    on_database(data_dir, lambda connection: accounts.set_password(connection, user_id, password_hash))
    typer.echo(f"{email} has a new password")


@users.command()
def role(email: Email, role_name: RoleName, project: ProjectSlug = "default", data_dir: DataDir = None) -> None:
    """Make somebody a member of a project, or give a member another role."""
    from api import accounts  # noqa: PLC0415
    from api.admin import UserPatch  # noqa: PLC0415

    wanted = checked(UserPatch, role=role_name).role
    assert wanted is not None  # noqa: S101 - it was just given

    async def work(connection: "Connection") -> None:
        project_id, user_id = await project_id_of(connection, project), await user_id_of(connection, email)
        await accounts.set_role(connection, project_id, user_id, wanted, by_operator=True)

    on_database(data_dir, work)
    typer.echo(f"{email} is {role_name} of {project}")


@users.command()
def remove(email: Email, project: ProjectSlug = "default", data_dir: DataDir = None) -> None:
    """Take somebody out of a project. The user stays; `users disable` keeps them out of all."""
    from api import accounts  # noqa: PLC0415

    async def work(connection: "Connection") -> None:
        project_id, user_id = await project_id_of(connection, project), await user_id_of(connection, email)
        await accounts.remove_member(connection, project_id, user_id, by_operator=True)

    on_database(data_dir, work)
    typer.echo(f"{email} is no member of {project}")


@users.command()
def disable(email: Email, data_dir: DataDir = None) -> None:
    """Let somebody sign in no more, and end their sessions."""
    _set_disabled(email, data_dir, disabled=True)
    typer.echo(f"{email} is disabled")


@users.command()
def enable(email: Email, data_dir: DataDir = None) -> None:
    """Let somebody sign in again."""
    _set_disabled(email, data_dir, disabled=False)
    typer.echo(f"{email} may sign in")


def _set_disabled(email: str, data_dir: DataDir, *, disabled: bool) -> None:
    from api import accounts  # noqa: PLC0415

    async def work(connection: "Connection") -> None:
        await accounts.set_disabled(connection, await user_id_of(connection, email), disabled)

    on_database(data_dir, work)


@users.command()
def operator(
    email: Email,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the right away.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Let somebody do everything in all projects, and make projects and users."""
    from api import accounts  # noqa: PLC0415

    async def work(connection: "Connection") -> None:
        await accounts.set_operator(connection, await user_id_of(connection, email), not revoke)

    on_database(data_dir, work)
    typer.echo(f"{email} is {'no operator any more' if revoke else 'an operator'}")
