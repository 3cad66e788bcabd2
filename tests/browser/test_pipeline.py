"""The pipeline's page: what it says of a running stack, and the way of a dead letter."""

from collections.abc import Iterator
from uuid import uuid4

import msgspec
import pytest
import redis
from playwright.sync_api import expect

from events.records import StepRecord
from events.stream import append_now, entries_of
from tests.browser.conftest import CheckAccessibility, OpenPage
from tests.support.browser import Watch
from tests.support.stack import Stack
from tests.support.waiting import wait_until

pytestmark = pytest.mark.thorough

NUL = msgspec.Raw(b'"\\u0000<script>alert(1)</script>"')
"""JSON that the API would mend and the database refuses: put on the queue by hand, it becomes a dead letter."""


@pytest.fixture
def letter(dashboard: Stack) -> Iterator[str]:
    """The run whose only step was buried."""
    run = uuid4().hex
    with redis.Redis.from_url(dashboard.redis_url) as queue:
        append_now(queue, entries_of(1, [StepRecord(run, "e" * 16, input=NUL)], 2), 2)
    with dashboard.database() as database:
        count = "SELECT count(*) FROM dead_letters WHERE run_id = %s"
        wait_until(lambda: database.execute(count, [run]).fetchone() == (1,), seconds=60, what="the letter")
        yield run
        database.execute("DELETE FROM dead_letters")


def test_it_tells_what_runs_and_what_waits(open_page: OpenPage) -> None:
    page = open_page("/pipeline")
    expect(page.get_by_role("link", name="Live")).to_be_visible()
    workers = page.get_by_role("region", name="Workers").first
    expect(workers.get_by_role("row")).to_have_count(3)  # the heads, and the two that a stack has
    shards = page.get_by_role("region", name="Backlog by shard").first
    expect(shards.get_by_role("row").nth(1)).to_contain_text("0 B")


def test_a_request_that_is_refused_is_told_with_its_reason(open_page: OpenPage, dashboard: Stack) -> None:
    assert dashboard.request("POST", "/v1/events", b"[{]")[0] == 400

    def is_told() -> bool:
        return any(one["code"] == "malformed_body" for one in dashboard.json("GET", "/v1/pipeline")[1]["refused"])

    wait_until(is_told, seconds=30, what="the refusal")  # a process tells what it counted once a second
    page = open_page("/pipeline")
    expect(page.get_by_role("region", name="Refused, cut, redacted")).to_contain_text("Not JSON or protobuf")


def test_a_dead_letter_is_seen_replayed_and_discarded(open_page: OpenPage, letter: str, watch: Watch) -> None:
    watch.allow("answer: 404 GET /v1/deadletters/")  # the letter that was discarded, should it be asked for once more
    page = open_page("/pipeline")
    expect(page.get_by_role("link", name="1 dead")).to_be_visible()
    page.get_by_role("region", name="The latest dead letters").get_by_role("row").nth(1).get_by_role("link").first.click()
    shown = page.get_by_role("region", name="Dead letter ", exact=False).last
    expect(shown).to_contain_text("<script>alert(1)</script>")
    assert "letter=" in page.url
    shown.get_by_role("button", name="Replay").click()
    expect(shown.get_by_role("status").filter(has_text="It still cannot be stored")).to_be_visible()
    shown.get_by_role("button", name="Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(page.get_by_text("No dead letters")).to_be_visible()
    assert "letter=" not in page.url


def test_it_is_accessible(open_page: OpenPage, check_accessibility: CheckAccessibility, letter: str) -> None:
    page = open_page("/pipeline")
    expect(page.get_by_role("region", name="The latest dead letters")).to_be_visible()
    check_accessibility(page)
