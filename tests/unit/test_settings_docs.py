"""`.env.example` and the reference page say what the settings are, no more and no less."""

import re
from pathlib import Path

import pytest

from events.settings import Settings

ROOT = Path(__file__).parents[2]

Described = dict[str, tuple[str, str]]
"""Variable to its default, as one writes it, and its description."""

_EXAMPLE_LINE = re.compile(r"^# (?P<description>.+)\n#(?P<name>[A-Z_]+)=(?P<default>.*)$", re.MULTILINE)
_TABLE_ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?P<default>empty|`[^`]+`)[^|]* \| (?P<description>.+) \|$", re.MULTILINE)


def described(pattern: re.Pattern[str], path: str) -> Described:
    matches = list(pattern.finditer((ROOT / path).read_text()))
    found = {match["name"]: (match["default"].strip("`").removeprefix("empty"), match["description"]) for match in matches}
    assert len(found) == len(matches), f"{path} names a setting twice"
    return found


@pytest.fixture
def declared() -> Described:
    return {
        str(field.validation_alias or f"AGENTGUIDE_{name.upper()}"): (
            "" if field.default is None else str(field.default),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    }


def test_example_file_names_each_setting_with_its_default(declared: Described) -> None:
    assert described(_EXAMPLE_LINE, ".env.example") == declared


def test_example_file_sets_nothing_by_itself() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_reference_names_each_setting_with_its_default(declared: Described) -> None:
    assert described(_TABLE_ROW, "docs/reference/settings.md") == declared


def test_reference_has_no_other_variable(declared: Described) -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    assert set(re.findall(r"AGENTGUIDE_\w+|DATABASE_URL|REDIS_URL", page)) == declared.keys()


def test_example_file_taken_as_it_is_gives_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: Described
) -> None:
    for name in declared:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    defaults = Settings()
    example = (ROOT / ".env.example").read_text()
    Path(".env").write_text(re.sub(r"^#(?=[A-Z_]+=)", "", example, flags=re.MULTILINE))
    assert Settings() == defaults
