"""The overview: true figures, each with a way to what is behind it, and charts that narrow the window."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import FloatRect, Locator, Page, Route, expect

from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support.stack import Stack

pytestmark = pytest.mark.thorough


@pytest.fixture
def day() -> dict[str, str]:
    """The last 24 hours as a window that stays: its figures do not change under a test."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    return {"from": (end - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), "to": end.strftime("%Y-%m-%dT%H:%M:%SZ")}


def query(window: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in window.items())


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def figure(page: Page, label: str) -> Locator:
    return page.get_by_role("heading", name=label, exact=True).locator("..").get_by_role("link")


def cursor(page: Page, chart: str) -> Locator:
    return page.get_by_role("slider", name=f"{chart}: buckets of time")


def plot(page: Page) -> FloatRect:
    """Where the bars of the first chart are."""
    area = page.locator(".u-over").first
    area.scroll_into_view_if_needed()
    found = area.bounding_box()
    assert found is not None
    return found


def summary_of(stack: Stack, window: dict[str, str]) -> dict[str, Any]:
    status, answer = stack.json("GET", f"/v1/metrics/summary?{query(window)}")
    assert status == 200
    return dict(answer)


def test_its_figures_are_those_of_the_api(open_page: OpenPage, dashboard: Stack, day: dict[str, str]) -> None:
    summary = summary_of(dashboard, day)
    page = open_page(f"/?{query(day)}")
    expect(figure(page, "Runs")).to_have_text(str(summary["runs"]))
    expect(figure(page, "Failed runs")).to_have_text(str(summary["runsByStatus"]["FAILED"]))
    expect(figure(page, "Success rate")).to_have_text(f"{summary['successRate'] * 100:.1f} %")
    page.get_by_role("button", name="Runs by status: show as table").click()
    rows = page.get_by_role("region", name="Runs by status").last.locator("tbody tr")
    cells = [int(text.replace(",", "")) for text in rows.locator("td:not(:first-child)").all_inner_texts()]
    assert sum(cells) == summary["runs"]


def test_a_figure_leads_to_the_runs_behind_it(open_page: OpenPage) -> None:
    page = open_page("/?range=7d")
    figure(page, "Failed runs").click()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    assert parameters(page) == {"range": ["7d"], "status": ["FAILED"]}
    page.go_back()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    page.get_by_role("region", name="Commonest errors").get_by_role("list").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    assert {"range", "hasError", "q"} <= parameters(page).keys()


def test_the_keyboard_reads_a_chart_and_narrows_the_window(open_page: OpenPage) -> None:
    page = open_page("/")
    chart = cursor(page, "Runs by status")
    chart.focus()
    page.keyboard.press("ArrowLeft")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"\d\d:\d\d.*: .*Success \d+"))
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("from="))
    way_out = page.get_by_role("link", name="Back to last 24 hours")
    way_out.click()
    expect(way_out).to_be_hidden()
    assert parameters(page) == {}
    page.go_back()
    expect(way_out).to_be_visible()
    page.go_back()
    expect(way_out).to_be_hidden()


def test_dragging_narrows_the_window_and_a_bar_opens_its_runs(open_page: OpenPage, day: dict[str, str]) -> None:
    page = open_page(f"/?{query(day)}")
    box = plot(page)
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.98, middle, steps=4)
    page.mouse.up()
    page.wait_for_url(lambda url: parse_qs(urlsplit(url).query)["from"] != [day["from"]])
    narrowed = parameters(page)
    assert day["from"] < narrowed["from"][0] < narrowed["to"][0].replace(".000Z", "Z") <= day["to"]
    page.get_by_role("status").filter(has_text="succeeded").wait_for()
    box = plot(page)
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 3)
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    opened = parameters(page)
    assert narrowed["from"][0] <= opened["from"][0] < opened["to"][0] <= narrowed["to"][0]


def test_the_legend_takes_a_series_out_of_the_chart(open_page: OpenPage, day: dict[str, str]) -> None:
    page = open_page(f"/?{query(day)}")
    entry = page.get_by_role("group", name="Runs by status: what is shown").get_by_role("button", name="Success")
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    expect(cursor(page, "Runs by status")).not_to_have_attribute("aria-valuetext", re.compile("Success"))


def test_a_chart_is_drawn_anew_in_the_colours_of_another_theme(open_page: OpenPage, day: dict[str, str]) -> None:
    page = open_page(f"/?{query(day)}", theme="light")
    page.get_by_role("img", name="Runs by status").wait_for()
    drawn = "() => document.querySelector('.uplot canvas').toDataURL()"
    before = page.evaluate(drawn)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    page.wait_for_function(f"(before) => ({drawn})() !== before", arg=before)


def test_an_empty_window_says_where_the_runs_are(open_page: OpenPage) -> None:
    page = open_page("/?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")
    expect(page.get_by_text("No runs in this window").first).to_be_visible()
    page.get_by_role("link", name="Show the day around it").click()
    expect(figure(page, "Runs")).not_to_have_text("0")


def test_without_any_run_it_says_how_to_send_one(page: Page, open_page: OpenPage) -> None:
    def answer(route: Route) -> None:
        route.fulfill(json={"items": [], "nextCursor": None})

    page.route(re.compile(r"/v1/runs\?"), answer)
    open_page("/?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")
    page.get_by_role("link", name="Send your first trace").click()
    page.wait_for_url(re.compile("/start$"))


def test_it_can_be_used_by_everybody(open_page: OpenPage, check_accessibility: CheckAccessibility) -> None:
    page = open_page("/")
    page.get_by_role("img", name="Runs by status").wait_for()
    check_accessibility(page)


def test_it_fits_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("/", width=390, height=844)
    page.get_by_role("img", name="Runs by status").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
