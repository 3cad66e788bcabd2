"""A worker process: an RQ SimpleWorker on one queue. The work is long drains, so a process for each job would buy nothing."""

import logging
import os
import socket
from types import FrameType
from typing import Any
from uuid import uuid4

import redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from events import jobs
from events.connections import redis_connection
from events.memory import calm_collector
from events.settings import Settings
from worker.jobs import Context, bound_job_class

logger = logging.getLogger(__name__)

DEQUEUE_TIMEOUT_SECONDS = 30


class Worker(SimpleWorker):
    # A fresh event is to be seen within seconds of Redis' return; RQ would wait up to a minute.
    max_connection_wait_time = 1.0
    log_result_lifespan = False
    stop_requested = False
    context: Context

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


def run(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT.

    Raises:
        SystemExit: the worker ended for another reason; whoever watches it should start it again.
    """
    calm_collector()
    connection = redis_connection(settings)
    worker = make_worker(settings, connection)
    logger.info("worker %s waits for jobs", worker.name)
    options: dict[str, Any] = {"logging_level": "WARNING"}
    worker.work(**options)
    if not worker.stop_requested:
        raise SystemExit(1)
