"""Which API and which database a command talks to: those of the running stack, or those that it is told of."""

from dataclasses import dataclass
from pathlib import Path

from cli import network, status
from cli.errors import CommandError
from cli.options import load_settings


@dataclass(slots=True, frozen=True)
class Target:
    api_url: str
    database_url: str


def find(url: str | None, data_dir: Path | None) -> Target:
    """The stack that runs on the data directory; or the API at `url` (or where this machine's would be) and `DATABASE_URL`.

    Raises:
        CommandError: nothing says which database it is.
    """
    api_url = find_api(url, data_dir)
    state = status.running(load_settings(data_dir=data_dir).data_dir)
    if state is not None and url is None:
        # Its API writes to its own database, whatever the environment says.
        return Target(api_url, state.database_url)
    return Target(api_url, find_database(data_dir))


def find_api(url: str | None, data_dir: Path | None) -> str:
    """The API of the stack that runs on the data directory; or `url`, or where this machine's would be."""
    settings = load_settings(data_dir=data_dir)
    state = status.running(settings.data_dir)
    if state is not None and url is None:
        return state.api_url
    return url or network.base_url(settings.host, settings.port)


def find_database(data_dir: Path | None) -> str:
    """The URL in `DATABASE_URL`, or else the database of the stack that runs on the data directory.

    Raises:
        CommandError: there is neither.
    """
    settings = load_settings(data_dir=data_dir)
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    state = status.running(settings.data_dir)
    if state is None:
        raise CommandError(
            f"AgentGuide is not running on {settings.data_dir}, and DATABASE_URL is not set: start it with `agentguide up`, "
            "or give --data-dir."
        )
    return state.database_url


def find_servers(data_dir: Path | None) -> tuple[str, str | None, int]:
    """The database, the Redis that goes with it (None: nothing says which), and the number of shards.

    Raises:
        CommandError: nothing says which database it is.
    """
    database_url = find_database(data_dir)
    settings = load_settings(data_dir=data_dir)
    state = status.running(settings.data_dir)
    if state is not None and state.database_url == database_url:
        return database_url, state.redis_url, state.shards
    redis_url = None if settings.redis_url is None else settings.redis_url.get_secret_value()
    return database_url, redis_url, settings.shards
