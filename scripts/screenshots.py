"""`make screenshots`: pictures of the dashboard's pages for the docs, of a fresh stack with made-up runs.

They go to `docs/images/` as `<name>-<theme>.png`. `ARGS='--only runs'` takes some of them, `--out DIR` puts them elsewhere.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.support import browser as driver
from tests.support import showcase
from tests.support.browser import Theme, Watch
from tests.support.made_up import fill
from tests.support.stack import Stack

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
DESKTOP, PHONE = (1440, 900), (390, 844)
THEMES: tuple[Theme, ...] = ("dark", "light")
RUNS = 600


@dataclass(frozen=True)
class Picture:
    name: str
    address: str
    """As in the browser, without the server."""
    size: tuple[int, int] = DESKTOP
    themes: tuple[Theme, ...] = THEMES


PICTURES = (
    Picture("overview", "/"),
    Picture("overview-phone", "/", PHONE),
    Picture("runs", "/runs"),
    Picture("runs-phone", "/runs", PHONE, ("dark",)),
    Picture("run", f"/runs/{showcase.RUN}?step={showcase.LAST_ANSWER}"),
    Picture("run-phone", f"/runs/{showcase.RUN}", PHONE, ("dark",)),
    Picture("compare", f"/compare?a={showcase.EARLIER}&b={showcase.RUN}"),
    Picture("agents", "/agents"),
    Picture("agent", "/agents/sales-analyst?range=7d"),
    Picture("tools", "/tools"),
    Picture("tool", "/tools/run_sql?range=7d"),
    Picture("sessions", "/sessions"),
    Picture("session", "/sessions/board-meeting"),
    Picture("users", "/users"),
    Picture("pipeline", "/pipeline"),
    Picture("settings", "/settings"),
    Picture("start", "/start"),
    Picture("sign-in", "/sign-in", themes=("dark",)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=[picture.name for picture in PICTURES])
    parser.add_argument("--out", type=Path, default=IMAGES)
    given = parser.parse_args()
    executable = driver.find_chromium()
    if executable is None:
        sys.exit(f"screenshots: {driver.MISSING}")
    wanted = [picture for picture in PICTURES if not given.only or picture.name in given.only]
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        stack = Stack(Path(scratch) / "data")
        try:
            fill(stack, RUNS)
            showcase.show(stack)
            with driver.chromium(executable) as browser:
                troubles = [trouble for picture in wanted for trouble in take(browser, stack, picture, given.out)]
        finally:
            stack.stop()
    if troubles:
        sys.exit("screenshots: the pages had troubles:\n" + "\n".join(troubles))


def take(browser: Browser, stack: Stack, picture: Picture, folder: Path) -> list[str]:
    """One picture a theme; gives what went wrong in the pages meanwhile."""
    troubles = []
    for theme in picture.themes:
        context = browser.new_context(locale="en-GB", timezone_id="UTC")
        page, watch = context.new_page(), Watch(stack.url)
        watch.attach(page)
        _show(page, stack.url + picture.address, theme, picture.size)
        path = folder / f"{picture.name}-{theme}.png"
        page.screenshot(path=path)
        context.close()
        print(f"{path.name}: {path.stat().st_size // 1024} KiB", flush=True)
        troubles += [f"{path.name}: {trouble}" for trouble in watch.found()]
    return troubles


def _show(page: Page, url: str, theme: Theme, size: tuple[int, int]) -> None:
    driver.open_page(page, url, theme, *size)
    driver.settle(page)


if __name__ == "__main__":
    main()
