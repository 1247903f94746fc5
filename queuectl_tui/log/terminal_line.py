"""What a terminal would show of one line of output, as text that is safe to pass on. Pure.

Understood are carriage returns, backspaces, tabs, motions and erasing within the line, and SGR. Every
other escape sequence is dropped, and a control character that belongs to none is shown as an escape:
output is data and never acts on the terminal that it is read on. Where lines begin is told elsewhere.

What of a line need not be drawn, and what is too much, is left out before: `queuectl_tui.log.unseen`.
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter

from rich.cells import split_graphemes
from rich.text import Text

from queuectl_core.model.cleaning import clean
from queuectl_tui.log.pens import PLAIN, Pen, after_sgr, style_of
from queuectl_tui.log.unseen import MOVE, SGR, TAB, bounded, without_what_is_overwritten

REACH = 512
"""Columns that a motion may go to where nothing is written. One that asks for more means the edge of the screen."""

EDGE = 80
"""Columns of the screen that a line was made for, as far as anybody knows."""

_SEQUENCE = (
    r"\x1b\[(?P<parameters>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS, SOS, PM, APC, each to its end
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
)
_TOKEN = re.compile(rf"(?P<text>[^\x1b\r\b\t]+)|(?P<control>[\r\b\t])|{_SEQUENCE}|(?P<stray>\x1b)")

Cell = tuple[str, Pen]
_COVERED = ""
"""The text of a cell that a wide character in the cell before it reaches into."""


def render(data: bytes) -> Text:
    """The line `data`, with or without its newline. Bytes that are no UTF-8 are replaced."""
    text = _decoded(data)
    text = bounded(without_what_is_overwritten(text))
    if MOVE.search(SGR.sub("", text)) is None:
        return _coloured(text)
    canvas = _Canvas()
    for token in _TOKEN.finditer(text):
        canvas.take(token)
    return canvas.text()


def visible(data: bytes) -> str:
    """The characters that `render` shows, without colours. Much quicker for lines where nothing moves the cursor."""
    text = _decoded(data)
    bare = SGR.sub("", text)
    if MOVE.search(bare) is None:
        return clean(bare)
    if bare.isascii() and bare.replace("\t", "").isprintable():
        return bare.expandtabs(TAB)
    return render(data).plain


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace").removesuffix("\n").rstrip("\r")


def _coloured(text: str) -> Text:
    """The line `text`, in which nothing but colours is changed."""
    drawn, pen, at = Text(no_wrap=True, end=""), PLAIN, 0
    for sequence in SGR.finditer(text):
        drawn.append(clean(text[at : sequence.start()]), style_of(pen))
        pen, at = after_sgr(pen, sequence[1]), sequence.end()
    return drawn.append(clean(text[at:]), style_of(pen))


class _Canvas:
    """One row of cells, a cursor and a pen."""

    def __init__(self) -> None:
        self._cells: list[Cell] = []
        self._column = 0
        self._pen = PLAIN

    def take(self, token: re.Match[str]) -> None:
        """Do what one token of output asks for."""
        match token.lastgroup:
            case "text" | "stray":
                self._write(clean(token.group()))
            case "control":
                self._move(token.group())
            case "final" if not token["between"]:
                self._obey(token["final"], token["parameters"])

    def _move(self, control: str) -> None:
        match control:
            case "\r":
                self._column = 0
            case "\b":
                self._column = max(0, self._column - 1)
            case _:
                self._column += TAB - self._column % TAB
                self._reach(self._column)

    def _obey(self, final: str, parameters: str) -> None:
        match final, parameters:
            case "m", _:
                if not parameters or parameters[0] not in "<=>?":
                    self._pen = after_sgr(self._pen, parameters)
            case "C" | "D" | "G", _:
                self._travel(final, _number(parameters))
            case "K", "" | "0":
                self._erase(self._column, len(self._cells))
            case "K", "1":
                self._erase(0, self._column + 1)
            case "K", "2":
                self._erase(0, len(self._cells))

    def _travel(self, final: str, number: int | None) -> None:
        """Go right (C), left (D) or to a column from 1 (G)."""
        if number is None:
            return
        way = max(1, number)
        column = {"C": self._column + way, "D": self._column - way}.get(final, way - 1)
        written = len(self._cells)
        if column > max(written, REACH):
            column = max(EDGE, written) - 1
        self._column = max(0, column)

    def _reach(self, column: int) -> None:
        """Blank cells up to a column that the cursor moved to."""
        self._cells.extend([(" ", PLAIN)] * (column - len(self._cells)))

    def _write(self, text: str) -> None:
        if text.isascii():
            graphemes: list[str] = list(text)
        else:
            graphemes = self._wide(text)
        self._reach(self._column)
        end = self._column + len(graphemes)
        self._cut(self._column, end)
        self._cells[self._column : end] = [(grapheme, self._pen) for grapheme in graphemes]
        self._column = end

    def _wide(self, text: str) -> list[str]:
        """The cells of `text`; what takes no cell joins the one before it, or the next where there is none."""
        graphemes: list[str] = []
        lead = ""
        for start, end, width in split_graphemes(text)[0]:
            if width:
                graphemes.append(lead + text[start:end])
                graphemes.extend([_COVERED] * (width - 1))
                lead = ""
            elif 0 < self._column <= len(self._cells):
                self._join(text[start:end])
            else:
                lead = text[start:end]
        return graphemes

    def _join(self, mark: str) -> None:
        """Add a mark without width to the character that the cursor stands behind."""
        at = self._column - 1
        while at > 0 and self._cells[at][0] == _COVERED:
            at -= 1
        text, pen = self._cells[at]
        self._cells[at] = (text + mark, pen)

    def _cut(self, start: int, end: int) -> None:
        """Blank the halves that stay of wide characters at the edges of what is about to be replaced."""
        if start < len(self._cells) and self._cells[start][0] == _COVERED:
            self._cells[start - 1] = (" ", self._cells[start - 1][1])
        if end < len(self._cells) and self._cells[end][0] == _COVERED:
            self._cells[end] = (" ", self._cells[end][1])

    def _erase(self, start: int, end: int) -> None:
        end = min(end, len(self._cells))
        if start >= end:
            return
        self._cut(start, end)
        if end == len(self._cells):
            del self._cells[start:]
        else:
            self._cells[start:end] = [(" ", PLAIN)] * (end - start)

    def text(self) -> Text:
        """What stands in the cells."""
        drawn = Text(no_wrap=True, end="")
        for pen, cells in groupby(self._cells, key=itemgetter(1)):
            drawn.append("".join(cell[0] for cell in cells), style_of(pen))
        return drawn


def _number(parameters: str) -> int | None:
    """The one number of a motion, 0 where it is left out; None where it is none, or too long to be meant."""
    if not parameters:
        return 0
    return int(parameters) if len(parameters) <= 5 and parameters.isascii() and parameters.isdigit() else None
