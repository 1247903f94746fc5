"""A line of output is drawn as a terminal would draw it, and nothing in it acts on ours."""

from __future__ import annotations

import re
import unicodedata

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from queuectl_tui.log import terminal_line
from queuectl_tui.log.pieces import CUT
from queuectl_tui.log.terminal_line import render, visible
from queuectl_tui.log.unseen import COLOURS, MOVES, TAB, without_what_is_struck_over

ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

SEQUENCES = [
    b"\r",
    b"\b",
    b"\t",
    b"\x1b[K",
    b"\x1b[1K",
    b"\x1b[2K",
    b"\x1b[G",
    b"\x1b[5G",
    b"\x1b[C",
    b"\x1b[0C",
    b"\x1b[7C",
    b"\x1b[D",
    b"\x1b[3D",
    b"\x1b[0m",
    b"\x1b[31m",
    b"\x1b[1;38;5;200m",
    b"\x1b[48;2;1;2;3m",
    b"\x1b[7m",
    b"\x1b[4m",
    b"\x1b[22m",
    b"\x1b[39;49m",
]
WORDS = [b"a", b"bc", b"  ", b"word", b"100%", b"[/red]"]
WIDE = [
    "日".encode(),
    "é".encode(),
    "e\u0301".encode(),
    "👩‍👩‍👧".encode(),
    b"\xff",
    b"\x1b]52;c;aGk=\x07",
    b"\x1b",
    b"\x9b31m",
]

lines_of_a_terminal = st.lists(st.sampled_from(SEQUENCES + WORDS), max_size=25).map(b"".join)
lines_of_anything = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(SEQUENCES + WORDS + WIDE), max_size=30).map(b"".join),
)


@given(lines_of_anything)
def test_nothing_that_is_shown_acts_on_a_terminal(data: bytes) -> None:
    assert ACTS.search(render(data.replace(b"\n", b"")).plain) is None


@given(lines_of_anything)
def test_what_is_searched_is_what_is_shown(data: bytes) -> None:
    line = data.replace(b"\n", b"")

    assert visible(line) == render(line).plain


@given(lines_of_a_terminal)
def test_text_and_colours_stand_where_a_terminal_puts_them(data: bytes) -> None:
    line = data.rstrip(b"\r")
    screen = pyte.Screen(200, 1)
    stream = pyte.ByteStream(screen)

    stream.feed(line)

    text = render(line)
    row = screen.buffer[0]
    assert text.plain.rstrip() == "".join(row[column].data for column in range(200)).rstrip()
    for column, character in enumerate(text.plain):
        if character != " ":
            assert drawn_at(text, column) == drawn_by_pyte(row[column]), (column, character)


def drawn_at(text: Text, column: int) -> tuple[str, str, bool, bool, bool]:
    style = None
    for span in text.spans:
        if span.start <= column < span.end:
            style = span.style
    if style is None or isinstance(style, str):
        return ("default", "default", False, False, False)
    return (
        style.color.name if style.color else "default",
        style.bgcolor.name if style.bgcolor else "default",
        bool(style.bold),
        bool(style.underline),
        bool(style.reverse),
    )


def drawn_by_pyte(cell: pyte.screens.Char) -> tuple[str, str, bool, bool, bool]:
    return (named(cell.fg), named(cell.bg), cell.bold, cell.underscore, cell.reverse)


def named(colour: str) -> str:
    """A colour of pyte by the name that rich has for it."""
    known = {"red": "color(1)", "ff00d7": "color(200)", "010203": "#010203"}
    return known.get(colour, colour)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        pytest.param(b"plain", "plain", id="plain"),
        pytest.param(b"dos\r\n", "dos", id="CRLF"),
        pytest.param(b"\r  10%\r  20%\n", "  20%", id="a progress bar"),
        pytest.param(b"abcdef\rxy", "xycdef", id="overwritten only as far as the new text reaches"),
        pytest.param(b"abcdef\rxy\x1b[K", "xy", id="erased to the end"),
        pytest.param(b"abcdef\r\x1b[2Kx", "x", id="the whole line erased"),
        pytest.param(b"abc\b\bX", "aXc", id="backspace"),
        pytest.param(b"a\tb", "a       b", id="tab"),
        pytest.param(b"abc\x1b[1GX\x1b[CY", "XbY", id="to a column, and right"),
        pytest.param(b"abc\x1b[2DX", "aXc", id="left"),
        pytest.param(b"abc\x1b[9D\x1b[1K", " bc", id="left no further than the start, erased up to there"),
        pytest.param(b"a\x1b[999C\x1b[3D[ok]", "a" + " " * 75 + "[ok]", id="beyond all text is the edge of a screen"),
        pytest.param(b"a\x1b[2;3Cb\x1b[?1Cc", "abc", id="no motion"),
        pytest.param("日本\rx".encode(), "x 本", id="half of a wide character overwritten"),
        pytest.param(b"a\x1b]0;title\x07b\x1b[5;5Hc\x1bPq\x1b\\d\x1b(Be", "abcde", id="sequences dropped"),
        pytest.param(b"a\x1b]52;c;aGk", r"a\x1b]52;c;aGk", id="a sequence without an end"),
        pytest.param(b"a\x07\x00\x7f", r"a\x07\x00\x7f", id="control characters"),
        pytest.param(b"\xff\xfe", "\ufffd\ufffd", id="no UTF-8"),
        pytest.param("\u202eevil".encode(), r"\u202eevil", id="a bidi override"),
        pytest.param(b"[/red][bold]x", "[/red][bold]x", id="markup of ours"),
        pytest.param(b"\x1b[999999999999999999C\x1b[38;5;999999999mx", "x", id="numbers beyond sense"),
    ],
)
def test_a_line_is_shown_as(data: bytes, shown: str) -> None:
    assert render(data).plain == shown


@pytest.mark.parametrize(
    ("parameters", "style"),
    [
        ("31", "color(1)"),
        ("1;91", "bold color(9)"),
        ("2;3;4;7;9", "dim italic underline reverse strike"),
        ("38;5;208", "color(208)"),
        ("38;2;255;128;0", "#ff8000"),
        ("38:2::255:128:0", "#ff8000"),
        ("48;5;4", "on color(4)"),
        ("58;2;1;2;3;31", "color(1)"),
        ("31;0", ""),
        ("1;22", ""),
        ("5", ""),
        ("38;5;300", ""),
    ],
)
def test_a_colour_sequence_becomes_a_style(parameters: str, style: str) -> None:
    text = render(f"\x1b[{parameters}mx".encode())

    styles = [str(span.style) for span in text.spans]
    assert (styles or [""]) == ([style] if style else [""])


def test_a_long_progress_bar_keeps_the_colour_that_covered_frames_set() -> None:
    text = render(b"\x1b[31m 1%\r" + b"".join(b" %d%%\r" % n for n in range(2, 99)) + b"done")

    assert (text.plain, [str(span.style) for span in text.spans]) == ("done", ["color(1)"])


@given(st.text(st.sampled_from("a日é👩 "), max_size=20))
def test_wide_characters_are_written_whole(text: str) -> None:
    drawn = render(b"\r" + text.encode())

    assert drawn.plain.rstrip() == unicodedata.normalize("NFC", text).rstrip()


TOKENS = [
    b"\b",
    b"a\b",
    b"ab\b",
    b"\ra\x1b[K",
    b"\ra\b",
    b"a\x1b[1K",
    b"\x1b[31ma",
    b"\t\b",
    b"\x1b[500Cx",
    "日\b".encode(),
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_line_of_nothing_but_edits_costs_no_more_than_some_of_them(
    token: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    take = terminal_line._Canvas.take

    def counting(canvas: terminal_line._Canvas, edit: re.Match[str]) -> None:
        nonlocal taken
        taken += 1
        take(canvas, edit)

    monkeypatch.setattr(terminal_line._Canvas, "take", counting)

    text = render(token * (2 * CUT // len(token)))

    assert taken <= 2 * MOVES + 1
    assert len(text.spans) <= COLOURS
    assert len(text) <= 2 * CUT * TAB


def test_of_too_many_edits_the_end_is_seen_and_the_start_it_leaves() -> None:
    spinner = b"".join(b"\b" * 4 + b"%3d%%" % (n % 100) for n in range(1000))

    assert render(b"working:   0%" + spinner + b"\b\b\b\b100%").plain == "working: 100%"


def test_of_too_many_colours_the_text_stays() -> None:
    text = render(b"".join(b"\x1b[%dm%d" % (31 + n % 6, n % 10) for n in range(COLOURS + 1)))

    assert (text.plain, text.spans) == ("".join(str(n % 10) for n in range(COLOURS + 1)), [])


overstruck = st.lists(st.sampled_from([b"\b", b"a", b"b", "日".encode(), b"\t", b"\x1b[K"]), max_size=60).map(b"".join)


@given(overstruck)
def test_what_is_struck_over_leaves_nothing(data: bytes) -> None:
    line = data.decode()

    assert render(data).plain == render(without_what_is_struck_over(line).encode()).plain
