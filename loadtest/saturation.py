"""What was used up first: CPU by part, and what the workers' transactions waited for in Postgres."""

import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from loadtest import database

SAMPLE_SECONDS = 0.02
END_SECONDS_MAX = 10.0
FULL_SHARE = 0.85
"""From here on a CPU, or all of them, counts as used up: the rest is lost between processes."""
TURNS_SHARE = 0.75
"""From here on a worker and its session of Postgres are seen to take turns all the time, without a pause."""
WAIT_SHARE = 0.1
"""From here on a wait is worth a word."""

COMPUTING = "Postgres computes"
WORKER_COMPUTES = "the worker computes"
"""Postgres waits for what the worker sends next."""
CLIENT_READ = "Client:ClientRead"
GENERATOR = "load generator"
OTHERS = "others"

_KINDS = {"ingest-api": "API", "read-api": "API", "worker": "workers", "postgres": "Postgres", "valkey": "Valkey"}


@dataclass(slots=True, frozen=True)
class Usage:
    """Of one measure."""

    seconds: float
    cpus: int
    cpu_seconds: Mapping[str, float]
    """By part, as `loadtest.stack` names them, and GENERATOR."""
    waits: Mapping[str, float]
    """By what they wait for: transactions of workers at any time, in the mean."""

    @property
    def cpus_used(self) -> float:
        return sum(self.cpu_seconds.values()) / self.seconds

    def by_kind(self) -> dict[str, float]:
        """CPUs in use by the kind of a part, the most first."""
        found: Counter[str] = Counter()
        for part, seconds in self.cpu_seconds.items():
            found[kind_of(part)] += seconds / self.seconds  # type: ignore[assignment]  # a Counter counts fractions, too
        return dict(found.most_common())

    def verdict(self) -> str:
        """What is used up first, in words and figures."""
        shares = ", ".join(f"{kind} {used:.2f}" for kind, used in self.by_kind().items() if used >= 0.05)
        if self.cpus_used >= FULL_SHARE * self.cpus:
            return f"the machine's CPUs, {self.cpus_used:.2f} of {self.cpus} in use: {shares}"
        part, seconds = max(self._single_threads().items(), key=lambda item: item[1], default=("", 0.0))
        if seconds >= FULL_SHARE * self.seconds:
            return f"the one CPU that {part} can use, {seconds / self.seconds:.2f} of 1; of the machine: {shares}"
        return f"no CPU, {self.cpus_used:.2f} of {self.cpus} in use: {shares}; {self._without_cpu()}"

    def _without_cpu(self) -> str:
        """What holds the workers up, as it is no CPU."""
        workers = sum(kind_of(part) == "workers" for part in self.cpu_seconds)
        waits = dict(self.waits)
        turns = waits.pop(WORKER_COMPUTES, 0.0), waits.pop(COMPUTING, 0.0)
        wait, count = max(waits.items(), key=lambda item: item[1], default=("", 0.0))
        if count >= WAIT_SHARE * workers and wait:
            return f"of {workers} workers, {count:.2f} wait for {wait} at any time"
        if workers and sum(turns) >= TURNS_SHARE * workers:
            computing = f"{turns[0]:.2f} and {turns[1]:.2f} of {workers} compute"
            return f"a worker and its session of Postgres take turns: {computing} at any time"
        return "the stages wait for each other"

    def _single_threads(self) -> dict[str, float]:
        """Parts that can use one CPU and no more: Python, and Valkey's commands."""
        return {part: used for part, used in self.cpu_seconds.items() if part != OTHERS and kind_of(part) != "Postgres"}


def kind_of(part: str) -> str:
    """Of `worker-2`: `workers`; of a part that is alone: its own name."""
    return next((kind for name, kind in _KINDS.items() if part.startswith(name)), part)


def own_cpu_seconds() -> float:
    """Of this process, which sends the load."""
    times = os.times()
    return times.user + times.system


class Waits:
    """Looks many times a second at what the transactions of workers wait for, from `with` until its end."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._found: Counter[str] = Counter()
        self._samples = 0
        self._error: Exception | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waits", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join(END_SECONDS_MAX)
        if kind is None and self._error is not None:
            raise self._error

    def means(self) -> dict[str, float]:
        """Transactions by what they wait for, the most first."""
        return {_told(wait): count / max(1, self._samples) for wait, count in self._found.most_common()}

    def _run(self) -> None:
        try:
            with database.connected(self._database_url) as connection:
                while not self._ending.wait(SAMPLE_SECONDS):
                    self._found.update(database.worker_sessions(connection))
                    self._samples += 1
        except Exception as error:  # noqa: BLE001 - raised where the measure ends
            self._error = error


def _told(wait: str) -> str:
    return {"": COMPUTING, CLIENT_READ: WORKER_COMPUTES}.get(wait, wait)
