"""What API processes count together: what dead ones counted stays, what they said of their present does not."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import shared_counts
from cli.errors import CommandError
from cli.shared_counts import SharedCounts


@pytest.fixture
def counts(tmp_path: Path) -> Iterator[SharedCounts]:
    made = SharedCounts(tmp_path)
    made.prepare()
    yield made
    made.remove()


def directory_of(counts: SharedCounts) -> Path:
    [directory] = counts.environment.values()
    return Path(directory)


def dead_pid() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_tidy_forgets_the_present_of_the_dead_alone(counts: SharedCounts) -> None:
    directory, dead = directory_of(counts), dead_pid()
    for pid in (dead, os.getpid()):
        for kind in ("counter", "gauge_livesum", "gauge_mostrecent"):
            (directory / f"{kind}_{pid}.db").touch()

    asyncio.run(counts.tidy())

    left = {file.name for file in directory.iterdir()}
    assert {name for name in left if name.endswith(f"_{dead}.db")} == {f"counter_{dead}.db"}
    assert len(left) == 4


def test_the_counts_of_the_dead_are_bounded(counts: SharedCounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_counts, "DEAD_MAX", 1)
    directory, first, second = directory_of(counts), dead_pid(), dead_pid()
    for age_seconds, pid in ((20, first), (10, second), (30, os.getpid())):
        file = directory / f"counter_{pid}.db"
        file.touch()
        os.utime(file, (0, 1_000_000 - age_seconds))

    asyncio.run(counts.tidy())

    assert {file.name for file in directory.iterdir()} == {f"counter_{second}.db", f"counter_{os.getpid()}.db"}


def test_a_new_stack_begins_with_nothing_and_leaves_nothing(counts: SharedCounts) -> None:
    directory = directory_of(counts)
    (directory / "counter_1.db").touch()

    counts.prepare()
    assert list(directory.iterdir()) == []
    assert directory.stat().st_mode & 0o777 == 0o700

    counts.remove()
    assert not directory.exists()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    counts, elsewhere = SharedCounts(tmp_path), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    directory_of(counts).symlink_to(elsewhere)
    try:
        with pytest.raises(CommandError):
            counts.prepare()
        counts.remove()
        assert (elsewhere / "kept").exists()
    finally:
        directory_of(counts).unlink()
