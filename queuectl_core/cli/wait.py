"""`queuectl wait`: until jobs have ended."""

from __future__ import annotations

import time

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.attendance import note_if_nobody_works
from queuectl_core.cli.exit_codes import DONE, FAILED, TIMED_OUT
from queuectl_core.cli.parameters import JOB_ID, SECONDS
from queuectl_core.cli.waiting import watch
from queuectl_core.model.job import ENDED, Job, JobState
from queuectl_core.store.transactions.jobs import find


@click.command("wait")
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=JOB_ID)
@click.option("--timeout", type=SECONDS, metavar="D", help="How long to wait at most.")
def wait(ids: tuple[str, ...], timeout: float | None) -> int:
    """Wait until jobs have ended: completed, dead or cancelled.

    The exit status is 0 where all completed, 1 where some did not, 124 where the time ran out.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    ended: dict[int, Job] = {}

    def not_ended(jobs: list[Job]) -> list[str]:
        # Not asked for again once it has: a job that is sent back or deleted later had ended all the same.
        ended.update((job.number, job) for job in jobs if job.state in ENDED)
        return [job.id for job in jobs if job.state not in ENDED]

    with context.open_store() as store:
        jobs = store.run(find(ids))
        if left := not_ended(jobs):
            note_if_nobody_works(store)
        in_time = watch(store, left, not_ended, deadline=deadline)
    failed = [job for job in ended.values() if job.state is not JobState.COMPLETED]
    for job in failed:
        output.note(f"job {job.id} is {job.state}" + (f": {job.error}" if job.error and job.error != job.state else ""))
    if in_time:
        return FAILED if failed else DONE
    left = [job.id for job in jobs if job.number not in ended]
    output.note(f"time ran out: {', '.join(left[:5])}{' and more' if len(left) > 5 else ''} had not ended")
    return TIMED_OUT
