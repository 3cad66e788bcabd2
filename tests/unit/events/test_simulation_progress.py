import time

import fakeredis

from events.simulation_progress import SILENT_SECONDS, Progress, key

SIMULATION = "0190a1b200007000800000000000000a"


def test_a_hash_keeps_all_of_it() -> None:
    progress = Progress(1, runs=450, error_rate=0.25, steps=8.5, seed=2**62, runs_sent=200, events_sent=2031)
    connection = fakeredis.FakeRedis()
    connection.hset(key(SIMULATION), mapping=progress.to_hash())
    found = Progress.from_hash(connection.hgetall(key(SIMULATION)))
    assert found is not None
    assert found.updated_at > 0
    found.updated_at = 0
    assert found == progress


def test_no_hash_is_no_simulation() -> None:
    assert Progress.from_hash({}) is None


def test_what_the_api_tells() -> None:
    progress = Progress(1, runs=450, error_rate=0.25, steps=8, seed=7, runs_sent=200, events_sent=2031, updated_at=time.time())
    assert progress.described(SIMULATION) == {
        "id": "0190a1b2-0000-7000-8000-00000000000a",
        "status": "RUNNING",
        "runs": 450,
        "runsSent": 200,
        "eventsSent": 2031,
        "errorRate": 0.25,
        "steps": 8,
        "seed": 7,
        "error": None,
    }


def test_a_simulation_that_lost_its_job_has_failed() -> None:
    progress = Progress(1, runs=450, error_rate=0.25, steps=8, seed=7, updated_at=time.time() - SILENT_SECONDS - 1)
    described = progress.described(SIMULATION)
    assert described["status"] == "FAILED"
    assert "seed" in described["error"]


def test_one_that_is_done_stays_done() -> None:
    progress = Progress(1, runs=1, error_rate=0, steps=8, seed=7, status="DONE", runs_sent=1, updated_at=1.0)
    assert progress.described(SIMULATION)["status"] == "DONE"
