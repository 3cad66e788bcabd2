"""Who asks, and what they may: every route says which scope it needs, and every request has a caller before it is served."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, cast

from fastapi import Depends, Request

from api.browser_sessions import Session
from db.access import ApiKey, Project


class Scope(StrEnum):
    INGEST = "ingest"
    READ = "read"
    EDIT = "edit"
    """To change what is stored: replay or discard a dead letter, for instance. No scope of keys; admin keys have it."""
    ADMIN = "admin"
    METRICS = "metrics"
    """The figures of the server itself, which are of all projects."""
    OPERATE = "operate"
    """To make projects and users. No scope of keys."""


EVERYTHING = frozenset(Scope)
WITHIN_PROJECT = EVERYTHING - {Scope.METRICS, Scope.OPERATE}
OF_ROLE = {
    "viewer": frozenset({Scope.READ}),
    "editor": frozenset({Scope.READ, Scope.INGEST, Scope.EDIT}),
    "admin": WITHIN_PROJECT,
}


@dataclass(slots=True, frozen=True)
class Caller:
    """Who asks, for one project."""

    project: Project
    scopes: frozenset[Scope]
    key: ApiKey | None = None
    """None: a person with a browser, or somebody on this machine who needs no key."""
    user_id: int | None = None
    session: Session | None = None

    @property
    def is_operator(self) -> bool:
        return Scope.OPERATE in self.scopes

    @property
    def name(self) -> str:
        """For the record of who did what."""
        if self.key is not None:
            return f"key {self.key.id}"
        return "anonymous" if self.user_id is None else f"user {self.user_id}"


CALLER = "agentguide.caller"
"""Where a request's caller stands in its ASGI scope."""


def caller_of(request: Request) -> Caller:
    """Raises KeyError on a route that no scope was declared for: it fails closed."""
    return cast("Caller", request.scope[CALLER])


def project_id_of(request: Request) -> int:
    return caller_of(request).project.id


async def _caller(request: Request) -> Caller:
    return caller_of(request)


async def _project_id(request: Request) -> int:
    return project_id_of(request)


CallerDep = Annotated[Caller, Depends(_caller)]
ProjectId = Annotated[int, Depends(_project_id)]
