"""Pieces of a log drawn for a given width, with what was found in them marked. No file and no widget here."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from queuectl_tui.log.needle import Hit, Needle
from queuectl_tui.log.pieces import Bytes
from queuectl_tui.log.terminal_line import render
from queuectl_tui.log.viewport import Row

KEPT = 256
"""Pieces that stay drawn: some screens, so that a step redraws one row."""


class Marks(NamedTuple):
    """What is marked in every piece: the matches of a needle, one of them the current one. Styles add to the text's."""

    needle: Needle | None
    current: Hit | None
    found: Style
    found_current: Style


class Ground(NamedTuple):
    """What rows are drawn on: whose console, the style that text without one has, and how many cells wide."""

    console: Console
    style: Style
    width: int


class Drawn(NamedTuple):
    """A piece as text, and the characters at which its rows after the first begin."""

    text: Text
    breaks: list[int]


def breaks(text: str, width: int) -> list[int]:
    """Where `text` is broken into rows of at most `width` cells: the first character of each row but the first."""
    if cell_len(text) <= width:
        return []
    if cell_len(text) == len(text) and text.isascii():
        return list(range(width, len(text), width))
    found: list[int] = []
    taken = 0
    for start, _, cells in split_graphemes(text)[0]:
        if taken and taken + cells > width:
            found.append(start)
            taken = 0
        taken += cells
    return found


class Drawing:
    """The last drawn pieces of a log. A piece is known by where it begins and ends, so one that grew is drawn anew."""

    def __init__(self, log: Bytes, width: int, marks: Marks, *, wrap: bool) -> None:
        self._log = log
        self._width = max(1, width)
        self._marks = marks
        self._wrap = wrap
        self._drawn: OrderedDict[tuple[int, int], Drawn] = OrderedDict()
        self._strips: dict[tuple[Row, int, Style, int], Strip] = {}

    def rows(self, start: int, end: int) -> int:
        """How many rows a piece takes."""
        return len(self._piece(start, end).breaks) + 1 if self._wrap else 1

    def cells(self, start: int, end: int) -> int:
        """How wide a piece is."""
        return self._piece(start, end).text.cell_len

    def row_of(self, hit: Hit, end: int) -> int:
        """The row of its piece that a match begins in."""
        drawn = self._piece(hit.offset, end)
        at, _ = self.span(hit, end)
        return sum(1 for start in drawn.breaks if start <= at)

    def span(self, hit: Hit, end: int) -> tuple[int, int]:
        """From where to where a match reaches in its piece, in characters; nothing where it is no longer there."""
        text = self._piece(hit.offset, end).text.plain
        spans = self._marks.needle.spans(text) if self._marks.needle else []
        return spans[hit.nth] if hit.nth < len(spans) else (0, 0)

    def columns(self, hit: Hit, end: int) -> tuple[int, int]:
        """From where to where a match reaches in its piece, in cells."""
        text = self._piece(hit.offset, end).text.plain
        first, behind = self.span(hit, end)
        return cell_len(text[:first]), cell_len(text[:behind])

    def strip(self, ground: Ground, row: Row, left: int) -> Strip:
        """One row of a piece, from cell `left` on, as wide as the ground."""
        key = (row, left, ground.style, ground.width)
        if (known := self._strips.get(key)) is None:
            if len(self._strips) >= KEPT:
                self._strips.clear()
            known = self._strips[key] = self._strip(ground, row, left)
        return known

    def _strip(self, ground: Ground, row: Row, left: int) -> Strip:
        drawn = self._piece(row.start, row.end)
        text = drawn.text
        edges = [0, *drawn.breaks, len(text.plain)]
        if row.row >= len(edges) - 1:
            return Strip.blank(ground.width, ground.style)
        if drawn.breaks:
            text = text[edges[row.row] : edges[row.row + 1]]
        if text.plain.isascii():
            return _ascii_strip(ground, text, left)
        strip = Strip(text.render(ground.console, end="")).crop(left, left + ground.width)
        return strip.extend_cell_length(ground.width).apply_style(ground.style)

    def _piece(self, start: int, end: int) -> Drawn:
        key = (start, end)
        if (known := self._drawn.get(key)) is not None:
            self._drawn.move_to_end(key)
            return known
        text = self._marked(start, render(self._log.read(start, end)))
        drawn = Drawn(text, breaks(text.plain, self._width) if self._wrap else [])
        self._drawn[key] = drawn
        if len(self._drawn) > KEPT:
            self._drawn.popitem(last=False)
        return drawn

    def _marked(self, offset: int, text: Text) -> Text:
        needle, current, found, found_current = self._marks
        if needle is not None:
            for nth, (start, end) in enumerate(needle.spans(text.plain)):
                text.stylize(found_current if current == (offset, nth) else found, start, end)
        return text


def _ascii_strip(ground: Ground, text: Text, left: int) -> Strip:
    """A row of which each character takes a cell: nothing of it is measured, and most is one segment."""
    width = ground.width
    if not text.spans:
        return Strip([Segment(text.plain[left : left + width].ljust(width), ground.style)], width)
    if left or len(text.plain) > width:
        text = text[left : left + width]
    strip = Strip(text.render(ground.console, end=""), len(text.plain))
    return strip.extend_cell_length(width).apply_style(ground.style)
