"""Settings for a command: the environment's, with what the command line says instead."""

from typing import TYPE_CHECKING, Any

from cli.errors import CommandError

if TYPE_CHECKING:
    from events.settings import Settings


def load_settings(**given: Any) -> "Settings":
    """Options that are None were not given.

    Raises:
        CommandError: an option or a variable is not valid.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - here and below: `--help` is quick without it

    from events.settings import Settings  # noqa: PLC0415

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        reasons = [f"{_name(problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        raise CommandError(f"The settings are not valid: {'; '.join(reasons)}.") from None


def _name(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)).upper() or "all together"


def require_database(settings: "Settings") -> str:
    """The database's URL.

    Raises:
        CommandError: it is not set.
    """
    if settings.database_url is None:
        raise CommandError(_not_set("DATABASE_URL"))
    return settings.database_url.get_secret_value()


def joined(settings: "Settings") -> "Settings":
    """With the servers of the stack that runs on the data directory, if the settings name none and there is such a stack.

    Raises:
        CommandError: the stack is another user's.
    """
    from pydantic import SecretStr  # noqa: PLC0415

    from cli import status  # noqa: PLC0415

    if settings.database_url is not None or settings.redis_url is not None:
        return settings
    state = status.running(settings.data_dir)
    if state is None:
        return settings
    servers = {"database_url": SecretStr(state.database_url), "redis_url": SecretStr(state.redis_url)}
    return settings.model_copy(update={**servers, "shards": state.shards})


def require_servers(settings: "Settings") -> None:
    """Raises CommandError if a part that runs by itself is not told where its servers are."""
    require_database(settings)
    if settings.redis_url is None:
        raise CommandError(_not_set("REDIS_URL"))


def _not_set(variable: str) -> str:
    return f"{variable} is not set: set it, or use `agentguide up`, which brings servers of its own."
