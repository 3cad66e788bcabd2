"""What a release holds: the dashboard as it was built, or else there is no release."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HELD = {"api/dashboard/index.html", "api/dashboard/assets/index-1a2b3c4d.js", "api/dashboard/assets/index-1a2b3c4d.js.zst"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a build reads, and where git ignores what it ignores here."""
    made = tmp_path / "tree"
    made.mkdir()
    (made / ".git").mkdir()
    for name in (".gitignore", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, made)
    for name in ("api", "cli", "db", "events", "worker", "scripts"):
        shutil.copytree(ROOT / name, made / name, ignore=shutil.ignore_patterns("dashboard", "__pycache__"))
    return made


def build(tree: Path, kind: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", "made"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGENTGUIDE_")}
    return subprocess.run(command, cwd=tree, env=kept | environment, capture_output=True, text=True, check=False)


def put_dashboard(tree: Path) -> None:
    for name in (*HELD, "api/dashboard/.built"):
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("built")


def test_a_wheel_has_the_dashboard(tree: Path) -> None:
    put_dashboard(tree)
    done = build(tree, "wheel")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next((tree / "made").glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert HELD | {"api/web.py", "db/queries.py"} <= names
    assert not [name for name in names if name.startswith(("scripts/", "web/")) or name.endswith(".built")]


def test_an_sdist_has_it_too(tree: Path) -> None:
    """A wheel can be made of it without Node.js."""
    put_dashboard(tree)
    done = build(tree, "sdist")
    assert done.returncode == 0, done.stderr
    with tarfile.open(next((tree / "made").glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert HELD | {"scripts/release.py", "pyproject.toml"} <= names


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_without_the_dashboard_there_is_no_release(tree: Path, kind: str) -> None:
    done = build(tree, kind)
    assert done.returncode != 0
    assert "run `make web` first" in done.stderr + done.stdout
    assert not list(tree.glob("made/*"))


def test_unless_it_is_not_wanted(tree: Path) -> None:
    assert build(tree, "wheel", AGENTGUIDE_WITHOUT_DASHBOARD="1").returncode == 0
