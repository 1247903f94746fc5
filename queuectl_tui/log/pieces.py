"""Where the lines of a log begin and end, found in its bytes from any place in it. Nothing is opened here.

A piece is what is shown as one line: a line, or a part of one that is very long. Lines are cut so
that every piece is found from the bytes around it alone, without reading from the start: at each
multiple of `CUT` before which `CUT` bytes hold no newline. So no piece is longer than two of `CUT`,
and what is appended moves no piece. A character of several bytes may be cut in two.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

CUT = 8_192
"""Bytes without a newline after which a line is cut."""

BLOCK = 65_536
"""Bytes that are read and kept together; a multiple of `CUT`."""

KEPT_BLOCKS = 32


class Bytes(Protocol):
    """Something with a size that can be read anywhere: a file, or the end of one that the store kept."""

    @property
    def size(self) -> int:
        """How many bytes there are, as last looked at."""
        ...

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`; fewer where there are not so many."""
        ...


class Stored:
    """Bytes that are in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._content)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`."""
        return self._content[start:end]


class UpTo:
    """Bytes as far as they were at one moment, for who must not see them grow while he works."""

    def __init__(self, origin: Bytes, size: int) -> None:
        self._origin = origin
        self._size = size

    @property
    def size(self) -> int:
        """The size at that moment."""
        return self._size

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`."""
        return self._origin.read(start, min(end, self._size))


class Cached:
    """Bytes whose last read blocks are kept, so that a screen is drawn from memory."""

    def __init__(self, origin: Bytes) -> None:
        self._origin = origin
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    @property
    def size(self) -> int:
        """The size of what is read from."""
        return self._origin.size

    def forget(self) -> None:
        """Read everything anew: what was there has changed."""
        self._blocks.clear()

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`."""
        end = min(end, self.size)
        if start >= end:
            return b""
        first, last = start // BLOCK, (end - 1) // BLOCK
        if first == last:
            return self._block(first)[start - first * BLOCK : end - first * BLOCK]
        whole = b"".join(self._block(number) for number in range(first, last + 1))
        return whole[start - first * BLOCK : end - first * BLOCK]

    def _block(self, number: int) -> bytes:
        """A block as far as it is there; the last one grows, and is read again when it did."""
        start = number * BLOCK
        length = min(BLOCK, self.size - start)
        block = self._blocks.get(number, b"")
        if len(block) < length:
            block = self._origin.read(start, start + length)
            self._blocks[number] = block
            if len(self._blocks) > KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return block


def start_of(log: Bytes, offset: int) -> int:
    """Where the piece begins that the byte at `offset` is in."""
    cut = offset - offset % CUT
    newline = log.read(cut, offset).rfind(b"\n")
    if newline >= 0 or cut == 0:
        return cut + newline + 1
    newline = log.read(cut - CUT, cut).rfind(b"\n")
    return cut if newline < 0 else cut - CUT + newline + 1


def end_of(log: Bytes, start: int) -> int:
    """Where the piece that begins at `start` ends, after its newline where it has one."""
    limit = _limit(start)
    newline = log.read(start, limit).find(b"\n")
    return min(limit, log.size) if newline < 0 else start + newline + 1


def before(log: Bytes, start: int) -> int:
    """Where the piece before the one at `start` begins; 0 at the start."""
    return start_of(log, start - 1) if start > 0 else 0


def first_from(log: Bytes, offset: int) -> int:
    """Where the first piece begins that does not begin before `offset`."""
    if offset <= 0:
        return 0
    start = start_of(log, min(offset, log.size))
    return start if start == offset else min(end_of(log, start), log.size)


def split(base: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each piece in `data`, which begins with a piece at `base`: where it begins, and its bytes."""
    start = base
    while start < base + len(data):
        limit = _limit(start) - base
        newline = data.find(b"\n", start - base, limit)
        end = min(limit, len(data)) if newline < 0 else newline + 1
        yield start, data[start - base : end]
        start = base + end


def is_cut(base: int, data: bytes) -> bool:
    """Whether a line in `data`, which begins with a piece at `base`, is cut in several pieces."""
    for cut in range(-(-base // CUT) * CUT, base + len(data) - CUT, CUT):
        if data.find(b"\n", cut - base, cut - base + CUT) < 0:
            return True
    return False


def _limit(start: int) -> int:
    """Where a piece that begins at `start` ends if no newline comes before.

    A piece that begins within a stretch of `CUT` bytes does so after a newline in it, so no cut
    follows that stretch.
    """
    within = start % CUT
    return start + CUT if within == 0 else start - within + 2 * CUT
