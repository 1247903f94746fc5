"""Which rows of a log are on the screen, and the ways from one place in it to another. Pure but for the bytes it reads.

A place is a piece and a row within it, as a wrapped piece takes several rows. No line number takes
part: each way is gone through the bytes near by, so the end of any log is as near as its start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from queuectl_tui.log.pieces import Bytes, before, end_of, start_of


class Place(NamedTuple):
    """A row of a log: the offset of its piece in bytes, and which of its rows, from 0. They sort as they stand."""

    offset: int
    row: int


START = Place(0, 0)

Rows = Callable[[int, int], int]
"""How many rows the piece from one offset to another takes."""


def down(log: Bytes, rows: Rows, place: Place, count: int) -> Place:
    """The place `count` rows further down, or the last one."""
    offset, row = place.offset, place.row + count
    while offset < log.size:
        end = end_of(log, offset)
        taken = rows(offset, end)
        if row < taken:
            return Place(offset, row)
        if end >= log.size:
            return Place(offset, taken - 1)
        row -= taken
        offset = end
    return last(log, rows)


def up(log: Bytes, rows: Rows, place: Place, count: int) -> Place:
    """The place `count` rows further up, or the first one."""
    offset, row = place.offset, place.row - count
    while row < 0:
        if offset <= 0:
            return START
        end, offset = offset, before(log, offset)
        row += rows(offset, end)
    return Place(offset, row)


def last(log: Bytes, rows: Rows) -> Place:
    """The last row of the log."""
    if log.size == 0:
        return START
    offset = before(log, log.size)
    return Place(offset, rows(offset, log.size) - 1)


def lowest_top(log: Bytes, rows: Rows, height: int) -> Place:
    """The place at the top of a screen of `height` rows that shows the end."""
    return up(log, rows, last(log, rows), max(0, height - 1))


def nearest(log: Bytes, rows: Rows, place: Place) -> Place:
    """The place itself where it still is one; else one that is near, after the width or the file has changed."""
    if place.offset >= log.size:
        return last(log, rows)
    offset = start_of(log, place.offset)
    return Place(offset, max(0, min(place.row, rows(offset, end_of(log, offset)) - 1)))


class Row(NamedTuple):
    """One row to draw: a piece, from `start` to before `end`, and which of its rows."""

    start: int
    end: int
    row: int


def screen(log: Bytes, rows: Rows, top: Place, height: int) -> Iterator[Row]:
    """The rows of a screen whose first is `top`; fewer than `height` where the log ends."""
    offset, row = top
    while height > 0 and offset < log.size:
        end = end_of(log, offset)
        taken = min(height, rows(offset, end) - row)
        yield from (Row(offset, end, row + number) for number in range(taken))
        height -= taken
        offset, row = end, 0
