"""Rate limits of ingest: for each project and each key, events and bytes a second, as token buckets in Redis that all API
processes share.

Requests that wait for tokens at the same time are asked for together, as the appends of `events/appender.py` are. While a
bucket is more than half full, a process also takes some tokens in advance and spends them without asking; once a bucket is
known to be empty until some moment, nobody is asked until then, either.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import redis.asyncio
from redis.exceptions import NoScriptError, RedisError

from db.access import ApiKey, Project
from events.exceptions import QueueUnavailable
from events.settings import Settings
from events.token_buckets import Bucket, Owner, Quota, Reservation, Unit

logger = logging.getLogger(__name__)

SCRIPT = files("events").joinpath("token_bucket.lua").read_text()
DEBT_SECONDS_MAX = 600
"""Nobody is refused for longer than this, whatever was sent and whatever Redis' clock did."""
HOLD_SECONDS = 1.0
HELD_MAX = 500
"""Requests of a process that wait for a late answer; more are refused at once."""
QUOTAS_MAX = 10_000
"""Callers that a process remembers."""
RETRY_AFTER_SECONDS = 1

_LIMITS: tuple[tuple[Owner, Unit], ...] = (("project", "events"), ("project", "bytes"), ("key", "events"), ("key", "bytes"))


@dataclass(slots=True, eq=False)
class _Request:
    quota: Quota
    events: int
    size: int
    passed: "asyncio.Future[None] | None"
    """None: it is over, and takes its tokens whatever is left."""


class RateLimiter:
    def __init__(self, connection: "redis.asyncio.Redis", settings: Settings) -> None:
        self._redis = connection
        self._settings = settings
        self._script = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
        self._quotas: dict[tuple[int, int | None], tuple[tuple[int, ...], Quota | None]] = {}
        self._buckets: dict[str, Bucket] = {}
        self._waiting: list[_Request] = []
        self._asking: asyncio.Task[None] | None = None
        self._held = 0

    def quota_of(self, project: Project, key: ApiKey | None) -> Quota | None:
        """None: there are no limits for this caller."""
        settings = self._settings
        limits = (
            _first(project.events_per_second, settings.project_events_per_second),
            _first(project.bytes_per_second, settings.project_bytes_per_second),
            _first(key.events_per_second, settings.key_events_per_second) if key else 0,
            _first(key.bytes_per_second, settings.key_bytes_per_second) if key else 0,
        )
        identity = (project.id, key.id if key else None)
        known = self._quotas.get(identity)
        if known is not None and known[0] == limits:
            return known[1]
        if len(self._quotas) >= QUOTAS_MAX:
            self._quotas.clear()
            self._buckets.clear()
        quota = self._new_quota(limits, *identity)
        self._quotas[identity] = limits, quota
        return quota

    async def reserve(self, quota: Quota) -> Reservation:
        """What a request will probably cost. Who comes again and again while there are no tokens has to wait for the answer.

        Raises:
            RateLimited: there are no tokens; before anything of the request is read.
        """
        reservation = quota.reserve()
        if reservation is None and self._held < HELD_MAX and not quota.may_refuse_promptly():
            self._held += 1
            try:
                await asyncio.sleep(HOLD_SECONDS)
            finally:
                self._held -= 1
            reservation = quota.reserve()
        if reservation is None:
            raise quota.refusal()
        return reservation

    async def take(self, quota: Quota, events: int, size: int) -> None:
        """Returns when the tokens of a request are taken.

        Raises:
            RateLimited: a bucket is empty.
            QueueUnavailable: Redis does not answer.
        """
        if quota.spend(events, size):
            return
        quota.check()
        passed = asyncio.get_running_loop().create_future()
        self._ask(_Request(quota, events, size, passed))
        await passed

    def charge(self, quota: Quota, events: int, size: int) -> None:
        """Takes tokens for a request that is answered already, without waiting for it."""
        if not quota.spend(events, size):
            self._ask(_Request(quota, events, size, None))

    async def close(self) -> None:
        if self._asking is not None:
            await self._asking

    def _new_quota(self, limits: tuple[int, ...], project_id: int, key_id: int | None) -> Quota | None:
        place = f"agentguide:{{limits-{project_id}}}"  # one hash tag for all that a call touches
        buckets = [
            self._bucket(f"{place}:{unit}" if of == "project" else f"{place}:key:{key_id}:{unit}", of, unit, rate)
            for (of, unit), rate in zip(_LIMITS, limits, strict=True)
            if rate
        ]
        return Quota(buckets) if buckets else None

    def _bucket(self, key: str, of: Owner, unit: Unit, rate: int) -> Bucket:
        known = self._buckets.get(key)
        if known is None or known.rate != rate:
            known = self._buckets[key] = Bucket(key, of, unit, rate, self._settings.limit_burst_seconds)
        return known

    def _ask(self, request: _Request) -> None:
        self._waiting.append(request)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all())

    async def _ask_all(self) -> None:
        """Asks for all that waits, and for all that came meanwhile, until nobody waits."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                try:
                    await self._ask_group(group)
                except (RedisError, OSError, TimeoutError) as error:
                    logger.warning("could not take the tokens of %d requests: %s", len(group), error)
                    _answer(group, _unavailable)
                except BaseException as error:
                    # Whatever it is, the requests must hear of it: a future left alone is a request that hangs.
                    _answer([*group, *self._waiting], _unavailable)
                    if not isinstance(error, Exception):
                        raise
                    logger.exception("could not take the tokens of %d requests", len(group))
        finally:
            self._asking = None

    async def _ask_group(self, group: Sequence[_Request]) -> None:
        by_quota: dict[Quota, list[_Request]] = {}
        for request in group:
            by_quota.setdefault(request.quota, []).append(request)
        wanted = {quota: [bucket.wanted() for bucket in quota.buckets] for quota in by_quota}
        try:
            answers = await self._execute(by_quota, wanted)
        except NoScriptError:  # a Redis that was started anew; nothing was taken
            await self._redis.script_load(SCRIPT)
            answers = await self._execute(by_quota, wanted)
        for (quota, requests), answer in zip(by_quota.items(), answers, strict=True):
            quota.learn(answer, wanted[quota])
            waiting = [request for request in requests if request.passed is not None]
            _answer(waiting[: answer[0]], lambda _: None)
            _answer(waiting[answer[0] :], lambda request: request.quota.refusal())

    async def _execute(self, by_quota: dict[Quota, list[_Request]], wanted: dict[Quota, list[int]]) -> list[list[int]]:
        pipeline = self._redis.pipeline(transaction=False)
        for quota, requests in by_quota.items():
            over = [request for request in requests if request.passed is None]
            arguments: list[str | int] = [self._settings.limit_burst_seconds, DEBT_SECONDS_MAX]
            arguments += (sum(request.events for request in over), sum(request.size for request in over))
            for bucket, advance in zip(quota.buckets, wanted[quota], strict=True):
                arguments += (bucket.rate, bucket.unit, advance)
            for request in requests:
                if request.passed is not None:
                    arguments += (request.events, request.size)
            keys = [bucket.key for bucket in quota.buckets]
            pipeline.evalsha(self._script, len(keys), *keys, *arguments)
        return await pipeline.execute()


def _answer(requests: Sequence[_Request], outcome: Callable[[_Request], Exception | None]) -> None:
    for request in requests:
        if request.passed is None or request.passed.done():  # it may have gone away
            continue
        if error := outcome(request):
            request.passed.set_exception(error)
        else:
            request.passed.set_result(None)


def _unavailable(_: _Request) -> Exception:
    return QueueUnavailable(retry_after=RETRY_AFTER_SECONDS)


def _first(own: int | None, default: int) -> int:
    return default if own is None else own
