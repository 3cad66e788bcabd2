"""The command: what it prints, what it draws, and how it ends."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner, Result

from loadtest import compare
from tests.unit.loadtest.test_comparison import result_of

APP = typer.Typer()
APP.command()(compare.main)


def run(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(APP, [*arguments, "--results-dir", str(directory), "--pictures-dir", str(directory / "pictures")])


def test_a_regression_is_named_and_is_the_exit_code(tmp_path: Path) -> None:
    result_of(tmp_path, 1, "aaaaaaa")
    result_of(tmp_path, 2, "bbbbbbb", drain=30_000.0)
    found = run(tmp_path)
    assert found.exit_code == 1
    assert "Regression of more than 15 %:\n  drain: 40% less, from 0.500 to 0.300 of bare COPY" in found.stdout
    assert run(tmp_path, "--tolerance", "50").exit_code == 0


def test_two_that_are_named_are_compared(tmp_path: Path) -> None:
    result_of(tmp_path, 1, "aaaaaaa")
    result_of(tmp_path, 2, "bbbbbbb", drain=30_000.0)
    found = run(tmp_path, "aaaaaaa", "--against", "2026-01-02.json")
    assert found.exit_code == 0
    assert "better" in found.stdout


def test_json_says_the_same(tmp_path: Path) -> None:
    result_of(tmp_path, 1, "aaaaaaa")
    result_of(tmp_path, 2, "bbbbbbb", drain=30_000.0)
    found = run(tmp_path, "--json")
    assert found.exit_code == 1
    report = json.loads(found.stdout)
    assert (report["before"]["commit"], report["now"]["commit"]) == ("aaaaaaa", "bbbbbbb")
    (drain,) = (figure for figure in report["figures"] if figure["name"] == "drain")
    assert drain["changeOfRatio"] == -0.4
    assert drain["mark"] == "worse"
    assert len(report["regressions"]) == 1


def test_a_result_that_was_passed_over_is_told(tmp_path: Path) -> None:
    result_of(tmp_path, 1, "aaaaaaa")
    result_of(tmp_path, 2, "bbbbbbb", copy_after=50_000.0)
    result_of(tmp_path, 3, "ccccccc")
    assert "passed over, as it was disturbed: 2026-01-02, bbbbbbb" in run(tmp_path).stdout


def test_with_nothing_to_compare_it_says_what_to_do(tmp_path: Path) -> None:
    found = run(tmp_path)
    assert found.exit_code == 2
    result_of(tmp_path, 1, "aaaaaaa")
    assert run(tmp_path).exit_code == 2
    assert run(tmp_path, "nothing").exit_code == 2


def test_history_shows_and_draws_all(tmp_path: Path) -> None:
    for day in range(1, 9):
        result_of(tmp_path, day, f"aaaaaa{day}", drain=40_000.0 + day)
    found = run(tmp_path, "--history")
    assert found.exit_code == 0
    assert "aaaaaa8" in found.stdout
    assert "the last 6 of 8 results" in found.stdout
    picture = (tmp_path / "pictures" / "history.svg").read_text()
    assert "Ratio to bare COPY" in picture
    assert len(json.loads(run(tmp_path, "--history", "--json").stdout)) == 8
    assert run(tmp_path / "none", "--history").exit_code == 2
