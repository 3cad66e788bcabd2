"""`docker-compose.yml` starts what there is, with settings that there are, and nobody gets in without a key."""

from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from typer.core import TyperGroup

from cli.main import app
from cli.network import check_reach
from events.settings import Settings

APIS = ("ingest-api", "read-api")
PARTS = (*APIS, "migrate", "worker", "scheduler")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())["services"]
    return found


def test_each_setting_is_one(services: dict[str, Any]) -> None:
    known = {str(field.validation_alias or f"AGENTGUIDE_{name.upper()}") for name, field in Settings.model_fields.items()}
    for name in PARTS:
        assert services[name]["environment"].keys() <= known | {"FORWARDED_ALLOW_IPS"}  # uvicorn's


def test_each_command_is_one(services: dict[str, Any]) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    commands = {services[name].get("command", ["worker"])[0] for name in PARTS}
    assert commands <= group.commands.keys()


def test_the_apis_want_keys_where_others_reach_them(services: dict[str, Any]) -> None:
    for name in APIS:
        _, _, host, *_ = services[name]["command"]
        check_reach(host, require_auth=services[name]["environment"]["AGENTGUIDE_REQUIRE_AUTH"] == "true")


def test_this_machine_alone_reaches_the_ports(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == len(APIS)
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert not any("network_mode" in service for service in services.values())


def test_the_image_of_the_apis_has_the_dashboard_and_that_of_the_workers_has_not() -> None:
    apis, workers = ((Path(__file__).parents[2] / f"Dockerfile.{name}").read_text() for name in ("api", "worker"))
    assert apis.index("scripts/web.py build") < apis.index("--wheel-dir /wheels")
    assert "web.py" not in workers
    assert "AGENTGUIDE_WITHOUT_DASHBOARD=1 pip wheel" in workers
