"""The parts of the stack, each in a process of its own: what `agentguide up` and containers start."""

import logging
import socket
import sys
from typing import TYPE_CHECKING

from cli.errors import CommandError
from cli.gate import wait_at
from cli.network import BACKLOG, listen
from cli.options import require_database, require_servers

if TYPE_CHECKING:
    from events.settings import Settings

logger = logging.getLogger(__name__)

GRACEFUL_SECONDS = 8
"""What open requests are given when the API ends; the supervisor gives it two seconds more."""


def api(settings: "Settings", which: str, descriptor: int | None, gate: int | None) -> None:
    """Serves until SIGTERM.

    `which` is `api`, `ingest-api` or `read-api`; `descriptor` is an inherited listening socket; at `gate` it waits first.
    """
    import uvicorn  # noqa: PLC0415 - here and below: each command imports only its own part, and `--help` none

    from api import app  # noqa: PLC0415
    from api.server import Server  # noqa: PLC0415
    from events.memory import calm_collector  # noqa: PLC0415

    calm_collector()
    _begin(settings, gate)
    make = {"api": app.create_app, "ingest-api": app.create_ingest_app, "read-api": app.create_read_app}[which]
    server_socket = socket.socket(fileno=descriptor) if descriptor is not None else listen(settings.host, settings.port)
    served = make(settings)
    config = uvicorn.Config(
        served,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    logger.info("%s listens on %s port %d", which, *server_socket.getsockname()[:2])
    server = Server(config, served)
    server.run(sockets=[server_socket])
    if not server.started:
        raise CommandError(f"The {which} could not start; see its log above.")


def worker(settings: "Settings", gate: int | None) -> None:
    """Works until SIGTERM."""
    from worker import main  # noqa: PLC0415

    _begin(settings, gate)
    _log_settings(settings)
    main.run(settings)


def scheduler(settings: "Settings", gate: int | None) -> None:
    """Runs until SIGTERM."""
    from worker import scheduler  # noqa: PLC0415

    _begin(settings, gate)
    _log_settings(settings)
    scheduler.run(settings)


def migrate(settings: "Settings", gate: int | None) -> None:
    """Raises CommandError if the database does not answer."""
    import psycopg  # noqa: PLC0415

    from db.migrate import migrate  # noqa: PLC0415

    log_to_stderr(settings.log_level)
    database_url = require_database(settings)
    wait_at(gate)
    try:
        migrate(database_url, partitions_ahead_days=settings.partitions_ahead_days)
    except psycopg.OperationalError as error:
        raise CommandError(f"The database cannot be migrated: {str(error).strip()}") from error


def log_to_stderr(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)


def _begin(settings: "Settings", gate: int | None) -> None:
    require_servers(settings)
    log_to_stderr(settings.log_level)
    wait_at(gate)


def _log_settings(settings: "Settings") -> None:
    given = {name: value for name, value in settings.masked().items() if name in settings.model_fields_set}
    logger.info("settings that were given: %s", given)
