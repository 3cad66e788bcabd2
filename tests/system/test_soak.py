"""The soak at tiny size: the whole mix is sent, all of it is counted, and everything that it promises is kept."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, Path]:
    """What a quick run printed, and the directories for its report and for the stack."""
    results, reports = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("reports")
    scratch = tmp_path_factory.mktemp("scratch")
    options = ["--quick", "--json", "--results-dir", str(results), "--reports-dir", str(reports), "--scratch-dir", str(scratch)]
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.soak", *options], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    (kept,) = results.glob("soak-*.json")
    report = json.loads(kept.read_text())
    assert json.loads(done.stdout) == report
    return report, reports, scratch


def test_every_kind_of_request_is_sent_and_nothing_is_lost(soak: tuple[dict[str, Any], Path, Path]) -> None:
    report = soak[0]
    assert set(report["acknowledged"]["requests"]) == {"steps", "batches", "exports", "reads", "probes"}
    assert min(report["acknowledged"]["requests"].values()) > 0
    verdicts = {verdict["name"]: verdict for verdict in report["verdicts"]}
    for name in ("runs", "steps"):
        assert verdicts[f"acknowledged {name} that are missing, or there twice"]["flat"] is True
    assert report["acknowledged"]["failures"] == {}


def test_figures_of_each_kind_are_kept(soak: tuple[dict[str, Any], Path, Path]) -> None:
    series = {one["name"] for one in soak[0]["series"] if one["points"]}
    assert {
        *("memory of worker-1", "private memory of postgres", "Redis memory in use", "database", "pending_totals", "backlog"),
        *("latency of steps, p95", "accept to visible, p50", "CPU of postgres", "write-ahead log on disk"),
    } <= series


def test_the_report_has_a_picture_and_all_samples(soak: tuple[dict[str, Any], Path, Path]) -> None:
    (folder,) = soak[1].iterdir()
    assert "Latency of requests" in (folder / "soak.svg").read_text()
    samples = json.loads((folder / "samples.json").read_text())
    assert samples[-1]["drained_events"] == soak[0]["acknowledged"]["events"]


def test_nothing_is_left_behind(soak: tuple[dict[str, Any], Path, Path]) -> None:
    assert list(soak[2].iterdir()) == []


def test_the_help_tells_when_it_fails() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.soak", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    for said in ("--seconds", "--rate", "--quick", "--reports-dir", "--scratch-dir", "Exits with 1", "not flat"):
        assert said in done.stdout
