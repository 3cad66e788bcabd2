"""What a run that was repeated is kept as."""

import typer
from typer.testing import CliRunner

from loadtest import bench, figures
from loadtest.bench import Report
from loadtest.figures import Figure
from loadtest.measures import QUICK


def report(copy: float, drain: float, seconds: float) -> Report:
    found = [Figure("copy", "bare COPY", copy, "rows/s"), Figure("drain", "drain", drain, "events/s")]
    return Report("2026-01-01T00:00:00Z", (0.0, 0.0, 0.0), {}, {"drain": {"postgres": seconds}}, found, [])


def test_a_repeated_run_is_kept_as_its_medians_with_the_values_of_each() -> None:
    reports = [report(100.0, 60.0, 1.0), report(200.0, 80.0, 2.0), report(50.0, 20.0, 6.0)]
    kept = bench.merged(reports, QUICK, figures.medians([one.figures for one in reports]))
    drain = next(figure for figure in kept["figures"] if figure["name"] == "drain")
    assert (drain["value"], drain["ratioToCopy"]) == (60, 0.4)
    assert kept["cpuSeconds"] == {"drain": {"postgres": 3.0}}
    assert [run["figures"] for run in kept["repeats"]] == [
        {"copy": 100, "drain": 60},
        {"copy": 200, "drain": 80},
        {"copy": 50, "drain": 20},
    ]


def test_a_single_run_is_kept_as_it_is() -> None:
    one = report(100.0, 60.0, 1.0)
    kept = bench.merged([one], QUICK, figures.medians([one.figures]))
    assert kept["figures"] == figures.as_json(one.figures)
    assert "repeats" not in kept


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_measured() -> None:
    app = typer.Typer()
    app.command()(bench.main)
    assert CliRunner().invoke(app, ["--plot", "growth.pdf"]).exit_code == 2
