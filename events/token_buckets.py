"""What one process knows of the token buckets in Redis: what was left, what it may spend without asking, and until when one is
empty."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from events.exceptions import RateLimited
from events.instrumentation import REQUESTS_LIMITED

ADVANCE_SECONDS = 0.05
"""Of tokens that a process takes in advance."""
TYPICAL_OF = 8
"""Requests whose mean cost is what the next one will probably cost."""
PROMPT_REFUSALS_A_SECOND = 10
"""Of a caller. Who does not heed them is answered late: that many connections cannot ask much more often."""

Owner = Literal["project", "key"]
Unit = Literal["events", "bytes"]
# Source: draft-ietf-httpapi-ratelimit-headers-11. Its registry has no word for events, and `requests` would be untrue.
_QUOTA_UNIT: dict[Unit, str] = {"events": "events", "bytes": "content-bytes"}


@dataclass(slots=True, eq=False)
class Bucket:
    """What this process knows of a bucket. Times are of the monotonic clock."""

    key: str
    of: Owner
    unit: Unit
    rate: int
    """Tokens a second."""
    burst_seconds: int
    policy: str = field(init=False)
    """As `RateLimit-Policy` has it."""
    advance: float = 0.0
    """Tokens that were taken and are not spent."""
    tokens: float = 0.0
    """What was left in it when Redis was asked."""
    asked_at: float = 0.0
    empty_until: float = 0.0
    typical: float = 1.0
    """What requests cost lately, in the mean."""
    reserved: float = 0.0
    """For requests that are being read: what they will probably cost."""

    def __post_init__(self) -> None:
        quota = f"q={self.rate * self.burst_seconds};w={self.burst_seconds}"
        self.policy = f'"{self.of}-{self.unit}";{quota};qu="{_QUOTA_UNIT[self.unit]}"'

    def cost(self, events: int, size: int) -> int:
        return events if self.unit == "events" else size

    def wanted(self) -> int:
        """Tokens to take in advance, so that there are those of ADVANCE_SECONDS."""
        return int(max(0.0, self.rate * ADVANCE_SECONDS - self.advance))

    def left(self, now: float) -> float:
        """Tokens that are there, if no other process took any since."""
        return min(self.rate * self.burst_seconds, self.tokens + self.rate * (now - self.asked_at)) + self.advance

    def is_spoken_for(self, now: float) -> bool:
        return self.empty_until > now or (self.reserved > 0 and self.left(now) <= self.reserved)

    def state(self, now: float) -> str:
        """As `RateLimit` has it: what is left, and in how many seconds it is full, or not empty any more."""
        name = f'"{self.of}-{self.unit}"'
        if self.is_spoken_for(now):
            return f"{name};r=0;t={self.wait_seconds(now)}"
        full = self.rate * self.burst_seconds
        left = min(full, self.left(now) - self.reserved)
        return f"{name};r={int(left)};t={math.ceil((full - left) / self.rate)}"

    def wait_seconds(self, now: float) -> int:
        return max(1, math.ceil(self.empty_until - now))


@dataclass(slots=True)
class Reservation:
    """What a request will probably cost, while it is read: if all that come the moment that a bucket is not empty any more
    were read, to be refused then, they would hold up others."""

    amounts: list[tuple[Bucket, float]]

    def release(self) -> None:
        for bucket, amount in self.amounts:
            bucket.reserved -= amount
        self.amounts = []


class Quota:
    """All buckets that a caller's requests take from."""

    def __init__(self, buckets: Sequence[Bucket]) -> None:
        self.buckets = buckets
        self._policy = ", ".join(bucket.policy for bucket in buckets)
        self._prompt_refusals = float(PROMPT_REFUSALS_A_SECOND)
        self._refused_at = 0.0

    def may_refuse_promptly(self) -> bool:
        """Whether a refusal now is one of the few that a caller gets at once."""
        now = time.monotonic()
        regained = (now - self._refused_at) * PROMPT_REFUSALS_A_SECOND
        self._prompt_refusals, self._refused_at = min(PROMPT_REFUSALS_A_SECOND, self._prompt_refusals + regained), now
        if self._prompt_refusals < 1:
            return False
        self._prompt_refusals -= 1
        return True

    def reserve(self) -> Reservation | None:
        """For a request that is not read yet; None if a bucket is empty, or will be when what is being read is served."""
        now = time.monotonic()
        for bucket in self.buckets:
            if bucket.is_spoken_for(now):
                return None
        reservation = Reservation([(bucket, bucket.typical) for bucket in self.buckets])
        for bucket in self.buckets:
            bucket.reserved += bucket.typical
        return reservation

    def check(self) -> None:
        """Raises RateLimited if a bucket is known to be empty."""
        now = time.monotonic()
        if any(bucket.empty_until > now for bucket in self.buckets):
            raise self.refusal()

    def refusal(self) -> RateLimited:
        """Counts it, too: by the bucket that stays empty longest."""
        now = time.monotonic()
        spoken_for = [bucket for bucket in self.buckets if bucket.is_spoken_for(now)] or self.buckets
        bucket = max(spoken_for, key=lambda bucket: bucket.empty_until)
        REQUESTS_LIMITED.labels(bucket.of, bucket.unit).inc()
        whose = "This project" if bucket.of == "project" else "This key"
        error = RateLimited(
            f"{whose} sends more than its {bucket.rate} {bucket.unit} a second; send again after the time in Retry-After.",
            details={"limit": f"{bucket.of}-{bucket.unit}", "perSecond": bucket.rate},
            retry_after=bucket.wait_seconds(now),
        )
        error.headers = self.headers()
        return error

    def headers(self) -> dict[str, str]:
        now = time.monotonic()
        return {"RateLimit-Policy": self._policy, "RateLimit": ", ".join(bucket.state(now) for bucket in self.buckets)}

    def spend(self, events: int, size: int) -> bool:
        """Takes from what was taken in advance; False if that is not enough. Learns what requests cost."""
        costs = [(bucket, bucket.cost(events, size)) for bucket in self.buckets]
        for bucket, cost in costs:
            bucket.typical += (cost - bucket.typical) / TYPICAL_OF
        if any(bucket.advance < cost for bucket, cost in costs):
            return False
        for bucket, cost in costs:
            bucket.advance -= cost
        return True

    def learn(self, answer: Sequence[int], wanted: Sequence[int]) -> None:
        """Takes note of what the script says of the buckets."""
        now = time.monotonic()
        for place, bucket in enumerate(self.buckets):
            bucket.tokens, microseconds = answer[2 + 2 * place : 4 + 2 * place]
            bucket.asked_at, bucket.empty_until = now, now + microseconds / 1e6 if microseconds else 0.0
            bucket.advance += answer[1] * wanted[place]
