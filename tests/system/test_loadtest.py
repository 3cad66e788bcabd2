"""The load test, briefly: every phase runs and is reported, and what was acknowledged is checked; not how fast it was."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtest import ledger
from tests.support.stack import Stack

ROOT = Path(__file__).parents[2]
PHASES = ["200/s", "1,000/s", "mix", "ramp", "flood"]
STEPS = "POST /v1/runs/[id]/steps"


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, Path]:
    """What a quick run printed, its report's folder, and where its stack stood."""
    results, reports, scratch = (tmp_path_factory.mktemp(name) for name in ("results", "reports", "scratch"))
    options = ["--quick", "--json", "--results-dir", results, "--reports-dir", reports, "--scratch-dir", scratch]
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.load_run", *map(str, options)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (kept,) = results.glob("loadtest-*.json")
    (report_dir,) = reports.iterdir()
    assert kept.read_text() == (report_dir / "report.json").read_text() == done.stdout
    return json.loads(done.stdout), report_dir, scratch


def test_each_phase_is_reported(quick: tuple[dict[str, Any], Path, Path]) -> None:
    phases = {phase["phase"]: phase for phase in quick[0]["phases"]}
    assert list(phases) == PHASES
    for phase in phases.values():
        heard = phase["requests"][STEPS]
        assert heard["requests"] > 0
        assert (heard["failed"], heard["unanswered"]) == (0, 0)
    mixed = phases["mix"]["requests"].keys()
    assert {"POST /v1/events", "POST /v1/traces", "PATCH /v1/runs/[id]/steps/[id]"} <= mixed
    assert any(name.startswith("GET ") for name in mixed)
    assert phases["200/s"]["requests"][STEPS]["latencyMs"]["p99"] > 0
    assert phases["200/s"]["cpu"].keys() >= {"locust", "worker-1", "postgres"}
    assert phases["200/s"]["visibleMs"]["p50"] > 0


def test_the_flood_is_refused_and_nothing_is_lost(quick: tuple[dict[str, Any], Path, Path]) -> None:
    report = quick[0]
    refusal = report["phases"][-1]["refusal"]
    assert refusal["by"].keys() == {"503 overloaded"}
    assert refusal["retryAfterSeconds"][0] >= 1
    assert report["verification"]["exact"]
    assert report["verification"]["steps"]["acknowledged"] >= refusal["eventsAcceptedBefore"] / 2


def test_the_report_has_a_page_tables_and_a_picture(quick: tuple[dict[str, Any], Path, Path]) -> None:
    report_dir = quick[1]
    assert f"200/s: {STEPS}" in (report_dir / "locust.html").read_text()
    with (report_dir / "locust_stats.csv").open() as file:
        names = {row["Name"] for row in csv.DictReader(file)}
    assert {f"{phase}: {STEPS}" for phase in PHASES} <= names
    assert "Accepted to visible" in (report_dir / "load.svg").read_text()


def test_nothing_is_left_behind(quick: tuple[dict[str, Any], Path, Path]) -> None:
    assert list(quick[2].iterdir()) == []


def test_a_stack_that_does_not_answer_is_told_at_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.load_run", "--quick", "--url", "http://127.0.0.1:9", "--reports-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "No AgentGuide answers at http://127.0.0.1:9/healthz" in done.stderr.replace("\n", " ")


def test_the_mix_works_against_any_stack_and_in_several_processes(stack: Stack, tmp_path: Path) -> None:
    options = [
        "--headless",
        "--users",
        "20",
        "--spawn-rate",
        "20",
        "--run-time",
        "2s",
        "--processes",
        "2",
        "--stop-timeout",
        "5",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "locust", "--config", "loadtest/locust.conf", "--host", stack.url, *options],
        cwd=ROOT,
        env=stack.environment | {ledger.VARIABLE: str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = list(ledger.entries(tmp_path))
    assert {entry.name for entry in found} >= {STEPS, "POST /v1/events", "POST /v1/traces", "GET /v1/runs"}
    assert all(entry.accepted for entry in found)
    assert len(ledger.row_files(tmp_path, "acknowledged")) == 2
