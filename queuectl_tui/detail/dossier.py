"""What the store knows of the job that is shown, read again as little as it can be. Nothing is drawn here."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from queuectl_core.execution.whereabouts import Elsewhere, elsewhere, is_whole
from queuectl_core.model.errors import NoSuchJob
from queuectl_core.model.job import Attempt, Job
from queuectl_core.store.transactions import browsing, jobs
from queuectl_core.store.transactions.jobs import StoredOutput
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
    if session.home.url is None and run.outcome is None:
        return LogSource(path, None, complete=False)
    stored = await session.read(jobs.stored_output(job.number, run.attempt))
    complete = run.outcome is not None
    away = await asyncio.to_thread(elsewhere, session.home, job.number, run.attempt, stored)
    if away is None:
        return LogSource(path, b"" if stored.size == 0 else stored.tail or None, complete)
    # As a path it is none of this host: it tells one output from another.
    return LogSource(f"{away.host}:{path}", stored.tail, complete, away=True, said=_said_of(away, stored))


def _said_of(away: Elsewhere, stored: StoredOutput) -> str:
    """What is said above the output of a run of another home."""
    if stored.outcome is None:
        return away.goes_on
    if is_whole(stored):
        return ""
    return f"{'this is the end' if stored.tail else 'none of it is stored'}; {away.whole}"
