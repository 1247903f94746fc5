"""Looking jobs up: by id, by page, with their history. Nothing here changes one."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable
from typing import NamedTuple

from queuectl_core.model.errors import NoSuchJob
from queuectl_core.model.job import Attempt, Job, JobState, Outcome
from queuectl_core.store.statements import Statement, Steps, read

BEYOND_ALL = 2**62
"""Larger than any job's number or instant: where a walk from the newest starts."""


@read
def find(ids: Iterable[str]) -> Steps[list[Job]]:
    """The jobs with these ids, in that order. Raises NoSuchJob."""
    return (yield from find_all(ids))


@read
def ids_of(numbers: Iterable[int]) -> Steps[dict[int, str]]:
    """The ids of the jobs with these numbers; those that are gone are left out."""
    ids: dict[int, str] = {}
    for number in numbers:
        for row in (yield Statement("job_by_number", {"number": number})):
            ids[number] = Job.from_row(row).id
    return ids


class WithoutJob(NamedTuple):
    """Numbers of no job: of those that are `gone`, and of none so far (`unknown`)."""

    gone: set[int]
    unknown: set[int]


@read
def forgotten(numbers: Collection[int]) -> Steps[WithoutJob]:
    """Which of these numbers are of no job."""
    [(last,)] = yield Statement("last_number")
    without = set()
    for number in numbers:
        if number > last or not (yield Statement("job_by_number", {"number": number})):
            without.add(number)
    return WithoutJob({n for n in without if n <= last}, {n for n in without if n > last})


@read
def history(number: int) -> Steps[list[Attempt]]:
    """The runs of a job, oldest first."""
    rows = yield Statement("history", {"number": number})
    return [Attempt.from_row(row) for row in rows]


@read
def show(job_id: str) -> Steps[tuple[Job, list[Attempt]]]:
    """A job and its runs, oldest first, from one snapshot. Raises NoSuchJob."""
    [job] = yield from find_all([job_id])
    rows = yield Statement("history", {"number": job.number})
    return job, [Attempt.from_row(row) for row in rows]


class StoredOutput(NamedTuple):
    """What the store knows of a run's output.

    `place` is where its log file is, as HOST:HOME; None where that is this home, or unknown as the run came with an
    import. `size` (bytes) is None until the run has ended. `tail` is the end of the output that was kept.
    """

    place: str | None = None
    outcome: Outcome | None = None
    size: int | None = None
    tail: bytes = b""


@read
def stored_output(number: int, attempt: int) -> Steps[StoredOutput]:
    """What is stored of a run's output; nothing is known of a run that there is not."""
    for place, outcome, size, kept in (yield Statement("stored_output", {"number": number, "attempt": attempt})):
        return StoredOutput(place, Outcome(outcome) if outcome else None, size, bytes(kept or b""))
    return StoredOutput()


@read
def tail(number: int, attempt: int) -> Steps[bytes]:
    """The stored end of a run's output, as much as the store keeps of one; empty where there was none."""
    rows = yield Statement("tail", {"number": number, "attempt": attempt})
    return bytes(rows[0][0]) if rows else b""


@read
def page(
    states: Collection[JobState] = (),
    queue: str | None = None,
    before: int = BEYOND_ALL,
    limit: int = 50,
) -> Steps[list[Job]]:
    """The newest `limit` jobs with a number below `before`; no states means all of them.

    Costs the same at any size: one seek for each pair of queue and state that holds jobs.
    """
    window = {"before": before, "limit": limit}
    if not states and queue is None:
        rows = yield Statement("newest_jobs", window)
        return [Job.from_row(row) for row in rows]
    counts = yield Statement("counts")
    pages = []
    for of_queue, state, _ in counts:
        if (queue is None or of_queue == queue) and (not states or state in states):
            pages.append((yield Statement("newest_jobs_of", {**window, "queue": of_queue, "state": state})))
    merged = heapq.merge(*pages, key=lambda row: -row[0])
    return [Job.from_row(row) for row, _ in zip(merged, range(limit), strict=False)]


@read
def count_matching(states: Collection[JobState] = (), queue: str | None = None) -> Steps[int]:
    """How many jobs are in these states (none given: any) and this queue (None: any)."""
    counts = yield Statement("counts")
    return sum(
        n for of_queue, state, n in counts if (queue is None or of_queue == queue) and (not states or state in states)
    )


@read
def ids_starting_with(prefix: str, limit: int = 50) -> Steps[list[str]]:
    """Ids for completion: named jobs in order of name, then the newest numbers."""
    rows = yield Statement("ids_starting_with", {"prefix": prefix, "beyond": prefix + "\U0010ffff", "limit": limit})
    newest = yield Statement("newest_jobs", {"before": BEYOND_ALL, "limit": limit})
    numbers = [str(row[0]) for row in newest if row[1] is None]
    return ([name for (name,) in rows] + [n for n in numbers if n.startswith(prefix)])[:limit]


def queues_holding(state: JobState, queue: str | None) -> Steps[list[str]]:
    """The queues with jobs in this state, or `queue` alone: each has a stretch of the index of its own."""
    if queue is not None:
        return [queue]
    rows = yield Statement("queues_holding", {"state": state})
    return [name for (name,) in rows]


def find_all(ids: Iterable[str]) -> Steps[list[Job]]:
    """The jobs with these ids, each once, in order of mention. Raises NoSuchJob."""
    jobs: dict[int, Job] = {}
    for job_id in ids:
        job = yield from find_one(job_id)
        jobs.setdefault(job.number, job)
    return list(jobs.values())


def find_one(job_id: str) -> Steps[Job]:
    """The job with this id: its number where that is all digits, else its name. Raises NoSuchJob."""
    if job_id.isascii() and job_id.isdigit():
        number = int(job_id) if len(job_id) < 19 else 0
        rows = yield Statement("job_by_number", {"number": number})
        rows = [row for row in rows if row[1] is None]
    else:
        rows = yield Statement("job_by_name", {"name": job_id})
    if not rows:
        raise NoSuchJob(f"no job '{job_id}'", "see 'queuectl list'")
    return Job.from_row(rows[0])
