"""The list of jobs, read a stretch at a time: walked where the store has an index for its order, else gathered.

A walked list of ten million jobs costs what one of ten costs. A gathered one keeps the numbers of its jobs in
memory, eight bytes each: it is what a filter that has to look at every job, or an order without an index, needs.
"""

from __future__ import annotations

import contextlib
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

from queuectl_core.model.job import Job
from queuectl_core.store.transactions import browsing
from queuectl_tui.listing.rows import Stretch
from queuectl_tui.listing.walks import Walk
from queuectl_tui.session import Session

Key = TypeVar("Key")

FARTHEST_COUNT = 10_000
"""Rows before a stretch that are counted again after each change; farther down the place is an estimate."""

STRIDE = 20_000
"""Rows that one read skips; longer ways are gone in several, so that nothing else waits."""

DUTY = 20
"""A list that took so long to gather is gathered again after so many times as long, at the earliest."""

MOST_ROWS_OF_A_READ = 500


class Listing(Protocol):
    """A list of jobs in some order."""

    async def around(self, known: Stretch, start: int, rows: int) -> Stretch:
        """The rows from `start` on, in the list as it was when `known` was read, as far as can be told."""
        ...

    async def again(self, known: Stretch, top: int, rows: int) -> Stretch:
        """The rows from the job that was in row `top` on, as they are now."""
        ...


class Walked(Generic[Key]):
    """A list in an order that the store can walk."""

    def __init__(self, walk: Walk[Key]) -> None:
        self.walk = walk

    async def around(self, known: Stretch, start: int, rows: int) -> Stretch:
        """As `Listing.around`: from the nearest place that is known."""
        total = await self.walk.total()
        start = max(0, min(start, total - rows))
        if start == 0:
            return Stretch(0, await self.walk.beyond(self.walk.start, rows, forward=True), total)
        if start + rows >= total:
            jobs = await self.walk.beyond(self.walk.end, min(rows, total), forward=False)
            return Stretch(total - len(jobs), jobs, total)
        key, exact = await self._key_before(known, start, total)
        if key is None:
            return await self.around(known, total, rows)
        return Stretch(start, await self.walk.beyond(key, rows, forward=True), total, exact)

    async def _key_before(self, known: Stretch, start: int, total: int) -> tuple[Key | None, bool]:
        """The place just before row `start`, and whether the row is surely that one."""
        inside = known.at(start)
        if inside is not None:
            return self.walk.before(inside), known.exact
        places: list[tuple[int, Key, bool]] = [(0, self.walk.start, True), (total, self.walk.end, True)]
        if known.jobs:
            # The nearest of all is the first only for rows above it, to which the way goes up from the job itself.
            places.append((known.first, self.walk.key(known.jobs[0]), known.exact))
            places.append((known.end, self.walk.key(known.jobs[-1]), known.exact))
        row, key, exact = min(places, key=lambda place: abs(place[0] - start))
        return await self._go(key, start - row), exact

    async def _go(self, key: Key, rows: int) -> Key | None:
        """The place `rows` rows further down, or up where negative; None where the list ends before."""
        forward, left = rows > 0, abs(rows)
        if not forward and left:
            left += 1  # what is wanted is the place before a row, and the way up ends on it
        there: Key | None = key
        while left and there is not None:
            step = min(left, STRIDE)
            there = await self.walk.skip(there, step, forward=forward)
            left -= step
        return there

    async def again(self, known: Stretch, top: int, rows: int) -> Stretch:
        """As `Listing.again`; the place is counted anew where that is not far."""
        first = known.at(top)
        if first is None or top == 0:
            return await self.around(known, top, rows)
        total = await self.walk.total()
        jobs = await self.walk.beyond(self.walk.before(first), rows, forward=True)
        rank = await self.walk.rank(jobs[0], FARTHEST_COUNT) if jobs else None
        if len(jobs) < rows:
            # The end has come nearer: show a whole screen up to it.
            return await self.around(Stretch(), total, rows)
        return Stretch(min(top, total - len(jobs)) if rank is None else rank, jobs, total, rank is not None)


Gather = Callable[[], AsyncIterator[Sequence[int]]]
"""Makes the numbers of a list, a portion at a time; each portion follows those before it."""


class Gathered:
    """A list whose numbers are in memory. It grows while it is being gathered."""

    def __init__(self, session: Session, gather: Gather, shown: Callable[[], Awaitable[None]]) -> None:
        self._session, self._gather, self._shown = session, gather, shown
        self.numbers = array("q")
        self.whole = False
        self._took = 0.0
        self._ended = 0.0
        self._missed = False
        """Whether something changed that was not looked for again."""

    async def fill(self) -> None:
        """Gather the list for the first time, showing it as it grows."""
        begun = time.monotonic()
        async for portion in self._gather():
            self.numbers.extend(portion)
            await self._shown()
        self._note(begun)

    async def fill_again(self) -> None:
        """Gather it anew, unless that would keep the machine busy for what it is worth."""
        self._missed = not self.whole or time.monotonic() - self._ended < DUTY * self._took
        if self._missed:
            return
        begun, fresh = time.monotonic(), array("q")
        async for portion in self._gather():
            fresh.extend(portion)
        self.numbers = fresh
        self._note(begun)

    @property
    def due_in(self) -> float | None:
        """In how many seconds to gather it anew, since something changed that was not taken in; None where all was."""
        if not (self.whole and self._missed):
            return None
        return max(0.0, self._ended + DUTY * self._took - time.monotonic())

    def _note(self, begun: float) -> None:
        self.whole, self._ended = True, time.monotonic()
        self._took = self._ended - begun

    async def around(self, known: Stretch, start: int, rows: int) -> Stretch:
        """As `Listing.around`."""
        start = max(0, min(start, len(self.numbers) - rows))
        wanted = list(self.numbers[start : start + min(rows, MOST_ROWS_OF_A_READ)])
        jobs: dict[int, Job] = {job.number: job for job in await self._session.read(browsing.by_numbers(wanted))}
        gone = [number for number in wanted if number not in jobs]
        if gone:
            for number in gone:
                self.numbers.remove(number)
            return await self.around(known, start, rows)
        return Stretch(start, [jobs[number] for number in wanted], len(self.numbers))

    async def again(self, known: Stretch, top: int, rows: int) -> Stretch:
        """As `Listing.again`: the job that was on top stays there, as far as it is still in the list."""
        first = known.at(top)
        if top and first is not None:
            with contextlib.suppress(ValueError):  # it has left the list: the row stays
                top = self.numbers.index(first.number)
        return await self.around(known, top, rows)
