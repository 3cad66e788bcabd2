"""What agents wrote must not drive the terminal of whoever reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.accounts import show
from cli.terminal import harmless


def test_a_table_shows_escapes_and_markup_as_they_were_written(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"name": "\x1b]0;owned\x07[red]no[/red]\u202e"}], {"name": "name"}, as_json=False)
    shown = capsys.readouterr().out
    assert "\\x1b]0;owned\\x07[red]no[/red]\\u202e" in shown
    assert "\x1b" not in shown


@given(st.text())
def test_nothing_is_left_to_obey(text: str) -> None:
    shown = harmless(text)
    assert not any(ord(character) < 32 and character not in "\t\n" for character in shown)
    assert not any(0x7F <= ord(character) < 0xA0 for character in shown)
    assert harmless("plain text, \u00e9 and \t tabs\n") == "plain text, \u00e9 and \t tabs\n"
