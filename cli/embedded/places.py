"""Where an embedded server's files and socket lie, and who may reach them."""

import hashlib
import importlib.util
import os
import re
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from cli.errors import CommandError, explain_os_error
from cli.process import Account

SOCKET_PATH_BYTES_MAX = 100
"""The kernel takes 104 to 108 bytes, by system."""
TEMPORARY_PREFIX = "agentguide-"
PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")


def package_dir(package: str) -> Path:
    """The folder of an installed package, found without importing it: an import of these has side effects.

    Raises:
        CommandError: it is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CommandError(f"The package {package} is not installed: run `make setup`, or name a server of your own.")
    return Path(spec.submodule_search_locations[0])


def socket_dir(wished: Path, file_name: str, account: Account) -> Path:
    """A directory for a server's socket that only its user (and root) can enter.

    A short and plain one among the temporary files, if the wished one is too long, or its name would have to be quoted:
    libpq takes a comma in it for the start of another host, quoted or not.

    Raises:
        CommandError: the short one exists and is somebody else's.
    """
    directory = wished
    if len(os.fsencode(wished / file_name)) > SOCKET_PATH_BYTES_MAX or not PLAIN_PATH.fullmatch(str(wished)):
        digest = hashlib.sha256(os.fsencode(wished)).hexdigest()[:12]
        directory = Path(tempfile.gettempdir()) / f"{TEMPORARY_PREFIX}{digest}"
    try:
        own_dir(directory, account)
    except OSError as error:
        raise CommandError(explain_os_error(error, directory)) from error
    return directory


def drop_temporary(directory: Path) -> None:
    """Removes a server's socket directory if it lies among the temporary files and the server has left nothing in it."""
    if directory.parent == Path(tempfile.gettempdir()) and directory.name.startswith(TEMPORARY_PREFIX):
        try:
            directory.rmdir()
        except OSError:
            return  # a server that was killed leaves its socket; the next one takes it over


def own_dir(directory: Path, account: Account) -> None:
    """Makes the directory if there is none, with mode 0700 and this owner.

    Raises:
        CommandError: it exists and is another user's, who could lay a socket of their own in it.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {account.uid, os.geteuid()}:
        raise CommandError(f"{directory} belongs to another user: run AgentGuide as that user, or mend the owner.")
    if found.st_uid != account.uid:
        os.chown(directory, account.uid, account.gid)
    directory.chmod(0o700)


def let_through(path: Path, say: Callable[[str], None]) -> None:
    """Lets other users pass through the directories above a path; needed where root runs a server as an ordinary user.

    Raises:
        CommandError: a directory bars the way and its mode cannot be changed.
    """
    barring = [parent for parent in path.parents if not parent.stat().st_mode & stat.S_IXOTH]
    for parent in reversed(barring):
        try:
            parent.chmod(stat.S_IMODE(parent.stat().st_mode) | stat.S_IXOTH)
        except OSError as error:
            raise CommandError(explain_os_error(error, parent)) from error
    if barring:
        names = ", ".join(map(str, reversed(barring)))
        say(f"Postgres does not run as root, and its user must pass through {names}: added o+x there")


def let_read(tree: Path) -> None:
    """Lets other users read and run a package's files; a strict umask at its installation had barred them."""
    for folder, _, files in os.walk(tree):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            mode = stat.S_IMODE(path.lstat().st_mode)
            if not path.is_symlink():
                path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
