"""How the dashboard is served: its page at every address of its own, its files, and what stands there without a build."""

import gzip
import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import zstandard
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from api import app as apps
from api import errors, web
from api.app import create_app, create_ingest_app, create_read_app
from api.headers import HEADERS, GuardedApp
from events.settings import Settings
from tests.support.serving import serving

SCRIPT = b"export const answer = 42;\n" * 100
ICON = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A build as `scripts/web.py` leaves it."""
    built = tmp_path / "dashboard"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text('<meta property="csp-nonce" nonce="__CSP_NONCE__"><div id="root"></div>')
    (built / "favicon.svg").write_bytes(ICON)
    script = built / "assets" / "index-1a2b3c4d.js"
    script.write_bytes(SCRIPT)
    script.with_name(script.name + ".gz").write_bytes(gzip.compress(SCRIPT))
    script.with_name(script.name + ".zst").write_bytes(zstandard.compress(SCRIPT))
    (built / "assets" / "inter-5e6f7a8b.woff2").write_bytes(b"wOF2")
    (tmp_path / "secret.txt").write_text("not of the build")
    return built


@pytest.fixture
def local() -> Settings:
    return Settings(allowed_hosts="testserver", _env_file=None)


def serve(settings: Settings, folder: Path) -> TestClient:
    app = GuardedApp(settings)
    app.include_router(web.create_router(folder))
    errors.install(app)
    return TestClient(app)


@pytest.fixture
def client(local: Settings, folder: Path) -> Iterator[TestClient]:
    with serve(local, folder) as made:
        yield made


def nonce_of(answer: Response) -> str:
    match = re.search(r"'nonce-([\w-]+)'", answer.headers["content-security-policy"])
    assert match is not None
    return match[1]


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/", "/runs/1/steps/2", "/sign-in", "/tools/a%2Fb", "/agents/%00"])
def test_each_address_of_the_dashboard_answers_its_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert f'nonce="{nonce_of(answer)}"' in answer.text
    assert "__CSP_NONCE__" not in answer.text


def test_the_policy_of_the_page_is_strict_and_its_nonce_fresh(client: TestClient) -> None:
    first, second = client.get("/"), client.get("/")
    policy = dict(part.strip().split(" ", 1) for part in first.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce_of(first)}'",
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "font-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert nonce_of(first) != nonce_of(second)
    assert len(nonce_of(first)) >= 22


@pytest.mark.parametrize("path", ["/", "/assets/index-1a2b3c4d.js", "/favicon.svg"])
def test_the_other_headers_are_those_of_every_answer(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    own = {"content-security-policy", "cache-control"}
    assert {name.decode(): headers[name.decode()] for name, _ in HEADERS if name.decode() not in own} == {
        name.decode(): value.decode() for name, value in HEADERS if name.decode() not in own
    }
    assert all(len(headers.get_list(name.decode())) == 1 for name, _ in HEADERS)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip", "gzip"),
        ("zstd;q=0, GZIP;q=0.5", "gzip"),
        ("gzip;q=0, zstd; q=0.000", None),
        ("gzip;q=1.0,identity", "gzip"),
        ("br", None),
        ("", None),
    ],
)
def test_an_asset_comes_in_the_smallest_form_that_is_taken(client: TestClient, accepted: str, coding: str | None) -> None:
    answer = client.get("/assets/index-1a2b3c4d.js", headers={"Accept-Encoding": accepted})
    assert answer.status_code == 200
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    # The client decompresses gzip itself, and zstd not.
    assert (zstandard.decompress(answer.content) if coding == "zstd" else answer.content) == SCRIPT


def test_a_file_that_was_not_compressed_comes_as_it_is(client: TestClient) -> None:
    answer = client.get("/assets/inter-5e6f7a8b.woff2", headers={"Accept-Encoding": "gzip, zstd"})
    assert (answer.content, answer.headers["content-type"]) == (b"wOF2", "font/woff2")
    assert not {"content-encoding", "vary"} & set(answer.headers)


def test_a_file_beside_the_page(client: TestClient) -> None:
    answer = client.get("/favicon.svg")
    assert (answer.content, answer.headers["content-type"]) == (ICON, "image/svg+xml")
    assert answer.headers["cache-control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    "path",
    [
        *("/nowhere", "/assets", "/assets/", "/assets/none.js", "/color-scheme.js", "/index.html", "/runsx", "/v1/nowhere"),
        *("/assets/index-1a2b3c4d.js.gz", "/assets/..%2Findex.html", "/assets/../index.html", "/assets/..%2f..%2fsecret.txt"),
        *("/assets/%2e%2e/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets//etc/passwd", "/assets/" + quote("\\..\\x")),
    ],
)
def test_what_is_not_of_the_build_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/runs", "/assets/index-1a2b3c4d.js", "/favicon.svg", "/nowhere"])
def test_to_other_methods_there_is_nothing_here(client: TestClient, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_build_that_runs_meanwhile_takes_nothing_away(client: TestClient, folder: Path) -> None:
    for path in folder.rglob("*.*"):
        path.unlink()
    assert client.get("/").status_code == 200
    assert client.get("/assets/index-1a2b3c4d.js").content == SCRIPT


@pytest.mark.parametrize("path", ["/", "/runs/17"])
def test_without_a_build_the_page_says_how_to_make_one(local: Settings, tmp_path: Path, path: str) -> None:
    with serve(local, tmp_path / "nothing") as client:
        answer = client.get(path)
        assert client.get("/assets/index.js").status_code == 404
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
    assert "make web" in answer.text
    assert "script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; img-src data:;")


def test_head_has_the_headers_and_no_body(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a real connection: there the server itself leaves the body out."""
    made = web.create_router(folder)
    monkeypatch.setattr(apps.web, "create_router", lambda: made)
    with serving(settings) as url:
        for path, length in (("/", None), ("/assets/index-1a2b3c4d.js", len(SCRIPT))):
            connection = http.client.HTTPConnection(url.removeprefix("http://"))
            connection.request("HEAD", path)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
            assert length in (None, int(answer.headers["content-length"]))
            connection.request("GET", "/healthz")  # nothing of a body is left on the connection
            assert connection.getresponse().status == 200
            connection.close()


def test_which_apps_have_it(local: Settings) -> None:
    def paths(app: FastAPI) -> set[str]:
        return {path for path in ("/", "/runs", "/v1/runs") if TestClient(app).head(path).status_code != 404}

    assert {"/", "/runs"} <= paths(create_read_app(local)) & paths(create_app(local))
    assert not {"/", "/runs"} & paths(create_ingest_app(local))


def test_it_is_no_part_of_the_openapi(local: Settings) -> None:
    assert all(
        path.startswith(("/v1/", "/healthz", "/readyz", "/metrics", "/graphql"))
        for path in create_app(local).openapi()["paths"]
    )


def test_a_link_from_another_site_opens_the_page(client: TestClient) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/runs/1", headers=followed).status_code == 200
    assert client.get("/assets/index-1a2b3c4d.js", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
