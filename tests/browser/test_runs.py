"""The list of runs: filters and where they stand, what changes while one looks, the keyboard, and what leads away."""

import re
from urllib.parse import parse_qs, urlparse
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support.browser import Watch
from tests.support.stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.thorough

HOSTILE = """<img src=x onerror=alert(1)><script>alert(2)</script>"'`${7*7}{{7*7}} status:failed"""


def rows(page: Page) -> Locator:
    """Those that are drawn, without the heads."""
    return page.get_by_role("region", name="Runs", exact=True).locator("tbody tr:has(a)")


def names(page: Page) -> list[str]:
    return rows(page).locator("th a").all_inner_texts()


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.url).query)


def write(page: Page, text: str) -> None:
    if not page.get_by_role("combobox").evaluate("bar => bar === document.activeElement"):
        page.keyboard.press("/")
    page.keyboard.type(text)


def send(stack: Stack, name: str, agent: str = "lister", **more: object) -> str:
    run_id = str(uuid4())
    run = {"id": run_id, "agent": {"name": agent}, "name": name, **more}
    assert stack.json("POST", "/v1/runs", run)[0] == 201
    return run_id


def wait_for(stack: Stack, run_id: str) -> None:
    assert stack.json("GET", f"/v1/runs/{run_id}?wait=30")[0] == 200


def scroll(page: Page, top: int) -> None:
    page.get_by_role("region", name="Runs", exact=True).evaluate("(frame, top) => frame.scrollTo(0, top)", top)


def place(page: Page) -> int:
    return int(page.get_by_role("region", name="Runs", exact=True).evaluate("frame => frame.scrollTop"))


def test_it_shows_what_the_api_answers(open_page: OpenPage, dashboard: Stack) -> None:
    page = open_page("/runs?sort=cost&status=SUCCESS")
    expect(rows(page).first).to_be_visible()
    _, found = dashboard.json("GET", "/v1/runs?sort=cost&status=SUCCESS&limit=10")
    assert names(page)[:10] == [run["name"] for run in found["items"]]
    expect(page.get_by_role("columnheader", name="Cost")).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_text("search is up to date")).to_be_visible()
    page.get_by_role("button", name="Steps").click()
    expect(page).to_have_url(re.compile("sort=steps"))


def test_filters_stand_as_chips_and_in_the_url_and_back_takes_them_away(open_page: OpenPage, dashboard: Stack) -> None:
    page = open_page("/runs")
    expect(rows(page).first).to_be_visible()
    write(page, "status:fa")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove status failed")).to_be_visible()
    expect(rows(page).filter(has_text="Success")).to_have_count(0)
    tool = dashboard.json("GET", "/v1/runs/values?field=tool&prefix=search")[1]["items"][0]
    write(page, "too")
    page.keyboard.press("Tab")
    page.keyboard.type("search")
    expect(page.get_by_role("option").first).to_have_text(tool)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"Remove tool {tool}")).to_be_visible()
    assert query(page) == {"status": ["FAILED"], "tool": [tool]}
    page.reload()
    expect(page.get_by_role("button", name=f"Remove tool {tool}")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name=f"Remove tool {tool}")).to_have_count(0)
    page.get_by_role("combobox").focus()
    page.keyboard.press("Backspace")
    expect(page.get_by_role("list", name="Filters")).to_have_count(0)
    assert query(page) == {}


def test_words_are_searched_for_and_nothing_found_says_what_to_do(open_page: OpenPage) -> None:
    page = open_page("/runs")
    write(page, "nobodyeverwrotethis")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No run passes these filters")).to_be_visible()
    assert query(page) == {"q": ["nobodyeverwrotethis"]}
    page.get_by_role("button", name="Clear filters").last.click()
    expect(rows(page).first).to_be_visible()


def test_what_is_no_filter_is_said_at_the_bar(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("answer: 422 GET /v1/(runs|stream)")
    page = open_page("/runs")
    write(page, "duration>soon")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("“soon” is no duration")
    page.get_by_role("combobox").fill("metric:score>>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("neither a name nor a comparison")


def test_new_runs_announce_themselves_and_rows_change_in_place(open_page: OpenPage, dashboard: Stack) -> None:
    agent = f"live-{uuid4().hex[:8]}"
    first = send(dashboard, "the first", agent, status="RUNNING")
    wait_for(dashboard, first)
    page = open_page(f"/runs?agentName={agent}&status=RUNNING")
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_role("button", name="Live", exact=True)).to_have_text("Live")
    send(dashboard, "the second", agent, status="RUNNING")
    send(dashboard, "the third", agent, status="RUNNING")
    expect(page.get_by_role("button", name="2 new runs")).to_be_visible()
    assert names(page) == ["the first"]
    page.get_by_role("button", name="2 new runs").click()
    expect(rows(page)).to_have_count(3)
    assert names(page)[-1] == "the first"
    assert dashboard.json("PATCH", f"/v1/runs/{first}", {"status": "FAILED"})[0] == 202
    expect(rows(page).last).to_contain_text("Failed", timeout=15_000)
    expect(rows(page).last).to_contain_text("no longer matches")


def test_a_list_that_is_held_stays_until_it_is_refreshed(open_page: OpenPage, dashboard: Stack) -> None:
    agent = f"held-{uuid4().hex[:8]}"
    wait_for(dashboard, send(dashboard, "before", agent))
    page = open_page(f"/runs?agentName={agent}")
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page).to_have_url(re.compile("live=false"))
    wait_for(dashboard, send(dashboard, "after", agent))
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Refresh").click()
    expect(rows(page)).to_have_count(2)


def test_the_keyboard_goes_through_the_list_opens_and_comes_back(open_page: OpenPage) -> None:
    page = open_page("/runs?live=false")
    expect(rows(page).first).to_be_visible()
    shown = names(page)
    for key in "jjxjx":
        page.keyboard.press(key)
    expect(rows(page).nth(2).get_by_role("link").first).to_be_focused()
    expect(page.get_by_role("link", name="Compare", exact=True).last).to_be_visible()
    picked = query(page)["pick"]
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{picked[1]}"))
    page.go_back()
    expect(rows(page).nth(2).get_by_role("link").first).to_be_focused()
    page.keyboard.press("k")
    expect(rows(page).nth(1).get_by_role("link").first).to_have_text(shown[1])
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile(f"/compare\\?a={picked[0]}&b={picked[1]}"))
    page.go_back()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys and filters")).to_be_visible()


def test_a_long_list_is_found_again_where_it_was_left(open_page: OpenPage) -> None:
    page = open_page("/runs")
    expect(rows(page).first).to_be_visible()
    scroll(page, 10_000)
    expect(page).to_have_url(re.compile("rows=100"))
    scroll(page, 1_400)
    row = rows(page).filter(has=page.locator('[data-run="55"]'))
    text = row.get_by_role("link").first.inner_text()
    row.get_by_role("cell").nth(3).click()
    expect(page).to_have_url(re.compile("/runs/[0-9a-f-]{36}"))
    page.go_back()
    expect(row.get_by_role("link").first).to_have_text(text)
    assert place(page) == 1_400
    page.reload()
    expect(row.get_by_role("link").first).to_have_text(text)
    wait_until(lambda: place(page) == 1_400, seconds=5, what="the place in the list")
    assert len(names(page)) < 80, "rows that nobody sees are not drawn"


def test_columns_are_chosen_and_stay(open_page: OpenPage) -> None:
    page = open_page("/runs")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Tags").check()
    page.get_by_role("checkbox", name="Steps").uncheck()
    expect(page.get_by_role("columnheader", name="Tags")).to_be_attached()
    page.reload()
    expect(page.get_by_role("columnheader", name="Tags")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Steps")).to_have_count(0)


def test_the_export_is_of_all_runs_of_the_filters(open_page: OpenPage, dashboard: Stack) -> None:
    page = open_page("/runs?status=FAILED&columns=agent")
    expect(rows(page).first).to_be_visible()
    page.get_by_role("button", name="Export").click()
    links = page.get_by_role("menu").get_by_role("menuitem")
    expect(links).to_have_text([re.compile("JSON Lines"), re.compile("CSV"), re.compile("Parquet"), re.compile("Copy as curl")])
    href = links.first.get_attribute("href")
    assert href is not None
    status, _, body = dashboard.request("GET", href)
    assert status == 200
    lines = body.splitlines()
    assert len(lines) > 10
    assert all(b'"FAILED"' in line for line in lines)


def test_what_agents_wrote_is_shown_as_it_is(open_page: OpenPage, dashboard: Stack) -> None:
    run = send(dashboard, HOSTILE, HOSTILE, status="FAILED", sessionId=HOSTILE, tags={HOSTILE: HOSTILE})
    wait_for(dashboard, run)
    page = open_page("/runs?columns=status,agent,session,tags")
    row = rows(page).filter(has_text=HOSTILE).first
    expect(row.get_by_role("link").first).to_have_text(HOSTILE)
    expect(row).to_contain_text(f"{HOSTILE}={HOSTILE}")
    page.get_by_role("combobox").fill("agent:<img")
    page.get_by_role("option").filter(has_text=HOSTILE).click()
    expect(page.get_by_role("button", name=f"Remove agent {HOSTILE}")).to_be_visible()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name=f"agent {HOSTILE}", exact=True).click()
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    assert query(page)["agentName"] == [HOSTILE]
    assert page.evaluate("document.querySelectorAll('#content script, #content img').length") == 0


def test_everybody_can_use_it(open_page: OpenPage, check_accessibility: CheckAccessibility) -> None:
    page = open_page("/runs?status=FAILED&status=RUNNING&columns=status,agent,started,errors,session,tags")
    expect(rows(page).first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("x")
    check_accessibility(page)
    write(page, "s")
    expect(page.get_by_role("option").first).to_be_visible()
    check_accessibility(page)
    page.get_by_role("combobox").fill("")
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("menu")).to_be_visible()
    check_accessibility(page)


def test_it_can_be_read_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("/runs?status=FAILED", width=390, height=844)
    expect(rows(page).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_by_role("region", name="Runs", exact=True).evaluate("frame => frame.scrollWidth <= frame.clientWidth")
