"""What the store knows of the job that is shown, read again as little as it can be. Nothing is drawn here."""

from __future__ import annotations

from typing import NamedTuple

from queuectl_core.model.errors import NoSuchJob
from queuectl_core.model.job import Attempt, Job
from queuectl_core.store.transactions import browsing, jobs
from queuectl_tui.log.files import LogSource
from queuectl_tui.session import Session


class Dossier(NamedTuple):
    """A job and its runs, oldest first. `gone` says that the job was removed, and that this is the last there was."""

    job: Job
    runs: tuple[Attempt, ...] = ()
    gone: bool = False

    def run_after(self, shown: int | None, before: Dossier | None) -> int | None:
        """The place in `runs` to show where `shown` was shown in `before`: a new last run follows the last one.

        None where there is no run.
        """
        if not self.runs:
            return None
        last = len(self.runs) - 1
        if before is None or shown is None or shown >= len(before.runs) - 1:
            return last
        return min(shown, last)


async def read(session: Session, known: Dossier) -> Dossier:
    """The job of `known` as it is now: the same object where nothing has changed. Raises a StoreError.

    A name may come back as another job's; a number never does, and it is what tells.
    """
    found = await session.read(browsing.by_numbers([known.job.number]))
    if not found:
        return known if known.gone else known._replace(gone=True)
    has_history = bool(known.runs) or not known.job.runs
    if has_history and found[0] == known.job and not known.gone:
        return known
    return await read_anew(session, found[0])


async def read_anew(session: Session, job: Job) -> Dossier:
    """A job with its history, from one snapshot. Raises a StoreError."""
    try:
        present, runs = await session.read(jobs.show(job.id))
    except NoSuchJob:
        return Dossier(job, gone=True)
    return Dossier(present, tuple(runs)) if present.number == job.number else Dossier(job, gone=True)


async def source_of(session: Session, job: Job, run: Attempt) -> LogSource:
    """Where the output of a run is. Raises a StoreError."""
    path = session.home.log(job.number, run.attempt)
    if run.outcome is None:
        return LogSource(path, None, complete=False)
    tail = await session.read(jobs.tail(job.number, run.attempt))
    return LogSource(path, b"" if run.output_bytes == 0 else tail or None, complete=True)
