"""The page of a run: its steps as a tree on a time axis, also very many of them, and while they still come in."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support.browser import MainThread, Watch
from tests.support.stack import Stack
from tests.support.waiting import wait_until

LONG_RUN_STEPS = 50_000
GROUP_STEPS = 100
FIRST_ROW_MS = 1500
LONGEST_TASK_MS = 100
"""Of its own time, so that whatever else the machine does counts for nothing."""
ATTEMPTS = 5
"""Whatever else the machine does only ever makes the page slower: the best attempt is what it can do."""

WATCH_TIMES = """
const look = () => {
  if (document.querySelector("[role=treegrid] [data-index]")) window.firstRowMs = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
SCROLL_BY = """async (pixels) => {
  document.querySelector("[role=treegrid]").scrollTop += pixels;
  for (let frames = 0; frames < 2; frames++) await new Promise(requestAnimationFrame);
}"""
STRIDES = [*[300] * 30, *[15_000] * 30]
"""In pixels: to the next rows, and far beyond them."""


def step_id(number: int) -> str:
    return f"{number:016x}"


class Story:
    """A run that is told event by event."""

    def __init__(self, stack: Stack, name: str, started: datetime | None = None) -> None:
        self.stack, self.id = stack, str(uuid4())
        self.started = started or datetime.now(UTC) - timedelta(minutes=2)
        self._name = name

    @property
    def path(self) -> str:
        return f"/runs/{self.id}"

    def at(self, ms: float) -> str:
        return (self.started + timedelta(milliseconds=ms)).isoformat()

    def run(self, **fields: Any) -> dict[str, Any]:
        return {"type": "run", "id": self.id, "agent": {"name": "storyteller", "version": "1"}, "name": self._name, **fields}

    def step(
        self, number: int, parent: int | None = None, start: float = 0, end: float | None = None, **fields: Any
    ) -> dict[str, Any]:
        times = {"startedAt": self.at(start)} | ({"finishedAt": self.at(end)} if end is not None else {})
        above = {"parentId": step_id(parent)} if parent is not None else {}
        return {"type": "step", "runId": self.id, "id": step_id(number), **above, **times, **fields}

    def tell(self, *events: dict[str, Any]) -> None:
        for first in range(0, len(events), 1000):
            status, answer = self.stack.json("POST", "/v1/events", events[first : first + 1000])
            assert status == 202, answer

    def stored(self) -> dict[str, Any]:
        status, answer = self.stack.json("GET", f"/v1{self.path}?wait=30&steps=false&payloads=false")
        assert status == 200, answer
        return dict(answer)


@pytest.fixture(scope="module")
def finished(dashboard: Stack) -> Story:
    """Two branches; the last step of the second failed."""
    story = Story(dashboard, "Plan a journey")
    error = {"type": "TimeoutError", "message": "no train answered"}
    story.tell(
        story.run(status="RUNNING", startedAt=story.at(0), input={"to": "Vienna"}, tags=["priority:high"]),
        story.step(1, toolName="plan", kind="AGENT", start=0, end=900),
        story.step(2, 1, toolName="chat", kind="LLM", model="atlas-1", start=10, end=400, inputTokens=12, outputTokens=3),
        story.step(3, 1, toolName="search_trains", kind="TOOL", start=410, end=890, output={"found": 3}),
        story.step(4, toolName="book", kind="AGENT", start=900, end=2000),
        story.step(5, 4, toolName="reserve_seat", kind="TOOL", start=950, end=1900, error=error),
        story.run(status="FAILED", finishedAt=story.at(2000), error=error),
    )
    story.stored()
    return story


@pytest.fixture(scope="module")
def long_run(dashboard: Stack) -> Story:
    story = Story(dashboard, "A long night", datetime.now(UTC) - timedelta(hours=3))
    events = [story.run(status="RUNNING", startedAt=story.at(0))]
    for number in range(1, LONG_RUN_STEPS + 1):
        group = (number - 1) // GROUP_STEPS * GROUP_STEPS + 1
        fields: dict[str, Any] = {"kind": "AGENT", "toolName": "researcher"} if number == group else {"toolName": "fetch"}
        if number % 997 == 0:
            fields["error"] = {"message": "no answer"}
        parent, length = (None, GROUP_STEPS * 100) if number == group else (group, 90)
        events.append(story.step(number, parent, number * 100, number * 100 + length, **fields))
    story.tell(*events, story.run(status="SUCCESS", finishedAt=story.at((LONG_RUN_STEPS + 1) * 100)))
    wait_until(lambda: story.stored()["stepCount"] == LONG_RUN_STEPS, seconds=60, what="all steps of the long run")
    return story


def tree(page: Page) -> Locator:
    return page.get_by_role("treegrid", name="Steps")


def rows(page: Page) -> Locator:
    return tree(page).locator("[data-index]")


def row(page: Page, name: str) -> Locator:
    return rows(page).filter(has_text=name)


def active_row(page: Page) -> Locator:
    """The one that the tree says has the focus."""
    return page.locator(f"[id='{tree(page).get_attribute('aria-activedescendant')}']")


def search_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_run_is_shown_with_its_figures_and_steps(open_page: OpenPage, finished: Story) -> None:
    page = open_page(finished.path)
    expect(page.get_by_role("heading", level=1)).to_have_text("Plan a journey")
    expect(page.get_by_text("Failed", exact=True).first).to_be_visible()
    expect(page.get_by_role("link", name="storyteller")).to_have_attribute("href", re.compile("/agents/storyteller"))
    expect(page.get_by_text("no train answered").first).to_be_visible()
    expect(rows(page)).to_have_count(5)
    assert [one.split("\n")[0] for one in rows(page).all_inner_texts()] == [
        *("plan", "chat", "search_trains", "book", "reserve_seat")
    ]
    expect(row(page, "chat")).to_have_attribute("aria-level", "2")
    expect(row(page, "chat")).to_contain_text("atlas-1")
    expect(row(page, "chat")).to_contain_text("390 ms")


def test_a_link_leads_to_a_step_and_back_leads_away_from_it(open_page: OpenPage, finished: Story) -> None:
    page = open_page(f"{finished.path}?level=1")
    expect(rows(page)).to_have_count(2)
    page.goto(page.url + f"&step={step_id(3)}")
    expect(row(page, "search_trains")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("heading", name="search_trains")).to_be_visible()
    row(page, "plan").click()
    expect(page.get_by_role("heading", name="plan", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="search_trains")).to_be_visible()
    expect(row(page, "search_trains")).to_have_attribute("aria-selected", "true")


def test_the_tree_is_used_with_the_keyboard(open_page: OpenPage, finished: Story) -> None:
    page = open_page(finished.path)
    expect(rows(page)).to_have_count(5)
    tree(page).focus()
    page.keyboard.press("ArrowLeft")
    expect(rows(page)).to_have_count(3)
    expect(row(page, "plan")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(active_row(page)).to_contain_text("chat")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="search_trains")).to_be_visible()
    assert search_of(page)["step"] == [step_id(3)]
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="chat", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="chat", exact=True)).to_be_hidden()
    assert "step" not in search_of(page)


def test_keys_lead_from_error_to_error_and_open_what_they_are_in(open_page: OpenPage, finished: Story) -> None:
    page = open_page(f"{finished.path}?level=1")
    expect(rows(page)).to_have_count(2)
    page.keyboard.press("n")
    expect(active_row(page)).to_contain_text("reserve_seat")
    expect(page.get_by_text("1 of 1 error")).to_be_visible()
    expect(row(page, "plan")).to_have_attribute("aria-expanded", "false")


def test_steps_are_searched(open_page: OpenPage, finished: Story) -> None:
    page = open_page(finished.path)
    expect(rows(page)).to_have_count(5)
    page.keyboard.press("/")
    page.keyboard.type("tool seat")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 1 match")).to_be_visible()
    expect(active_row(page)).to_contain_text("reserve_seat")
    assert search_of(page)["q"] == ["tool seat"]
    page.get_by_role("button", name="Only these matches").click()
    expect(rows(page)).to_have_count(2)
    page.go_back()
    expect(rows(page)).to_have_count(5)


def test_the_axis_is_zoomed_and_the_critical_path_shown(open_page: OpenPage, finished: Story) -> None:
    page = open_page(finished.path)
    expect(rows(page)).to_have_count(5)
    page.keyboard.press("c")
    expect(page.get_by_role("region", name="Critical path by tool")).to_contain_text("reserve_seat 950 ms (47.5 %)")
    page.keyboard.press("+")
    page.wait_for_url(re.compile("zoom="))
    start, end = map(float, search_of(page)["zoom"][0].split(".."))
    assert end - start == pytest.approx(1000, abs=1)
    page.reload()
    expect(page.get_by_role("slider", name="End of what is seen")).to_have_attribute("aria-valuenow", f"{end / 20:.0f}")
    page.keyboard.press("0")
    page.wait_for_function("() => !location.search.includes('zoom')")


def test_a_run_that_goes_on_is_shown_as_it_does(open_page: OpenPage, dashboard: Stack) -> None:
    story = Story(dashboard, "Still at it", datetime.now(UTC) - timedelta(seconds=5))
    first = story.step(1, toolName="think", kind="AGENT", start=0)
    story.tell(story.run(status="RUNNING", startedAt=story.at(0)), first)
    story.stored()
    page = open_page(story.path)
    expect(row(page, "think")).to_contain_text("running")
    page.evaluate("() => { window.isSamePage = true; }")
    story.tell(story.step(2, 1, toolName="look_up", kind="TOOL", start=1000, end=1500))
    expect(row(page, "look_up")).to_contain_text("500 ms")
    story.tell(first | {"finishedAt": story.at(4000)}, story.run(status="SUCCESS", finishedAt=story.at(4000)))
    expect(row(page, "think")).to_contain_text("4 s")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    assert page.evaluate("() => window.isSamePage")


def test_a_run_that_was_only_just_sent_is_waited_for(open_page: OpenPage, dashboard: Stack, watch: Watch) -> None:
    story = Story(dashboard, "Late for the train")
    watch.allow(f"answer: 404 GET /v1/runs/{story.id}")
    page = open_page(story.path)
    page.get_by_role("button", name="Wait for it").click()
    story.tell(story.run(status="SUCCESS", startedAt=story.at(0), finishedAt=story.at(5)))
    expect(page.get_by_role("heading", level=1)).to_have_text("Late for the train")
    expect(page.get_by_text("This run has no steps")).to_be_visible()


def test_a_link_to_a_step_that_is_far_down_shows_it_at_once(open_page: OpenPage, long_run: Story) -> None:
    page = open_page(f"{long_run.path}?step={step_id(LONG_RUN_STEPS)}")
    expect(page.get_by_role("heading", name="fetch", exact=True)).to_be_visible()
    expect(tree(page).locator("[aria-selected=true]")).to_be_in_viewport(timeout=30_000)


def test_many_steps_are_there_soon_and_scroll_smoothly(open_page: OpenPage, page: Page, long_run: Story) -> None:
    page.add_init_script(WATCH_TIMES)

    def first_row_ms() -> float:
        open_page(long_run.path)
        rows(page).first.wait_for()
        return float(page.evaluate("() => window.firstRowMs"))

    assert best_of(first_row_ms, FIRST_ROW_MS) < FIRST_ROW_MS
    expect(tree(page)).to_have_attribute("aria-rowcount", str(LONG_RUN_STEPS + 1), timeout=30_000)
    expect(page.get_by_role("progressbar", name="Steps loaded")).to_be_hidden()
    assert rows(page).count() < 100
    with MainThread(page) as thread:
        spent = [thread.milliseconds_of(lambda stride=stride: page.evaluate(SCROLL_BY, stride)) for stride in STRIDES]
    assert max(spent) <= LONGEST_TASK_MS, sorted(spent)
    assert tree(page).evaluate("(frame) => frame.scrollTop") > 400_000


def best_of(measure: Callable[[], float], enough: float) -> float:
    found = measure()
    for _ in range(ATTEMPTS - 1):
        if found > enough:
            found = min(found, measure())
    return found


def test_it_is_accessible(open_page: OpenPage, finished: Story, check_accessibility: CheckAccessibility) -> None:
    page = open_page(f"{finished.path}?step={step_id(5)}&path=true&q=tool")
    expect(page.get_by_role("heading", name="reserve_seat")).to_be_visible()
    check_accessibility(page)


def test_it_fits_a_phone(open_page: OpenPage, finished: Story) -> None:
    page = open_page(finished.path, width=390, height=844)
    expect(rows(page)).to_have_count(5)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    row(page, "chat").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
