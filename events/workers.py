"""The workers that RQ knows of, and what each of them does.

RQ keeps a set of the keys of a queue's workers, a hash for each, and beside it a set of what it executes (`job:execution`). A
job's hash has as `data` what is to be run, compressed: the function's name and its arguments, in JSON.
"""

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import redis.asyncio
from pydantic_core import from_json
from rq.defaults import RQ_KEY_PREFIX
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from events.jobs import DRAIN, QUEUE
from events.settings import JOB_TIMEOUT_SECONDS

IDLE_SILENCE_SECONDS = 10.0
"""An idle worker speaks every two seconds; one that has not for so long was killed."""
BUSY_SILENCE_SECONDS = JOB_TIMEOUT_SECONDS + 10.0
"""A busy one speaks when its job begins and when it ends."""
JOB_BYTES_MAX = 65536
STATES = ("idle", "busy", "suspended", "started")


@dataclass(slots=True, frozen=True)
class Job:
    name: str
    """The function's, without its module."""
    shard: int | None
    """Of a drain."""
    started_at: datetime | None


@dataclass(slots=True, frozen=True)
class Worker:
    name: str
    host: str
    pid: int
    state: str
    """One of STATES."""
    job: Job | None
    started_at: datetime | None
    last_seen_at: datetime | None
    jobs_done: int
    jobs_failed: int

    def is_lost(self, now: float) -> bool:
        """Whether it has been silent for longer than its work explains; `now` is in seconds since 1970."""
        if self.last_seen_at is None:
            return True
        allowed = BUSY_SILENCE_SECONDS if self.state == "busy" else IDLE_SILENCE_SECONDS
        return now - self.last_seen_at.timestamp() > allowed


async def list_workers(connection: "redis.asyncio.Redis") -> list[Worker]:
    """In order of their start.

    Raises:
        redis.RedisError, OSError, TimeoutError: Redis does not answer.
    """
    members = cast("set[bytes]", await connection.smembers(WORKERS_BY_QUEUE_KEY % QUEUE))
    keys = sorted(member.decode() for member in members)
    pipeline = connection.pipeline(transaction=False)
    for key in keys:
        pipeline.hgetall(key)
        pipeline.smembers(f"{key}:executions")
    found = await pipeline.execute() if keys else []
    hashes = {key: (found[2 * place], found[2 * place + 1]) for place, key in enumerate(keys)}
    # A hash goes away by itself some time after its worker; the set is cleaned later.
    alive = {key: value for key, value in hashes.items() if value[0] and b"death" not in value[0]}
    for _, executions in alive.values():
        pipeline.hmget(_job_key(executions), "data", "started_at")
    jobs = await pipeline.execute() if alive else []
    workers = [_worker(key, fields, job) for (key, (fields, _)), job in zip(alive.items(), jobs, strict=True)]
    return sorted(workers, key=lambda worker: (worker.started_at is None, worker.started_at, worker.name))


def _job_key(executions: set[bytes]) -> str:
    """Of the job that a worker runs; of none that there is, if it runs none. Ours run one at a time."""
    job_id = min(executions, default=b"").decode().rpartition(":")[0]
    return f"{RQ_KEY_PREFIX}:job:{job_id}"


def _worker(key: str, fields: dict[bytes, bytes], job: list[bytes | None]) -> Worker:
    texts = {name.decode(): value.decode(errors="replace") for name, value in fields.items()}
    state = texts.get("state", "started")
    return Worker(
        name=key.removeprefix(f"{RQ_KEY_PREFIX}:worker:"),
        host=texts.get("hostname", ""),
        pid=_integer(texts.get("pid")),
        state=state if state in STATES else "started",
        job=parse_job(job[0], job[1]) if job[0] is not None else None,
        started_at=_moment(texts.get("birth")),
        last_seen_at=_moment(texts.get("last_heartbeat")),
        jobs_done=_integer(texts.get("successful_job_count")),
        jobs_failed=_integer(texts.get("failed_job_count")),
    )


def parse_job(data: bytes, started_at: bytes | None) -> Job:
    """A job from its hash. What is none of ours is called `unknown`: whatever was put on the queue, the others are shown."""
    function, arguments = "unknown", list[Any]()
    try:
        call = from_json(zlib.decompressobj().decompress(data, JOB_BYTES_MAX))
        if isinstance(call, list) and len(call) == 4 and isinstance(call[0], str) and isinstance(call[2], list):
            function, arguments = call[0], call[2]
    except (zlib.error, ValueError):
        pass  # not written by us
    shard = arguments[0] if function == DRAIN and arguments and type(arguments[0]) is int else None
    return Job(function.rpartition(".")[2], shard, _moment((started_at or b"").decode(errors="replace")))


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _integer(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
