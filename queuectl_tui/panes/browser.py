"""The list of jobs with all that can be done to it: what the panes Jobs and DLQ have in common."""

from __future__ import annotations

from queuectl_core.model.job import JobState
from queuectl_core.model.lifecycle import decide
from queuectl_tui.acting.copying import Copying
from queuectl_tui.acting.editing import Editing
from queuectl_tui.acting.exporting import Exporting
from queuectl_tui.acting.jobs import JobActs
from queuectl_tui.actions import Action
from queuectl_tui.detail.beside import Detailed
from queuectl_tui.filtering.finding import Findable
from queuectl_tui.listing.choosing import Chosen
from queuectl_tui.listing.job_list import JobList

NEED_A_JOB = frozenset(
    (
        "edit",
        "edit_as_text",
        "priority",
        "pause",
        "detail",
        "log",
        "mark",
        "mark_range",
        "mark_all",
        "copy_id",
        "copy_json",
    )
)
"""Actions for which there must be a job to do them to, besides those that need one in a certain state."""


class Browser(Detailed, JobActs, Editing, Copying, Exporting, Findable, Chosen, JobList):
    """A list of jobs with its actions, its filter and the detail of one job beside it."""

    async def go_to(self, job_id: str) -> None:
        """As `Findable.go_to`; from then on this job is meant, not the one of a detail that was open."""
        await super().go_to(job_id)
        self.uncover()

    def allows(self, action: Action) -> bool:
        """Whether the job that is meant allows it; several are looked at one by one when it is done."""
        targets = self.targets()
        if action.event is None:
            return targets is not None or action.name not in NEED_A_JOB
        if targets is None:
            return False
        if targets.one is None:
            return True
        if action.name == "cancel" and targets.one.state is JobState.PROCESSING:
            return False  # it leaves alone what runs
        return decide(targets.one.state, action.event) is not None
