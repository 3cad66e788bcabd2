"""What is called a regression, and what is not: with results made up here, and with those that are kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadtest import comparison, results
from loadtest.comparison import Comparison, Mark
from loadtest.results import ResultError

FIGURES = {
    "drain": (50_000.0, "events/s"),
    "single": (4000.0, "requests/s"),
    "single_p99": (20.0, "ms"),
}


def kept(
    copy: float = 100_000.0,
    copy_after: float | None = None,
    taken_at: str = "2026-01-01T00:00:00Z",
    commit: dict[str, Any] | None = None,
    sizes: dict[str, int] | None = None,
    cpus: int = 2,
    peak: float = 70.0,
    **values: float,
) -> dict[str, Any]:
    """A result as `make bench` keeps it."""

    def figure(name: str, value: float, unit: str) -> dict[str, Any]:
        is_rate = unit.endswith("/s") and not name.startswith("copy")
        return {"name": name, "title": name, "value": value, "unit": unit, "ratioToCopy": value / copy if is_rate else None}

    rates = {"copy": copy, "copy_before": copy, "copy_after": copy_after or copy}
    return {
        "takenAt": taken_at,
        "commit": commit,
        "machine": {"cpus": cpus, "loadAverageBefore": [0.0]},
        "versions": {"postgres": "18.6"},
        "sizes": {"copy_rows": 100_000, "drain_runs": 10_000, "single_requests": 25_000} | (sizes or {}),
        "quick": False,
        "figures": [figure(name, value, "rows/s") for name, value in rates.items()]
        + [figure(name, values.get(name, value), unit) for name, (value, unit) in FIGURES.items()]
        + [figure("peak_worker-1", peak, "MiB")],
    }


def keep(directory: Path, name: str, result: dict[str, Any]) -> results.Result:
    path = directory / f"{name}.json"
    path.write_text(json.dumps(result))
    return results.read(path)


def compared(directory: Path, before: dict[str, Any], now: dict[str, Any], percent: float = 15) -> Comparison:
    return comparison.compare(keep(directory, "before", before), keep(directory, "now", now), percent)


def marks(found: Comparison) -> dict[str, Mark]:
    return {change.now.name: change.mark for change in found.changes if change.mark}


def test_a_ratio_that_is_worse_by_more_than_the_tolerance_is_named(tmp_path: Path) -> None:
    found = compared(tmp_path, kept(), kept(drain=40_000.0))
    assert marks(found) == {"drain": Mark.WORSE}
    assert [change.words for change in found.regressions] == ["drain: 20% less, from 0.500 to 0.400 of bare COPY"]
    assert found.warnings == []


@pytest.mark.parametrize("drain", [43_000.0, 50_000.0, 57_000.0])
def test_noise_within_the_tolerance_is_nothing(tmp_path: Path, drain: float) -> None:
    assert marks(compared(tmp_path, kept(), kept(drain=drain))) == {}


def test_the_tolerance_is_what_one_says(tmp_path: Path) -> None:
    assert marks(compared(tmp_path, kept(), kept(drain=43_000.0), percent=10)) == {"drain": Mark.WORSE}


def test_an_improvement_is_no_regression(tmp_path: Path) -> None:
    found = compared(tmp_path, kept(), kept(drain=90_000.0))
    assert marks(found) == {"drain": Mark.BETTER}
    assert found.regressions == []


def test_a_slower_machine_is_no_regression(tmp_path: Path) -> None:
    slower = kept(copy=50_000.0, drain=25_000.0, single=2000.0, single_p99=40.0)
    assert marks(compared(tmp_path, kept(), slower)) == {}


def test_latency_and_memory_are_pointed_out_and_not_judged(tmp_path: Path) -> None:
    found = compared(tmp_path, kept(), kept(single_p99=40.0, peak=140.0))
    assert marks(found) == {"single_p99": Mark.PERHAPS_WORSE, "peak_worker-1": Mark.PERHAPS_WORSE}
    assert found.regressions == []


def test_another_size_is_told_and_not_judged(tmp_path: Path) -> None:
    found = compared(tmp_path, kept(), kept(sizes={"drain_runs": 500}, drain=10_000.0, single=2000.0))
    assert marks(found) == {"drain": Mark.NOT_JUDGED, "single": Mark.WORSE}
    assert any("drain_runs was 10000, is 500" in warning for warning in found.warnings)


def test_another_size_of_bare_copy_leaves_nothing_to_judge(tmp_path: Path) -> None:
    found = compared(tmp_path, kept(), kept(sizes={"copy_rows": 500}, drain=10_000.0))
    assert set(marks(found).values()) == {Mark.NOT_JUDGED}


def test_another_machine_is_told_and_not_judged(tmp_path: Path) -> None:
    found = compared(tmp_path, kept(), kept(cpus=8, drain=10_000.0))
    assert found.regressions == []
    assert any("cpus was 2, is 8" in warning for warning in found.warnings)


def test_a_disturbed_run_is_told(tmp_path: Path) -> None:
    found = compared(tmp_path, kept(), kept(copy_after=70_000.0))
    assert any("now was disturbed" in warning for warning in found.warnings)


def test_a_figure_that_is_missing_now_is_told(tmp_path: Path) -> None:
    now = kept()
    now["figures"] = [figure for figure in now["figures"] if figure["name"] != "drain"]
    assert any("not measured now: drain" in warning for warning in compared(tmp_path, kept(), now).warnings)


def result_of(
    directory: Path, day: int, commit: str, *, changed: bool = False, copy_after: float | None = None, drain: float = 50_000.0
) -> results.Result:
    about = {"hash": commit, "subject": "a change", "changed": changed}
    at = f"2026-01-{day:02}T00:00:00Z"
    return keep(directory, f"2026-01-{day:02}", kept(taken_at=at, commit=about, copy_after=copy_after, drain=drain))


def test_the_newest_is_held_against_the_last_of_another_commit(tmp_path: Path) -> None:
    result_of(tmp_path, 1, "aaaaaaa")
    expected = result_of(tmp_path, 2, "bbbbbbb")
    result_of(tmp_path, 3, "ccccccc")
    now = result_of(tmp_path, 4, "ccccccc")
    assert results.newest(tmp_path) == now
    assert results.last_before(now, tmp_path) == expected


def test_a_tree_with_changes_is_another_than_its_commit(tmp_path: Path) -> None:
    expected = result_of(tmp_path, 1, "aaaaaaa")
    now = result_of(tmp_path, 2, "aaaaaaa", changed=True)
    assert results.last_before(now, tmp_path) == expected


def test_a_disturbed_result_is_passed_over_unless_there_is_no_other(tmp_path: Path) -> None:
    disturbed = result_of(tmp_path, 2, "bbbbbbb", copy_after=50_000.0)
    now = result_of(tmp_path, 3, "ccccccc")
    assert results.last_before(now, tmp_path) == disturbed
    expected = result_of(tmp_path, 1, "aaaaaaa")
    assert results.last_before(now, tmp_path) == expected


def test_results_are_named_by_file_and_by_commit(tmp_path: Path) -> None:
    first = result_of(tmp_path, 1, "aaaaaaa")
    second = result_of(tmp_path, 2, "bbbbbbb")
    assert results.named("2026-01-01", tmp_path) == results.named("2026-01-01.json", tmp_path) == first
    assert results.named(str(second.path), Path("elsewhere")) == second
    assert results.named("bbbbbbb", tmp_path) == second
    with pytest.raises(ResultError, match="neither a file nor a commit"):
        results.named("ccccccc", tmp_path)


def test_quick_runs_and_other_benchmarks_are_left_out(tmp_path: Path) -> None:
    expected = result_of(tmp_path, 1, "aaaaaaa")
    keep(tmp_path, "2026-01-02", kept() | {"quick": True})
    (tmp_path / "read-2026-01-03.json").write_text("{}")
    assert results.read_all(tmp_path) == [expected]


def test_what_is_no_result_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-01.json"
    for text in ("", "[]", "{}", '{"takenAt": 1}'):
        path.write_text(text)
        with pytest.raises(ResultError, match="no result of `make bench`"):
            results.read(path)
    with pytest.raises(ResultError, match="make bench"):
        results.newest(tmp_path / "none")


def test_a_repeated_run_is_disturbed_if_most_of_its_runs_were(tmp_path: Path) -> None:
    calm, rough = {"copy_before": 100.0, "copy_after": 95.0}, {"copy_before": 100.0, "copy_after": 60.0}
    for runs, expected in (([calm, calm, rough], False), ([calm, rough, rough], True)):
        repeated = keep(tmp_path, "repeated", kept() | {"repeats": [{"takenAt": "", "figures": run} for run in runs]})
        assert repeated.is_disturbed is expected
        assert len(list(repeated.disturbances())) == runs.count(rough)


def test_all_results_that_are_kept_can_be_read_and_compared() -> None:
    found = results.read_all()
    assert len(found) > 10
    before, now = found[0], found[-1]
    changes = comparison.compare(before, now, 15).changes
    assert {"drain", "batch", "otlp", "single", "visible_p99"} <= {change.now.name for change in changes}
