"""What builds the dashboard, and that the server knows what the dashboard's own router knows."""

import gzip
import re
from pathlib import Path

import pytest
import zstandard

from api import web
from scripts import web as tools

ROOT = Path(__file__).parents[2]


def test_the_server_knows_the_addresses_of_the_dashboard() -> None:
    """Otherwise a page that works when one clicks is not found when one reloads it."""
    router = (ROOT / "web/src/app/router.tsx").read_text()
    assert set(re.findall(r'path: "/([a-z-]+)', router)) == set(web.PLACES)


def test_the_server_knows_the_files_beside_the_page() -> None:
    assert {path.name for path in (ROOT / "web/public").iterdir()} == set(web.ROOT_FILES)


def test_the_lock_names_no_host_and_lacks_no_platform() -> None:
    lock = (ROOT / "web/package-lock.json").read_text()
    assert not re.search(r'"resolved": "(?!types")', lock)
    # What npm leaves out of a lock when it is not to be had, it misses at the next installation.
    named = set(re.findall(r'"(@[\w-]+/[\w-]+-(?:darwin|linux|win32)-[\w-]+)": "', lock))
    assert named
    assert named - set(re.findall(r'"node_modules/(@[\w-]+/[\w-]+-(?:darwin|linux|win32)-[\w-]+)": \{', lock)) == set()


def test_files_are_compressed_where_it_makes_them_smaller(tmp_path: Path) -> None:
    script = b"const answer = 42;\n" * 500
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/index.js").write_bytes(script)
    (tmp_path / "assets/small.js").write_bytes(b"1")
    (tmp_path / "assets/inter.woff2").write_bytes(script)
    sent = tools.compress(tmp_path)

    built = web.read_build(tmp_path).files
    assert built == {}  # without a page nothing is a build
    (tmp_path / "index.html").touch()
    forms = {name: file.forms for name, file in web.read_build(tmp_path).files.items()}
    assert {name: list(found) for name, found in forms.items()} == {
        "assets/index.js": ["zstd", "gzip", "identity"],
        "assets/small.js": ["identity"],
        "assets/inter.woff2": ["identity"],
    }
    index = forms["assets/index.js"]
    assert zstandard.decompress(index["zstd"]) == gzip.decompress(index["gzip"]) == index["identity"] == script
    assert sent == len(index["zstd"]) + 1 + len(script)


@pytest.mark.parametrize(
    ("told", "enough"), [("v22.12.0", True), ("v24.1.0", True), ("v22.11.9", False), ("v20.20.2", False), ("v9.0.0", False)]
)
def test_which_node_is_new_enough(tmp_path: Path, told: str, enough: bool) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {told}\n")
    node.chmod(0o755)
    (tmp_path / "package.json").write_text('{"engines": {"node": ">=22.12.0"}}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tools, "WEB", tmp_path)
        assert tools.is_new_enough(node) is enough
        assert not tools.is_new_enough(tmp_path / "none")


class FakeNpm(tools.Npm):
    """Builds a page, while somebody saves a file."""

    def __init__(self, place: Path, saved: Path | None) -> None:
        super().__init__([], {})
        self.builds = 0
        self._place = place
        self._saved = saved

    def __call__(self, *arguments: str) -> None:
        if "build" not in arguments:
            return
        self.builds += 1
        self._place.mkdir(parents=True)
        (self._place / "index.html").write_text("page")
        if self._saved is not None:
            self._saved.write_text("changed")


@pytest.mark.parametrize("is_saved", [False, True])
def test_what_changed_while_it_was_built_is_built_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_saved: bool
) -> None:
    """By its time `make` sees whether there is anything to do."""
    source = tmp_path / "main.ts"
    source.write_text("as it was")
    monkeypatch.setattr(tools, "ROOT", tmp_path)
    monkeypatch.setattr(tools, "GENERATED", tmp_path / ".generated")
    monkeypatch.setattr(tools, "FOLDER", tmp_path / "dashboard")
    monkeypatch.setattr(tools, "_sources", lambda: [source])
    (tmp_path / ".generated").mkdir()
    npm = FakeNpm(tmp_path / ".generated/dashboard", source if is_saved else None)
    tools.build(npm, b"openapi")
    built = tmp_path / "dashboard" / tools.BUILT
    assert (built.stat().st_mtime >= source.stat().st_mtime) is not is_saved
    tools.build(npm, b"openapi")
    assert npm.builds == 1 + is_saved
    assert built.stat().st_mtime >= source.stat().st_mtime
