"""Small JSON bodies of routes that are not on the hot path, and what OpenAPI says of them."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from api.body import read_body
from api.errors import details_of
from events.exceptions import InvalidRequest, MalformedBody, UnsupportedMedia

BODY_BYTES_MAX = 64 * 1024


class Body(BaseModel):
    """A body: camelCase, and nothing that is not named."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


_B = TypeVar("_B", bound=Body)


def described(model: type[Body]) -> dict[str, Any]:
    """For `openapi_extra`."""
    content = {"application/json": {"schema": schema_of(model)}}
    return {"requestBody": {"required": True, "content": content}}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON schema with its definitions in place: within OpenAPI a reference to `#/$defs` leads nowhere."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def in_place(part: Any) -> Any:
        if isinstance(part, list):
            return [in_place(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return in_place(definitions[part["$ref"].rpartition("/")[2]])
        return {name: in_place(value) for name, value in part.items()}

    inlined: dict[str, Any] = in_place(schema)
    return inlined


async def json_body(request: Request, model: type[_B]) -> _B:
    """The body, which has to say that it is JSON: a form of another site's cannot, without being asked whether it may.

    Raises:
        UnsupportedMedia: it says something else.
        MalformedBody: it is no JSON.
        InvalidRequest: it is not valid.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMedia("Send the body as application/json.")
    try:
        return model.model_validate_json(await read_body(request, BODY_BYTES_MAX))
    except ValidationError as error:
        if error.errors(include_input=False)[0]["type"] == "json_invalid":
            raise MalformedBody("The body is not JSON.") from None
        raise InvalidRequest(details=details_of(error)) from None
