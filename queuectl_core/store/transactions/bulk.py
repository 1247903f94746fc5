"""What people change in many jobs at once: what can move moves, what cannot is skipped and counted by its reason.

Jobs are named by their numbers, at most `MOST_AT_ONCE` a call, so that nobody else who writes waits long; a larger
number is changed in several calls. The changes are those of `changes.py`, which refuses where these skip.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from queuectl_core.model.job import WAITING, Changes, Job, JobState
from queuectl_core.model.lifecycle import Event, decide
from queuectl_core.model.validation import check_priority
from queuectl_core.store.statements import Statement, Steps, Wake, write
from queuectl_core.store.transactions.changes import (
    Forgotten,
    cancel_found,
    delete_found,
    edited_columns,
    retry_found,
)
from queuectl_core.store.transactions.stretches import jobs_numbered

MOST_AT_ONCE = 500
"""How many jobs to change in one call."""

GONE = "is gone"
DUE = "is due already"


class Moved(NamedTuple):
    """What became of several jobs.

    `jobs` are those that moved, as they are now, and `before` the same as they were; of deleted ones `jobs` is empty
    and `gone` says which logs there may be. `skipped` counts the rest by reason, such as "is processing".
    """

    jobs: list[Job]
    before: list[Job]
    skipped: dict[str, int]
    gone: tuple[Forgotten, ...] = ()


@write
def retry_each(numbers: Sequence[int]) -> Steps[Moved]:
    """Send those that have ended back to their queues, as `changes.retry`."""
    movable, skipped = yield from _sorted_out(numbers, _unless_allowed(Event.RETRY))
    return Moved((yield from retry_found(movable)), movable, skipped)


@write
def cancel_each(numbers: Sequence[int], *, running: bool) -> Steps[Moved]:
    """Cancel those that wait and, if `running`, ask for the end of those that run, as `changes.cancel`."""
    allowed = _unless_allowed(Event.CANCEL)

    def reason(job: Job) -> str:
        return _is(job) if job.state is JobState.PROCESSING and not running else allowed(job)

    movable, skipped = yield from _sorted_out(numbers, reason)
    return Moved((yield from cancel_found(movable)), movable, skipped)


@write
def delete_each(numbers: Sequence[int]) -> Steps[Moved]:
    """Remove those that have ended, and their history; the log files of what is `gone` are the caller's to remove."""
    movable, skipped = yield from _sorted_out(numbers, _unless_allowed(Event.DELETE))
    gone = yield from delete_found(movable)
    return Moved([], movable, skipped, tuple(gone))


@write
def prioritise_each(numbers: Sequence[int], priority: int) -> Steps[Moved]:
    """Give a priority to those that wait or are dead. Raises InvalidInput for one out of bounds."""
    changes = Changes(priority=check_priority(priority))
    movable, skipped = yield from _sorted_out(numbers, _unless_allowed(Event.EDIT))
    return Moved((yield from _edit_found(movable, changes)), movable, skipped)


@write
def run_now_each(numbers: Sequence[int]) -> Steps[Moved]:
    """Have those that wait for an instant be due now; those that are due keep their place."""
    [(now,)] = yield Statement("now")

    def reason(job: Job) -> str:
        if job.state not in WAITING:
            return _is(job)
        return DUE if job.due <= now else ""

    movable, skipped = yield from _sorted_out(numbers, reason)
    return Moved((yield from _edit_found(movable, Changes(delay=0.0))), movable, skipped)


def _edit_found(jobs: Iterable[Job], changes: Changes) -> Steps[list[Job]]:
    columns = edited_columns(changes)
    edited = []
    for job in jobs:
        [row] = yield Statement("edit_job", {"number": job.number, **columns})
        edited.append(Job.from_row(row))
    yield waking(edited)
    return edited


def waking(jobs: Iterable[Job]) -> Wake:
    """Wake the queues of those that wait."""
    return Wake(queues=frozenset(job.queue for job in jobs if job.state in WAITING))


def _sorted_out(numbers: Sequence[int], reason: Callable[[Job], str]) -> Steps[tuple[list[Job], dict[str, int]]]:
    """The jobs for which there is no reason against it, in the order given, each once; how many have which reason."""
    wanted = list(dict.fromkeys(numbers))
    found = yield from jobs_numbered(wanted)
    skipped = Counter({GONE: len(wanted) - len(found)})
    movable = []
    for job in found:
        if why := reason(job):
            skipped[why] += 1
        else:
            movable.append(job)
    return movable, dict(+skipped)


def _unless_allowed(event: Event) -> Callable[[Job], str]:
    return lambda job: "" if decide(job.state, event) else _is(job)


def _is(job: Job) -> str:
    return f"is {job.state}"
