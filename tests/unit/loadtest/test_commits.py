"""Which commit a result is of, in repositories made here."""

import subprocess
from pathlib import Path

import pytest

from loadtest import commits


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "perf: one")
    return tmp_path


def test_the_commit_is_known_by_hash_and_subject(repository: Path) -> None:
    short = git(repository, "rev-parse", "--short", "HEAD")
    assert commits.current(repository) == {"hash": short, "subject": "perf: one", "changed": False}
    assert (commits.full_hash("HEAD", repository) or "").startswith(short)
    assert commits.full_hash("nothing", repository) is None


@pytest.mark.parametrize(("path", "changed"), [("code.py", True), ("new.py", True), ("bench/results/1.json", False)])
def test_changes_of_code_are_told_and_new_results_are_none(repository: Path, path: str, changed: bool) -> None:
    (repository / path).parent.mkdir(parents=True, exist_ok=True)
    (repository / path).write_text("2\n")
    found = commits.current(repository)
    assert found is not None
    assert found["changed"] is changed


def test_without_a_repository_of_its_own_there_is_none(tmp_path: Path, repository: Path) -> None:
    unpacked = repository / "unpacked"
    unpacked.mkdir()
    assert commits.current(unpacked) is None
    assert commits.current(tmp_path / "missing") is None


def test_without_git_there_is_none(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commits.current(repository) is None
