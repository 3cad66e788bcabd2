"""The README's own commands, run as they stand there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stack import Stack

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def _run(script: str, stack: Stack) -> str:
    environment = os.environ | {"AGENTGUIDE_DATA_DIR": str(stack.data_dir)}
    done = subprocess.run(["bash", "-euc", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_trace(stack: Stack) -> None:
    [block] = [block for block in BLOCKS if "api=http" in block]
    answer = _run(block.replace("http://127.0.0.1:8000", stack.url), stack)
    run = json.loads(answer[answer.index('{"id" : ') :])
    assert run["status"] == "SUCCESS"
    assert [step["toolName"] for step in run["steps"]] == ["track_parcel"]


def test_the_first_questions(stack: Stack) -> None:
    [block] = [block for block in BLOCKS if "/v1/metrics/summary" in block]
    summary, tools, runs, export = [_run(f"api={stack.url}\n{line}", stack) for line in block.splitlines()]
    assert "successRate" in json.loads(summary)
    assert "topFailing" in json.loads(tools)
    assert "items" in json.loads(runs)
    assert export.startswith("id,")


@pytest.mark.parametrize(
    ("command", "smaller", "told"),
    [
        ("simulate --runs", ("--runs 1000", "--runs 50"), "50 of 50 runs"),
        ("simulate --burst", ("--burst 200000", "--burst 500"), "check: equal"),
        ("status", ("", ""), "backlog"),
    ],
)
def test_the_commands(stack: Stack, command: str, smaller: tuple[str, str], told: str) -> None:
    [line] = [line for block in BLOCKS for line in block.splitlines() if f"agentguide {command}" in line]
    script = line.replace(".venv/bin/agentguide", f"{sys.executable} -m cli.main").replace(*smaller)
    answer = _run(script, stack)
    assert told in answer
    assert command != "status" or stack.url in answer
