"""The data directory: made, checked, and locked, so that only one stack uses it."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from cli import leftovers
from cli.errors import CommandError, disk_full, explain_os_error
from cli.state import State

MIB = 1024 * 1024
FREE_BYTES_NEW = 160 * MIB
"""A new database cluster, its write-ahead log, and room for the first events."""
FREE_BYTES_USED = 48 * MIB
LEFTOVERS_SECONDS = 45.0


def prepare(path: Path) -> Path:
    """Makes the directory if there is none; returns its absolute path.

    Raises:
        CommandError: it cannot be used, or its disk is full.
    """
    path = path.expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = path.resolve()
        list(path.iterdir())
        fresh = not (path / "postgres").exists()
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise CommandError(explain_os_error(error, path)) from error
    if free < (FREE_BYTES_NEW if fresh else FREE_BYTES_USED):
        raise CommandError(disk_full(path))
    return path


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Holds the directory's lock; gives its file descriptor.

    Every part of the stack inherits the descriptor, so the lock is free only when the last of them has ended: a new stack
    never meets a leftover of an older one that was killed.

    Raises:
        CommandError: another stack uses the directory.
    """
    file = path / "lock"
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CommandError(explain_os_error(error, path)) from error
    try:
        _take(descriptor, path)
        _sign(descriptor, path)
        yield descriptor
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether any part of a stack is alive on this directory."""
    try:
        descriptor = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _sign(descriptor: int, path: Path) -> None:
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except OSError as error:
        raise CommandError(explain_os_error(error, path)) from error


def _take(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + LEFTOVERS_SECONDS
    signalled = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode()
        else:
            return
        if owner.isdigit() and psutil.pid_exists(int(owner)):
            raise CommandError(
                f"AgentGuide is already running on {path} (pid {owner}): stop it first, or give --data-dir another directory."
            )
        if not signalled:
            signalled = True
            leftovers.end(State.read(path))
        if time.monotonic() > deadline:
            raise CommandError(
                f"Parts of an earlier AgentGuide do not end: end the processes that hold {path / 'lock'}, then start again."
            )
        time.sleep(0.05)
