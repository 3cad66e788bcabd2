"""Processes that an earlier life of the stack left behind: a killed Postgres' backends, the parts of a killed supervisor."""

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from cli.state import State

QUIET_SECONDS = 15.0
HARD_SECONDS = 5.0
POLL_SECONDS = 0.02


def end(state: State | None) -> None:
    """Asks the parts that a state file names to end, where they are still what it says they are."""
    for pid in state.all_pids() if state else ():
        try:
            process = psutil.Process(pid)
            name, arguments = process.name(), process.cmdline()
            if name == "postgres":
                process.send_signal(signal.SIGINT)
            elif name == "valkey-server" or "cli.main" in arguments:
                process.terminate()
        except psutil.Error:
            continue  # it has ended, or the pid is another user's by now


def servers_in(directory: Path, name: str) -> list[psutil.Process]:
    """Processes of this name that work in this directory, as each Postgres and Valkey process does in its data directory."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == name and process.cwd() == str(directory):
                found.append(process)
        except psutil.Error:
            continue  # it has ended meanwhile, or belongs to somebody else
    return found


async def wait_gone(directory: Path, name: str) -> None:
    """Waits until no such server is left, asking it to end, later demanding it.

    A server that starts beside the rest of an older one could damage the data of both.
    """
    began = time.monotonic()
    sent: set[tuple[int, signal.Signals]] = set()
    while processes := servers_in(directory, name):
        waited = time.monotonic() - began
        if waited > QUIET_SECONDS + HARD_SECONDS:
            _send(processes, signal.SIGKILL, sent)
        elif waited > QUIET_SECONDS:
            _send(processes, signal.SIGQUIT if name == "postgres" else signal.SIGKILL, sent)
        else:
            _send(processes, signal.SIGTERM, sent)
        await asyncio.sleep(POLL_SECONDS)


def _send(processes: Sequence[psutil.Process], number: signal.Signals, sent: set[tuple[int, signal.Signals]]) -> None:
    for process in processes:
        if (process.pid, number) in sent:
            continue
        sent.add((process.pid, number))
        try:
            process.send_signal(number)
        except psutil.Error:
            continue  # it has ended by itself, or is another user's
