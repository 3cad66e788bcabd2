"""Which requests of browsers are taken, and the headers of every answer."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from fastapi import Response
from fastapi.testclient import TestClient

from api import docs, errors
from api.headers import HEADERS, GuardedApp, Hosts
from events.settings import Settings

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ELSEWHERE = "https://dashboard.example.com"


def client_of(**options: Any) -> TestClient:
    """Of an app that has a route for each kind of answer."""
    app = GuardedApp(Settings(_env_file=None, **options), docs_url=None)
    app.include_router(docs.router)
    errors.install(app)

    @app.get("/fine")
    async def fine() -> Response:
        return Response("{}", headers={"Cache-Control": "max-age=60"})

    @app.post("/fine")
    async def changed() -> Response:
        return Response("{}")

    @app.get("/broken")
    async def broken() -> Response:
        raise RuntimeError

    return TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def local() -> TestClient:
    """As on one's own machine, where nobody needs a key."""
    return client_of()


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("GET", "/openapi.json", "localhost", 200),
        ("GET", "/nothing", "localhost", 404),
        ("DELETE", "/fine", "localhost", 405),
        ("GET", "/fine", "evil.example", 403),
        ("GET", "/broken", "localhost", 500),
    ],
)
def test_every_answer_has_the_headers(local: TestClient, method: str, path: str, host: str, status: int) -> None:
    answer = local.request(method, path, headers={"Host": host})
    assert answer.status_code == status
    for name, value in HEADERS:
        assert answer.headers.get_list(name.decode()) == [value.decode()]


def test_an_answer_that_says_otherwise_is_left_to_it(local: TestClient) -> None:
    answer = local.get("/fine")
    assert answer.headers.get_list("cache-control") == ["max-age=60"]
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "127.8.8.8", "[::1]:8000", "LOCALHOST"])
def test_names_of_this_machine(local: TestClient, host: str) -> None:
    assert local.get("/fine", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0:8000"),
        *("192.168.0.7", "", "[::1", "[::1]evil.example", "localhost:8000@evil.example"),
    ],
)
def test_a_name_that_was_bound_to_this_machine_is_refused(local: TestClient, host: str) -> None:
    for path in ("/fine", "/openapi.json", "/docs"):
        answer = local.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_host")


@pytest.mark.parametrize(
    ("options", "host", "allowed"),
    [
        ({"allowed_hosts": "agents.example.com, [fd00::7]"}, b"agents.example.com:443", True),
        ({"allowed_hosts": "agents.example.com, [fd00::7]"}, b"[fd00::7]:8000", True),
        ({"allowed_hosts": "agents.example.com", "require_auth": True}, b"other.example.com", False),
        ({"allowed_hosts": "agents.example.com", "require_auth": True}, b"127.0.0.1", True),
        ({"require_auth": True, "host": "0.0.0.0"}, b"whatever.example.com", True),  # noqa: S104
        ({"host": "127.0.0.2"}, b"127.0.0.2", True),
    ],
)
def test_names_of_other_servers(options: dict[str, Any], host: bytes, allowed: bool) -> None:
    hosts = Hosts(Settings(_env_file=None, **options))
    assert [hosts.allow(host) for _ in range(2)] == [allowed] * 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none", **NAVIGATION},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "https://LOCALHOST:8000"},
        {"Sec-Fetch-Site": "cross-site", **NAVIGATION},
    ],
)
def test_requests_of_our_own_pages_of_programs_and_by_links(local: TestClient, headers: dict[str, str]) -> None:
    assert local.get("/fine", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:5173"},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:5173"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example", **NAVIGATION},
        {"Sec-Fetch-Site": "cross-site", "Origin": ELSEWHERE},
    ],
)
def test_requests_of_other_pages_are_refused(local: TestClient, headers: dict[str, str]) -> None:
    for answer in (
        local.get("/fine", headers=headers),
        local.post("/fine", headers=headers),
        local.options("/fine", headers={**headers, "Access-Control-Request-Method": "POST"}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin")
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_a_link_from_elsewhere_changes_nothing(local: TestClient) -> None:
    assert local.post("/fine", headers={"Sec-Fetch-Site": "cross-site", **NAVIGATION}).status_code == 403


def test_pages_of_named_origins_may_ask() -> None:
    browser = client_of(cors_origins=f"{ELSEWHERE}, http://localhost:5173", require_auth=True)
    headers = {"Origin": ELSEWHERE, "Sec-Fetch-Site": "cross-site"}
    before = browser.options("/fine", headers={**headers, "Access-Control-Request-Method": "POST"})
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, ELSEWHERE)
    for path, status in (("/fine", 200), ("/nothing", 404), ("/broken", 500)):
        answer = browser.get(path, headers=headers)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, ELSEWHERE)
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
    other = browser.get("/fine", headers={"Origin": "https://evil.example"})
    assert (other.status_code, other.headers.get("access-control-allow-origin")) == (403, None)


@pytest.mark.parametrize("origins", ["*", "https://*", "example.com", "https://example.com/", "null", f"{ELSEWHERE},*"])
def test_origins_are_named_one_by_one(origins: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        Settings(cors_origins=origins, _env_file=None)


def test_the_docs_load_only_what_this_server_has(local: TestClient) -> None:
    answer = local.get("/docs")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))

    assert (answer.status_code, answer.text) == (200, docs.PAGE)
    assert policy["default-src"] == "'none'"
    for path in re.findall(r'<(?:script|link)[^>]* (?:src|href)="(docs/[^"]+)"', docs.PAGE):
        assert local.get(f"/{path}").status_code == 200, path
    assert "://" not in answer.text + answer.headers["content-security-policy"]
    assert local.get("/docs/../docs.py").status_code == local.get("/docs/%2e%2e%2fdocs.py").status_code == 404
    (inline,) = re.findall(r"<script>(.*)</script>", docs.PAGE)
    assert policy["script-src"] == f"'self' 'sha256-{b64encode(sha256(inline.encode()).digest()).decode()}'"


@pytest.mark.parametrize(
    "address", ["agents.example.com", "ftp://agents.example.com", "https://agents.example.com/v1", "javascript:1"]
)
def test_agents_send_to_a_server(address: str) -> None:
    with pytest.raises(ValueError, match="is no address of a server"):
        Settings(ingest_url=address, _env_file=None)
    assert (
        Settings(ingest_url="https://agents.example.com:8443/", _env_file=None).ingest_url == "https://agents.example.com:8443"
    )
