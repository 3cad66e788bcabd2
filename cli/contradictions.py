"""Settings that are each valid and do not go together."""

import sys

from cli.errors import CommandError
from events.settings import JOB_TIMEOUT_SECONDS, MEMORY_SHARE_MAX, Settings

REFUSED_CODE = 78
"""The exit code of a part that will not start until somebody changes something. Source: sysexits.h, EX_CONFIG."""
STRING_BYTES_MAX = 512 << 20
"""Redis' and Valkey's `proto-max-bulk-len`: no argument of a command is longer."""


class Refused(CommandError):
    """Something is wrong with the settings or a server; the message tells the next step."""

    def __init__(self, message: str) -> None:
        super().__init__(message, REFUSED_CODE)


def check_settings(settings: Settings) -> None:
    """Raises Refused if settings contradict each other."""
    for contradicts, sentence in _contradictions(settings):
        if contradicts:
            raise Refused(sentence)


def _contradictions(settings: Settings) -> list[tuple[bool, str]]:
    return [
        (
            settings.field_bytes_max > settings.body_bytes_max,
            "AGENTGUIDE_FIELD_BYTES_MAX is over AGENTGUIDE_BODY_BYTES_MAX, so no payload could ever be as long: lower the one "
            "or raise the other.",
        ),
        (
            settings.body_bytes_max > STRING_BYTES_MAX,
            "AGENTGUIDE_BODY_BYTES_MAX is over 512 MiB, and no entry of a Redis stream can be longer: lower it.",
        ),
        (
            settings.body_bytes_max > settings.backlog_high_bytes,
            "AGENTGUIDE_BODY_BYTES_MAX is over AGENTGUIDE_BACKLOG_HIGH_BYTES, so one request could fill the queue: lower the "
            "one or raise the other.",
        ),
        (
            settings.batch_events_max > settings.backlog_high_events,
            "AGENTGUIDE_BATCH_EVENTS_MAX is over AGENTGUIDE_BACKLOG_HIGH_EVENTS, so one batch could fill the queue: lower the "
            "one or raise the other.",
        ),
        (
            settings.redis_url is None and settings.backlog_high_bytes > MEMORY_SHARE_MAX * settings.redis_memory_bytes,
            "AGENTGUIDE_BACKLOG_HIGH_BYTES is over four fifths of AGENTGUIDE_REDIS_MEMORY_BYTES, so the queue would be full "
            "first: lower the one (and AGENTGUIDE_BACKLOG_LOW_BYTES with it) or raise the other.",
        ),
        (
            settings.drain_budget_seconds >= JOB_TIMEOUT_SECONDS,
            f"AGENTGUIDE_DRAIN_BUDGET_SECONDS is not under {JOB_TIMEOUT_SECONDS}, when a job is broken off: lower it.",
        ),
        (
            max(settings.drain_linger_seconds, settings.drain_interval_seconds) > settings.drain_budget_seconds,
            "AGENTGUIDE_DRAIN_LINGER_SECONDS or AGENTGUIDE_DRAIN_INTERVAL_SECONDS is over AGENTGUIDE_DRAIN_BUDGET_SECONDS, so "
            "a drain would wait for longer than it may take: lower the one or raise the other.",
        ),
    ]


def check_processes(settings: Settings) -> None:
    """Raises Refused if more processes were asked for than can have anything to do."""
    if settings.api_processes > 1 and sys.platform != "linux":
        raise Refused(
            "AGENTGUIDE_API_PROCESSES over 1 needs Linux, whose kernel spreads the connections to a port over processes: set "
            "it to 1."
        )
    if settings.workers > settings.shards and "workers" in settings.model_fields_set:
        raise Refused(
            f"{settings.workers} workers would share {settings.shards} shards, each of which has one writer: "
            f"set AGENTGUIDE_SHARDS (or --shards) to {settings.workers} or more as well."
        )
