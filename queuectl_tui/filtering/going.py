"""Bringing a job into sight, from wherever one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queuectl_tui.actions import Place
from queuectl_tui.filtering.finding import Findable

if TYPE_CHECKING:
    from queuectl_tui.app import QueueConsole


async def show_job(console: QueueConsole, job_id: str) -> None:
    """Open the pane of all jobs with the cursor on this one. Raises NoSuchJob."""
    await console.open_pane(Place.JOBS)
    pane = console.pane
    if isinstance(pane, Findable):
        await pane.go_to(job_id)
