"""What a job that is filled in starts from, and what storing it means: a new job, a change, a way back. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

from queuectl_core.model.errors import InvalidInput, WrongState
from queuectl_core.model.job import Changes, Job, JobState, NewJob
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.changes import edit
from queuectl_core.store.transactions.dead_letters import edit_and_retry

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Meaning(StrEnum):
    """What storing does."""

    NEW = "new"
    CHANGE = "change"
    SEND_BACK = "send back"
    AGAIN = "again"


_MEANINGS = {
    JobState.PENDING: Meaning.CHANGE,
    JobState.FAILED: Meaning.CHANGE,
    JobState.DEAD: Meaning.SEND_BACK,
    JobState.COMPLETED: Meaning.AGAIN,
    JobState.CANCELLED: Meaning.AGAIN,
}


class Draft(NamedTuple):
    """`before` is what is filled in at first; `job` is the stored job that it was made of, if any."""

    meaning: Meaning
    before: NewJob
    job: Job | None = None

    @property
    def in_place(self) -> bool:
        """Whether storing changes the job itself."""
        return self.meaning in (Meaning.CHANGE, Meaning.SEND_BACK)

    @property
    def title(self) -> str:
        """What will happen, in a line."""
        if self.job is None:
            return "New job"
        match self.meaning:
            case Meaning.CHANGE:
                return f"Change job {self.job.id}, which waits"
            case Meaning.SEND_BACK:
                return f"Change job {self.job.id}, which is dead, and send it back"
            case _:
                return f"A new job like {self.job.id}, which is {self.job.state}"

    def storing(self, wanted: NewJob) -> Transaction[Job] | None:
        """The transaction that stores it; None where there is nothing to change. Raises InvalidInput."""
        if self.job is None or not self.in_place:
            return enqueue(wanted)
        changes = changes_between(self.before, wanted)
        if self.meaning is Meaning.SEND_BACK:
            return edit_and_retry(self.job.id, changes)
        return edit(self.job.id, changes) if changes != Changes() else None

    def told(self, stored: Job) -> str:
        """What to tell once it is stored."""
        match self.meaning:
            case Meaning.CHANGE:
                return f"changed job {stored.id}, which is {stored.state}"
            case Meaning.SEND_BACK:
                return f"changed job {stored.id} and sent it back"
            case _:
                return f"enqueued job {stored.id}"


def draft_of(job: Job, now: int) -> Draft:
    """What editing this job starts from; `now` in ms. Raises WrongState for a job that runs."""
    meaning = _MEANINGS.get(job.state)
    if meaning is None:
        raise WrongState(f"job {job.id} is {job.state}", "wait until its run has ended, or cancel it")
    later = job.next_run_at is not None and job.next_run_at > now
    before = NewJob(
        command=job.command,
        queue=job.queue,
        priority=job.priority,
        max_retries=job.max_retries,
        timeout=None if job.timeout_ms is None else job.timeout_ms / 1000,
        run_at=_EPOCH + timedelta(milliseconds=job.due) if later else None,
        cwd=job.cwd,
        env=job.env,
    )
    return Draft(meaning, before, job)


def empty_draft() -> Draft:
    """What a new job starts from."""
    return Draft(Meaning.NEW, NewJob(""))


def changes_between(before: NewJob, wanted: NewJob) -> Changes:
    """What an edit has to change to make the one of the other. Raises InvalidInput where that cannot be.

    Where an instant was taken out and none put in its place, the job is to run now.
    """
    if wanted.id is not None:
        raise InvalidInput("id cannot be changed", "leave it out")
    if wanted.max_retries is None:
        raise missing("max_retries")
    if wanted.cwd is None:
        raise missing("cwd")
    hurried = before.run_at is not None and wanted.run_at is None
    env = dict(wanted.env or {})
    return Changes(
        command=_differing(before.command, wanted.command),
        queue=_differing(before.queue, wanted.queue),
        priority=_differing(before.priority, wanted.priority),
        max_retries=_differing(before.max_retries, wanted.max_retries),
        timeout=_differing(before.timeout, wanted.timeout),
        no_timeout=wanted.timeout is None and before.timeout is not None,
        delay=wanted.delay if wanted.delay or hurried else None,
        run_at=_differing(before.run_at, wanted.run_at),
        cwd=_differing(before.cwd, wanted.cwd),
        env=_differing(dict(before.env or {}), env),
    )


def missing(field: str) -> InvalidInput:
    """The error of a field that a stored job cannot be without."""
    return InvalidInput(f"{field} is missing", "leave it as it was, or give another")


def _differing(before: T, wanted: T) -> T | None:
    return None if wanted == before else wanted
