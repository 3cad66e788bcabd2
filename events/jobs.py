"""RQ as the control plane: the queue, the names of the jobs, and the bell that asks for a drain.

A job only says which function to run with which small arguments, in JSON. Workers run the functions on their list, no others.
"""

import logging
from typing import Any

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from events.settings import JOB_TIMEOUT_SECONDS
from events.stream import bell_key

logger = logging.getLogger(__name__)

QUEUE = "agentguide"
DRAIN = "worker.jobs.drain"
SIMULATE = "worker.jobs.simulate"
ENSURE_PARTITIONS = "worker.jobs.ensure_partitions"
TIDY = "worker.jobs.tidy"
PLAN_RETENTION = "worker.jobs.plan_retention"
REMOVE = "worker.jobs.remove"
REPLAY = "worker.jobs.replay"
CLOSE_STALE = "worker.jobs.close_stale"

REMOVAL_KEY = "agentguide:removal"
"""While it lives nobody asks for a removal: one waits or runs, or the next is not due."""

STALE_KEY = "agentguide:stale"
"""The same for runs that are to be closed because they are silent."""


def queue(connection: "redis.Redis", **options: Any) -> Queue:
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer, **options)


def enqueue(connection: "redis.Redis", function: str, *arguments: Any) -> None:
    queue(connection).enqueue_call(
        function, args=arguments, timeout=JOB_TIMEOUT_SECONDS, result_ttl=0, failure_ttl=3600, description=function
    )


def ring(connection: "redis.Redis", shard: int) -> None:
    """Enqueues a drain. The caller has taken the shard's bell; if this fails the bell is let go, so that another can try.

    Raises:
        redis.RedisError: the queue does not answer. The sweep will ring.
    """
    try:
        enqueue(connection, DRAIN, shard)
    except redis.RedisError:
        logger.warning("shard %d: could not enqueue a drain; the sweep will", shard)
        connection.delete(bell_key(shard))
        raise
