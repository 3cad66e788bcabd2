"""Where the API processes of a stack count together, so that `/metrics` of any of them tells of all.

prometheus_client keeps a process' counts in files mapped into memory, if a variable names a directory for them. They must not
lie on a disk that can be full: a process that touches a page for which there is no room is killed.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from cli.embedded.places import TEMPORARY_PREFIX, own_dir
from cli.errors import CommandError, explain_os_error
from cli.process import Account

MEMORY = Path("/dev/shm")  # noqa: S108 - the directory is ours alone, as own_dir sees to
DEAD_MAX = 64
"""Dead processes whose counts are kept. They are part of the sums, which must not fall; but one that dies at each start, for
days, must not fill the memory either."""


class SharedCounts:
    def __init__(self, data_dir: Path) -> None:
        digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
        above = MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())
        self._directory = above / f"{TEMPORARY_PREFIX}counts-{digest}"
        self._prepared = False

    @property
    def environment(self) -> Mapping[str, str]:
        """What an API process needs."""
        return {"PROMETHEUS_MULTIPROC_DIR": str(self._directory)}

    def prepare(self) -> None:
        """Makes the directory, empty.

        Raises:
            CommandError: it cannot be made, or somebody else's stands there.
        """
        try:
            own_dir(self._directory, Account(os.geteuid(), os.getegid()))
            self._empty()
            self._prepared = True
        except OSError as error:
            raise CommandError(explain_os_error(error, self._directory)) from error

    async def tidy(self) -> None:
        """Forgets what dead processes said of their present, and the oldest of what they counted."""
        dead = [file for file in self._directory.glob("*.db") if not psutil.pid_exists(_pid(file))]
        counts = sorted((file for file in dead if file.name.startswith("counter_")), key=lambda file: file.stat().st_mtime)
        for file in (*(file for file in dead if file.name.startswith("gauge_")), *counts[:-DEAD_MAX]):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """At the end of all API processes."""
        if not self._prepared:
            return  # it is not ours
        try:
            self._empty()
            self._directory.rmdir()
        except OSError:
            return  # the next start on this data directory takes it over

    def _empty(self) -> None:
        for file in self._directory.iterdir():
            file.unlink()


def _pid(file: Path) -> int:
    """Of the process whose counts stand in a file."""
    return int(file.stem.rpartition("_")[2])
