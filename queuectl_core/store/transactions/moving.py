"""A whole queue read out of a store: what is small at once, the jobs in chunks with all their runs.

What it looks like in a file is not known here; how it comes into another store is `moving_in.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from queuectl_core.model.errors import Refused
from queuectl_core.model.job import Attempt, Job
from queuectl_core.model.moved import MovedJob, Ran
from queuectl_core.store.statements import Rows, Statement, Steps, read
from queuectl_core.store.transactions.settings import IMPORT_MARK

JOBS_AT_ONCE = 500
RUNS_AT_ONCE = 1000
BYTES_AT_ONCE = 4 << 20
"""How many jobs, runs of them, and bytes of both one transaction reads or brings; no job is torn from its runs."""

DISCARD = "see 'queuectl import --help' for --discard"

Counts = Mapping[tuple[str, str], int]
"""How many jobs, by queue and state."""


class Head(NamedTuple):
    """A store before its jobs are read: `now` in ms, the highest number given so far, and what is small."""

    now: int
    last_number: int
    counts: Counts
    settings: dict[str, str]
    paused: list[str]


@read
def head() -> Steps[Head]:
    """What an export begins with, from one snapshot. Raises Refused where an import is unfinished."""
    return (yield from stored_head())


def stored_head() -> Steps[Head]:
    """As `head`, for other transactions."""
    [(now,)] = yield Statement("now")
    [(last,)] = yield Statement("last_number")
    counts = yield Statement("counts")
    texts = dict((yield Statement("settings")))
    queues = yield Statement("queues")
    if IMPORT_MARK in texts:
        raise Refused("an import into this store is unfinished", f"import that file again, or {DISCARD}")
    paused = [name for name, flag in queues if flag]
    return Head(now, last, {(queue, state): n for queue, state, n in counts}, texts, paused)


@read
def chunk(after: int, last: int) -> Steps[list[MovedJob]]:
    """The next jobs numbered above `after` and up to `last`, in order, with all of their runs, from one snapshot.

    Empty where there is none left.
    """
    sizes = yield Statement("sizes_after", {"after": after, "last": last, "limit": JOBS_AT_ONCE})
    if not sizes:
        return []
    span = {"first": sizes[0][0], "last": _last_of_a_chunk(sizes)}
    jobs = [Job.from_row(row) for row in (yield Statement("jobs_between", span))]
    runs = yield Statement("runs_between", span)
    tails = {(job, attempt): bytes(output) for job, attempt, output in (yield Statement("tails_between", span))}
    histories: dict[int, list[Ran]] = {job.number: [] for job in jobs}
    for job, *columns in runs:
        if job in histories:  # a hand that removed a job past its foreign keys has left its runs
            attempt = Attempt.from_row(columns)
            histories[job].append(Ran(attempt, tails.get((job, attempt.attempt), b"")))
    return [MovedJob(job, tuple(histories[job.number])) for job in jobs]


def _last_of_a_chunk(sizes: Rows) -> int:
    """The number of the last job that is read at once, given the numbers, runs and bytes of those that come."""
    runs = size = 0
    last = int(sizes[0][0])
    for number, job_runs, job_bytes in sizes:
        runs += job_runs
        size += job_bytes
        if (runs > RUNS_AT_ONCE or size > BYTES_AT_ONCE) and number != sizes[0][0]:
            break
        last = number
    return last
