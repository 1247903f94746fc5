"""A job that moves from one store to another with its history, and what becomes of it on the way."""

from __future__ import annotations

from typing import NamedTuple

from queuectl_core.model.job import WAITING, Attempt, Job, JobState, Outcome
from queuectl_core.model.lifecycle import EVENT_OF_OUTCOME, TABLE, after_run

MOVED = "the queue was moved while this ran"


class Ran(NamedTuple):
    """A run, and the stored end of its output."""

    attempt: Attempt
    tail: bytes


class MovedJob(NamedTuple):
    """A job and its runs, oldest first."""

    job: Job
    history: tuple[Ran, ...]


def settled(moved: MovedJob, at: int) -> MovedJob:
    """The job as it is brought: one that ran when it was exported, at `at` (ms), is released.

    Nobody knows how its run went on, and that the queue moved is no fault of the job: so it is charged no attempt and
    keeps its place, as at a polite stop; one that was being cancelled is cancelled.
    """
    job = moved.job
    if job.state is not JobState.PROCESSING:
        return moved
    state = after_run(Outcome.RELEASED, job.attempts, job.max_retries, cancelling=job.cancelling)
    charge = TABLE[job.state, EVENT_OF_OUTCOME[Outcome.RELEASED]].charge
    ended_at = max(at, job.started_at or 0)
    released = job._replace(
        state=state,
        attempts=job.attempts + charge,
        updated_at=max(at, job.updated_at),
        finished_at=None if state in WAITING else ended_at,
        error=MOVED,
        cancelling=False,
    )
    return MovedJob(released, tuple(_ended(ran, at) for ran in moved.history))


def shortened(moved: MovedJob, most: int) -> MovedJob:
    """The job as a store takes it that keeps at most `most` bytes of each run's output."""
    if all(len(ran.tail) <= most for ran in moved.history):
        return moved
    return moved._replace(history=tuple(ran._replace(tail=_end_of(ran.tail, most)) for ran in moved.history))


def _end_of(output: bytes, most: int) -> bytes:
    """The last `most` bytes, or up to three fewer, so that they begin with a whole character of UTF-8."""
    end = output[-most:]
    if len(output) <= most:
        return end
    return next((end[cut:] for cut in range(4) if end[cut : cut + 1] < b"\x80" or end[cut : cut + 1] >= b"\xc0"), end)


def _ended(ran: Ran, at: int) -> Ran:
    run = ran.attempt
    if run.outcome is not None:
        return ran
    end = max(at, run.started_at)
    ended = run._replace(outcome=Outcome.RELEASED, finished_at=end, duration_ms=end - run.started_at, error=MOVED)
    return ran._replace(attempt=ended)
