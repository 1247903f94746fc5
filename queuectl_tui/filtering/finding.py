"""Going to one job by its id, however far down in the list it is."""

from __future__ import annotations

from queuectl_core.model.filters import Filter, matches
from queuectl_core.model.job import Job
from queuectl_core.store.transactions import browsing
from queuectl_core.store.transactions.jobs import BEYOND_ALL, find
from queuectl_tui.filtering.filtered import Filtered
from queuectl_tui.listing.order import Order
from queuectl_tui.listing.rows import Stretch


class Findable(Filtered):
    """A list that can put its cursor on a job that it does not hold yet."""

    async def go_to(self, job_id: str) -> None:
        """Put the cursor on a job; where the list does not hold it, every job is listed first. Raises NoSuchJob."""
        [job] = await self.session.read(find([job_id]))
        if not (self.wished.walks and matches(job, self.matched(), self.now())):
            await self.wish(Order(descending=True))
        await self._show_from(job)
        self.console.show_status()

    async def _show_from(self, job: Job) -> None:
        self.freeze()
        newest = await self.session.read(browsing.window(Filter(), after=BEYOND_ALL, newest_first=True, limit=1))
        table = self.table
        async with self._reading:
            self.hold(newest[0].number if newest else 0)
            listing = await self._listed()
            # Where the job is far down, its row is an estimate: as many stand before it as there are numbers.
            before = newest[0].number - job.number if self.order.descending and newest else job.number - 1
            guess = max(1, before)
            stretch = await listing.again(Stretch(guess, [job], guess + 1), guess, 3 * table.page)
            row = stretch.row_of(job.number)
            if row is not None:
                table.show(stretch, row)
                table.scroll_to(y=row, animate=False, immediate=True)
