"""Whether the data is complete and fresh, and what the pipeline does."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic_core import to_json
from redis.exceptions import RedisError

from api.access import ProjectId
from api.answers import answered_with
from api.answers import pipeline as answers
from api.filters import KnownParameters
from api.pages import json_response, rows
from api.routing import MetricsRoute, ReadRoute
from api.state import AppState, State
from api.survey import Queue, full_survey, survey
from db import queries
from events.exceptions import QueueUnavailable
from events.figures import ACCEPTED, BURIED, CUT, REDACTED, REJECTED, STORED, WINDOW_SECONDS
from events.figures_window import RATE_SECONDS, Bucket, Window, lag_percentiles, read_window
from events.settings import Settings
from events.workers import Worker

router = APIRouter(route_class=ReadRoute, prefix="/v1", tags=["pipeline"], dependencies=[KnownParameters])
figures_router = APIRouter(route_class=MetricsRoute, prefix="/v1", tags=["pipeline"], dependencies=[KnownParameters])


@router.get("/freshness", responses=answered_with(answers.Freshness))
async def get_freshness(state: State, project_id: ProjectId) -> Response:
    """Whether what was sent is in what one reads, as of the last second. Made to be asked every few seconds."""
    found = await survey(state)
    letters = await rows(state, queries.COUNT_KEPT_LETTERS, {"project_id": project_id})
    answer = {
        "state": found.state,
        "lagSeconds": found.lag_seconds,
        "backlogEvents": found.backlog_events,
        "figuresLagSeconds": found.figures_lag_seconds,
        "searchLagSeconds": found.search_lag_seconds,
        "deadLetters": letters[0][0],
        "checkedAt": found.checked_at,
    }
    return json_response(to_json(answer))


@figures_router.get("/pipeline", responses=answered_with(answers.Pipeline))
async def get_pipeline(state: State) -> Response:
    """What the whole server accepts, stores and refuses, what waits, and what its workers do; as of the last second."""
    found, queue = await full_survey(state)
    window = await state.momentary.get("window", lambda: _window(state))
    answer = {
        "checkedAt": found.checked_at,
        "windowSeconds": WINDOW_SECONDS,
        "rateSeconds": RATE_SECONDS,
        "acceptedPerSecond": round(window.rate(ACCEPTED), 3),
        "storedPerSecond": round(window.rate(STORED), 3),
        "lagMs": _lag(window.lags),
        "buckets": [_bucket(bucket) for bucket in window.buckets],
        "backlog": _backlog(queue, state.settings),
        "workers": [_worker(worker, worker.name in queue.lost) for worker in queue.workers],
        "refused": [{"code": code, "count": count} for code, count in window.refused.most_common()],
        "rejectedEvents": window.total(REJECTED),
        "payloadsCut": window.total(CUT),
        "redactions": window.total(REDACTED),
    }
    return json_response(to_json(answer))


async def _window(state: AppState) -> Window:
    try:
        return await read_window(state.redis)
    except (RedisError, OSError, TimeoutError):
        raise QueueUnavailable("The queue does not answer.", retry_after=1) from None


def _bucket(bucket: Bucket) -> dict[str, Any]:
    return {
        "start": datetime.fromtimestamp(bucket.start, UTC),
        "accepted": bucket.counts[ACCEPTED],
        "stored": bucket.counts[STORED],
        "deadLetters": bucket.counts[BURIED],
        "refused": bucket.refused.total(),
        "lagMs": _lag(lag_percentiles([bucket])),
    }


def _lag(values: list[float | None]) -> dict[str, float | None]:
    p50, p99 = values
    return {"p50": p50, "p99": p99}


def _backlog(queue: Queue, settings: Settings) -> dict[str, Any]:
    drains = {worker.job.shard: worker.name for worker in queue.workers if worker.job and worker.name not in queue.lost}
    return {
        "events": sum(shard.events for shard in queue.shards),
        "bytes": sum(shard.bytes for shard in queue.shards),
        "eventsMax": settings.backlog_high_events,
        "bytesMax": settings.backlog_high_bytes,
        "shards": [
            {
                "shard": shard.shard,
                "events": shard.events,
                "bytes": shard.bytes,
                "oldestSeconds": shard.oldest_seconds,
                "worker": drains.get(shard.shard),
            }
            for shard in queue.shards
        ],
    }


def _worker(worker: Worker, lost: bool) -> dict[str, Any]:
    job = worker.job
    return {
        "name": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "state": worker.state,
        "lost": lost,
        "job": {"name": job.name, "shard": job.shard, "startedAt": job.started_at} if job else None,
        "startedAt": worker.started_at,
        "lastSeenAt": worker.last_seen_at,
        "jobsDone": worker.jobs_done,
        "jobsFailed": worker.jobs_failed,
    }
