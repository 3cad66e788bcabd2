"""A worker process: an RQ SimpleWorker on one queue. The work is long drains, so a process for each job would buy nothing."""

import logging
import os
import socket
import time
from types import FrameType
from typing import Any
from uuid import uuid4

import redis
from redis.exceptions import OutOfMemoryError
from rq import SimpleWorker, worker_registration
from rq.serializers import JSONSerializer

from events import jobs
from events.connections import WAIT_SECONDS, redis_connection
from events.figures_writing import Writer
from events.memory import calm_collector
from events.settings import Settings
from worker.drain import Outcome
from worker.jobs import Context, bound_job_class
from worker.scheduler import known_shards
from worker.turn import TRANSIENT

logger = logging.getLogger(__name__)

FULL_PAUSE_SECONDS = 0.2
DEQUEUE_TIMEOUT_SECONDS = 2
"""How long a worker waits for a job before it asks anew. Short, as a connection that has silently died is noticed after it."""


class Worker(SimpleWorker):
    # A fresh event is to be seen within seconds of Redis' return; RQ would wait up to a minute.
    max_connection_wait_time = 1.0
    log_result_lifespan = False
    stop_requested = False
    context: Context

    @property
    def connection_timeout(self) -> int:
        """RQ would set a longer one for the connection that the worker shares with its jobs."""
        return WAIT_SECONDS

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Tells who it is, too, if Redis has forgotten: it was emptied, or everything slept for longer than it remembers."""
        super().heartbeat(timeout, pipeline)
        if pipeline is None and not self.connection.hexists(self.key, "birth"):
            self.connection.hset(self.key, mapping=self.serialize())
            worker_registration.register(self)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Ends after the batch in hand: `stop_requested` first, as telling Redis may fail."""
        self.stop_requested = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def teardown(self) -> None:
        self.context.close()
        super().teardown()  # type: ignore[no-untyped-call]


def make_worker(settings: Settings, connection: "redis.Redis") -> Worker:
    context = Context(settings, connection)
    job_class = bound_job_class(context)
    worker = Worker(
        [jobs.queue(connection, job_class=job_class)],
        name=f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}",
        connection=connection,
        job_class=job_class,
        serializer=JSONSerializer,
        log_job_description=False,
        worker_ttl=DEQUEUE_TIMEOUT_SECONDS + 15,
    )
    worker.context = context
    context.stopping = lambda: worker.stop_requested
    return worker


def is_full(connection: "redis.Redis") -> bool:
    """Whether memory is full: then RQ cannot even register a worker."""
    try:
        connection.set("agentguide:room", 1, px=1000)
    except OutOfMemoryError:
        return True
    return False


def drain_all(context: Context) -> None:
    """Drains what waits without any job, which makes room."""
    logger.warning("the queue's memory is full: draining without jobs")
    for shard in known_shards(context.redis, context.settings.shards):
        drain = context.drain_of(shard)
        try:
            while not context.stopping() and drain.step() in (Outcome.FULL, Outcome.STORED):
                pass
        except TRANSIENT as error:
            logger.warning("shard %d: trying again: %s", shard, error)


def run(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT.

    Raises:
        SystemExit: the worker ended for another reason; whoever watches it should start it again.
    """
    calm_collector()
    connection = redis_connection(settings)
    worker = make_worker(settings, connection)
    writer = Writer(redis_connection(settings), worker.context.figures)
    writer.start()
    try:
        _work(worker)
    finally:
        writer.close()
    if not worker.stop_requested:
        raise SystemExit(1)


def _work(worker: Worker) -> None:
    connection = worker.context.redis
    while is_full(connection) and not worker.stop_requested:
        drain_all(worker.context)
        time.sleep(FULL_PAUSE_SECONDS)
    logger.info("worker %s waits for jobs", worker.name)
    options: dict[str, Any] = {"logging_level": "WARNING"}
    worker.work(**options)
