"""A list that is narrowed by a filter and sorted by its columns: the part of the browser that changes the order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from queuectl_core.model.errors import QueueError, Refused
from queuectl_core.model.filters import Filter, FilterError, format_filter, parse_filter
from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.queues import queues
from queuectl_tui.background import latest_in_background
from queuectl_tui.filtering.line import FilterLine
from queuectl_tui.filtering.sorting import by_the_next, sorted_by, turned
from queuectl_tui.listing.job_list import JobList
from queuectl_tui.listing.order import Order
from queuectl_tui.listing.table import JobTable


class Filtered(JobList):
    """A list with a filter line above it.

    Whoever wants another order calls `wish`: wishes are carried out one at a time, and of those that wait, the
    latest alone.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.filter_line = FilterLine(self.read_filter)
        self._filter_before = self.order.filter
        self._typed = ""
        self._wished: Order | None = None
        self._turn = asyncio.Lock()
        self._begun = False

    def compose(self) -> ComposeResult:
        """The filter above the list."""
        yield self.filter_line
        yield from super().compose()

    # ---------------------------------------------------------------- wishes

    @property
    def wished(self) -> Order:
        """The order that was asked for last, whether it is there already or not."""
        return self._wished or self.order

    def wish(self, order: Order) -> Coroutine[None, None, None]:
        """Ask for another order; awaiting what is returned makes it so. Raises Refused: then all is as it was."""
        self._wished = order
        return self._fulfil(order)

    async def _fulfil(self, order: Order) -> None:
        async with self._turn:
            if self._wished is not order:
                return
            try:
                if order != self.order:
                    await self.reopen(order)
            finally:
                if self._wished is order:
                    self._wished = None

    async def reopen(self, order: Order) -> None:
        """As `JobList.reopen`; the line shows the filter, and the order is remembered."""
        resorted = (order.column, order.descending) != (self.order.column, self.order.descending)
        await super().reopen(order)
        self._show_filter()
        if resorted:
            await self.console.memory.sorted_so(self.PLACE, order.column, order.descending)

    async def refresh_from_store(self) -> None:
        """As `JobList.refresh_from_store`; the first time, in the order in which the pane was left."""
        if not self._begun:
            self._begun = True
            await self._sort_as_remembered()
        await super().refresh_from_store()

    async def _sort_as_remembered(self) -> None:
        sort = self.console.memory.choices.sort_in(self.PLACE)
        if sort is None or all(column.sort is not sort.column for column in self.COLUMNS):
            return
        try:
            await self.wish(self.order._replace(column=sort.column, descending=sort.descending))
        except Refused:  # there are more jobs now than can be sorted so: the order is the usual one
            self.table.redraw()

    # ---------------------------------------------------------------- the filter

    def read_filter(self, text: str) -> Filter:
        """The filter that a text means in this list. Raises FilterError."""
        wanted = parse_filter(text)
        if self.order.by_death and set(wanted.states) - {JobState.DEAD}:
            start = text.lower().find("state:")
            raise FilterError(
                "every job here is dead", "jobs in other states are in the pane Jobs (1)", start, len(text)
            )
        return self.implied(wanted)

    def implied(self, wanted: Filter) -> Filter:
        """The filter with what the list asks for by itself: in the DLQ, that jobs are dead."""
        return wanted._replace(states=(JobState.DEAD,)) if self.order.by_death else wanted

    def matched(self) -> Filter:
        """What every job in the list matches."""
        return self.implied(self.order.filter)

    def filter_text(self) -> str:
        """The filter as it was typed, or as one would type it."""
        wanted = self.implied(self.wished.filter)
        try:
            if self._typed and self.read_filter(self._typed) == wanted:
                return self._typed
        except FilterError:
            pass
        return format_filter(wanted._replace(states=()) if self.order.by_death else wanted)

    @property
    def filtered(self) -> bool:
        """Whether a filter holds, or was asked for."""
        return self.implied(self.wished.filter) != self.implied(Filter())

    def filter_by(self, wanted: Filter) -> Coroutine[None, None, None]:
        """Ask for another filter; to be awaited, as `wish`. Raises Refused."""
        return self.wish(self.wished._replace(filter=self.implied(wanted)))

    def clear_filter(self) -> bool:
        """Show every job again; whether there was a filter."""
        if not self.filtered:
            return False
        self.run_worker(self.console.telling(self.filter_by(Filter())), group="filter")
        return True

    def do_filter(self) -> None:
        """Type a filter."""
        if self.table.display:
            self._begin_typing(self.filter_text())

    def do_back(self) -> Coroutine[None, None, None] | None:
        """Leave the marks, or what the list was narrowed to; else the filter."""
        if self.marks or self.narrowed or not self.clear_filter():
            return super().do_back()
        return None

    def status(self) -> Content:
        """As `JobList.status`; where nothing matches, what to do about it."""
        said = super().status()
        if self.total != 0 or not self.filtered:
            return said
        return Content("nothing matches: / changes the filter, esc clears it")

    def _show_filter(self) -> None:
        self.filter_line.show(self.filter_text() if self.filtered else "")

    def _begin_typing(self, text: str) -> None:
        self._filter_before = self.wished.filter
        self.filter_line.begin(text, self.console.memory.choices.filters)
        latest_in_background(self, "queues", self.console.quietly, self._learn_queues)

    async def _learn_queues(self) -> None:
        self.filter_line.know([queue.name for queue in await self.session.read(queues())])

    @on(FilterLine.Begun)
    def _typing_begun(self) -> None:
        self._begin_typing(self.filter_text())

    @on(FilterLine.Typed)
    def _try(self, message: FilterLine.Typed) -> None:
        self.run_worker(self._narrow(self.filter_by(message.filter)), group="filter")

    async def _narrow(self, narrowing: Coroutine[None, None, None]) -> None:
        try:
            await narrowing
        except QueueError as error:
            self.filter_line.say_wrong(error)

    @on(FilterLine.Entered)
    def _keep(self, message: FilterLine.Entered) -> None:
        self._typed = message.text
        narrowing = self.filter_by(message.filter)
        self._stop_typing()
        self.run_worker(self._narrow_for_good(message.text, narrowing), group="filter")

    async def _narrow_for_good(self, text: str, narrowing: Coroutine[None, None, None]) -> None:
        before = self._filter_before
        try:
            await narrowing
        except QueueError as error:
            self._begin_typing(text)
            self._filter_before = before
            self.filter_line.say_wrong(error)
            return
        if text:
            await self.console.memory.filtered_by(text)

    @on(FilterLine.Left)
    def _as_before(self) -> None:
        narrowing = self.filter_by(self._filter_before)
        self._stop_typing()
        self.run_worker(self.console.telling(narrowing), group="filter")

    def _stop_typing(self) -> None:
        had_keys = self.screen.focused in (None, self.filter_line.input)
        self.filter_line.end()
        self._show_filter()
        if had_keys:
            self.screen.set_focus(self.table)

    # ---------------------------------------------------------------- the order

    def do_sort(self) -> Coroutine[None, None, None]:
        """Sort by the next column in sight."""
        return self.wish(by_the_next(self.wished, self.table.sortable))

    def do_reverse(self) -> Coroutine[None, None, None]:
        """Turn the order around."""
        return self.wish(turned(self.wished))

    @on(JobTable.TitlePressed)
    def _sort_by_title(self, message: JobTable.TitlePressed) -> None:
        self.run_worker(self.console.telling(self.wish(sorted_by(self.wished, message.column))), group="order")
