"""The line between the facts of a job and the output of a run: which run, how much of it, what was searched. Pure."""

from __future__ import annotations

from textual.content import Content

from queuectl_core.model.cleaning import clean
from queuectl_core.model.job import Attempt, JobState
from queuectl_tui.detail.dossier import Dossier
from queuectl_tui.detail.words import number, size
from queuectl_tui.log.search import SearchStatus
from queuectl_tui.log.view import LogStatus

_NO_RUN = {
    JobState.PENDING: "it has not run yet: a worker will take it",
    JobState.CANCELLED: "it was cancelled before it ran",
}


def heading(dossier: Dossier, place: int | None, status: LogStatus, width: int, *, wrapped: bool) -> Content:
    """The line for the run at `place` of the dossier, in at most `width` cells."""
    if place is None:
        return Content(_NO_RUN.get(dossier.job.state, "it has no runs")).truncate(width, ellipsis=True)
    run = dossier.runs[place]
    parts = [
        f"attempt {run.attempt:,} of {dossier.runs[-1].attempt:,}",
        extent(status),
        *following(run, status),
        *(["wrapped"] if wrapped else []),
        *([hits(status.search)] if status.search is not None else []),
    ]
    return Content(" · ".join(parts)).truncate(width, ellipsis=True)


def extent(status: LogStatus) -> str:
    """How much output there is, and where in it one is; bytes until its lines are counted."""
    if status.lines is None:
        return size(status.bytes)
    if status.at_end or status.line is None:
        return number(status.lines, "line")
    return f"line {status.line:,} of {status.lines:,}"


def following(run: Attempt, status: LogStatus) -> list[str]:
    """Whether the end stays in sight, where more may come."""
    if run.outcome is not None:
        return []
    return ["following" if status.following else "not following"]


def hits(search: SearchStatus) -> str:
    """How far a search is."""
    pattern = f'"{clean(search.pattern)}"'
    more = "" if search.done else "+"
    if not search.matches:
        return f"{pattern} no hits" if search.done else f"{pattern} searching"
    found = f"{search.matches:,}{more} hit{'' if search.matches == 1 and search.done else 's'}"
    return f"{pattern} {found}" if search.position is None else f"{pattern} {search.position:,} of {found}"
