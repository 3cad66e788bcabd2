"""That the built dashboard runs in a browser as it is served, with nothing refused, missing, or asked of others."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response, expect

from api import web
from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support import browser as driver
from tests.support.browser import Watch
from tests.support.stack import Stack

FIRST_LOAD_BYTES_MAX = 350_000
PLACES = ["/", *(f"/{place}" for place in web.PLACES)]


@pytest.mark.parametrize("path", PLACES)
def test_each_place_opens_by_its_address(open_page: OpenPage, path: str) -> None:
    page = open_page(path)
    expect(page).to_have_title(re.compile("AgentGuide"))
    expect(page.get_by_role("heading", level=1)).not_to_have_text(re.compile("not found", re.IGNORECASE))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_takes_the_theme_of_the_system(open_page: OpenPage, theme: str) -> None:
    page = open_page("/", theme=theme)  # type: ignore[arg-type]
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", theme)
    brightness = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    assert (page.evaluate(brightness) > 384) == (theme == "light")


def test_what_it_is_made_of_comes_compressed_and_is_kept(page: Page, open_page: OpenPage) -> None:
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright takes no built-in function
    open_page("/")
    assets = [answer for answer in answers if "/assets/" in answer.url]
    scripts = [answer for answer in assets if answer.url.endswith(".js") and int(answer.headers["content-length"]) > 1_000]
    assert scripts
    assert {answer.headers["content-encoding"] for answer in scripts} <= {"zstd", "gzip"}
    assert {answer.headers["cache-control"] for answer in assets} == {web.HASHED}
    [document] = [answer for answer in answers if answer.request.resource_type == "document"]
    assert document.headers["cache-control"] == "no-cache"
    assert "'unsafe" not in document.headers["content-security-policy"]


def test_the_first_page_is_small(page: Page, open_page: OpenPage, dashboard: Stack) -> None:
    """Scripts, styles, font and all: what somebody waits for who was never here."""
    paths = []
    page.on("response", lambda answer: paths.append(urlsplit(answer.url).path))
    driver.settle(open_page("/"))
    needed = {path for path in paths if not path.startswith("/v1/")}
    assert any(path.endswith(".woff2") for path in needed)
    sizes = [len(dashboard.request("GET", path, headers={"Accept-Encoding": "gzip"})[2]) for path in needed]
    assert sum(sizes) < FIRST_LOAD_BYTES_MAX


def test_an_address_that_there_is_not_is_answered_by_the_api(page: Page, dashboard: Stack, watch: Watch) -> None:
    watch.allow("answer: 404 GET /nowhere")
    answer = page.goto(dashboard.url + "/nowhere")
    assert answer is not None
    assert (answer.status, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_run_of_no_address_says_so(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("answer: 404 GET /v1/runs/")
    expect(open_page("/runs/00000000-0000-4000-8000-00000000dead").get_by_role("heading", level=1)).to_be_visible()


def test_the_policy_lets_no_script_of_an_agent_run(open_page: OpenPage, watch: Watch) -> None:
    """If ever what an agent wrote came into the page as markup. It shows also that what is refused does not go unnoticed."""
    for pattern in ("Content Security Policy", "^foreign: http://127.0.0.2", "^failed: GET /x.png: csp$"):
        watch.allow(pattern)
    page = open_page("/")
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.owned = true";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", '<img src="http://127.0.0.2:1/x.png" onerror="window.owned = true">');
    }""")
    page.wait_for_function("() => document.querySelector('img[src*=\"127.0.0.2\"]').complete")
    assert page.evaluate("() => window.owned") is None
    assert len([trouble for trouble in watch.troubles if "Content Security Policy" in trouble]) >= 2
    assert "failed: GET /x.png: csp" in watch.troubles


def test_the_frame_of_all_pages_is_accessible(open_page: OpenPage, check_accessibility: CheckAccessibility) -> None:
    check_accessibility(open_page("/"))
