"""What `/metrics` says: of this process, or of all API processes of a stack, where they have a place to count in together."""

import os
import struct
import time

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from events.instrumentation import DEAD_LETTERS

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's own: it is read when that is imported, so no setting of ours can take its place."""

TRIES_MAX = 3
TRY_AGAIN_SECONDS = 0.005


def exposition() -> bytes:
    """In Prometheus' text format."""
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if not directory:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    registry.register(DEAD_LETTERS)
    for _ in range(TRIES_MAX - 1):
        try:
            return generate_latest(registry)
        except (struct.error, FileNotFoundError):
            time.sleep(TRY_AGAIN_SECONDS)  # a process makes its file just now, or that of a dead one goes
    return generate_latest(registry)
