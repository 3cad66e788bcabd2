"""Two runs side by side: which steps belong together, what differs in them, and the way from one difference to the next."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support.browser import Watch
from tests.support.stack import Stack

pytestmark = pytest.mark.thorough

HOSTILE = """<img src=x onerror=alert(1)><script>alert(2)</script>"'`${7*7}{{7*7}}"""
START = datetime.now(UTC) - timedelta(minutes=10)


def moment(ms: int) -> str:
    return (START + timedelta(milliseconds=ms)).isoformat()


def send(stack: Stack, steps: list[dict[str, Any]], **more: Any) -> str:
    """A run of 400 ms a step, unless it says otherwise. Returns when it can be read."""
    run_id = str(uuid4())
    run = {"type": "run", "id": run_id, "agent": {"name": "comparer"}, "status": "SUCCESS", "startedAt": moment(0), **more}
    events = [{"finishedAt": moment(400 * len(steps)), **run}]
    for at, step in enumerate(steps):
        times = {"startedAt": moment(400 * at), "finishedAt": moment(400 * at + 390)}
        events.append({"type": "step", "runId": run_id, "id": f"{at + 1:016x}", "kind": "TOOL", **times, **step})
    assert stack.json("POST", "/v1/events", events)[0] == 202
    assert stack.json("GET", f"/v1/runs/{run_id}?wait=30")[0] == 200
    return run_id


def send_pair(stack: Stack) -> tuple[str, str]:
    plan, weather = {"toolName": "plan"}, {"toolName": "web_search", "input": {"q": "weather"}, "output": {"high": 24}}
    book: dict[str, Any] = {"toolName": "book", "input": {"nights": 2}}
    a = send(stack, [plan, weather, book | {"output": "done"}], name="First try", input={"question": "A weekend?"})
    hotels = {"toolName": "web_search", "input": {"q": "hotels"}}
    error = {"error": {"type": "SoldOut", "message": "no room left"}}
    b = send(stack, [plan, hotels, weather | {"output": {"high": 23}}, book | error], name="Second try", status="FAILED")
    return a, b


def rows(page: Page) -> Locator:
    return page.get_by_role("listbox").get_by_role("option")


def words(page: Page) -> list[str]:
    expect(rows(page).first).to_be_visible()
    return [" ".join(text.split()) for text in rows(page).all_inner_texts()]


def test_steps_that_belong_together_stand_in_one_row(open_page: OpenPage, dashboard: Stack) -> None:
    a, b = send_pair(dashboard)
    page = open_page(f"/compare?a={a}&b={b}")
    found = words(page)
    assert [row.split(" ")[0] for row in found] == ["changed", "the", "only", "changed", "changed"]
    assert "Not in A web_search" in found[2]
    assert found[3].endswith("output")
    assert found[4].endswith("status, output, error")
    said = page.get_by_text("A succeeded, B failed.")
    expect(said).to_contain_text("book, which did not fail in A")
    expect(said).to_contain_text("B took 400 ms longer (+33 %)")
    expect(said).to_contain_text("B made 1 more call of web_search")


def test_keys_lead_from_one_difference_to_the_next_and_the_url_keeps_it(open_page: OpenPage, dashboard: Stack) -> None:
    a, b = send_pair(dashboard)
    page = open_page(f"/compare?a={a}&b={b}")
    expect(rows(page).first).to_be_visible()
    chosen = page.get_by_role("option", selected=True)
    for key, place in (("n", "1"), ("n", "3"), ("n", "4"), ("n", "5"), ("n", "5"), ("p", "4")):
        page.keyboard.press(key)
        expect(chosen).to_have_attribute("aria-posinset", place)
    lines = page.get_by_role("region", name="Differences of the output").get_by_role("row")
    expect(lines.filter(has_text="high")).to_have_text(re.compile('"high": 24.*"high": 23'))
    page.reload()
    expect(chosen).to_have_attribute("aria-posinset", "4")
    page.get_by_text("Differences", exact=True).first.click()
    expect(rows(page)).to_have_count(4)
    page.go_back()
    expect(rows(page)).to_have_count(5)
    page.get_by_role("button", name="Swap A and B").click()
    expect(page.get_by_text("A failed, B succeeded.")).to_be_visible()
    expect(page).to_have_url(re.compile(f"a={b}&b={a}"))


def test_the_other_run_is_chosen_among_those_of_the_agent_or_by_its_id(open_page: OpenPage, dashboard: Stack) -> None:
    a, b = send_pair(dashboard)
    page = open_page(f"/compare?a={a}")
    latest = page.get_by_role("region", name="Latest runs for B")
    expect(latest.get_by_role("link", name="Second try").first).to_be_visible()
    expect(latest.get_by_role("link").locator(f"[href*='{a}']")).to_have_count(0)
    field = page.get_by_label("Id or address of run B")
    field.fill("something else")
    expect(page.get_by_text("There is no run id in this")).to_be_visible()
    field.fill(f"https://somewhere.example/runs/{b}?step=1")
    field.press("Enter")
    expect(page).to_have_url(re.compile(f"b={b}"))
    assert len(words(page)) == 5


def test_what_agents_wrote_stays_text(open_page: OpenPage, dashboard: Stack) -> None:
    steps = [{"toolName": HOSTILE, "name": HOSTILE, "model": HOSTILE, "kind": "LLM", "input": {HOSTILE: HOSTILE}, "output": 1}]
    score = [{"name": HOSTILE[:60], "value": 1}]
    runs = [send(dashboard, [steps[0] | {"output": [n, HOSTILE]}], name=HOSTILE, metrics=score) for n in (1, 2)]
    page = open_page(f"/compare?a={runs[0]}&b={runs[1]}&row=0000000000000001~0000000000000001")
    expect(page.get_by_role("region", name="Differences of the output")).to_contain_text("<script>alert(2)")
    assert page.locator("main img, main script").count() == 0


def test_a_run_that_there_is_not_says_so(open_page: OpenPage, dashboard: Stack, watch: Watch) -> None:
    watch.allow("answer: 404 GET /v1/runs/00000000-0000-4000-8000-00000000dead")
    page = open_page(f"/compare?a=00000000-0000-4000-8000-00000000dead&b={send(dashboard, [])}")
    expect(page.get_by_role("alert")).to_contain_text("There is no run")
    page.get_by_role("button", name="Choose another").first.click()
    expect(page.get_by_label("Id or address of run A")).to_be_visible()


def test_it_is_accessible(open_page: OpenPage, dashboard: Stack, check_accessibility: CheckAccessibility) -> None:
    a, b = send_pair(dashboard)
    page = open_page(f"/compare?a={a}&b={b}&row=run")
    expect(page.get_by_text("Input, only in A")).to_be_visible()
    check_accessibility(page)
