"""What people change in stored jobs: cancel, retry, delete, edit, and forget the old ones.

Where several ids are given, all are checked before one is changed: an error leaves all as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from queuectl_core.model import lifecycle
from queuectl_core.model.errors import WrongState
from queuectl_core.model.job import WAITING, Changes, Job, JobState
from queuectl_core.model.lifecycle import Event
from queuectl_core.model.validation import check_changes
from queuectl_core.store.statements import Statement, Steps, Wake, read, write
from queuectl_core.store.transactions.arrivals import command_columns, directory_of, milliseconds, working_directory
from queuectl_core.store.transactions.jobs import find_all, queues_holding
from queuectl_core.store.transactions.tallies import Tally


class Forgotten(NamedTuple):
    """A job that is gone from the store, and how many runs may have left a log file."""

    number: int
    runs: int


@write
def cancel(ids: Iterable[str]) -> Steps[list[Job]]:
    """Cancel waiting jobs at once, and ask for the cancellation of running ones, which ends later.

    Returns the jobs as they are then. Raises NoSuchJob, or WrongState where one has ended.
    """
    jobs = yield from find_all(ids)
    refuse_unless(Event.CANCEL, jobs, "only a job that waits or runs can be cancelled")
    return (yield from cancel_found(jobs))


def cancel_found(jobs: Iterable[Job]) -> Steps[list[Job]]:
    """Cancel these jobs, all of which allow it; as `cancel`."""
    changed = []
    [(now, _)] = yield Statement("now_and_version")
    tally = Tally(now)
    for job in jobs:
        name = "ask_to_cancel" if job.state is JobState.PROCESSING else "cancel_waiting"
        [row] = yield Statement(name, {"number": job.number})
        changed.append(Job.from_row(row))
        if job.state in WAITING:
            tally.ended(job.queue)
    yield from tally.written()
    workers = frozenset(job.worker for job in changed if job.state is JobState.PROCESSING and job.worker)
    yield Wake(workers=workers)
    return changed


@write
def retry(ids: Iterable[str]) -> Steps[list[Job]]:
    """Send ended jobs back to their queues with no attempts charged; their history stays.

    Raises NoSuchJob, or WrongState where one has not ended.
    """
    jobs = yield from find_all(ids)
    return (yield from send_back(jobs, Event.RETRY, "only an ended job can be retried"))


def send_back(jobs: Sequence[Job], event: Event, rule: str) -> Steps[list[Job]]:
    """Retry these jobs, having checked that all allow it."""
    refuse_unless(event, jobs, rule)
    return (yield from retry_found(jobs))


def retry_found(jobs: Iterable[Job]) -> Steps[list[Job]]:
    """Retry these jobs, all of which have ended."""
    changed = []
    for job in jobs:
        [row] = yield Statement("retry_ended", {"number": job.number})
        changed.append(Job.from_row(row))
    yield Wake(queues=frozenset(job.queue for job in changed))
    return changed


@write
def delete(ids: Iterable[str]) -> Steps[list[Forgotten]]:
    """Remove ended jobs and their history; their log files are the caller's to remove.

    Raises NoSuchJob, or WrongState where one has not ended.
    """
    jobs = yield from find_all(ids)
    refuse_unless(Event.DELETE, jobs, "only an ended job can be deleted: cancel it first")
    return (yield from delete_found(jobs))


def delete_found(jobs: Iterable[Job]) -> Steps[list[Forgotten]]:
    """Remove these jobs, all of which have ended."""
    gone = []
    for job in jobs:
        [row] = yield Statement("delete_ended", {"number": job.number})
        gone.append(Forgotten(*row))
    return gone


@write
def edit(job_id: str, changes: Changes) -> Steps[Job]:
    """Change a job that waits or is dead; returns it as it is then.

    Raises InvalidInput for a bad value; NoSuchJob; WrongState where the job runs or has otherwise
    ended, where a dead job is given a time, or where fewer retries are allowed than were used.
    """
    checked = check_changes(changes)
    [job] = yield from find_all([job_id])
    refuse_unless(Event.EDIT, [job], "only a job that waits or is dead can be edited")
    _refuse_unfit(job, checked)
    return (yield from edit_one(job, checked))


def edit_one(job: Job, checked: Changes) -> Steps[Job]:
    """Edit this job, whose state and attempts allow it."""
    [row] = yield Statement("edit_job", {"number": job.number, **edited_columns(checked)})
    edited = Job.from_row(row)
    yield Statement("add_queue", {"queue": edited.queue})
    if edited.state in WAITING:
        yield Wake(queues=frozenset({edited.queue}))
    return edited


def _refuse_unfit(job: Job, changes: Changes) -> None:
    if job.state is JobState.DEAD and (changes.delay is not None or changes.run_at is not None):
        raise WrongState(f"job {job.id} is dead and waits for nothing", "send it back with 'queuectl dlq retry'")
    limit = changes.max_retries
    if job.state in WAITING and limit is not None and limit < job.attempts:
        raise WrongState(f"job {job.id} has used {job.attempts} attempts", "allow at least as many retries")


def edited_columns(changes: Changes) -> dict[str, Any]:
    """The values of the statement `edit_job`, but for the number; the changes are checked."""
    command, argv = (None, None) if changes.command is None else command_columns(changes.command)
    return {
        "command": command,
        "argv": argv,
        "queue": changes.queue,
        "priority": changes.priority,
        "max_retries": changes.max_retries,
        "timeout_ms": milliseconds(changes.timeout),
        "no_timeout": changes.no_timeout,
        "delay_ms": milliseconds(changes.delay),
        "due": None if changes.run_at is None else round(changes.run_at.timestamp() * 1000),
        "cwd": None if changes.cwd is None else directory_of(changes.cwd, working_directory),
        "env": None if changes.env is None else json.dumps(dict(changes.env)),
    }


@read
def count_ended(state: JobState, age_ms: int, queue: str | None = None) -> Steps[int]:
    """How many jobs in the ended `state` ended at least `age_ms` ago: what `forget` would remove."""
    total = 0
    for name in (yield from queues_holding(state, queue)):
        [(n,)] = yield Statement("count_ended_before", {"state": state, "age_ms": age_ms, "queue": name})
        total += n
    return total


@write
def forget(state: JobState, age_ms: int, queue: str | None = None, limit: int = 500) -> Steps[list[Forgotten]]:
    """Remove up to `limit` jobs in the ended `state` that ended at least `age_ms` ago, the oldest of a queue first."""
    gone: list[Forgotten] = []
    for name in (yield from queues_holding(state, queue)):
        values = {"state": state, "age_ms": age_ms, "queue": name, "limit": limit - len(gone)}
        rows = yield Statement("forget_ended", values)
        gone += [Forgotten(*row) for row in rows]
    return sorted(gone)


def refuse_unless(event: Event, jobs: Iterable[Job], rule: str) -> None:
    """Raise WrongState for the first job whose state does not allow the event."""
    for job in jobs:
        if lifecycle.decide(job.state, event) is None:
            raise WrongState(f"job {job.id} is {job.state}", rule)
