"""What is named as used up first."""

import pytest

from loadtest.saturation import COMPUTING, GENERATOR, WORKER_COMPUTES, Usage, kind_of


def usage(cpu_seconds: dict[str, float], **waits: float) -> Usage:
    """Of ten seconds on two CPUs."""
    return Usage(10.0, 2, cpu_seconds, {name.replace("_", ":"): count for name, count in waits.items()})


def test_parts_are_summed_by_their_kind_the_most_first() -> None:
    found = usage({"worker-1": 3.0, "worker-2": 2.0, "ingest-api-1 = read-api-1": 4.0, "postgres": 1.0, "others": 0.5})
    assert found.by_kind() == pytest.approx({"workers": 0.5, "API": 0.4, "Postgres": 0.1, "others": 0.05})
    assert next(iter(found.by_kind())) == "workers"


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("ingest-api = read-api", "API"),
        ("worker-3", "workers"),
        ("valkey", "Valkey"),
        (GENERATOR, GENERATOR),
        ("others", "others"),
    ],
)
def test_kinds(part: str, kind: str) -> None:
    assert kind_of(part) == kind


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (usage({"postgres": 12.0, "worker-1": 7.0}), "the machine's CPUs, 1.90 of 2 in use: Postgres 1.20, workers 0.70"),
        (usage({"postgres": 4.0, "worker-1": 9.5}), "the one CPU that worker-1 can use, 0.95 of 1"),
        # Postgres has a process for each connection, and whoever else is on the machine has any number.
        (usage({"postgres": 9.5, "others": 0.0}), "no CPU, 0.95 of 2 in use"),
        (usage({"postgres": 5.0, "worker-1": 1}, IO_WalSync=0.8, Lock_advisory=0.1), "of 1 workers, 0.80 wait for IO:WalSync"),
        (usage({"postgres": 5.0, "worker-1": 1}, IO_WalSync=0.05), "the stages wait for each other"),
    ],
)
def test_what_is_used_up_first(found: Usage, told: str) -> None:
    assert told in found.verdict()


def test_workers_that_never_pause_take_turns_with_postgres() -> None:
    found = Usage(10.0, 2, {"postgres": 5.0, "worker-1": 4.0}, {COMPUTING: 0.5, WORKER_COMPUTES: 0.4})
    assert "take turns: 0.40 and 0.50 of 1 compute" in found.verdict()
