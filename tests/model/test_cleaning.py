"""Foreign text becomes safe to show, and what was harmless stays as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_core.model.cleaning import SHOWN_CHARACTERS, clean, clean_output, shown

any_text = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("\u2066\u2069", r"\u2066\u2069"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_acts_on_a_terminal_becomes_visible(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize("text", ["", "echo hi", r"a\nb", "[/red] naïve 日本語 👩‍👩‍👧", "a\u00a0b", "שלום"])
def test_all_else_is_returned_as_it_is(text: str) -> None:
    assert clean(text) is text


def test_output_keeps_its_lines_and_tabs() -> None:
    assert clean_output("a\tb\n\x1b[31mred\r\n") == "a\tb\n\\x1b[31mred\\r\n"


@given(any_text)
def test_clean_text_is_one_encodable_line(text: str) -> None:
    cleaned = clean(text)

    assert len(cleaned.splitlines()) <= 1
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


@given(any_text)
def test_output_without_lines_and_tabs_is_cleaned_as_any_text(text: str) -> None:
    flat = text.replace("\n", "").replace("\t", "")

    assert clean_output(flat) == clean(flat)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        (-7, "-7"),
        (10**5000, "a huge number"),
        ("a\x1bb", r'"a\x1bb"'),
        ({"a": 1}, "an object"),
        ([1], "a list"),
        (object(), "object"),
    ],
    ids=shown,
)
def test_a_value_is_shown_as_json_would_write_it(value: object, expected: str) -> None:
    assert shown(value) == expected


@given(any_text)
def test_a_shown_value_is_short(text: str) -> None:
    assert len(shown(text)) <= SHOWN_CHARACTERS
