"""What the commands do where servers are wrong, or come late."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.contradictions import REFUSED_CODE
from tests.chaos.servers import OwnValkey
from tests.support.stack import Stack
from tests.support.waiting import wait_until


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[OwnValkey]:
    """A queue without an append-only file."""
    valkey = OwnValkey(tmp_path, {}, "--appendonly", "no")
    yield valkey
    valkey.stop()


def start(stack: Stack, redis_url: str, *arguments: str) -> "subprocess.Popen[str]":
    environment = stack.environment | {"DATABASE_URL": stack.database_url, "REDIS_URL": redis_url}
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_up_ends_with_the_one_sentence(stack: Stack, forgetful: OwnValkey, tmp_path: Path) -> None:
    up = start(stack, forgetful.url, "up", "--port", "0", "--data-dir", str(tmp_path / "data"))
    out, said = up.communicate(timeout=60)
    assert (up.returncode, out) == (REFUSED_CODE, "")
    assert said.splitlines()[-1].startswith("agentguide: The Redis of REDIS_URL keeps no append-only file")


def test_an_api_serves_without_its_queue_and_ends_when_a_wrong_one_comes(stack: Stack, forgetful: OwnValkey) -> None:
    forgetful.kill()
    api = start(stack, forgetful.url, "api", "--port", "0")
    try:
        assert api.stderr is not None
        said: list[str] = []
        wait_until(lambda: said.append(api.stderr.readline()) or "startup complete" in said[-1], seconds=30, what="the API")
        assert any("serving although a server is away" in line for line in said)
        forgetful.start()
        _, last = api.communicate(timeout=30)
        assert api.returncode == REFUSED_CODE
        assert last.splitlines()[-1].startswith("agentguide: The Redis of REDIS_URL keeps no append-only file")
    finally:
        api.kill()
        api.communicate()
