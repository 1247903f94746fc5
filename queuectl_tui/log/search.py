"""A search through a log: progressive, in blocks, in a thread, so that no key waits for it. No widget here.

Of what was found only the number in each block is kept; the matches themselves are found again where
they are gone to. So the memory does not depend on how many there are.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Iterator
from typing import NamedTuple

from queuectl_tui.log.needle import Hit, Needle, count, hits
from queuectl_tui.log.pieces import BLOCK, Bytes, UpTo, first_from


class SearchStatus(NamedTuple):
    """How far a search is: matches found so far, the current one from 1, None while not known, and if all is seen."""

    pattern: str
    matches: int
    position: int | None
    done: bool


class Tally(NamedTuple):
    """The matches in one block, where its last piece ends, and the size of the log as it was counted."""

    matches: int
    end: int
    size: int


class Search:
    """A search for one needle in one log. Its methods are for the event loop; the work is done in a thread."""

    def __init__(self, needle: Needle, log: Bytes) -> None:
        self.needle = needle
        self.current: Hit | None = None
        self._log = log
        self._settled = array("Q")
        self._open = 0  # matches in the block after those, whose last piece may still grow
        self._seen = 0
        self._rank = 0

    def status(self) -> SearchStatus:
        """How far the search is."""
        matches = sum(self._settled) + self._open
        return SearchStatus(self.needle.pattern, matches, self._position(), self._seen >= self._log.size)

    def _position(self) -> int | None:
        if self.current is None:
            return None
        block = self.current.offset // BLOCK
        return sum(self._settled[:block]) + self._rank + 1 if block <= len(self._settled) else None

    async def scan(self, progress: Callable[[], None]) -> None:
        """Count the matches in what has not been looked at, calling `progress` after each block."""
        while self._seen < self._log.size:
            tally = await asyncio.to_thread(_tally, self.needle, self._log, len(self._settled))
            if tally.end < tally.size:
                self._settled.append(tally.matches)
                self._open = 0
            else:
                self._open = tally.matches
            self._seen = tally.end
            progress()

    async def seek(self, place: Hit, *, forward: bool) -> Hit | None:
        """Make the next match after `place`, or before it, the current one, round the end once.

        None, and the current one as it was, where there is no match at all.
        """
        for number, fresh in self._blocks(place.offset // BLOCK, forward=forward):
            if number < len(self._settled) and not self._settled[number]:
                continue
            found = await asyncio.to_thread(_hits_in_block, self.needle, self._log, number)
            for rank in range(len(found)) if forward else reversed(range(len(found))):
                if fresh or (found[rank] > place if forward else found[rank] < place):
                    self._rank, self.current = rank, found[rank]
                    return self.current
        return None

    def _blocks(self, first: int, *, forward: bool) -> Iterator[tuple[int, bool]]:
        """The blocks from `first` on, once round, and whether any match in them will do."""
        total = -(-self._log.size // BLOCK)
        step = 1 if forward else -1
        yield first, False
        for way in range(1, total + 1):
            yield (first + step * way) % total, True


def _block(log: Bytes, number: int) -> tuple[int, bytes]:
    """The pieces that begin in a block: where the first does, and their bytes."""
    base = first_from(log, number * BLOCK)
    return base, log.read(base, first_from(log, (number + 1) * BLOCK))


def _tally(needle: Needle, log: Bytes, number: int) -> Tally:
    now = UpTo(log, log.size)
    base, data = _block(now, number)
    # Where the file became shorter meanwhile, no bytes come: what is missing counts as seen.
    end = base + len(data) if data else now.size
    return Tally(count(needle, base, data), end, now.size)


def _hits_in_block(needle: Needle, log: Bytes, number: int) -> list[Hit]:
    return hits(needle, *_block(UpTo(log, log.size), number))
