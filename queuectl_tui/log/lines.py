"""The numbers of lines in a log: counted in the background, kept sparse, never needed to show a line. No widget here.

One number is kept for each block of bytes, so the memory is 8 bytes for 64 KiB of log, whatever the
lines are. A number between two blocks is counted again, in one block.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import NamedTuple

from queuectl_tui.log.pieces import BLOCK, Bytes

BLOCKS_AT_ONCE = 16
"""Blocks counted in one go: 1 MiB, more than comes between two looks at a log, in about a millisecond."""


class Counted(NamedTuple):
    """The newlines from one place to `end`, block by block."""

    newlines: list[int]
    end: int


def count_lines(log: Bytes, start: int, size: int) -> Counted:
    """Count the newlines from `start` on, in a few blocks, up to `size`. Runs in a thread."""
    newlines: list[int] = []
    end = start
    while end < size and len(newlines) < BLOCKS_AT_ONCE:
        stop = min(size, end - end % BLOCK + BLOCK)
        newlines.append(log.read(end, stop).count(b"\n"))
        end = stop
    return Counted(newlines, end)


class LineIndex:
    """How many newlines come before each block of a log."""

    def __init__(self) -> None:
        self._before = array("Q", [0])
        self._total = 0
        self._end = 0

    @property
    def end(self) -> int:
        """The bytes counted so far."""
        return self._end

    def add(self, counted: Counted) -> None:
        """Take up what was counted from `end` on."""
        for newlines in counted.newlines:
            self._total += newlines
            self._end = min(counted.end, self._end - self._end % BLOCK + BLOCK)
            if self._end % BLOCK == 0:
                self._before.append(self._total)

    def lines(self, log: Bytes) -> int | None:
        """The lines of the log, an unfinished last one included; None until all is counted."""
        if self._end < log.size:
            return None
        unfinished = log.size > 0 and log.read(log.size - 1, log.size) != b"\n"
        return self._total + unfinished

    def number_at(self, log: Bytes, offset: int) -> int | None:
        """The number, from 1, of the line that the byte at `offset` is in; None where it is not counted."""
        block = offset // BLOCK
        if offset > self._end or block >= len(self._before):
            return None
        return self._before[block] + log.read(block * BLOCK, offset).count(b"\n") + 1

    def offset_of(self, log: Bytes, number: int) -> int:
        """Where line `number`, from 1, begins; the last place counted where there are not so many."""
        if number <= 1:
            return 0
        block = bisect_left(self._before, number - 1) - 1
        data = log.read(block * BLOCK, min(self._end, (block + 1) * BLOCK))
        at = -1
        for _ in range(number - 1 - self._before[block]):
            at = data.find(b"\n", at + 1)
            if at < 0:
                return self._end
        return block * BLOCK + at + 1
