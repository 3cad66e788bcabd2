"""Sessions, which are conversations across runs, and users: lists, single ones, ids of any text, and what changes meanwhile."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support.stack import Stack

pytestmark = pytest.mark.thorough

HOSTILE = """<img src=x onerror=alert(1)><script>alert(2)</script>"'`${7*7}{{7*7}}"""


def send(stack: Stack, *session_ids: str, **more: Any) -> str:
    """A run of each session. Returns the last one's id when all can be read."""
    started_at = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    run = {"type": "run", "agent": {"name": "talker"}, "startedAt": started_at, **more}
    runs = [run | {"id": str(uuid4()), "sessionId": session_id} for session_id in session_ids]
    assert stack.json("POST", "/v1/events", runs)[0] == 202
    for sent in runs:
        assert stack.json("GET", f"/v1/runs/{sent['id']}?wait=30")[0] == 200
    return str(runs[-1]["id"])


def test_the_list_goes_on_page_by_page_and_back(open_page: OpenPage, dashboard: Stack) -> None:
    send(dashboard, *(f"many-{uuid4().hex[:8]}" for _ in range(60)), status="SUCCESS")
    page = open_page("/sessions")
    rows = page.get_by_role("region", name="Sessions", exact=True).locator("tbody tr")
    _, found = dashboard.json("GET", "/v1/sessions?limit=50")
    expect(rows).to_have_count(50)
    assert [link.strip() for link in rows.locator("td:first-child").all_inner_texts()] == [one["id"] for one in found["items"]]
    first = rows.first.inner_text()
    page.get_by_role("link", name="Older").click()
    expect(page).to_have_url(re.compile("cursor="))
    expect(rows.first).not_to_have_text(first)
    page.go_back()
    expect(page.get_by_role("heading", name="Latest sessions")).to_be_visible()


@pytest.mark.parametrize("session_id", ["a/b", "100% ä", "..", "line\nbreak", HOSTILE])
def test_a_session_of_any_id_has_a_page(open_page: OpenPage, dashboard: Stack, session_id: str) -> None:
    send(dashboard, session_id, name="Odd one", input={"question": "Where to?"}, output="To **Rome**.", status="SUCCESS")
    page = open_page("/sessions")
    page.get_by_role("link", name=" ".join(session_id.split()), exact=True).first.click()
    expect(page.get_by_role("heading", name="Session", exact=True)).to_be_visible()
    for _ in range(2):
        turn = page.get_by_role("article").first
        expect(turn.get_by_role("link", name="Odd one")).to_be_visible()
        expect(turn.get_by_text("Where to?")).to_be_visible()
        expect(turn.get_by_text("To Rome.")).to_be_visible()
        page.reload()
    assert page.locator("main img, main script").count() == 0


def test_a_session_shows_what_happens_meanwhile(open_page: OpenPage, dashboard: Stack) -> None:
    session_id = f"live {uuid4()}"
    run_id = send(dashboard, session_id, name="First", input="One?", status="RUNNING")
    page = open_page(f"/sessions/{session_id}")
    turns = page.get_by_role("article")
    expect(turns.first).to_contain_text("still at work")
    expect(page.get_by_text("Updates by itself")).to_be_visible()
    end = {"type": "run", "id": run_id, "status": "SUCCESS", "output": "Two.", "finishedAt": datetime.now(UTC).isoformat()}
    assert dashboard.json("POST", "/v1/events", [end])[0] == 202
    expect(turns.first).to_contain_text("Two.")
    send(dashboard, session_id, name="Second", input="Three?", status="FAILED", error={"type": "Tired", "message": "no more"})
    expect(turns).to_have_count(2)
    expect(turns.last).to_contain_text("Tired")


def test_users_lead_to_their_sessions_and_runs(open_page: OpenPage, dashboard: Stack) -> None:
    page = open_page("/users")
    rows = page.get_by_role("region", name="Users", exact=True).locator("tbody tr")
    expect(rows.first).to_be_visible()
    name, runs = (rows.first.locator("td").nth(at).inner_text() for at in (0, 2))
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    expect(page.get_by_role("link", name=runs, exact=True)).to_be_visible()
    page.get_by_role("button", name="Last 7 days").click()
    page.get_by_role("button", name="24 hours").click()
    expect(page).to_have_url(re.compile("range=24h"))
    page.get_by_role("link", name="All runs of this user").click()
    expect(page).to_have_url(re.compile(r"/runs\?.*userId=\d"))


def test_they_are_accessible(open_page: OpenPage, dashboard: Stack, check_accessibility: CheckAccessibility) -> None:
    _, found = dashboard.json("GET", "/v1/sessions?limit=200")
    several = max(found["items"], key=lambda one: one["runCount"])
    _, users = dashboard.json("GET", "/v1/metrics/users")
    for path in ("/sessions", f"/sessions/{several['id']}", "/users", f"/users/{users['users'][0]['userId']}"):
        page = open_page(path)
        expect(page.get_by_role("region").first).to_be_visible()
        check_accessibility(page)
