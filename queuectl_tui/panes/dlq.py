"""The pane of the Dead Letter Queue: what died, why, and its way back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from queuectl_core.model.filters import Filter
from queuectl_core.model.job import Job, JobState
from queuectl_core.store.transactions import browsing, bulk
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_core.store.transactions.causes import StemCause, cause_chunk, dead_alike, merged_causes
from queuectl_core.store.transactions.jobs import BEYOND_ALL, show, tail
from queuectl_tui.acting.jobs import Deed, Doing
from queuectl_tui.actions import Action, Place
from queuectl_tui.background import latest_in_background
from queuectl_tui.bindings import bindings_for
from queuectl_tui.listing.columns import DEAD
from queuectl_tui.listing.order import Order
from queuectl_tui.listing.table import JobTable
from queuectl_tui.listing.targets import Matching, Targets, several
from queuectl_tui.panes.browser import Browser
from queuectl_tui.panes.causes import CauseList, words_of
from queuectl_tui.panes.peek import Glance, Peek

WIDE = 120
"""Columns from which on the glance stands beside the list, not below it."""


BY_CAUSE = frozenset(("retry", "retry_all", "purge", "by_cause", "detail", "filter"))
"""What makes sense for all that died of a cause."""


class DlqPane(Browser):
    """Dead jobs, the latest to die first; or their causes, the commonest first."""

    DEFAULT_CSS = """
    DlqPane > .beside { layout: vertical; }
    DlqPane.-wide > .beside { layout: horizontal; }
    DlqPane Peek { height: 9; }
    DlqPane.-wide Peek { height: 1fr; width: 2fr; }
    DlqPane.-wide JobTable, DlqPane.-wide CauseList { width: 3fr; }
    """
    PLACE = Place.DLQ
    COLUMNS = DEAD
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(Place.DLQ)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.causes = CauseList(self.now, self.advice)
        self.causes.display = False
        self.peek = Peek()
        self._peeked: Job | None = None
        self._glances = 0

    def first_order(self) -> Order:
        """The latest to die first."""
        return Order(Filter(states=(JobState.DEAD,)), SortColumn.ENDED, by_death=True)

    def advice(self) -> Sequence[str]:
        """What an empty list means."""
        if self.filtered:
            return ("No dead job matches the filter.", "esc shows every dead job again.")
        return ("No job is dead.", "A job comes here when it has failed and no retry is left.")

    def parts(self) -> Sequence[Widget]:
        """The table or the causes, and the glance beside or below."""
        return (*super().parts(), self.causes, self.peek)

    def on_resize(self) -> None:
        """Beside where there is room, else below."""
        self.set_class(self.size.width >= WIDE, "-wide")

    @property
    def job(self) -> Job | None:
        """The job under the cursor; none where that is on a cause."""
        return None if self.by_cause else super().job

    def targets(self) -> Targets | None:
        """As in every list; of a cause nothing but what `do_retry` gathers."""
        return None if self.by_cause else super().targets()

    @property
    def by_cause(self) -> bool:
        """Whether causes are shown, not jobs."""
        return self.causes.display

    def focus_first(self) -> None:
        """The list that is shown takes the keys."""
        if self.by_cause:
            self.screen.set_focus(self.causes)
        else:
            super().focus_first()

    # ---------------------------------------------------------------- reading

    async def refresh_from_store(self) -> None:
        """Read the list that is shown, and the glance."""
        if self.by_cause:
            await self._read_causes()
        else:
            await super().refresh_from_store()
        await self._read_peek()

    async def reopen(self, order: Order) -> None:
        """As in every list; a filter narrows the causes too."""
        await super().reopen(order)
        if self.by_cause:
            await self._read_causes()

    async def _read_causes(self) -> None:
        found: list[StemCause] = []
        before: int | None = BEYOND_ALL
        while before is not None:
            chunk = await self.session.read(cause_chunk(self.matched(), before=before))
            found, before = merged_causes((*found, *chunk.causes)), chunk.next_before
            if len(found) != len(self.causes.causes) or before is None:
                self.causes.show(found)
        self.console.show_status()

    @on(JobTable.Moved)
    def _look_closer(self) -> None:
        latest_in_background(self, "peek", self.console.quietly, self._read_peek)

    async def _read_peek(self) -> None:
        self._glances += 1
        mine = self._glances
        job = await self._meant()
        if job is None:
            glance = Glance()
        elif job != self._peeked:
            found, runs = await self.session.read(show(job.id))
            glance = Glance(found, runs, await self.session.read(tail(found.number, found.runs)))
        else:
            return
        if mine == self._glances:  # else a later one is for the job that is meant by now
            self._peeked = job
            self.peek.show(glance, self.now())

    async def _meant(self) -> Job | None:
        """The job to look at: the one under the cursor, or the newest of the cause under it."""
        if not self.by_cause:
            return self.job
        cause = self.causes.cause
        if cause is None:
            return None
        found = await self.session.read(browsing.by_numbers([cause.newest]))
        return found[0] if found else None

    # ---------------------------------------------------------------- causes

    def do_by_cause(self) -> Coroutine[None, None, None]:
        """Causes in place of jobs, and back; at once, so that the next key is for what is shown then."""
        self._show_causes(not self.by_cause)
        return self.refresh_from_store()

    def _show_causes(self, shown: bool) -> None:
        self.close_detail()
        self.causes.display, self.table.display = shown, not shown
        self.focus_first()

    def do_detail(self) -> Doing | None:
        """Of a cause: the jobs that died of it; of a job: its detail."""
        cause = self.causes.cause
        if self.by_cause:
            return self._show_jobs_of(cause) if cause else None
        return super().do_detail()

    @on(CauseList.Opened)
    def _opened(self) -> None:
        self.action_do("detail")

    async def _show_jobs_of(self, cause: StemCause) -> None:
        numbers = [number async for portion in self._alike(cause) for number in portion]
        await self.reopen_with(numbers, f"{cause.stem}: {words_of(cause)}")
        self._show_causes(False)
        await self.refresh_from_store()

    async def _alike(self, cause: StemCause) -> AsyncIterator[Sequence[int]]:
        before: int | None = BEYOND_ALL
        while before is not None:
            found = await self.session.read(dead_alike(cause, self.matched(), before=before))
            before = found.next_before
            yield found.numbers

    # ---------------------------------------------------------------- actions

    def do_retry(self) -> Doing | None:
        """This job or the marked ones; of a cause, all that died of it."""
        cause = self.causes.cause
        if not self.by_cause:
            return super().do_retry()
        return self._retry_cause(cause) if cause else None

    async def _retry_cause(self, cause: StemCause) -> None:
        numbers = [number async for portion in self._alike(cause) for number in portion]
        await self.carry_out(Deed("retrying", "retried", self._step(bulk.retry_each)), several(numbers))

    def do_mark_all(self) -> None:
        """As in every list; nothing where causes are shown, since the list behind them is out of sight."""
        if not self.by_cause:
            super().do_mark_all()

    def do_retry_all(self) -> Doing:
        """Every dead job that matches, after a question that names how many."""
        return self._act_on_all(Deed("retrying", "retried", self._step(bulk.retry_each)), "Retry {}?")

    def do_purge(self) -> Doing:
        """Remove every dead job that matches, after a question that names how many."""
        deed = Deed("purging", "purged", self._delete, undone=False)
        return self._act_on_all(deed, "Purge {}, with history and logs? It cannot be undone.")

    async def _act_on_all(self, deed: Deed, question: str) -> None:
        targets = await self._all_that_match()
        if targets.how_many == 0:
            self.console.tell("no dead job matches")
            return
        await self.ask_and_carry_out(deed, targets, question)

    async def _all_that_match(self) -> Targets:
        if self.narrowed and not self.by_cause:
            return several(self.narrowed.numbers)
        asked_at, matched = self.now(), self.matched()
        newest = await self.session.read(browsing.window(Filter(), after=BEYOND_ALL, newest_first=True, limit=1))
        how_many = None if self.narrowed else self.total
        if not matched.needs_scan:
            how_many = await self.session.read(browsing.count(matched))
        matching = Matching(matched, newest[0].number if newest else 0, died_until=asked_at)
        return Targets(matching=matching, how_many=how_many)

    def allows(self, action: Action) -> bool:
        """Of a cause only what makes sense for all that died of it."""
        if action.name in ("retry_all", "purge"):
            return self.rows > 0
        if self.by_cause and action.places[0] is not Place.EVERYWHERE:
            return action.name in BY_CAUSE or action.motion
        return super().allows(action)

    # ---------------------------------------------------------------- motions

    def _go(self, row: int) -> None:
        if not self.by_cause:
            super()._go(row)
            return
        self.causes.move_to(row)
        self._look_closer()
        self.console.show_status()

    @property
    def cursor(self) -> int:
        """The row the cursor is on."""
        return self.causes.cursor if self.by_cause else super().cursor

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.causes.causes) if self.by_cause else super().rows

    def do_top(self) -> None:
        """The first row."""
        if self.by_cause:
            self._go(0)
        else:
            super().do_top()

    def status(self) -> Content:
        """How many causes; or what the list says."""
        if not self.by_cause:
            return super().status()
        causes = self.causes.causes
        jobs = sum(cause.jobs for cause in causes)
        return Content(f"cause {self.causes.cursor + 1:,} of {len(causes):,} · {jobs:,} dead" if causes else "")
