"""Signing in, settings and the first trace, as somebody does it in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support import browser as driver
from tests.support.browser import Watch
from tests.support.stack import Stack

pytestmark = pytest.mark.thorough

EMAIL, PASSWORD = "admin@example.com", "correct horse battery"


@pytest.fixture(scope="module")
def guarded(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in which everybody has to say who they are."""
    environment = {
        "AGENTGUIDE_REQUIRE_AUTH": "true",
        "AGENTGUIDE_ADMIN_EMAIL": EMAIL,
        "AGENTGUIDE_ADMIN_PASSWORD": PASSWORD,
    }
    running = Stack(tmp_path_factory.mktemp("guarded") / "data", "--workers", "1", **environment)
    yield running
    assert running.stop() == 0


@pytest.fixture
def guest(browser: Browser, guarded: Stack) -> Iterator[Page]:
    """A page of somebody who has not signed in."""
    watch = Watch(guarded.url)
    watch.allow("answer: 401 ")
    context = browser.new_context(locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(15_000)
    page = context.new_page()
    watch.attach(page)
    yield page
    context.close()
    assert watch.found() == []


def _sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_whoever_signs_in_comes_to_where_they_wanted_to_go(guest: Page, guarded: Stack) -> None:
    driver.open_page(guest, f"{guarded.url}/runs?status=FAILED")
    expect(guest.get_by_role("heading", name="Sign in")).to_be_visible()
    _sign_in(guest, "wrong")
    expect(guest.get_by_role("alert")).to_contain_text("password")
    _sign_in(guest)
    expect(guest.get_by_role("heading", level=1, name="Runs")).to_be_visible()
    assert guest.url == f"{guarded.url}/runs?status=FAILED"
    guest.get_by_role("button", name="Account and help").click()
    guest.get_by_role("menuitem", name="Sign out", exact=True).click()
    expect(guest.get_by_role("heading", name="Sign in")).to_be_visible()
    guest.goto(f"{guarded.url}/runs")
    expect(guest.get_by_role("heading", name="Sign in")).to_be_visible()


def test_signing_in_leads_nowhere_else(guest: Page, guarded: Stack) -> None:
    driver.open_page(guest, f"{guarded.url}/sign-in?next=//evil.example/x")
    _sign_in(guest)
    expect(guest.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    assert guest.url.startswith(guarded.url + "/")


def test_a_first_trace_with_a_key_made_on_the_way(guest: Page, guarded: Stack) -> None:
    driver.open_page(guest, f"{guarded.url}/start")
    _sign_in(guest)
    expect(guest.get_by_text("YOUR_API_KEY")).to_be_visible()
    guest.get_by_role("button", name="Make a key").click()
    key = guest.get_by_test_id("new-key").inner_text()
    expect(guest.locator("pre")).to_contain_text(f"Bearer {key}")
    expect(guest.get_by_text("Waiting for the first event")).to_be_visible()
    event = {"type": "run", "id": "0190aaaa-0000-7000-8000-000000000001", "agent": {"name": "first"}}
    assert guarded.request("POST", "/v1/events", [event], {"Authorization": f"Bearer {key}"})[0] == 202
    expect(guest.get_by_text("It is here")).to_be_visible()
    guest.get_by_role("link", name="Open the run").click()
    expect(guest).to_have_url(f"{guarded.url}/runs/{event['id']}")


def test_a_key_is_made_shown_once_and_revoked(guest: Page, guarded: Stack) -> None:
    driver.open_page(guest, f"{guarded.url}/settings/keys")
    _sign_in(guest)
    guest.get_by_role("button", name="New key").click()
    guest.get_by_label("Name").fill("<b>crawler</b>")
    guest.get_by_label("read: runs").check()
    guest.get_by_role("button", name="Make the key").click()
    key = guest.get_by_test_id("new-key").inner_text()
    headers = {"Authorization": f"Bearer {key}"}
    assert guarded.request("GET", "/v1/runs", headers=headers)[0] == 200
    guest.get_by_role("button", name="Done").click()
    row = guest.get_by_role("row").filter(has_text="<b>crawler</b>")
    expect(row).to_contain_text("read")
    assert key not in guest.content()
    row.get_by_role("button", name="Revoke").click()
    guest.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    guest.get_by_label("Show ended keys").check(force=True)
    expect(row).to_contain_text("revoked")


def test_retention_is_changed_and_stays(guest: Page, guarded: Stack) -> None:
    driver.open_page(guest, f"{guarded.url}/settings")
    _sign_in(guest)
    days = guest.get_by_label("Days that runs are kept")
    expect(guest.get_by_role("button", name="Save")).to_be_disabled()
    days.fill("45")
    guest.get_by_role("button", name="Save").click()
    expect(guest.get_by_text("It is in force within five seconds")).to_be_visible()
    guest.reload()
    expect(days).to_have_value("45")


def test_a_member_is_added_and_what_is_wrong_is_said(guest: Page, guarded: Stack) -> None:
    watch_status: list[int] = []
    guest.on("response", lambda answer: watch_status.append(answer.status) if answer.request.method == "POST" else None)
    driver.open_page(guest, f"{guarded.url}/settings/members")
    _sign_in(guest)
    guest.get_by_label("E-mail of a new member").fill("colleague@example.com")
    guest.get_by_role("button", name="Add").click()
    row = guest.get_by_role("row").filter(has_text="colleague@example.com")
    expect(row).to_contain_text("Cannot sign in yet")
    row.get_by_role("button", name="Remove").click()
    guest.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert watch_status == [200, 201]


def test_without_accounts_there_is_nothing_to_sign_in_to(open_page: OpenPage) -> None:
    page = open_page("/settings")
    expect(page.get_by_role("tab", name="API keys")).to_be_visible()
    expect(page.get_by_role("tab", name="Your account")).to_have_count(0)


@pytest.mark.parametrize(
    "path", ["/settings", "/settings/keys", "/settings/members", "/settings/projects", "/start", "/sign-in"]
)
def test_it_is_accessible(open_page: OpenPage, check_accessibility: CheckAccessibility, path: str) -> None:
    check_accessibility(open_page(path))
