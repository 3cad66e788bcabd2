"""A worker's drain without the worker: `python -m loadtest.drainer SHARD` drains one shard each time it is told to.

It says `ready` when it is warm. For each line on stdin it drains until the stream is empty, and prints the seconds, its own CPU
seconds and the events as JSON. A process of its own, so that it has what a worker has: its own interpreter, and a heap without
the load in it.
"""

import json
import sys
import time

from events.connections import redis_connection
from events.memory import calm_collector
from events.settings import Settings
from events.stream import ShardStream
from worker.drain import Drain
from worker.jobs import Context


def main() -> None:
    """Takes DATABASE_URL and REDIS_URL from the environment."""
    calm_collector()  # as a worker does
    shard = int(sys.argv[1])
    settings = Settings(_env_file=None)
    connection = redis_connection(settings)
    stream = ShardStream(connection, shard)
    drain = Context(settings, connection).drain_of(shard)
    drain.step()  # connects and prepares the session, on a stream that is empty still
    print("ready", flush=True)
    while sys.stdin.readline():
        print(json.dumps(empty(stream, drain)), flush=True)
    drain.close()


def empty(stream: ShardStream, drain: Drain) -> dict[str, float]:
    """What it took to drain all there is."""
    stored = drain.stored_events
    cpu_began, began = time.process_time(), time.perf_counter()
    while not stream.is_empty():
        drain.step()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    return {"seconds": seconds, "cpuSeconds": cpu_seconds, "events": drain.stored_events - stored}


if __name__ == "__main__":
    main()
