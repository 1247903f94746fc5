"""A list of jobs as a person moves in it: the cursor, the marks, what an action is for, and what the status says.

What is done to the jobs, the filter line and the detail beside the list are parts of their own, which
`queuectl_tui.panes.browser` puts together.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import ParamSpec

from textual import on
from textual.content import Content
from textual.worker import Worker

from queuectl_core.model.filters import Filter
from queuectl_core.model.job import Job
from queuectl_core.store.transactions import browsing
from queuectl_core.store.transactions.jobs import BEYOND_ALL
from queuectl_tui.background import latest_in_background
from queuectl_tui.listing.reading import ListReader
from queuectl_tui.listing.rows import Range
from queuectl_tui.listing.table import JobTable
from queuectl_tui.listing.targets import PORTION, Matching, Targets, several, single

P = ParamSpec("P")


class JobList(ListReader):
    """The list of jobs, operated by keys and mouse."""

    _marking: Worker[None] | None = None
    _marked_at = 0
    """When all that match were marked (ms): what dies later is not meant."""

    # ---------------------------------------------------------------- what is meant

    @property
    def job(self) -> Job | None:
        """The job under the cursor."""
        return self.table.job

    def targets(self) -> Targets | None:
        """What an action is for: the marked jobs, else the one under the cursor; None where there is none."""
        if self.marks.everything:
            excluded = frozenset(self.marks)
            if self.narrowed:
                return several([number for number in self.narrowed.numbers if number not in excluded])
            total = None if self.total is None else self.total - len(excluded)
            frozen = min(self._until, self._marked_at) if self.order.by_death else None
            return Targets(matching=Matching(self.matched(), self.marks.until, excluded, frozen), how_many=total)
        if self.marks:
            return several(list(self.marks))
        return single(self.job) if self.job else None

    def matched(self) -> Filter:
        """What every job in the list matches."""
        return self.order.filter

    # ---------------------------------------------------------------- status

    def status(self) -> Content:
        """Marks, place, and what is new."""
        stretch = self.table.stretch
        parts = [self.narrowed.what] if self.narrowed else []
        if self.marks:
            n = len(self.marks)
            if self.marks.everything:
                parts.append("all that match are marked" if self.total is None else f"{self.total - n:,} marked")
            else:
                parts.append(f"{n:,} marked")
        if stretch.total:
            about = "" if stretch.exact else "about "
            parts.append(f"row {about}{self.table.cursor + 1:,} of {stretch.total:,}")
        if self.new:
            parts.append(f"{self.new:,}{'+' if self.new >= browsing.MOST_NEWER else ''} new above: g shows them")
        if self.looked_at and self.looked_at[0] < self.looked_at[1]:
            parts.append(f"looked at {self.looked_at[0]:,} of {self.looked_at[1]:,}")
        return Content(" · ".join(parts))

    @on(JobTable.Moved)
    def _moved(self) -> None:
        self._extend_range()
        self.console.show_status()

    # ---------------------------------------------------------------- motions

    def _go(self, row: int) -> None:
        self.freeze()
        self.table.move_to(row)

    @property
    def cursor(self) -> int:
        """The row the cursor is on."""
        return self.table.cursor

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.table.stretch.total

    def do_down(self) -> None:
        """The next row."""
        self._go(self.cursor + 1)

    def do_up(self) -> None:
        """The row before."""
        self._go(self.cursor - 1)

    def do_top(self) -> None:
        """The first row, and follow again what comes."""
        self.table.move_to(0)
        self.follow()

    def do_bottom(self) -> None:
        """The last row."""
        self._go(self.rows - 1)

    def do_half_down(self) -> None:
        """Half a page down."""
        self._go(self.cursor + self.table.page // 2)

    def do_half_up(self) -> None:
        """Half a page up."""
        self._go(self.cursor - self.table.page // 2)

    def do_page_down(self) -> None:
        """A page down."""
        self._go(self.cursor + self.table.page)

    def do_page_up(self) -> None:
        """A page up."""
        self._go(self.cursor - self.table.page)

    # ---------------------------------------------------------------- marks

    def do_mark(self) -> None:
        """Mark the row, or unmark it, and go down."""
        job = self.job
        if job is None:
            return
        self.freeze()
        self.marks.toggle(job.number)
        self.table.move_to(self.table.cursor + 1)
        self._marks_changed()

    def do_mark_range(self) -> None:
        """Begin a range at this row, or end it here."""
        if self._range is None and self.job is not None:
            self.freeze()
            self._range = Range(self.table.cursor, self.marks.named())
            self._extend_range()
        else:
            self._range = None
        self.console.show_status()

    def _extend_range(self) -> None:
        if self._range is None:
            return
        low, high = sorted((self._range.row, self.table.cursor))
        if not self.table.stretch.covers(low, high + 1):
            self._settle(self._mark_between, low, high)
            return
        numbers = [job.number for row in range(low, high + 1) if (job := self.table.stretch.at(row))]
        if not self.marks.everything:  # it shrinks with the way back
            self.marks.name(self._range.before)
        self.marks.add(numbers)
        self._marks_changed()

    async def _mark_between(self, low: int, high: int) -> None:
        """Mark rows of which some are not held."""
        numbers: list[int] = []
        async with self._reading:
            listing = await self._listed()
            while low + len(numbers) <= high:
                row = low + len(numbers)
                found = await listing.around(self.table.stretch, row, min(PORTION, high + 1 - row))
                if not found.jobs or found.first != row:
                    break
                numbers += [job.number for job in found.jobs]
        if self._range is not None and not self.marks.everything:
            self.marks.name(self._range.before)
        self.marks.add(numbers)
        self._marks_changed()

    def do_mark_all(self) -> None:
        """Mark all that match; or none, where they are."""
        if self.marks.everything:
            self.unmark()
            return
        self.freeze()
        self._marked_at = self.now()
        self._settle(self._mark_all)

    async def _mark_all(self) -> None:
        """All that match now: what arrives later has a higher number."""
        newest = await self.session.read(browsing.window(Filter(), after=BEYOND_ALL, newest_first=True, limit=1))
        self.marks.mark_all(newest[0].number if newest else 0)
        self._marks_changed()

    def _settle(self, marking: Callable[P, Coroutine[None, None, None]], *args: P.args, **keywords: P.kwargs) -> None:
        """Have the store asked which rows are marked; keys that come meanwhile wait for it."""

        async def settle() -> None:
            await self.console.telling(marking(*args, **keywords))

        self._marking = latest_in_background(self, "marks", settle)

    @property
    def settling(self) -> Worker[None] | None:
        """The reading of what was marked, while it goes on."""
        return self._marking if self._marking is not None and not self._marking.is_finished else None

    def unmark(self) -> bool:
        """Mark nothing; whether anything was."""
        had = bool(self.marks) or self._range is not None or self.settling is not None
        self.forget_marks()
        if had:
            self._marks_changed()
        return had

    def do_back(self) -> Coroutine[None, None, None] | None:
        """Out of the marks; else out of what the list was narrowed to."""
        if self.unmark() or self.narrowed is None:
            return None
        return self.reopen(self.order)

    def _marks_changed(self) -> None:
        self.table.redraw()
        self.console.show_status()
