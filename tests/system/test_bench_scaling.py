"""The scaling benchmark at tiny sizes: that it measures each fleet, tells it and draws it; how fast one is, is not tested."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests.support.stack import Stack

ROOT = Path(__file__).parents[2]


def run(directory: Path, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    places = [f"--{name}-dir={directory / name}" for name in ("results", "reports", "scratch")]
    (directory / "scratch").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "loadtest.scaling", "--quick", *places, *options],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def check_fleet(fleet: dict[str, Any], workers: int, api_processes: int) -> None:
    assert (fleet["workers"], fleet["apiProcesses"]) == (workers, api_processes)
    for load in ("drain", "batch", "single"):
        figures = fleet[load]
        assert figures["perSecond"] > 0
        assert figures["ratioToCopy"] == pytest.approx(figures["perSecond"] / fleet["copyRowsPerSecond"], abs=1e-3)
        assert figures["saturated"]
        parts = figures["cpuSeconds"]
        assert sum(part.startswith("worker-") for part in parts) == workers
        assert sum(part.startswith("ingest-api") for part in parts) == api_processes


def test_a_fleet_on_servers_of_its_own(tmp_path: Path) -> None:
    elsewhere = {"DATABASE_URL": "postgresql://nobody@192.0.2.1/none", "REDIS_URL": "redis://192.0.2.1"}
    done = run(tmp_path, "--workers", "1", "--api-processes", "2", **elsewhere)
    assert done.returncode == 0, done.stderr

    [kept] = (tmp_path / "results").glob("scaling-*.json")
    report = json.loads(kept.read_text())
    assert (report["servers"], report["quick"]) == ("embedded", True)
    [fleet] = report["fleets"]
    check_fleet(fleet, workers=1, api_processes=2)
    [picture] = (tmp_path / "reports").rglob("scaling.svg")
    for text in (picture.read_text(), done.stdout):
        assert "single-step POSTs" in text
    assert f"{fleet['drain']['perSecond']:,.0f} ({fleet['drain']['ratioToCopy']:.3f})" in done.stdout
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.thorough
def test_a_fleet_on_servers_of_ones_own_that_must_be_unused(tmp_path: Path, stack: Stack, database_url: str) -> None:
    queue_url = stack.redis_url.replace("db=0", "db=2")
    servers = ["--database-url", database_url, "--redis-url", queue_url]
    try:
        done = run(tmp_path, "--json", "--workers", "2", "--api-processes", "1", *servers)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["servers"] == "own"
        check_fleet(report["fleets"][0], workers=2, api_processes=1)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) > 0 FROM runs").fetchone() == (True,)

        again = run(tmp_path, *servers)
        assert again.returncode == 1
        assert "already holds runs" in again.stderr
        assert "--used-servers" in again.stderr
    finally:
        with redis.Redis.from_url(queue_url) as queue:
            queue.flushdb()
