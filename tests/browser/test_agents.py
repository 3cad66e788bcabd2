"""Agents and tools: their figures are those of the API, and each leads to the runs behind it."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support.stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.thorough

HOSTILE = 'a/b?c#d%2F"><img src=x onerror=alert(1)>'
NAMES = [HOSTILE, ".."]
FROM, TO = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT00:00:00.000Z}" for days in (-4, 1))
UNTOOLED = "steps without a tool"
WINDOW = {"from": FROM, "to": TO}
"""Of all that is there: it does not move on while a test looks."""


def _address(path: str, **search: str) -> str:
    return f"{path}?{urlencode({**WINDOW, **search})}"


def _answer(stack: Stack, path: str, **query: str) -> Any:
    status, found = stack.json("GET", _address(path, **query))
    assert status == 200, found
    return found


def _search_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def _row(page: Page, table: str, name: str) -> Locator:
    named = page.get_by_role("link", name=name, exact=True)
    return page.get_by_role("region", name=table, exact=True).get_by_role("row").filter(has=named)


@pytest.fixture(scope="module", autouse=True)
def odd(dashboard: Stack) -> None:
    """Runs of agents with two versions each and of tools, whose names are no words."""
    # One after the other: versions stand in the order in which they were first seen.
    for version, status in (("", "FAILED"), ("<i>2</i>", "SUCCESS")):
        assert dashboard.request("POST", "/v1/events", _runs_of(version, status))[0] == 202
        wait_until(lambda version=version: _are_registered(dashboard, version), seconds=60, what="the agents")

    def known() -> bool:
        tools = {tool["toolName"] for tool in _answer(dashboard, "/v1/metrics/tools", limit="1000")["tools"]}
        agents = {agent["name"] for agent in _answer(dashboard, "/v1/metrics/summary")["agents"]}
        return {*NAMES, None} <= tools and set(NAMES) <= agents

    wait_until(known, seconds=60, what="the figures of what was sent")


def _runs_of(version: str, status: str) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    times = {"startedAt": (now - timedelta(minutes=2)).isoformat(), "finishedAt": now.isoformat()}
    error = {"error": "no <b>luck</b>"} if status == "FAILED" else {}
    events: list[dict[str, Any]] = []
    for number, name in enumerate(NAMES):
        run, agent = str(uuid4()), {"name": name, "version": version}
        events.append({"type": "run", "id": run, "agent": agent, "status": status, **times, **error})
        events.append({"type": "step", "runId": run, "id": f"{number + 1:016x}", "toolName": name, **times, **error})
        events.append({"type": "step", "runId": run, "id": f"{number + 101:016x}", **times})
    return events


def _are_registered(dashboard: Stack, version: str) -> bool:
    found = {(agent["name"], agent["version"]) for agent in dashboard.json("GET", "/v1/agents?limit=1000")[1]["items"]}
    return {(name, version) for name in NAMES} <= found


def _percent(share: float) -> str:
    """As the page rounds."""
    rounded = Decimal(share * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return "100 %" if share == 1 else f"{rounded} %" if share else "0 %"


def test_agents_are_told_with_all_their_versions(open_page: OpenPage, dashboard: Stack) -> None:
    page = open_page(_address("/agents"))
    figures = _answer(dashboard, "/v1/metrics/summary")["agents"]
    for name in {agent["name"] for agent in figures}:
        own = [agent for agent in figures if agent["name"] == name]
        ended = sum(agent["runs"] - agent["inFlight"] for agent in own)
        good = sum(agent["runsByStatus"]["SUCCESS"] for agent in own)
        cells = _row(page, "Agents", name).get_by_role("cell")
        expect(cells.nth(1)).to_have_text(f"{sum(agent['runs'] for agent in own):,}")
        expect(cells.nth(2)).to_have_text(_percent(good / ended))
        expect(cells.nth(3)).to_have_text(str(sum(agent["runsByStatus"]["FAILED"] for agent in own)))


def test_a_figure_of_an_agent_leads_to_its_runs(open_page: OpenPage) -> None:
    page = open_page(_address("/agents"))
    failed = _row(page, "Agents", HOSTILE).get_by_role("cell").nth(3)
    failed.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name="Runs")).to_be_visible()
    assert _search_of(page) == {"agentName": [HOSTILE], "status": ["FAILED"], "from": [FROM], "to": [TO]}


def test_the_order_and_what_is_open_stand_in_the_address(open_page: OpenPage) -> None:
    page = open_page(_address("/agents"))
    names = page.get_by_role("region", name="Agents", exact=True).get_by_role("row").locator("td:first-child a")
    busiest = names.first.inner_text()
    page.get_by_role("button", name="Agent", exact=True).click()
    expect(page.get_by_role("columnheader", name="Agent", exact=True)).to_have_attribute("aria-sort", "ascending")
    assert _search_of(page)["sort"] == ["name"]
    page.get_by_role("button", name="Agent", exact=True).click()
    expect(page.get_by_role("columnheader", name="Agent", exact=True)).to_have_attribute("aria-sort", "descending")
    assert _search_of(page)["reverse"] == ["true"]
    page.get_by_role("button", name=f"Versions of {HOSTILE}", exact=True).press("Enter")
    expect(page.get_by_role("link", name="<i>2</i>", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="<i>2</i>", exact=True)).to_be_visible()
    for _ in range(3):
        page.go_back()
    expect(page.get_by_role("columnheader", name="Runs", exact=True)).to_have_attribute("aria-sort", "descending")
    expect(names.first).to_have_text(busiest)


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_of_any_name_has_a_page(open_page: OpenPage, name: str) -> None:
    page = open_page(_address("/agents"))
    _row(page, "Agents", name).get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    versions = page.get_by_role("region", name="Versions side by side")
    expect(versions.get_by_role("row")).to_have_count(3)
    expect(versions.get_by_role("row").nth(1)).to_contain_text("+100.0 points")
    versions.get_by_role("link", name="no version").click()
    expect(page.get_by_role("radio", name="no version")).to_be_checked()
    expect(page.get_by_role("region", name="Latest failed runs").last.get_by_role("row").nth(1)).to_contain_text("Failed")
    expect(page.get_by_role("region", name="Commonest errors")).to_contain_text("no <b>luck</b>")
    page.go_back()
    expect(page.get_by_role("radio", name="All versions")).to_be_checked()


def test_the_versions_figures_are_those_of_the_api(open_page: OpenPage, dashboard: Stack) -> None:
    [agent, *_] = _answer(dashboard, "/v1/metrics/summary")["agents"]
    page = open_page(_address(f"/agents/{quote(agent['name'], safe='')}"))
    row = _row(page, "Versions side by side", agent["version"])
    expect(row.get_by_role("cell").nth(1)).to_have_text(f"{agent['runs']:,}")
    expect(row.get_by_role("cell").nth(2)).to_contain_text(_percent(agent["successRate"]))
    slow = row.get_by_role("cell").nth(4).get_by_role("link")
    p95 = _answer(dashboard, "/v1/metrics/summary", agentId=str(agent["id"]))["durationMs"]["p95"]
    slow.click()
    expect(page.get_by_role("heading", level=1, name="Runs")).to_be_visible()
    # Percentiles of roll-ups may be one percent above the runs that they are of.
    [at_least] = map(int, _search_of(page)["minDurationMs"])
    assert 0.98 * p95 < at_least <= 0.99 * p95
    assert _search_of(page)["agentId"] == [str(agent["id"])]


def test_an_agent_that_there_is_not_says_so(open_page: OpenPage) -> None:
    page = open_page("/agents/nobody")
    expect(page.get_by_text("No agent has this name")).to_be_visible()
    page.get_by_role("link", name="Show all agents").click()
    expect(page.get_by_role("heading", level=1, name="Agents")).to_be_visible()


def _tools_by(stack: Stack, sort: str) -> list[str]:
    return [tool["toolName"] or UNTOOLED for tool in _answer(stack, "/v1/metrics/tools", sort=sort, limit="100")["tools"]]


def test_tools_are_told_as_the_api_does_and_sorted_by_the_address(open_page: OpenPage, dashboard: Stack) -> None:
    page = open_page(_address("/tools"))
    names = page.get_by_role("region", name="Tools", exact=True).get_by_role("row").locator("td:first-child a")
    orders = {sort: _tools_by(dashboard, sort) for sort in ("slowest", "failing")}
    expect(names).to_have_text(orders["slowest"])
    page.get_by_role("button", name="Failures").click()
    expect(names).to_have_text(orders["failing"])
    assert _search_of(page)["sort"] == ["failing"]
    page.go_back()
    expect(names).to_have_text(orders["slowest"])


def test_a_tool_tells_its_figures_and_leads_to_its_runs(open_page: OpenPage, dashboard: Stack) -> None:
    tool = next(
        tool
        for tool in _answer(dashboard, "/v1/metrics/tools", sort="failing")["tools"]
        if tool["toolName"] not in (None, *NAMES)
    )
    page = open_page(_address("/tools"))
    _row(page, "Tools", tool["toolName"]).get_by_role("link", name=tool["toolName"], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(tool["toolName"])
    failures = page.locator("div", has=page.get_by_role("heading", name="Failures", exact=True)).last
    expect(failures).to_contain_text(str(tool["failures"]))
    failures.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name="Runs")).to_be_visible()
    assert _search_of(page) == {"tool": [tool["toolName"]], "hasError": ["true"], "from": [FROM], "to": [TO]}


@pytest.mark.parametrize("name", [*NAMES, None])
def test_a_tool_of_any_name_or_none_has_a_page(open_page: OpenPage, dashboard: Stack, name: str | None) -> None:
    page = open_page(_address("/tools"))
    shown = name or UNTOOLED
    _row(page, "Tools", shown).get_by_role("link", name=shown, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name or "Steps without a tool")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(name or "Steps without a tool")
    calls = page.locator("div", has=page.get_by_role("heading", name="Calls", exact=True)).last
    tools = _answer(dashboard, "/v1/metrics/tools", limit="1000")["tools"]
    expect(calls).to_contain_text(next(str(tool["calls"]) for tool in tools if tool["toolName"] == name))
    if name:
        expect(page.get_by_role("region", name="Commonest errors")).to_contain_text("no <b>luck</b>")
    else:
        expect(calls.get_by_role("link")).to_have_count(0)


@pytest.mark.parametrize(
    "path", ["/agents", f"/agents/{quote(HOSTILE, safe='')}", "/tools", f"/tools/{quote(HOSTILE, safe='')}"]
)
def test_it_is_accessible(open_page: OpenPage, check_accessibility: CheckAccessibility, path: str) -> None:
    page = open_page(_address(path))
    expect(page.get_by_role("region").first).to_be_visible()
    check_accessibility(page)
