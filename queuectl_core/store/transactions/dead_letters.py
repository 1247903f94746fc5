"""The Dead Letter Queue: jobs whose retries are used up, how they died, and their way back."""

from __future__ import annotations

from typing import NamedTuple

from queuectl_core.model.errors import WrongState
from queuectl_core.model.job import Changes, Job, JobState
from queuectl_core.model.lifecycle import Event
from queuectl_core.model.validation import check_changes
from queuectl_core.store.statements import Statement, Steps, Wake, read, write
from queuectl_core.store.transactions.changes import edit_one, send_back
from queuectl_core.store.transactions.jobs import BEYOND_ALL, find_all, queues_holding


class Cause(NamedTuple):
    """Dead jobs that died alike: `first_at` and `last_at` are when (ms), `newest` is one's number."""

    error: str | None
    exit_code: int | None
    signal: int | None
    jobs: int
    first_at: int
    last_at: int
    newest: int


@read
def dead_page(
    queue: str | None = None, finished_before: int = BEYOND_ALL, number_before: int = BEYOND_ALL, limit: int = 50
) -> Steps[list[Job]]:
    """Dead jobs, the latest to die first, below the given place in that order."""
    window = {"finished_before": finished_before, "number_before": number_before, "limit": limit}
    dead: list[Job] = []
    for name in (yield from queues_holding(JobState.DEAD, queue)):
        rows = yield Statement("dead_letters", {**window, "queue": name})
        dead += [Job.from_row(row) for row in rows]
    dead.sort(key=lambda job: (job.finished_at or 0, job.number), reverse=True)
    return dead[:limit]


@read
def causes(queue: str | None = None) -> Steps[list[Cause]]:
    """Dead jobs grouped by how they died, the commonest first."""
    rows = yield Statement("causes", {"queue": queue})
    return [Cause(*row) for row in rows]


def refuse_living(jobs: list[Job]) -> None:
    """Raise WrongState for the first job that is not dead."""
    for job in jobs:
        if job.state is not JobState.DEAD:
            raise WrongState(f"job {job.id} is {job.state}, not dead", "see 'queuectl dlq list'")


@write
def retry_dead(ids: list[str]) -> Steps[list[Job]]:
    """Send these dead jobs back to their queues. Raises NoSuchJob, or WrongState where one is not dead."""
    jobs = yield from find_all(ids)
    refuse_living(jobs)
    return (yield from send_back(jobs, Event.RETRY, "only a dead job can be sent back"))


@write
def edit_and_retry(job_id: str, changes: Changes) -> Steps[Job]:
    """Send a dead job back to its queue with these changes, both or neither; returns it as it is then.

    It is edited as a job that waits, so that it may be given a time, and as few retries as one likes. Raises
    InvalidInput for a bad value, NoSuchJob, or WrongState where it is not dead.
    """
    checked = check_changes(changes)
    jobs = yield from find_all([job_id])
    refuse_living(jobs)
    [back] = yield from send_back(jobs, Event.RETRY, "only a dead job can be sent back")
    return (yield from edit_one(back, checked))


@write
def retry_all_dead(finished_until: int, queue: str | None = None, limit: int = 1000) -> Steps[list[str]]:
    """Send back up to `limit` jobs that died no later than `finished_until` (ms), the first of a queue to die first.

    Returns their ids; fewer than `limit` means that none is left.
    """
    sent: list[tuple[int, str]] = []
    for name in (yield from queues_holding(JobState.DEAD, queue)):
        values = {"finished_until": finished_until, "queue": name, "limit": limit - len(sent)}
        rows = yield Statement("retry_dead", values)
        if rows:
            sent += [(number, str(job_id)) for number, job_id in rows]
            yield Wake(queues=frozenset({name}))
    return [job_id for _, job_id in sorted(sent)]
