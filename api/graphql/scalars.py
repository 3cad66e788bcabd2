"""Scalars: how values that GraphQL has no type for come in and go out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NewType
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from api.filters import in_range
from events.exceptions import InvalidQuery
from events.ids import is_run_id, is_step_id

BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)
"""A value, or JSON text as `msgspec.Raw`, which goes into the answer as it is."""
Uuid = NewType("Uuid", str)
"""With hyphens."""
StepId = NewType("StepId", str)
Moment = NewType("Moment", str)
"""RFC 3339, with an offset."""


def _out(value: Any) -> Any:
    return value


def _uuid(value: Any) -> str:
    if not isinstance(value, str) or not is_run_id(value):
        raise GraphQLError(f"{_short(value)} is not a UUID.")
    return str(UUID(value))


def _step_id(value: Any) -> str:
    if not isinstance(value, str) or not is_step_id(value):
        raise GraphQLError(f"{_short(value)} is not 16 hex digits.")
    return value.lower()


def _moment(value: Any) -> str:
    try:
        moment = in_range("it", datetime.fromisoformat(value))
    except (TypeError, ValueError):
        raise GraphQLError(f"{_short(value)} is not a time such as 2026-11-23T10:00:00Z.") from None
    except InvalidQuery as error:
        raise GraphQLError(error.message) from None
    assert moment is not None  # noqa: S101 - as what came in was not
    return moment.isoformat()


def _big_int(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise GraphQLError(f"{_short(value)} is not a whole number of 64 bits.")
    return value


def _short(value: Any) -> str:
    return repr(value)[:60]


SCALARS: Mapping[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt", description="A whole number of up to 64 bits, as a JSON number.", serialize=_out, parse_value=_big_int
    ),
    JSON: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=_out),
    Uuid: strawberry.scalar(
        name="UUID", description="With or without hyphens; out with them.", serialize=_out, parse_value=_uuid
    ),
    StepId: strawberry.scalar(name="StepId", description="16 hex digits.", serialize=_out, parse_value=_step_id),
    Moment: strawberry.scalar(
        name="DateTime",
        description="RFC 3339, such as 2026-11-23T10:00:00Z; one without an offset is UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_out,
        parse_value=_moment,
    ),
}
