"""What routes answer, for the OpenAPI document: a model of each JSON answer, by topic.

No answer is made of these models, or checked against them on its way: most are text that Postgres built. That they tell the
truth is for the tests to say. A field that a real answer lacks, or bears and a model does not name, is a mistake in the model.
"""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_Item = TypeVar("_Item")

Responses = dict[int | str, dict[str, Any]]


def _drop_titles(schema: dict[str, Any]) -> None:
    """Of fields: pydantic makes them of the names, and says no more."""
    for described in schema["properties"].values():
        described.pop("title", None)


class Answer(BaseModel):
    """An object of an answer. Fields have no defaults: what is always there and may be null is `X | None`, what may be lacking
    is `may_lack()`."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, serialize_by_alias=True, json_schema_extra=_drop_titles
    )


class Page(Answer, Generic[_Item]):
    """A page of a list."""

    items: list[_Item]
    next_cursor: str | None = Field(description="`cursor` of the next page; `null` at the end.")


def may_lack(**options: Any) -> Any:
    """For a field that is not always there. The schema names no default, as nobody puts one in its place."""
    return Field(default_factory=_nothing, **options)


def _nothing() -> None:
    return None


def answered_with(model: type[Answer], status: int = 200) -> Responses:
    """For a route's `responses`: what the JSON of its answer is."""
    return {status: {"model": model}}
