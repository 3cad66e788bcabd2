"""What README and CONTRIBUTING tell people to type exists, and links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from cli.main import app

ROOT = Path(__file__).parents[2]
GUIDES = ("README.md", "CONTRIBUTING.md")
PAGES = [
    *GUIDES,
    "CHANGELOG.md",
    "SECURITY.md",
    "loadtest/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
]

_FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def code_of(page: str) -> Iterator[str]:
    """What stands as code on a page, block by block and span by span."""
    text = (ROOT / page).read_text()
    yield from _FENCED.findall(text)
    yield from _INLINE.findall(_FENCED.sub("", text))


def words_after(command: str, pages: tuple[str, ...] | list[str]) -> set[str]:
    return {word for page in pages for code in code_of(page) for word in re.findall(rf"\b{command} ([a-z][a-z-]*)", code)}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def anchors_of(path: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_make_commands_of_the_guides_are_targets() -> None:
    told = words_after("make", list(GUIDES))
    assert {"up", "test"} <= told
    assert told <= make_targets()


def test_each_target_is_in_make_help() -> None:
    helped = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert helped == make_targets()


def test_agentguide_commands_of_the_pages_exist() -> None:
    told = words_after("agentguide", PAGES)
    assert {"up", "status"} <= told
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    assert told <= group.commands.keys()


def test_ci_ends_with_the_test_command_of_the_readme() -> None:
    *_, last = (ROOT / ".ci/run").read_text().strip().splitlines()
    assert any(re.search(rf"^{last}\b", code, re.MULTILINE) for code in code_of("README.md"))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    lost = []
    for link in _LINK.findall((ROOT / page).read_text()):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / page).parent / target if target else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            lost.append(link)
    assert lost == []
