"""Made-up runs in a stack, spread over days, with users and sessions: something to look at."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from events.simulation import Simulation
from tests.support.stack import Stack
from tests.support.waiting import wait_until

RUNS_A_REQUEST = 20
STILL_RUNNING = 3
"""Of the newest runs, how many have not said yet how they ended."""


def fill(stack: Stack, runs: int = 300, hours: float = 48, seed: int = 7) -> None:
    """The same runs for the same seed, but for their times: the last ones have just ended. Returns when all are stored."""
    command = [sys.executable, "-m", "cli.main", "seed", "--data-dir", str(stack.data_dir)]
    subprocess.run(command, env=stack.environment, capture_output=True, check=True)
    _, found = stack.json("GET", "/v1/users?everybody=true")
    made = _made_up(runs, hours, seed, [user["id"] for user in found["items"]])
    for start in range(0, runs, RUNS_A_REQUEST):
        events = [event for run_events, _ in made[start : start + RUNS_A_REQUEST] for event in run_events]
        status, answer = stack.json("POST", "/v1/events", events)
        assert status == 202, answer
    wanted = (runs, sum(steps for _, steps in made))
    with stack.database() as database:
        counts = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM steps)"
        wait_until(lambda: database.execute(counts).fetchone() == wanted, seconds=60, what="all that was sent")


def _made_up(runs: int, hours: float, seed: int, users: list[int]) -> list[tuple[list[dict[str, Any]], int]]:
    """Each run's events and the number of its steps, the oldest run first."""
    random, simulation, now = Random(seed), Simulation(seed, error_rate=0.12), datetime.now(UTC)
    ends = sorted(now - timedelta(hours=hours * random.betavariate(1, 1.4)) for _ in range(runs))
    made = []
    for number, ended_at in enumerate(ends):
        run = simulation.run(number, ended_at)
        events = run.events[:-1] if number >= runs - STILL_RUNNING else run.events
        if random.random() < 0.6:
            events[0]["sessionId"] = f"chat-{random.randrange(max(1, runs // 6)):03}"
        if random.random() < 0.8:
            events[0]["userId"] = random.choice(users)
        made.append((events, run.steps))
    return made
