"""Which commit a result is of, as far as git can tell."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
GIT_SECONDS_MAX = 10
NO_CODE = ("bench/results", "docs")
"""Changes here do not change what is measured."""


def current(root: Path = ROOT) -> dict[str, Any] | None:
    """The short hash and subject of the commit, and whether the code has changed since; None where there is no git to ask."""
    if _git(root, "rev-parse", "--show-toplevel") != str(root.resolve()):
        return None  # no repository, or somebody's in which this lies unpacked
    found = _git(root, "log", "-1", "--format=%h%n%s")
    changes = _git(root, "status", "--porcelain", "--", ".", *(f":(exclude){path}" for path in NO_CODE))
    if found is None or changes is None:
        return None
    short, _, subject = found.partition("\n")
    return {"hash": short, "subject": subject, "changed": bool(changes)}


def full_hash(name: str, root: Path = ROOT) -> str | None:
    """Of whatever names a commit, as `HEAD~1`, a branch or a short hash; None if nothing does."""
    return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None if it is missing, refuses, or takes too long."""
    git = shutil.which("git")
    if git is None:
        return None
    try:
        done = subprocess.run(
            [git, *arguments],
            cwd=root,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},  # whoever commits meanwhile is not kept from it
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
