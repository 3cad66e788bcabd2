"""Keys, members and settings of a project for its admins; all projects and all users for operators."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AfterValidator, Field, SecretStr, StringConstraints
from pydantic_core import to_json

from api import accounts, passwords
from api.access import Caller, CallerDep
from api.accounts import KeyOptions, Role
from api.answers import answered_with
from api.answers.access import KeyPage, NewKey, Project, ProjectPage, User, UserPage
from api.authenticator import SLUG, no_project
from api.errors import NOT_KEPT
from api.filters import KnownParameters
from api.json_body import Body, described, json_body
from api.routing import AdminRoute, OperatorRoute
from api.state import State
from db.access import find_project
from events.exceptions import Conflict, Forbidden
from events.limits import NAME_CHARS_MAX
from events.models import Moment
from events.redaction import RedactionRules

router = APIRouter(prefix="/v1", tags=["admin"], route_class=AdminRoute, dependencies=[KnownParameters])
operator_router = APIRouter(prefix="/v1", tags=["admin"], route_class=OperatorRoute, dependencies=[KnownParameters])

EVENTS_PER_SECOND_MAX = 10**9
BYTES_PER_SECOND_MAX = 10**15
RETENTION_DAYS_MAX = 100 * 366
STALE_AFTER_SECONDS_MAX = 366 * 86_400

Identity = Annotated[int, Path(ge=1, lt=2**31)]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Email = Annotated[str, Field(json_schema_extra={"format": "email"}), AfterValidator(accounts.normal_email)]
Password = Annotated[SecretStr, Field(min_length=passwords.CHARS_MIN, max_length=passwords.CHARS_MAX)]
EventsPerSecond = Annotated[int | None, Field(ge=1, le=EVENTS_PER_SECOND_MAX)]
BytesPerSecond = Annotated[int | None, Field(ge=1, le=BYTES_PER_SECOND_MAX)]


class KeyIn(Body):
    """Body of `POST /v1/keys`."""

    name: Name
    scopes: Annotated[frozenset[Literal["ingest", "read", "admin", "metrics"]], Field(min_length=1)]
    expires_at: Moment | None = None
    events_per_second: EventsPerSecond = None
    bytes_per_second: BytesPerSecond = None


class UserIn(Body):
    """Body of `POST /v1/users`."""

    email: Email
    name: Name | None = None
    role: Role | None = None
    password: Password | None = None
    is_operator: bool = False


class UserPatch(Body):
    """Body of `PATCH /v1/users/{userId}`."""

    role: Role | None = None
    name: Name | None = None
    password: Password | None = None
    is_operator: bool | None = None
    is_disabled: bool | None = None


class ProjectPatch(Body):
    """Body of `PATCH /v1/projects/{slug}`: null is what the server's settings say, 0 for ever, never, or no limit."""

    name: Name | None = None
    retention_days: Annotated[int | None, Field(ge=0, le=RETENTION_DAYS_MAX)] = None
    stale_after_seconds: Annotated[int | None, Field(ge=0, le=STALE_AFTER_SECONDS_MAX)] = None
    redaction: RedactionRules = RedactionRules()
    events_per_second: Annotated[int | None, Field(ge=0, le=EVENTS_PER_SECOND_MAX)] = None
    bytes_per_second: Annotated[int | None, Field(ge=0, le=BYTES_PER_SECOND_MAX)] = None

    def changes(self) -> dict[str, Any]:
        """What was given, by the names of the answer. A project always has a name."""
        given = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {name: value for name, value in given.items() if name != "slug" and (name, value) != ("name", None)}


class ProjectIn(ProjectPatch):
    """Body of `POST /v1/projects`."""

    slug: Annotated[str, StringConstraints(pattern=rf"^{SLUG}$")]


@router.get("/keys", responses=answered_with(KeyPage))
async def list_keys(state: State, caller: CallerDep) -> Response:
    """The keys of the project, the latest first; also those that are revoked or have expired."""
    async with state.pool.connection() as connection:
        return _list(await accounts.list_keys(connection, caller.project.id))


@router.post("/keys", status_code=201, openapi_extra=described(KeyIn), responses=answered_with(NewKey, 201))
async def create_key(request: Request, state: State, caller: CallerDep) -> Response:
    """A new key of the project. Its text, `key`, is in this answer and nowhere else."""
    wanted = await json_body(request, KeyIn)
    options = _options(caller, wanted)
    async with state.pool.connection() as connection:
        return _json(await accounts.create_key(connection, caller.project.id, options, caller.user_id), 201)


def _options(caller: Caller, wanted: KeyIn) -> KeyOptions:
    """Nobody makes a key that may do more than they may themselves, and no key one that may so for longer or more often."""
    missing = wanted.scopes - caller.scopes
    if missing:
        raise Forbidden(f"Nobody can give what they have not: {', '.join(sorted(missing))}.")
    own = caller.key
    bounds: list[tuple[str, Any, Any]] = [
        ("expiresAt", wanted.expires_at, own and own.expires_at),
        ("eventsPerSecond", wanted.events_per_second, own and own.events_per_second),
        ("bytesPerSecond", wanted.bytes_per_second, own and own.bytes_per_second),
    ]
    for name, given, most in bounds:
        if given is not None and most is not None and given > most:
            raise Forbidden(f"`{name}` is beyond that of the key that asks, {most}.")
    return KeyOptions(wanted.name, tuple(wanted.scopes), *(given or most for _, given, most in bounds))


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(key_id: Identity, state: State, caller: CallerDep) -> Response:
    """The key lets nobody in any more, within five seconds everywhere. It stays in the list."""
    async with state.pool.connection() as connection:
        await accounts.revoke_key(connection, caller.project.id, key_id)
    return Response(status_code=204)


@router.get("/users", responses=answered_with(UserPage))
async def list_users(
    state: State,
    caller: CallerDep,
    everybody: Annotated[bool, Query(description="For operators: the users of all projects, and of none.")] = False,
) -> Response:
    """The members of the project, with their roles."""
    if everybody:
        _operators_only(caller, "sees the users of all projects")
    async with state.pool.connection() as connection:
        return _list(await accounts.list_users(connection, None if everybody else caller.project.id))


@router.post("/users", status_code=201, openapi_extra=described(UserIn), responses=answered_with(User, 201))
async def create_user(request: Request, state: State, caller: CallerDep) -> Response:
    """Makes somebody a member of the project. Who was not known has no password yet: an operator gives the first one."""
    wanted = await json_body(request, UserIn)
    if wanted.password or wanted.is_operator or wanted.role is None:
        _operators_only(caller, "gives passwords, makes operators, and makes users without a `role` in the project")
    password_hash = await state.passwords.hash(wanted.password.get_secret_value()) if wanted.password else None
    async with state.pool.connection() as connection, connection.transaction():
        user_id = await accounts.find_user(connection, wanted.email)
        if user_id is None:
            user_id = await accounts.create_user(connection, wanted.email, wanted.name)
        elif password_hash or wanted.is_operator or wanted.role is None:
            raise Conflict(f"There is a user {wanted.email} already: change it by PATCH /v1/users/{user_id}.")
        elif user_id in {user["id"] for user in await accounts.list_users(connection, caller.project.id)}:
            raise Conflict(f"{wanted.email} is a member already: change the role by PATCH /v1/users/{user_id}.")
        if wanted.role is not None:
            await accounts.set_role(connection, caller.project.id, user_id, wanted.role, by_operator=caller.is_operator)
        if password_hash:
            await accounts.set_password(connection, user_id, password_hash)
        if wanted.is_operator:
            await accounts.set_operator(connection, user_id, True)
        user = await accounts.get_user(connection, user_id, _seen_in(caller))
    state.authenticator.forget_member(user_id)
    return _json(user, 201)


@router.patch("/users/{user_id}", openapi_extra=described(UserPatch), responses=answered_with(User))
async def update_user(user_id: Identity, request: Request, state: State, caller: CallerDep) -> Response:
    """The role of a member; for operators also name, password, and whether they are disabled or an operator."""
    wanted = await json_body(request, UserPatch)
    if wanted.model_fields_set - {"role"}:
        _operators_only(caller, "changes more of a user than the `role`")
    password_hash = await state.passwords.hash(wanted.password.get_secret_value()) if wanted.password else None
    async with state.pool.connection() as connection, connection.transaction():
        await accounts.get_user(connection, user_id, _seen_in(caller))
        if wanted.role is not None:
            await accounts.set_role(connection, caller.project.id, user_id, wanted.role, by_operator=caller.is_operator)
        if wanted.name is not None:
            await accounts.rename_user(connection, user_id, wanted.name)
        if password_hash:
            await accounts.set_password(connection, user_id, password_hash)
        if wanted.is_operator is not None:
            await accounts.set_operator(connection, user_id, wanted.is_operator)
        if wanted.is_disabled is not None:
            await accounts.set_disabled(connection, user_id, wanted.is_disabled)
        user = await accounts.get_user(connection, user_id, _seen_in(caller))
    state.authenticator.forget_member(user_id)
    return _json(user)


@router.delete("/users/{user_id}", status_code=204)
async def remove_user(user_id: Identity, state: State, caller: CallerDep) -> Response:
    """Takes a member out of the project. The user stays: an operator may disable one."""
    async with state.pool.connection() as connection:
        await accounts.remove_member(connection, caller.project.id, user_id, by_operator=caller.is_operator)
    state.authenticator.forget_member(user_id)
    return Response(status_code=204)


@router.get("/projects", responses=answered_with(ProjectPage))
async def list_projects(state: State, caller: CallerDep) -> Response:
    """The project, or all of them, for operators. `GET /v1/session` tells a user's."""
    async with state.pool.connection() as connection:
        return _list(await accounts.list_projects(connection, None if caller.is_operator else [caller.project.id]))


@operator_router.post("/projects", status_code=201, openapi_extra=described(ProjectIn), responses=answered_with(Project, 201))
async def create_project(request: Request, state: State, caller: CallerDep) -> Response:
    """A new project, for operators; whoever makes it is its admin."""
    wanted = await json_body(request, ProjectIn)
    async with state.pool.connection() as connection:
        project = await accounts.create_project(connection, wanted.slug, wanted.changes(), caller.user_id)
    if caller.user_id is not None:
        state.authenticator.forget_member(caller.user_id)
    return _json(project, 201)


@router.patch("/projects/{slug}", openapi_extra=described(ProjectPatch), responses=answered_with(Project))
async def update_project(slug: str, request: Request, state: State, caller: CallerDep) -> Response:
    """What is present replaces, `null` goes back to the server's setting. Its limits are for operators to set."""
    if "\0" in slug or (slug != caller.project.slug and not caller.is_operator):
        raise no_project(slug)
    wanted = await json_body(request, ProjectPatch)
    if wanted.model_fields_set & {"events_per_second", "bytes_per_second"}:
        _operators_only(caller, "sets the limits of a project")
    async with state.pool.connection() as connection:
        project = await find_project(connection, slug)
        if project is None:
            raise no_project(slug)
        return _json(await accounts.change_project(connection, project.id, wanted.changes()))


def _operators_only(caller: Caller, what: str) -> None:
    if not caller.is_operator:
        raise Forbidden(f"Only an operator {what}.")


def _seen_in(caller: Caller) -> int | None:
    """The only project in which an admin sees anybody; None: all."""
    return None if caller.is_operator else caller.project.id


def _list(items: list[accounts.Row]) -> Response:
    return _json({"items": items, "nextCursor": None})


def _json(content: Any, status: int = 200) -> Response:
    return Response(to_json(content), status, NOT_KEPT, "application/json")
