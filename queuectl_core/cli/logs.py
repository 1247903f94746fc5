"""`queuectl logs`: what a job wrote, or is writing."""

from __future__ import annotations

import codecs
import io
import time
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.log_reading import blocks, open_log, skip_to_last
from queuectl_core.cli.parameters import COUNT, JOB_ID
from queuectl_core.model.errors import NoSuchJob, NoSuchRun
from queuectl_core.model.job import ENDED, Job, JobState
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions.jobs import find

LOOK_SECONDS = 0.1
"""How often a follower looks for more."""

LOOK_SECONDS_AWAY = 0.5
"""How often it asks whether a run elsewhere has ended."""


@click.command("logs")
@click.argument("job_id", metavar="ID", type=JOB_ID)
@click.option("--attempt", type=COUNT, metavar="N", help="The output of that run; else of the latest.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job has ended, through all its runs.")
@click.option("--lines", "-n", "count", type=COUNT, metavar="N", help="Only the last N lines.")
def logs(job_id: str, attempt: int | None, follow: bool, count: int | None) -> None:
    """Print what a job wrote, its errors included; in a pipe the bytes are as they were."""
    with context.open_store() as store:
        [job] = store.run(find([job_id]))
        if attempt is not None and attempt > job.runs:
            runs = f"{job.runs} run{'' if job.runs == 1 else 's'}" if job.runs else "no run yet"
            raise NoSuchRun(f"job {job.id} has no run {attempt}", f"it has had {runs}")
        if follow:
            _follow(store, job, attempt, count)
        elif job.runs == 0:
            output.note(f"job {job.id} has not run yet")
        else:
            _print_run(store, job, attempt or job.runs, count)


def _print_run(store: Store, job: Job, attempt: int, count: int | None) -> None:
    log = open_log(store, job, attempt)
    with log.file as file:
        if log.missing and (log.away or not _goes_on(job, attempt)):
            output.note(log.missing)
        if count is not None:
            skip_to_last(file, count)
        printer = Printer()
        printer.print(blocks(file))
        printer.end()


def _goes_on(job: Job, attempt: int) -> bool:
    return job.runs == attempt and job.state is JobState.PROCESSING


def _follow(store: Store, job: Job, only: int | None, count: int | None) -> None:
    """Print run after run, or one alone, each until it has ended. `count` is of the first one's lines."""
    attempt = only or max(job.runs, 1)
    while True:
        if job.runs < attempt:
            if job.state in ENDED:
                return
            time.sleep(LOOK_SECONDS)
        else:
            if _follow_run(store, job, attempt, count):
                if only is not None:
                    return
                attempt, count = attempt + 1, None
        again = _look(store, job)
        if again is None:
            return
        job = again


def _follow_run(store: Store, job: Job, attempt: int, count: int | None) -> bool:
    """Print one run until it has ended; False where it turns out that it never began."""
    printer = Printer()
    awaited = Awaited(store, job, attempt, count)
    try:
        while True:
            # Looked at before its output is read, so that what it wrote at its end is read too.
            seen = _look(store, job)
            if seen is not None and seen.runs < attempt:
                return False  # A worker had claimed it, and gave it back.
            ended = seen is None or not _goes_on(seen, attempt)
            file = awaited.file(ended=ended)
            if file is not None:
                printer.print(blocks(file))
                output.flush()
            if ended:
                printer.end()
                return True
            time.sleep(LOOK_SECONDS_AWAY if awaited.away else LOOK_SECONDS)
    finally:
        awaited.close()


class Awaited:
    """The output of a run that perhaps goes on; `away` where it does in another home, and is awaited to its end."""

    def __init__(self, store: Store, job: Job, attempt: int, count: int | None) -> None:
        self._run = (store, job, attempt)
        self._count = count
        self._file: BinaryIO | None = None
        self.away = False

    def file(self, *, ended: bool) -> BinaryIO | None:
        """The run's log file; what the store kept where the run has ended without one; None before there is one."""
        if self._file is not None or (self.away and not ended):
            return self._file
        log = open_log(*self._run)
        if log.missing and (log.away or ended):
            output.note(log.missing)
        self.away = log.away
        if (log.missing or log.away) and not ended:
            return None
        if self._count is not None:
            skip_to_last(log.file, self._count)
        self._file = log.file
        return self._file

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def _look(store: Store, job: Job) -> Job | None:
    """The job as it is now; None where it was deleted meanwhile."""
    try:
        return store.run(find([str(job.number) if job.name is None else job.name]))[0]
    except NoSuchJob:
        return None


class Printer:
    """Writes output block by block: as it is into a pipe, as clean text where a terminal reads.

    A terminal gets each carriage return as a newline, so that a line of progress is readable as it was.
    """

    def __init__(self) -> None:
        self._at_terminal = output.at_terminal()
        text = codecs.getincrementaldecoder("utf-8")(errors="backslashreplace")
        self._decoder = io.IncrementalNewlineDecoder(text, translate=True)

    def print(self, content: Iterable[bytes] | Iterator[bytes]) -> None:
        """Write more."""
        for block in content:
            if self._at_terminal:
                output.job_output(self._decoder.decode(block))
            else:
                output.raw(block)

    def end(self) -> None:
        """Write what an unfinished character or line end held back."""
        if self._at_terminal:
            output.job_output(self._decoder.decode(b"", final=True))
