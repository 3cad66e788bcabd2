"""The read benchmark at tiny sizes: that it asks everything and keeps it; how fast it is, is no matter of a test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RUNS = 2000
LONG_STEPS = 1500

FILTERS = (
    *("all", "agent", "agent_name", "version", "status", "user", "session", "time", "duration", "cost", "error", "tool", "tag"),
    *("metric", "metric_value", "sort_duration", "sort_cost", "sort_steps"),
)
WITH_TARGET = {
    "summary": 25,
    "timeseries": 25,
    **{f"runs_{name}": 25 for name in FILTERS},
    **{f"runs_{name}_deep": 25 for name in FILTERS},
    "run": 10,
    "steps_first": 60,
    "steps_last": 60,
    **{f"text_{name}": 150 for name in ("common", "middling", "rare", "single", "none", "two_common", "two_rare", "agent")},
}
WITHOUT_TARGET = (
    *("tools", "models", "latency", "latency_tool", "steps_thousand", "run_long"),
    *("sessions", "session_runs", "user_runs", "agents", "graphql"),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], Path]:
    """What a quick run printed, what it kept, and the directory that it worked in."""
    results, scratch = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("scratch")
    options = ["--quick", "--results-dir", str(results), "--scratch-dir", str(scratch)]
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.read_bench", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (kept,) = results.glob("read-*.json")
    return done.stdout, json.loads(kept.read_text()), scratch


def by_name(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {figure["name"]: figure for figure in report["figures"]}


def test_every_figure_is_kept_and_positive(bench: tuple[str, dict[str, Any], Path]) -> None:
    figures = by_name(bench[1])
    assert figures.keys() == {*WITH_TARGET, *WITHOUT_TARGET}
    for figure in figures.values():
        assert 0 < figure["p50"] <= figure["p95"] <= figure["p99"]
        assert figure["refused"] == 0
        assert figure["bytesAnAnswer"] > 0


def test_every_figure_is_printed(bench: tuple[str, dict[str, Any], Path]) -> None:
    printed, report, _ = bench
    for figure in report["figures"]:
        assert figure["title"] in printed


def test_targets_are_judged(bench: tuple[str, dict[str, Any], Path]) -> None:
    figures = by_name(bench[1])
    for name, target in WITH_TARGET.items():
        assert figures[name]["target"] == target
        assert figures[name]["reached"] is (figures[name]["p95"] <= target)
    for name in WITHOUT_TARGET:
        assert figures[name]["reached"] is None


def test_the_small_database_stands_beside_it(bench: tuple[str, dict[str, Any], Path]) -> None:
    figures = by_name(bench[1])
    for name in (*WITHOUT_TARGET, "summary", "runs_all", "runs_all_deep", "run", "text_common"):
        assert figures[name]["small"]["p95"] > 0
        assert figures[name]["ratioToSmall"] > 0


def test_what_was_loaded_is_kept(bench: tuple[str, dict[str, Any], Path]) -> None:
    report = bench[1]
    full, small = report["databases"]["full"], report["databases"]["small"]
    assert report["quick"] is True
    assert (full["runs"], full["steps"]) == (RUNS + 1, RUNS * 10 + LONG_STEPS)
    assert (small["runs"], small["steps"]) == (201, 2000 + LONG_STEPS)
    assert full["bytes"] > small["bytes"] > 0
    assert full["tableBytes"]["steps"] > 0
    assert set(full["loadSeconds"]) >= {"rows", "index", "vacuum"}
    assert set(report["versions"]) == {"postgres", "python"}


def test_nothing_is_left_behind(bench: tuple[str, dict[str, Any], Path]) -> None:
    assert list(bench[2].iterdir()) == []
