"""`queuectl cancel`, `retry` and `delete`: what is done to jobs by their ids, all of them or none."""

from __future__ import annotations

import time

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.exit_codes import DONE, FAILED
from queuectl_core.cli.parameters import ENDED_ID, WAITING_OR_RUNNING_ID
from queuectl_core.cli.waiting import watch
from queuectl_core.model.job import Job, JobState
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions import changes

RECOVERY_SECONDS = 1.0
"""How often a cancel that waits looks after a worker that may have died under it."""


@click.command("cancel")
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=WAITING_OR_RUNNING_ID)
def cancel(ids: tuple[str, ...]) -> int:
    """Cancel jobs: waiting ones at once; running ones are ended, and it returns once they have."""
    with context.open_store() as store:
        running = []
        for job in store.run(changes.cancel(ids)):
            if job.state is JobState.PROCESSING:
                running.append(job)
            else:
                output.data(job.id)
        output.flush()
        return _await_the_end(store, running) if running else DONE


def _await_the_end(store: Store, asked: list[Job]) -> int:
    """Print each job as its run ends; FAILED where one ended otherwise before it could be cancelled."""
    running = {job.number: job for job in asked}
    otherwise: list[Job] = []

    def still_running(jobs: list[Job]) -> list[str]:
        for job in jobs:
            if not _still_runs(job, running[job.number]):
                del running[job.number]
                if job.state is JobState.CANCELLED:
                    output.data(job.id)
                else:
                    otherwise.append(job)
        output.flush()
        return [job.id for job in running.values()]

    watch(store, [job.id for job in asked], still_running, between=_Recovery(store))
    for job in otherwise:
        output.note(f"job {job.id} is {job.state}: its run ended before it could be cancelled")
    return FAILED if otherwise else DONE


def _still_runs(job: Job, before: Job) -> bool:
    return job.state is JobState.PROCESSING and job.runs == before.runs


class _Recovery:
    """Ends the runs of dead workers, at most once in `RECOVERY_SECONDS`: no worker may be left that would."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 0.0

    def __call__(self) -> bool:
        """Whether it changed a job."""
        if time.monotonic() < self._next:
            return False
        from queuectl_core.execution.recovery import recover_lost

        recovered = recover_lost(self._store)
        self._next = time.monotonic() + RECOVERY_SECONDS
        return bool(recovered)


@click.command("retry")
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=ENDED_ID)
def retry(ids: tuple[str, ...]) -> None:
    """Send ended jobs back to their queues, with no attempts charged."""
    with context.open_store() as store:
        output.values(job.id for job in store.run(changes.retry(ids)))


@click.command("delete")
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=ENDED_ID)
def delete(ids: tuple[str, ...]) -> None:
    """Remove ended jobs, their history and their logs."""
    from queuectl_core.execution.logs import remove_logs

    with context.open_store() as store:
        gone = store.run(changes.delete(ids))
        remove_logs(store.home, gone)
        output.values(dict.fromkeys(ids))
