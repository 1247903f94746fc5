"""The detail beside the list of jobs, or over it where there is no room for both; and who has the keys.

The detail is made when it is first asked for. Beside the list it follows the cursor, once that rests.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING

from textual import on
from textual.timer import Timer
from textual.widget import Widget

from queuectl_core.model.job import Job
from queuectl_tui.actions import Place
from queuectl_tui.listing.job_list import JobList
from queuectl_tui.listing.table import JobTable
from queuectl_tui.listing.targets import Targets, single

if TYPE_CHECKING:
    from queuectl_tui.detail.job_detail import JobDetail

BESIDE = 120
"""Columns from which on list and detail stand side by side."""

REST = 0.1
"""Seconds that the cursor rests on a row before its job is read."""


class Detailed(JobList):
    """A list with the detail of one job."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._detail: JobDetail | None = None
        self._resting: Timer | None = None
        self._hidden: list[Widget] = []

    # ---------------------------------------------------------------- what is in sight

    @property
    def detail(self) -> JobDetail | None:
        """The detail where it is open, else None."""
        return self._detail if self._detail is not None and self._detail.display else None

    @property
    def in_detail(self) -> bool:
        """Whether the keys go to the detail."""
        return self.detail is not None and self.detail.has_focus_within

    @property
    def place(self) -> Place:
        """The detail while the keys go there, else the list."""
        return Place.DETAIL if self.in_detail else super().place

    @property
    def job(self) -> Job | None:
        """The job that is meant: the one in the detail while the keys go there, else the one under the cursor."""
        return self.detail.job if self.detail is not None and self.in_detail else super().job

    def targets(self) -> Targets | None:
        """What an action is for: in the detail its job alone, whatever is marked in the list."""
        if not self.in_detail:
            return super().targets()
        return single(self.job) if self.job is not None else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of the list rest while they go to the detail: what is done there is not in sight."""
        return False if action == "do" and self.in_detail else super().check_action(action, parameters)

    # ---------------------------------------------------------------- opening and leaving

    def do_detail(self) -> Coroutine[None, None, None] | None:
        """Show everything about the job under the cursor."""
        self._open_detail(facts=True)
        return None

    def do_log(self) -> None:
        """Show the output of the job's last run, with all the room there is."""
        self._open_detail(facts=False)

    @on(JobTable.Opened)
    def _opened_by_mouse(self) -> None:
        self.do_detail()

    def _open_detail(self, *, facts: bool) -> None:
        """Show the job that is meant. The keys go to the detail from now on, not once it is there: none is lost."""
        job = self.job
        if job is None:
            return
        detail = self._made_detail()
        detail.show_facts(facts)
        detail.show_job(job)
        detail.display = True
        self.screen.set_focus(detail)
        self._arrange()

    def _made_detail(self) -> JobDetail:
        if self._detail is None:
            from queuectl_tui.detail.job_detail import JobDetail

            self._detail = JobDetail()
            self.query_one(".beside").mount(self._detail)
        return self._detail

    def do_back(self) -> Coroutine[None, None, None] | None:
        """Leave the detail; else what the list by itself leaves."""
        return None if self.leave_detail() else super().do_back()

    def leave_detail(self) -> bool:
        """Give the keys back to the list, whether there was a detail to leave.

        It stays beside the list, and follows the cursor again; without the keys, or over the list, it is closed.
        """
        if self.detail is None:
            return False
        if self._beside and self.in_detail:
            super().focus_first()
            self._follow_cursor()
        else:
            self.close_detail()
        return True

    def close_detail(self) -> None:
        """The list has all the room and the keys."""
        if self.detail is not None:
            self.detail.display = False
            self._arrange()
            super().focus_first()

    def uncover(self) -> None:
        """The list has the keys and is in sight: a detail over it is closed."""
        if self._beside:
            super().focus_first()
        else:
            self.close_detail()

    def focus_first(self) -> None:
        """The part that is in sight takes the keys."""
        if self.detail is not None and not self._beside:
            self.screen.set_focus(self.detail)
        else:
            super().focus_first()

    # ---------------------------------------------------------------- side by side

    @property
    def _beside(self) -> bool:
        return self.size.width >= BESIDE

    def on_resize(self) -> None:
        """There may be room for both now, or no longer."""
        self._arrange()

    def _arrange(self) -> None:
        """Hide what there is no room for: beside the detail all but the list, under it that too."""
        detail = self.detail
        if detail is not None:
            detail.set_class(self._beside, "-beside")
        in_the_way = (
            [] if detail is None else [other for other in detail.siblings if not (self._beside and other.can_focus)]
        )
        if detail is not None and any(other.has_focus for other in in_the_way):
            self.screen.set_focus(detail)
        for other in self._hidden:
            other.display = other not in in_the_way
        for other in in_the_way:
            if other.display:
                other.display = False
                self._hidden.append(other)
        self._hidden = [other for other in self._hidden if not other.display]

    def on_descendant_focus(self) -> None:
        """Other keys apply now."""
        self.console.show_status()

    @on(JobTable.Moved)
    def _follow_cursor(self) -> None:
        """Show the job under the cursor, once that rests; not while somebody reads the detail."""
        if self._resting is not None:
            self._resting.stop()
            self._resting = None
        if self.detail is not None and self._beside and not self.in_detail:
            self._resting = self.set_timer(REST, self._show_under_cursor)

    def _show_under_cursor(self) -> None:
        detail, job = self.detail, self.table.job
        if detail is not None and job is not None and not self.in_detail:
            detail.show_job(job)

    # ---------------------------------------------------------------- up to date

    async def refresh_from_store(self) -> None:
        """Read the rows in sight again, and the job in the detail."""
        await super().refresh_from_store()
        if self.detail is not None:
            await self.detail.refresh_from_store()

    def second(self) -> None:
        """Ages have changed."""
        super().second()
        if self.detail is not None:
            self.detail.second()
