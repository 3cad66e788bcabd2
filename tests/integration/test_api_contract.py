"""The OpenAPI of both apps is true: made-up requests, good ones and bad ones, get answers as it says, and never a 500."""

from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from api.app import create_ingest_app, create_read_app
from events.settings import Settings
from events.simulation import Simulation
from tests.integration.conftest import Drain
from tests.support.serving import serving

EXAMPLES = 6
"""Of each operation and mode; more find little that these do not, and take minutes."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = "/v1/stream"


@pytest.fixture
def _filled(client: TestClient, drain: Drain) -> None:
    """Some runs, so that there is something to answer."""
    simulation = Simulation(seed=1, error_rate=0.5)
    for number in range(5):
        assert client.post("/v1/events", json=simulation.run(number, datetime.now(UTC)).events).status_code == 202
    assert drain() == 0


@pytest.mark.usefixtures("_filled")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("create", [create_ingest_app, create_read_app], ids=["ingest", "read"])
def test_answers_are_as_the_openapi_says(settings: Settings, create: Any) -> None:
    failures: dict[str, str] = {}
    with serving(settings, create) as url:
        schema = schemathesis.openapi.from_dict(create(settings).openapi())
        for result in schema.get_all_operations():
            operation = result.ok()
            if operation.path != ENDLESS:
                try:
                    _try(url, operation)
                except FailureGroup as error:
                    failures[operation.label] = str(error)[:1500]
    assert not failures, "\n\n".join(f"{label}: {failure}" for label, failure in failures.items())


def _try(url: str, operation: Any) -> None:
    cases = st.one_of(
        *(operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
    )

    @examples(
        max_examples=2 * EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def run(case: Any) -> None:
        case.call_and_validate(base_url=url, checks=CHECKS, allow_redirects=False, timeout=20)

    run()


def test_each_operation_says_what_it_does(settings: Settings) -> None:
    for create in (create_ingest_app, create_read_app):
        for path, operations in create(settings).openapi()["paths"].items():
            for method, operation in operations.items():
                assert operation.get("description"), f"{method} {path} has no description"
                assert {"4XX", "5XX"} <= operation["responses"].keys()
                assert "422" not in operation["responses"]
