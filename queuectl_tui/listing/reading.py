"""A pane with a list of jobs: its table kept up to date with the store. What a person does there: `job_list.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget

from queuectl_core.model.errors import Refused
from queuectl_core.store.transactions import browsing
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_core.store.transactions.jobs import BEYOND_ALL
from queuectl_tui.background import latest_in_background
from queuectl_tui.listing.columns import Column
from queuectl_tui.listing.listings import Gathered, Listing
from queuectl_tui.listing.order import Order, listing_of
from queuectl_tui.listing.rows import Marks, Range, Stretch
from queuectl_tui.listing.table import JobTable
from queuectl_tui.pane import Pane


class Narrowed(NamedTuple):
    """A list of just these jobs, and what they have in common."""

    what: str
    numbers: Sequence[int]


SOON = 0.01
"""Seconds that are added to a wait, so that it is over when it ends."""


class ListReader(Pane):
    """The list of jobs, in one order, from the top or as it was when the reader left the top.

    While the cursor is on the first row and nothing was moved, the list follows the store. Once the reader has
    moved, what is new stays out of it, and is counted; while rows are marked, rows only change in place.
    """

    DEFAULT_CSS = """
    ListReader > .beside { height: 1fr; layout: horizontal; }
    """
    COLUMNS: ClassVar[Sequence[Column]]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.order = self.first_order()
        self.marks = Marks()
        self.following = True
        self.new = 0
        self.looked_at: tuple[int, int] | None = None
        self.narrowed: Narrowed | None = None
        self._until = BEYOND_ALL
        self._listing: Listing | None = None
        self._reading = asyncio.Lock()
        self._range: Range | None = None
        self.table = JobTable(self.COLUMNS, self.now, self.marks, self.advice)
        self.table.sorted_by = (self.order.column, self.order.descending)

    def first_order(self) -> Order:
        """The order that the pane begins with."""
        return Order()

    def advice(self) -> Sequence[str]:
        """What to do where the list is empty, a line each."""
        return ()

    def now(self) -> int:
        """The present instant (ms)."""
        return self.session.now()

    def compose(self) -> ComposeResult:
        """What the list is made of; the detail comes beside it once it is asked for."""
        with Container(classes="beside"):
            yield from self.parts()

    def parts(self) -> Sequence[Widget]:
        """The table, and what else there is of the list from the start."""
        return (self.table,)

    def focus_first(self) -> None:
        """The table takes the keys."""
        self.screen.set_focus(self.table)

    @property
    def total(self) -> int | None:
        """How many jobs the list has; None while they are still being gathered."""
        growing = isinstance(self._listing, Gathered) and not self._listing.whole
        return None if growing else self.table.stretch.total

    # ---------------------------------------------------------------- reading

    async def refresh_from_store(self) -> None:
        """Read the rows in sight again."""
        async with self._reading:
            try:
                await self._read_again()
            except Refused as refused:
                self._leave_order(refused)
            await self._count_new()
        self.console.show_status()

    async def _read_again(self) -> None:
        if self.marks:
            await self._refresh_in_place()
        elif self.following:
            await self._read_from_the_top()
        else:
            await self._read_where_we_are()

    async def reopen(self, order: Order) -> None:
        """Show another list, from its top. Raises Refused where it cannot be had; then nothing changes."""
        listing = await listing_of(self.session, order, BEYOND_ALL, self._show_grown, self._tell_how_far)
        await self._open(listing, order, None)

    async def reopen_with(self, numbers: Sequence[int], what: str) -> None:
        """Show just these jobs, of which the newest is first; `what` says what they have in common."""

        async def these() -> AsyncIterator[Sequence[int]]:
            yield numbers

        await self._open(Gathered(self.session, these, self._show_grown), self.order, Narrowed(what, numbers))

    def forget_marks(self) -> None:
        """No job is marked, nor is any being marked."""
        self.marks.clear()
        self._range = None
        self.workers.cancel_group(self, "marks")

    async def _open(self, listing: Listing, order: Order, narrowed: Narrowed | None) -> None:
        self.workers.cancel_group(self, "gather")
        async with self._reading:
            self.order, self._listing, self.narrowed = order, listing, narrowed
            self.forget_marks()
            self.following, self._until, self.looked_at = True, BEYOND_ALL, None
            # Just these jobs come as they were found: the newest first.
            self.table.sorted_by = (SortColumn.ID, True) if narrowed else (order.column, order.descending)
            await self._show_top()
            await self._count_new()
        self.table.redraw()
        if isinstance(listing, Gathered):
            latest_in_background(self, "gather", self._gather, listing)
        self.console.show_status()

    async def _gather(self, listing: Gathered) -> None:
        async def read() -> None:
            try:
                await listing.fill()
            except Refused as refused:
                self._leave_order(refused)

        await self.console.quietly(read)
        self.looked_at = None
        if self._listing is not listing:
            return
        await self._show_grown()
        self._mind_missed(listing)

    async def _gather_again(self, listing: Gathered) -> None:
        await listing.fill_again()
        self._mind_missed(listing)

    def _mind_missed(self, listing: Gathered) -> None:
        """Look again, in time, where something changed while it could not be taken in: nothing else may happen."""
        if (seconds := listing.due_in) is not None:
            self.set_timer(seconds + SOON, self.console.look_again)

    async def _show_grown(self) -> None:
        """More rows of a list that is being gathered are there."""
        stretch = self.table.stretch
        if not stretch.covers(self.table.top, self.table.top + self.table.page) or not stretch.jobs:
            await self._read_around()
        elif isinstance(self._listing, Gathered):
            self.table.show(stretch._replace(total=len(self._listing.numbers)), self.table.cursor)
        self.console.show_status()

    def _tell_how_far(self, visited: int, total: int) -> None:
        self.looked_at = (visited, total)

    async def _listed(self) -> Listing:
        if self._listing is None:
            self._listing = await self._made()
            if isinstance(self._listing, Gathered):
                latest_in_background(self, "gather", self._gather, self._listing)
        return self._listing

    async def _made(self) -> Listing:
        try:
            return await listing_of(self.session, self.order, self._until, self._show_grown, self._tell_how_far)
        except Refused as refused:
            self._leave_order(refused)
            return await listing_of(self.session, self.order, self._until, self._show_grown, self._tell_how_far)

    def _leave_order(self, refused: Refused) -> None:
        """The list has outgrown its order: back to the one that it began with, or to that of the numbers."""
        self.console.tell(str(refused), error=True)
        order = self.first_order()._replace(filter=self.order.filter)
        self.order = order if order.walks else order._replace(column=SortColumn.ID, descending=True)
        self.table.sorted_by = (self.order.column, self.order.descending)
        self._listing = None
        self.console.look_again()

    async def _read_from_the_top(self) -> None:
        if self._until != BEYOND_ALL:
            self._until, self._listing = BEYOND_ALL, None
        await self._show_top()

    async def _show_top(self) -> None:
        listing = await self._listed()
        if isinstance(listing, Gathered):
            await self._gather_again(listing)
        ahead = self.console.take_ahead(self.order)
        stretch = ahead or await listing.around(Stretch(), 0, 3 * self.table.page)
        if self.following:  # else somebody has moved meanwhile: what was read is for another place
            self.table.show(stretch, 0)

    async def _read_where_we_are(self) -> None:
        listing = await self._listed()
        if isinstance(listing, Gathered):
            await self._gather_again(listing)
        known, table = self.table.stretch, self.table
        anchor = max(known.first, table.top - table.page)
        stretch = await listing.again(known, anchor, 3 * table.page)
        if self.following:
            return
        shift, job = _shift(known, stretch, anchor), table.job
        cursor = table.cursor + shift
        if shift:
            table.scroll_to(y=table.top + shift, animate=False, immediate=True)
        found = stretch.row_of(job.number) if job else None
        table.show(stretch, cursor if found is None else found)

    async def _refresh_in_place(self) -> None:
        stretch = self.table.stretch
        fresh = {
            job.number: job for job in await self.session.read(browsing.by_numbers([j.number for j in stretch.jobs]))
        }
        jobs = [fresh.get(job.number, job) for job in stretch.jobs]
        self.table.show(stretch._replace(jobs=jobs), self.table.cursor)

    @property
    def _walks_down(self) -> bool:
        """Whether what is new comes in at the top."""
        return self.order.newest_on_top and self.narrowed is None

    async def _count_new(self) -> None:
        self.new = 0
        if self._walks_down and not self.following:
            newer = browsing.deaths_after if self.order.by_death else browsing.newer_than
            self.new = await self.session.read(newer(self.order.filter, self._until))

    @on(JobTable.Wanted)
    def _read_on(self) -> None:
        latest_in_background(self, "rows", self.console.quietly, self._read_around)

    async def _read_around(self) -> None:
        async with self._reading:
            listing, table = await self._listed(), self.table
            stretch = await listing.around(table.stretch, table.top - table.page, 3 * table.page)
            table.show(stretch, table.cursor)

    def second(self) -> None:
        """Ages have changed."""
        self.table.redraw_ages()

    # ---------------------------------------------------------------- following and freezing

    def freeze(self) -> None:
        """The reader has moved: what is new from now on stays out of the list."""
        if not self.following:
            return
        self.following = False
        jobs = self.table.stretch.jobs
        if self._walks_down and jobs and self.table.stretch.first == 0:
            self._until = (jobs[0].finished_at or 0) if self.order.by_death else jobs[0].number
            self._listing = None

    def hold(self, newest: int) -> None:
        """Leave the top, with every job up to this number in the list."""
        self.following, self._listing = False, None
        self._until = newest if self._walks_down and not self.order.by_death else BEYOND_ALL

    def follow(self) -> None:
        """Back at the top: the list follows the store again."""
        self.following = True
        self.console.look_again()


def _shift(before: Stretch, now: Stretch, row: int) -> int:
    """By how many rows the job that was in a row has moved; none where it has left the list."""
    job = before.at(row)
    found = now.row_of(job.number) if job else None
    return 0 if found is None else found - row
