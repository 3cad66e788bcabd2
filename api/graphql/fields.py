"""Fields: how they find their values, and how they are described."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import strawberry

Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def described(description: str) -> Callable[[Resolver], Resolver]:
    """`strawberry.field` with a description, and with a type."""
    return cast("Callable[[Resolver], Resolver]", strawberry.field(description=description))


@cache
def camel(name: str) -> str:
    """The JSON name of a field. A trailing underscore keeps `from_` apart from Python's word."""
    first, *others = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in others)


def field_value(source: Any, name: str) -> Any:
    """Of an object by its attribute, of what is JSON already by its key."""
    return source[camel(name)] if type(source) is dict else getattr(source, name)
