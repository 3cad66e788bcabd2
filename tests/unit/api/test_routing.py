"""The short way to the ingest routes: it answers as the long one does, errors too."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.testclient import TestClient
from starlette.types import ASGIApp

from api import errors
from api.access import CALLER, Scope
from api.routing import FAILURE, IngestLane, IngestRoute
from events.exceptions import InvalidEvent, Unauthorized

router = APIRouter(prefix="/v1", route_class=IngestRoute)
scopes_passed: list[dict[str, Any]] = []


@router.post("/things/{thing_id}")
async def create_thing(request: Request) -> Response:
    body = await request.body()
    return Response(request.path_params["thing_id"].encode() + b" " + body + b" for " + request.scope[CALLER].encode(), 201)


@router.post("/refused")
async def refuse(_: Request) -> Response:
    raise InvalidEvent(details=[{"path": "a", "reason": "b"}])


@router.post("/broken")
async def break_down(_: Request) -> Response:
    raise ZeroDivisionError


class _Authenticator:
    async def find_caller(self, scope: dict[str, Any], needed: Scope) -> str:
        if any(name == b"x-nobody" for name, _ in scope["headers"]):
            raise Unauthorized
        return f"someone who may {needed}"


class _Layer:
    """What stands for FastAPI's layers: it notes what comes through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scopes_passed.append(scope)
        await self._app(scope, receive, send)


class _App(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        return IngestLane(_Layer(super().build_middleware_stack()), self.routes)


@pytest.fixture(params=(_App, FastAPI))
def client(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    app: FastAPI = request.param()
    app.state.agentguide = SimpleNamespace(authenticator=_Authenticator())
    app.include_router(router)
    app.include_router(router, prefix="/below")
    errors.install(app)
    scopes_passed.clear()
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize("prefix", ["", "/below"])
def test_an_answer(client: TestClient, prefix: str) -> None:
    answer = client.post(f"{prefix}/v1/things/a%20b", content=b"body")
    assert (answer.status_code, answer.text) == (201, "a b body for someone who may ingest")
    assert scopes_passed == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/v1/refused", 422, "invalid_event"), ("/v1/broken", 500, "internal_error"), ("/v1/nothing", 404, "not_found")],
)
def test_an_error_is_answered_by_the_app(client: TestClient, path: str, status: int, code: str) -> None:
    answer = client.post(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_who_may_not_is_told_so(client: TestClient) -> None:
    assert client.post("/v1/refused", headers={"X-Nobody": "1"}).json()["error"]["code"] == "unauthorized"


def test_another_method(client: TestClient) -> None:
    answer = client.get("/v1/refused")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


def test_an_error_does_not_outlive_its_answer(client: TestClient) -> None:
    assert client.post("/v1/broken").status_code == 500
    # The frames of its traceback hold the scope and the body: a cycle, which a busy process hardly ever looks for.
    assert not any(FAILURE in scope for scope in scopes_passed)
