"""`make screenshots`: pictures of the dashboard's pages for the docs, of a fresh stack with made-up runs.

They go to `docs/images/` as `<name>-<theme>.png`. `ARGS='--only runs'` takes some of them, `--out DIR` puts them elsewhere.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.support import browser as driver
from tests.support.browser import Theme, Watch
from tests.support.made_up import fill
from tests.support.stack import Stack

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
DESKTOP, PHONE = (1440, 900), (390, 844)
THEMES: tuple[Theme, ...] = ("dark", "light")
RUNS = 600

Address = str | Callable[[Stack], str]


@dataclass(frozen=True)
class Picture:
    name: str
    address: Address
    """As in the browser, or what finds one in the stack."""
    size: tuple[int, int] = DESKTOP
    themes: tuple[Theme, ...] = THEMES


def longest_run(stack: Stack) -> str:
    _, found = stack.json("GET", "/v1/runs?sort=steps&limit=1")
    return f"/runs/{found['items'][0]['id']}"


def first_of(path: str, field: str, place: str) -> Callable[[Stack], str]:
    """The page in `place` of the first thing that `path` lists."""
    return lambda stack: f"{place}/{stack.json('GET', path)[1]['items'][0][field]}"


PICTURES = (
    Picture("overview", "/"),
    Picture("overview-phone", "/", PHONE),
    Picture("runs", "/runs"),
    Picture("runs-phone", "/runs", PHONE, ("dark",)),
    Picture("run", longest_run),
    Picture("run-phone", longest_run, PHONE, ("dark",)),
    Picture("compare", "/compare"),
    Picture("agents", "/agents"),
    Picture("tools", "/tools"),
    Picture("sessions", "/sessions"),
    Picture("session", first_of("/v1/sessions?limit=1", "id", "/sessions")),
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
            with driver.chromium(executable) as browser:
                troubles = [trouble for picture in wanted for trouble in take(browser, stack, picture, given.out)]
        finally:
            stack.stop()
    if troubles:
        sys.exit("screenshots: the pages had troubles:\n" + "\n".join(troubles))


def take(browser: Browser, stack: Stack, picture: Picture, folder: Path) -> list[str]:
    """One picture a theme; gives what went wrong in the pages meanwhile."""
    address = picture.address if isinstance(picture.address, str) else picture.address(stack)
    troubles = []
    for theme in picture.themes:
        context = browser.new_context(locale="en-GB", timezone_id="UTC")
        page, watch = context.new_page(), Watch(stack.url)
        watch.attach(page)
        _show(page, stack.url + address, theme, picture.size)
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
