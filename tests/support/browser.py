"""The system's Chromium, driven as a person drives it, and watched for whatever goes wrong in a page."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "there is no Chromium: install one (Debian, Ubuntu: apt-get install chromium), or name it in AGENTGUIDE_CHROMIUM"
ARGUMENTS = ["--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb", "--font-render-hinting=none"]

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

Theme = Literal["dark", "light"]


def find_chromium() -> str | None:
    named = os.environ.get("AGENTGUIDE_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    # As root, in a container or on CI's machine, its sandbox does not start.
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watch:
    """What went wrong in a page: errors in the console (refusals by the page's policy are among them) or uncaught, answers of
    400 or more, requests that failed, and requests to anybody but our server."""

    url: str
    troubles: list[str] = field(default_factory=list)
    _allowed: list[re.Pattern[str]] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """For a test in which this is to happen."""
        self._allowed.append(re.compile(pattern))

    def found(self) -> list[str]:
        return [trouble for trouble in self.troubles if not any(pattern.search(trouble) for pattern in self._allowed)]

    def attach(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.troubles.append(f"uncaught: {error}"))
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failure)
        page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        # The browser's own line about a bad answer says less than the answer does.
        if message.type == "error" and not message.text.startswith("Failed to load resource: the server responded"):
            self.troubles.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.url + "/", "data:", "blob:")):
            self.troubles.append(f"foreign: {request.url}")

    def _on_failure(self, request: Request) -> None:
        # What the page itself breaks off, as it does when somebody leaves it, is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.troubles.append(f"failed: {request.method} {_place(request.url)}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.troubles.append(f"answer: {response.status} {response.request.method} {_place(response.url)}")


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


class MainThread:
    """What a page's main thread works, in time that the processor spent on it."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)

    def __enter__(self) -> "MainThread":
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        return self

    def __exit__(self, *_: object) -> None:
        self._session.detach()

    def milliseconds_of(self, act: Callable[[], object]) -> float:
        """Of all its tasks together while something is done."""
        before = self._seconds()
        act()
        return (self._seconds() - before) * 1000

    def _seconds(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def open_page(page: Page, url: str, theme: Theme = "dark", width: int = 1440, height: int = 900) -> None:
    """Returns when the page shows its heading; what it asks for may still be under way."""
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.goto(url)
    page.locator("h1").first.wait_for()


def use_theme(page: Page, theme: Theme) -> None:
    page.emulate_media(color_scheme=theme)
    page.locator(f"html[data-mantine-color-scheme={theme}]").wait_for()


def settle(page: Page) -> None:
    """Waits until nothing says that it is being loaded, and the fonts are there."""
    page.wait_for_function("""() => document.fonts.status === "loaded"
        && !document.querySelector('[aria-busy="true"], .mantine-Skeleton-root[data-visible], .mantine-Loader-root')""")


def accessibility_problems(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2, levels A and AA, in the page as it is now; in dark colours only what is of colours,
    as all else is the same in both themes."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text())
    is_dark = page.locator("html").get_attribute("data-mantine-color-scheme") == "dark"
    wanted = {"type": "rule", "values": COLOUR_RULES} if is_dark else {"type": "tag", "values": WCAG}
    found: list[dict[str, Any]] = page.evaluate(
        "async (wanted) => (await axe.run({ runOnly: wanted, resultTypes: ['violations'] })).violations", wanted
    )
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}\n    {' '.join(map(str, node['target']))}\n"
        f"    {node['failureSummary'].replace(chr(10), chr(10) + '    ')}"
        for violation in found
        for node in violation["nodes"]
    ]
