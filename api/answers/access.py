"""Who is signed in, keys, users and projects."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.accounts import Role
from api.answers import Answer, Page, may_lack
from events.secret_patterns import PatternGroup


class SignedInUser(Answer):
    """Oneself."""

    id: int
    email: str
    name: str
    is_operator: bool


class OwnProject(Answer):
    """A project in which one may look."""

    id: int
    slug: str
    name: str
    role: Role | None = Field(description="`null`: as an operator, or where nobody needs a role.")


class BrowserSession(Answer):
    """Who is signed in, which is `null` where nobody has to be."""

    user: SignedInUser | None
    projects: list[OwnProject]
    csrf_token: str | None
    expires_at: datetime | None = Field(description="Unless it is used before.")
    ends_at: datetime | None
    auth_required: bool
    ingest_url: str | None = Field(description="Where agents send to; `null`: where this came from.")


class Key(Answer):
    """An API key, without its text."""

    id: int
    prefix: str
    name: str
    scopes: list[Literal["ingest", "read", "admin", "metrics"]]
    events_per_second: int | None
    bytes_per_second: int | None
    created_at: datetime
    created_by: int | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewKey(Key):
    """The same with its text, this once."""

    key: str


class KeyPage(Page[Key]):
    """All keys, the latest first."""


class Membership(Answer):
    """A user's role in a project."""

    project: str
    role: Role


class User(Answer):
    """A user, with the roles that one may see."""

    id: int
    email: str
    name: str
    is_operator: bool
    is_disabled: bool
    has_password: bool
    created_at: datetime
    roles: list[Membership]


class UserPage(Page[User]):
    """All users that one may see."""


class Redaction(Answer):
    """What a project wants of redaction; what is lacking is as by default."""

    enabled: bool = may_lack()
    keys: list[str] = may_lack()
    allow: list[str] = may_lack()
    patterns: dict[PatternGroup, bool] = may_lack()


class Project(Answer):
    """A project with its settings; `null` is what the server's settings say."""

    id: int
    slug: str
    name: str
    retention_days: int | None
    stale_after_seconds: int | None
    events_per_second: int | None
    bytes_per_second: int | None
    redaction: Redaction
    created_at: datetime


class ProjectPage(Page[Project]):
    """All projects that one may see."""
