"""Pictures: readable files that are the same for the same figures, and in which no peak is lost."""

from math import nan
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from loadtest.plots import Line, Panel, draw, thin

WAVE = [(float(x), float(x % 17)) for x in range(5000)]
PANELS = [
    Panel("latency", "ms", [Line("p50", WAVE), Line("p95", [(0.0, 3.0), (4e3, nan), (5e3, 9.0)], marks=True)], limit=12.0),
    Panel("backlog", "events", [], logarithmic=True),
    Panel("memory", "MiB", [Line("worker-1 & others", [(1.0, 1e5)])], from_zero=False),
]


def test_a_picture_says_what_it_shows_and_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = tmp_path / "new" / "a.svg", tmp_path / "b.svg"
    draw(first, "one & two", PANELS)
    draw(second, "one & two", PANELS)
    assert first.read_bytes() == second.read_bytes()
    text = "".join(ET.parse(first).getroot().itertext())  # noqa: S314 - our own file
    for shown in ("one & two", "latency", "backlog", "memory", "p95", "limit", "no data", "seconds", "MiB"):
        assert shown in text


def test_a_png_is_a_png(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", "title", PANELS, x_label="workers")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.pdf"):
        draw(tmp_path / "a.pdf", "title", PANELS)
    with pytest.raises(ValueError, match="panels"):
        draw(tmp_path / "a.svg", "title", [])


def test_thinned_points_keep_their_order_and_every_peak() -> None:
    points = [(float(x), 1.0) for x in range(100_000)]
    points[4321], points[77_777] = (4321.0, 900.0), (77_777.0, -900.0)
    found = thin(points)
    assert len(found) <= 600
    assert found == sorted(found)
    assert {(4321.0, 900.0), (77_777.0, -900.0)} <= set(found)


def test_a_gap_does_not_hide_what_is_beside_it() -> None:
    points = [(float(x), nan if x % 2 else 5.0) for x in range(3000)]
    assert {y for _, y in thin(points)} == {5.0}
    assert len(thin([(float(x), nan) for x in range(3000)])) <= 600


def test_few_points_stay_as_they_are() -> None:
    assert thin(WAVE[:600]) == WAVE[:600]
