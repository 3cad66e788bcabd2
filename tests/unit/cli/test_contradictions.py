"""Settings that are each valid and do not go together are refused, by name."""

from typing import Any

import pytest

from cli.contradictions import Refused, check_processes, check_settings
from events.settings import MIB, Settings


def settings(**given: Any) -> Settings:
    return Settings(**{"_env_file": None, **given})


def test_the_defaults_contradict_nothing() -> None:
    check_settings(settings())
    check_processes(settings())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"field_bytes_max": 2 * MIB, "body_bytes_max": MIB}, ["FIELD_BYTES_MAX", "BODY_BYTES_MAX"]),
        ({"body_bytes_max": 513 * MIB, "backlog_high_bytes": 600 * MIB}, ["BODY_BYTES_MAX", "512 MiB"]),
        ({"backlog_high_bytes": 19 * MIB, "backlog_low_bytes": 0}, ["BODY_BYTES_MAX", "BACKLOG_HIGH_BYTES"]),
        ({"backlog_high_events": 9_999, "backlog_low_events": 0}, ["BATCH_EVENTS_MAX", "BACKLOG_HIGH_EVENTS"]),
        ({"redis_memory_bytes": 600 * MIB}, ["BACKLOG_HIGH_BYTES", "REDIS_MEMORY_BYTES"]),
        ({"drain_budget_seconds": 120}, ["DRAIN_BUDGET_SECONDS"]),
        ({"drain_linger_seconds": 11}, ["DRAIN_LINGER_SECONDS", "DRAIN_BUDGET_SECONDS"]),
        ({"drain_interval_seconds": 11}, ["DRAIN_INTERVAL_SECONDS", "DRAIN_BUDGET_SECONDS"]),
    ],
)
def test_what_contradicts_is_named(given: dict[str, Any], named: list[str]) -> None:
    with pytest.raises(Refused) as refusal:
        check_settings(settings(**given))
    assert all(name in refusal.value.message for name in named)


def test_the_memory_of_the_embedded_queue_does_not_bind_another() -> None:
    check_settings(settings(redis_memory_bytes=600 * MIB, REDIS_URL="redis://elsewhere"))


def test_more_workers_than_shards_are_refused_only_if_somebody_asked_for_them() -> None:
    check_processes(settings(shards=1))
    check_processes(settings(shards=4, workers=4))
    with pytest.raises(Refused, match="AGENTGUIDE_SHARDS"):
        check_processes(settings(workers=4))
