"""Values of filters."""

from pydantic import Field

from api.answers import Answer


class Values(Answer):
    """Those that begin as asked for."""

    items: list[str] = Field(description="In alphabetical order.")
