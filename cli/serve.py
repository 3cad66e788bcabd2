"""The parts of the stack, each in a process of its own: what `agentguide up` and containers start."""

import logging
import resource
import socket
import sys
from typing import TYPE_CHECKING

from cli.contradictions import check_settings
from cli.errors import CommandError
from cli.gate import wait_at
from cli.network import BACKLOG, check_reach, join, listen
from cli.options import require_database, require_servers

if TYPE_CHECKING:
    from events.settings import Settings

logger = logging.getLogger(__name__)

GRACEFUL_SECONDS = 8
"""What open requests are given when the API ends; the supervisor gives it two seconds more."""


def api(settings: "Settings", which: str, descriptor: int | None, gate: int | None, *, shared: bool = False) -> None:
    """Serves until SIGTERM.

    `which` is `api`, `ingest-api` or `read-api`; `descriptor` is an inherited listening socket; at `gate` it waits first.
    `shared`: other processes serve at the same address.
    """
    from api import app  # noqa: PLC0415 - here and below: each command imports only its own part, and `--help` none
    from api.server import Server, descriptors_needed  # noqa: PLC0415
    from cli import preflight  # noqa: PLC0415
    from events.memory import calm_collector  # noqa: PLC0415

    check_reach(settings.host, require_auth=settings.require_auth)
    calm_collector()
    _begin(settings, gate)
    guard = preflight.Guard(settings)
    make = {"api": app.create_app, "ingest-api": app.create_ingest_app, "read-api": app.create_read_app}[which]
    server_socket = _socket(settings, descriptor, shared=shared)
    served = make(settings)
    _raise_descriptors(descriptors_needed(settings))
    server = Server(
        served,
        settings,
        loop="uvloop",
        lifespan="on",
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    logger.info("%s listens on %s port %d", which, *server_socket.getsockname()[:2])
    guard.watch(lambda: setattr(server, "should_exit", True))
    server.run(sockets=[server_socket])
    guard.raise_refusal()
    if not server.started:
        raise CommandError(f"The {which} could not start; see its log above.")


def _socket(settings: "Settings", descriptor: int | None, *, shared: bool) -> socket.socket:
    if descriptor is not None:
        return socket.socket(fileno=descriptor)
    return (join if shared else listen)(settings.host, settings.port)


def worker(settings: "Settings", gate: int | None) -> None:
    """Works until SIGTERM."""
    from worker import main  # noqa: PLC0415

    _begin_to_write(settings, gate)
    main.run(settings)


def scheduler(settings: "Settings", gate: int | None) -> None:
    """Runs until SIGTERM."""
    from worker import scheduler  # noqa: PLC0415

    _begin_to_write(settings, gate)
    scheduler.run(settings)


def migrate(settings: "Settings", gate: int | None) -> None:
    """Raises CommandError if the database does not answer, or must not be migrated."""
    import psycopg  # noqa: PLC0415

    from cli import first_admin, preflight  # noqa: PLC0415
    from db.migrate import migrate  # noqa: PLC0415

    log_to_stderr(settings.log_level)
    database_url = require_database(settings)
    wait_at(gate)
    preflight.wait_for(lambda: preflight.check_database(settings, writes=True, migrates=True), preflight.WAIT_SECONDS)
    try:
        migrate(database_url, partitions_ahead_days=settings.partitions_ahead_days)
        first_admin.ensure(database_url, settings)
    except psycopg.OperationalError as error:
        raise CommandError(f"The database cannot be migrated: {str(error).strip()}") from error


def log_to_stderr(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)


def _raise_descriptors(needed: int) -> None:
    """Lets this process have as many open files as it needs, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        granted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
        if granted < needed:
            logger.warning("AGENTGUIDE_CONNECTIONS_MAX needs %d open files, and the system allows %d", needed, granted)


def _begin(settings: "Settings", gate: int | None) -> None:
    require_servers(settings)
    check_settings(settings)
    log_to_stderr(settings.log_level)
    wait_at(gate)


def _begin_to_write(settings: "Settings", gate: int | None) -> None:
    from cli import preflight  # noqa: PLC0415

    _begin(settings, gate)
    _log_settings(settings)
    preflight.wait_for(lambda: preflight.check_servers(settings, writes=True))


def _log_settings(settings: "Settings") -> None:
    given = {name: value for name, value in settings.masked().items() if name in settings.model_fields_set}
    logger.info("settings that were given: %s", given)
