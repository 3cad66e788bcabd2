"""The dashboard in a real browser, before a real stack with made-up runs.

Where there is no Chromium these tests are skipped, and say so.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Page, expect

from api import web
from tests.support import browser as driver
from tests.support.browser import Theme, Watch
from tests.support.made_up import fill
from tests.support.stack import Stack

expect.set_options(timeout=15_000)  # other tests share the machine


class OpenPage(Protocol):
    def __call__(self, path: str, theme: Theme = "dark", width: int = 1440, height: int = 900) -> Page: ...


CheckAccessibility = Callable[[Page], None]


@pytest.fixture(scope="session")
def executable() -> str:
    found = driver.find_chromium()
    if found is None:
        pytest.skip(driver.MISSING)
    return found


@pytest.fixture(scope="session")
def dashboard(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of the browser's own with 300 runs of the last two days. Tests may add to it, and must leave it running."""
    if not (web.FOLDER / web.INDEX).is_file():
        pytest.fail("the dashboard is not built: run `make web`")
    running = Stack(tmp_path_factory.mktemp("dashboard") / "data")
    try:
        fill(running)
        yield running
    finally:
        code = running.stop()
        print("\n".join(running.log[-200:]))  # noqa: T201 - shown with a failure
        assert code == 0


@pytest.fixture(scope="module")
def browser(executable: str) -> Iterator[Browser]:
    # For one module: while Playwright runs there is an event loop in this thread, and other tests start theirs.
    with driver.chromium(executable) as running:
        yield running


@pytest.fixture
def watch(dashboard: Stack) -> Watch:
    """What goes wrong in the test's page; `watch.allow(pattern)` for what a test itself brings about."""
    return Watch(dashboard.url)


@pytest.fixture
def page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """A page of a browser that has been nowhere before. The test fails if anything went wrong in it."""
    context = browser.new_context(locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(15_000)
    opened = context.new_page()
    watch.attach(opened)
    yield opened
    context.close()
    assert watch.found() == []


@pytest.fixture
def open_page(page: Page, dashboard: Stack) -> OpenPage:
    def open_it(path: str, theme: Theme = "dark", width: int = 1440, height: int = 900) -> Page:
        driver.open_page(page, dashboard.url + path, theme, width, height)
        return page

    return open_it


@pytest.fixture
def check_accessibility() -> CheckAccessibility:
    """In both themes, whichever the page was opened in."""

    def check(page: Page) -> None:
        problems = []
        for theme in ("light", "dark"):
            driver.use_theme(page, theme)
            driver.settle(page)
            problems += driver.accessibility_problems(page)
        assert not problems, f"{len(problems)} problems of accessibility:\n" + "\n".join(problems)

    return check
