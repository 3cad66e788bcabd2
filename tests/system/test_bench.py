"""The benchmark at tiny sizes: that it measures everything and keeps it; how fast it is, is no matter of a test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtest import commits, growth

ROOT = Path(__file__).parents[2]
FIGURES = (
    *("copy", "copy_before", "copy_after", "ready", "drain", "batch", "otlp"),
    *("single", "single_p50", "single_p95", "single_p99", "visible_p50", "visible_p99"),
    *("growth_first", "growth_last", "growth_kept", "growth_worst", "growth_bytes"),
    *("peak_ingest-api = read-api", "peak_worker-1", "peak_scheduler", "peak_supervisor", "peak_postgres", "peak_valkey"),
)
WITH_TARGET = (
    *("ready", "drain", "batch", "otlp", "single", "visible_p50", "visible_p99", "growth_kept"),
    *("peak_worker-1", "peak_ingest-api = read-api"),
)
RATES = ("drain", "batch", "otlp", "single")
GROWTH_ROUNDS = 4


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], Path]:
    """What a quick run printed, what it kept, and the directory that it worked in."""
    results, scratch = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("scratch")
    options = ["--quick", "--results-dir", str(results), "--scratch-dir", str(scratch), "--plot", str(results / "growth.svg")]
    options += [option for name in (*RATES, "visible", "growth") for option in ("--only", name)]
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.bench", *options], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    (kept,) = results.glob("*.json")
    return done.stdout, json.loads(kept.read_text()), scratch


def by_name(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {figure["name"]: figure for figure in report["figures"]}


def test_every_figure_is_kept_and_positive(bench: tuple[str, dict[str, Any], Path]) -> None:
    figures = by_name(bench[1])
    assert set(FIGURES) <= figures.keys()
    assert all(figures[name]["value"] > 0 for name in FIGURES)


def test_every_figure_is_printed(bench: tuple[str, dict[str, Any], Path]) -> None:
    printed, report, _ = bench
    for figure in report["figures"]:
        assert figure["title"] in printed


def test_targets_are_judged_and_rates_are_ratios(bench: tuple[str, dict[str, Any], Path]) -> None:
    figures = by_name(bench[1])
    for name in WITH_TARGET:
        assert figures[name]["target"]
        assert figures[name]["reached"] in (True, False)
    for name in RATES:
        expected = figures[name]["value"] / figures["copy"]["value"]
        assert figures[name]["ratioToCopy"] == pytest.approx(expected, abs=1e-3)


def test_sizes_versions_and_cpu_are_kept(bench: tuple[str, dict[str, Any], Path]) -> None:
    report = bench[1]
    assert report["quick"] is True
    assert report["sizes"]["visible_a_second"] == 200
    assert report["machine"]["cpus"] >= 1
    assert set(report["versions"]) == {"postgres", "valkey", "python"}
    assert set(report["cpuSeconds"]) == set(RATES) | {"visible"}


def test_the_commit_is_kept_as_git_tells_it(bench: tuple[str, dict[str, Any], Path]) -> None:
    kept, found = bench[1]["commit"], commits.current()
    assert (kept and kept["hash"]) == (found and found["hash"])


def test_each_round_of_growth_is_kept_and_drawn(bench: tuple[str, dict[str, Any], Path], tmp_path: Path) -> None:
    printed, report, _ = bench
    rounds = report["growth"]
    assert len(rounds) == GROWTH_ROUNDS
    steps = report["sizes"]["growth_steps"] // GROWTH_ROUNDS
    assert [one["stepsBefore"] - rounds[0]["stepsBefore"] for one in rounds] == [
        steps * number for number in range(GROWTH_ROUNDS)
    ]
    assert all(one["rate"] > 0 and one["ratioToCopy"] > 0 for one in rounds)
    assert "growth.svg" in printed
    growth.draw(tmp_path / "again.svg", rounds)
    assert "million steps stored" in (tmp_path / "again.svg").read_text()


def test_nothing_is_left_behind(bench: tuple[str, dict[str, Any], Path]) -> None:
    assert list(bench[2].iterdir()) == []
