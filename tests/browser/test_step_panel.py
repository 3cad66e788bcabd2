"""The panel of a chosen step: conversations, errors, artifacts, what was cut, and nothing that runs as a page of ours."""

import base64
import json
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support.stack import Stack

pytestmark = pytest.mark.thorough

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='window.hit=1'><script>window.hit=1</script></svg>"
HOSTILE = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>"
STARTED_AT = "2026-01-05T10:00:00Z"


def step_id(number: int) -> str:
    return f"{number:016x}"


def chat() -> dict[str, Any]:
    """A model call with a picture, a tool that was called, and its result."""
    call = {"id": "call_1", "type": "function", "function": {"name": "run_sql", "arguments": '{"region": "coast"}'}}
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    messages = [
        {"role": "system", "content": "You are careful."},
        {"role": "user", "content": [{"type": "text", "text": "Which region grew most?"}, picture]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"growth": 18}'},
    ]
    answer = {"role": "assistant", "content": "**The coast** grew most."}
    return {"kind": "LLM", "toolName": "chat", "model": "m", "input": {"messages": messages}, "output": answer}


def failed_tool() -> dict[str, Any]:
    stack = 'Traceback (most recent call last):\n  File "agent/loop.py", line 92, in act\n    call()\nPolicyError: no'
    error = {"type": "PolicyError", "message": "the draft quotes internal notes", "stack": stack, "attempt": 3}
    return {"kind": "TOOL", "toolName": "check", "parentId": step_id(1), "input": {"draft": "x"}, "error": error}


def maker() -> dict[str, Any]:
    artifacts = [
        {"type": "table", "content": {"columns": ["region", "net"], "rows": [["north", 1840]]}},
        {"type": "image/png", "content": PIXEL},
        {"type": "image/svg+xml", "content": SVG},
        {"type": "report", "url": "https://files.example.com/report.pdf"},
    ]
    return {"kind": "TOOL", "toolName": "draw", "output": {"text": "lorem " * 250_000}, "artifacts": artifacts}


def hostile() -> dict[str, Any]:
    link = f"[click](javascript:window.hit=1) {HOSTILE}"
    remote = {"type": "image_url", "image_url": {"url": "https://evil.example/x.png"}}
    return {
        "kind": "LLM",
        "toolName": HOSTILE,
        "model": HOSTILE,
        "input": [{"role": HOSTILE, "content": HOSTILE}, {"role": "user", "content": [remote]}],
        "output": {"role": "assistant", "content": link},
        "attributes": {HOSTILE: HOSTILE},
        "artifacts": [{"type": HOSTILE, "url": "javascript:window.hit=1"}, {"type": "text/html", "content": HOSTILE}],
    }


@pytest.fixture(scope="module")
def run_id(dashboard: Stack) -> str:
    """A run with a model call, a tool that failed, one that made things, and one of an attacker."""
    run = str(uuid4())
    steps = [chat(), failed_tool(), maker(), hostile()]
    events: list[dict[str, Any]] = [
        {"type": "run", "id": run, "agent": {"name": "analyst"}, "startedAt": STARTED_AT, "status": "FAILED"}
    ]
    for number, step in enumerate(steps, 1):
        times = {"startedAt": f"2026-01-05T10:00:0{number}Z", "finishedAt": f"2026-01-05T10:00:0{number}.5Z"}
        events.append({"type": "step", "runId": run, "id": step_id(number), "index": number, **times, **step})
    assert dashboard.request("POST", "/v1/events", events)[0] == 202
    assert dashboard.request("GET", f"/v1/runs/{run}?wait=30&payloads=false")[0] == 200
    return run


def path_of(run: str, number: int, tab: str = "") -> str:
    return f"/runs/{run}?step={step_id(number)}" + (f"&tab={tab}" if tab else "")


def message(page: Page, who: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=who)


def test_a_model_call_is_a_conversation(open_page: OpenPage, run_id: str) -> None:
    page = open_page(path_of(run_id, 1))
    expect(page.get_by_role("tab", name="Conversation")).to_have_attribute("aria-selected", "true")
    picture = message(page, "User").get_by_role("img", name="As the agent sent it")
    expect(picture).to_have_attribute("src", f"data:image/png;base64,{PIXEL}")
    calls = message(page, "run_sql").first
    expect(calls).to_contain_text("coast")
    expect(calls).to_contain_text("growth18")  # the result, at the call that it answers
    expect(page.get_by_text("The coast", exact=True)).to_have_css("font-weight", "700")


def test_its_tab_is_in_the_url_and_back_goes_back(open_page: OpenPage, run_id: str) -> None:
    page = open_page(path_of(run_id, 1))
    page.get_by_role("tab", name="Input & output").click()
    expect(page.get_by_role("region", name="Input", exact=True)).to_contain_text("3 messages")  # the result stands at its call
    assert "tab=io" in page.url
    page.reload()
    page.get_by_role("region", name="Output", exact=True).get_by_text("JSON", exact=True).click()
    expect(page.get_by_role("region", name="Output as JSON")).to_contain_text('"content": "**The coast** grew most."')
    page.go_back()
    expect(page.get_by_role("tab", name="Conversation")).to_have_attribute("aria-selected", "true")
    assert "tab=" not in page.url


def test_an_error_comes_first_and_leads_to_its_parent(open_page: OpenPage, run_id: str) -> None:
    page = open_page(path_of(run_id, 2))
    error = page.get_by_role("region", name="PolicyError")
    expect(error).to_contain_text("the draft quotes internal notes")
    expect(error.get_by_role("region", name="Stack trace")).to_contain_text("agent/loop.py")
    expect(error.get_by_role("region", name="Other fields")).to_contain_text("attempt3")
    page.locator("dl").get_by_role("link", name="0000…000001").click()
    expect(page.get_by_role("heading", name="chat", level=2)).to_be_visible()
    assert f"step={step_id(1)}" in page.url


def test_artifacts_are_shown_where_that_is_safe(open_page: OpenPage, run_id: str) -> None:
    page = open_page(path_of(run_id, 3, "artifacts"))
    expect(page.get_by_role("cell", name="1,840")).to_be_visible()
    image = page.get_by_role("img", name="Artifact of type image/png")
    assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 1
    expect(page.get_by_text(SVG)).to_be_visible()
    link = page.get_by_role("link", name="files.example.com")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download this image/png").click()
    assert base64.b64decode(download.value.path().read_text()) == base64.b64decode(PIXEL)


def test_what_was_cut_says_so(open_page: OpenPage, run_id: str) -> None:
    page = open_page(path_of(run_id, 3))
    expect(page.get_by_role("region", name="Output", exact=True)).to_contain_text(
        "1.43 MiB were sent, the first 1 KiB are kept"
    )


def test_a_step_is_copied_as_curl_and_saved(open_page: OpenPage, run_id: str) -> None:
    page = open_page(path_of(run_id, 1))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel = page.get_by_role("region", name="chat", exact=True)
    panel.get_by_role("button", name="Copy as curl").click()
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl ")
    assert copied.endswith(f"/v1/runs/{run_id}/steps/{step_id(1)}'")
    with page.expect_download() as download:
        panel.get_by_role("link", name="Download as JSON").click()
    assert json.loads(download.value.path().read_text())["id"] == step_id(1)


def test_nothing_that_an_agent_wrote_runs(open_page: OpenPage, run_id: str) -> None:
    page = open_page(path_of(run_id, 4))
    for tab in ("Conversation", "Input & output", "Artifacts", "Attributes", "Raw JSON"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel", name=tab).get_by_text("window.hit=1").first).to_be_visible()
        assert page.evaluate("window.hit") is None
        assert page.locator("a[href^='javascript:'], img[src^='http'], [role=tabpanel] script, iframe").count() == 0


def test_a_running_step_is_kept_up_to_date(open_page: OpenPage, dashboard: Stack) -> None:
    run = str(uuid4())
    step = {"type": "step", "runId": run, "id": step_id(1), "toolName": "search", "input": {"q": "x"}}
    started = [{"type": "run", "id": run, "agent": {"name": "analyst"}}, step]
    assert dashboard.request("POST", "/v1/events", started)[0] == 202
    assert dashboard.request("GET", f"/v1/runs/{run}?wait=30")[0] == 200
    page = open_page(path_of(run, 1))
    output = page.get_by_role("region", name="Output", exact=True)
    expect(output).to_contain_text("Nothing was sent")
    ended = {"output": {"hits": 31}, "startedAt": STARTED_AT, "finishedAt": "2026-01-05T10:00:01Z"}
    assert dashboard.request("PATCH", f"/v1/runs/{run}/steps/{step_id(1)}", ended)[0] == 202
    expect(output).to_contain_text("hits31", timeout=15_000)


@pytest.mark.parametrize(("number", "tab"), [(1, ""), (2, ""), (3, "artifacts")])
def test_it_is_accessible(
    open_page: OpenPage, check_accessibility: CheckAccessibility, run_id: str, number: int, tab: str
) -> None:
    page = open_page(path_of(run_id, number, tab))
    expect(page.get_by_role("tabpanel")).to_be_visible()
    check_accessibility(page)
