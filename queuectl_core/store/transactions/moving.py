"""A whole queue read out of one store, and brought into another: chunks of jobs with all their runs.

What it looks like in a file is not known here. A store that is half full keeps a mark, in a row of the settings whose
key no setting can have; until the mark is gone, the queues that were brought hand out nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from queuectl_core.model.errors import Refused
from queuectl_core.model.job import WAITING, Attempt, Job, JobState, Outcome
from queuectl_core.model.lifecycle import EVENT_OF_OUTCOME, TABLE, after_run
from queuectl_core.store.statements import Many, Rows, Statement, Steps, Wake, read, write
from queuectl_core.store.transactions.arrivals import command_columns
from queuectl_core.store.transactions.settings import IMPORT_MARK

JOBS_AT_ONCE = 500
RUNS_AT_ONCE = 1000
BYTES_AT_ONCE = 4 << 20
"""How many jobs, runs of them, and bytes of both one transaction reads or brings; no job is torn from its runs."""

DISCARD = "see 'queuectl import --help' for --discard"
MOVED = "the queue was moved while this ran"

Counts = Mapping[tuple[str, str], int]
"""How many jobs, by queue and state."""


class Ran(NamedTuple):
    """A run, and the stored end of its output."""

    attempt: Attempt
    tail: bytes


class MovedJob(NamedTuple):
    """A job and its runs, oldest first."""

    job: Job
    history: tuple[Ran, ...]


class Head(NamedTuple):
    """A store before its jobs are read: `now` in ms, the highest number given so far, and what is small."""

    now: int
    last_number: int
    counts: Counts
    settings: dict[str, str]
    paused: list[str]


class Mark(NamedTuple):
    """How far an import is: how many lines of which file, known by their digest.

    `last` is the highest number that the file may bring; `paused` are the queues that were paused before it began.
    """

    lines: int
    digest: str
    last: int
    paused: tuple[str, ...]

    @property
    def text(self) -> str:
        """As it is kept."""
        return json.dumps(self)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """From what `text` gave."""
        lines, digest, last, paused = json.loads(text)
        return cls(lines, digest, last, tuple(paused))


class Arrived(NamedTuple):
    """What has been brought so far."""

    counts: Counts
    runs: int


# ---------------------------------------------------------------- out of a store


@read
def head() -> Steps[Head]:
    """What an export begins with, from one snapshot. Raises Refused where an import is unfinished."""
    return (yield from _head())


def _head() -> Steps[Head]:
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


# ---------------------------------------------------------------- into a store


@read
def unfinished() -> Steps[Mark | None]:
    """How far an import is that has not come to its end; None where there is none."""
    return (yield from _mark())


def _mark() -> Steps[Mark | None]:
    rows = yield Statement("setting", {"key": IMPORT_MARK})
    return Mark.from_text(rows[0][0]) if rows else None


def _keep_mark(mark: Mark) -> Steps[None]:
    yield Statement("set_setting", {"key": IMPORT_MARK, "value": mark.text})


@write
def begin_import(last: int, settings: Mapping[str, str], paused: Sequence[str]) -> Steps[Mark]:
    """Mark the store as one that an import has begun on, and keep the numbers up to `last` for it; returns the mark.

    Raises Refused where the store holds jobs, or settings or paused queues that the import does not bring.
    """
    found = yield from _head()
    if (yield Statement("any_job")):
        raise Refused("the store holds jobs, and an import overwrites nothing", "import into a new store")
    if others := [key for key, text in found.settings.items() if settings.get(key) != text]:
        raise Refused(f"the store has other settings: {', '.join(others)}", "unset them, or import into a new store")
    if held := [queue for queue in found.paused if queue not in paused]:
        raise Refused(f"the store has other queues paused: {', '.join(held[:5])}", "resume them first")
    yield Statement("begin_numbers")
    yield Statement("reserve_numbers", {"last": last})
    mark = Mark(0, "", last, tuple(found.paused))
    yield from _keep_mark(mark)
    return mark


@write
def bring(before: Mark, after: Mark, jobs: Sequence[MovedJob]) -> Steps[None]:
    """Store these jobs with all their runs, and that the import has come from the one mark to the other.

    Doing it again changes nothing. Raises Refused where another import has gone on meanwhile, or where the store holds
    a job of the same number or name.
    """
    present = yield from _mark()
    if present == after:
        return
    if present != before:
        raise Refused("another import into this store goes on", "let it end")
    yield from _refuse_taken([moved.job for moved in jobs])
    [(now,)] = yield Statement("now")
    arrivals = Counter((moved.job.queue, moved.job.state) for moved in jobs)
    for queue in sorted({queue for queue, _ in arrivals}):
        yield Statement("set_paused", {"queue": queue, "paused": 1})
    yield Many("bring_jobs", [_job_values(moved.job, now) for moved in jobs])
    runs, tails = _run_values(jobs)
    if runs:
        yield Many("bring_runs", runs)
    if tails:
        yield Many("bring_tails", tails)
    yield Many("move_counts", [(queue, state, n) for (queue, state), n in arrivals.items()])
    yield from _keep_mark(after)


def _refuse_taken(jobs: Sequence[Job]) -> Steps[None]:
    """Raise Refused where a number or a name is taken; the jobs are in the order of their numbers."""
    span = {"first": jobs[0].number, "last": jobs[-1].number}
    taken = [str(number) for (number,) in (yield Statement("taken_numbers", span))]
    names = Counter(job.name for job in jobs if job.name is not None)
    taken += [name for name, n in names.items() if n > 1]
    if names:
        taken += [name for (name,) in (yield Statement("taken_names", {"names": json.dumps(list(names))}))]
    if taken:
        raise Refused(f"id '{taken[0]}' is taken", f"nothing of this batch was stored; {DISCARD}")


def _job_values(job: Job, now: int) -> dict[str, Any]:
    command, argv = command_columns(job.command)
    values = job._asdict()
    values.pop("cancelling")
    env = json.dumps(job.env) if job.env else None
    return {**values, "command": command, "argv": argv, "env": env, "ready": job.due <= now if _waits(job) else None}


def _waits(job: Job) -> bool:
    return job.state in WAITING


def _run_values(jobs: Iterable[MovedJob]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of `bring_runs` and of `bring_tails`."""
    runs, tails = [], []
    for moved in jobs:
        number = moved.job.number
        for attempt, tail in moved.history:
            # Tokens are not moved: no process here carries them.
            runs.append({**attempt._asdict(), "job": number, "token": f"moved.{number}.{attempt.attempt}"})
            if tail:
                tails.append({"job": number, "attempt": attempt.attempt, "output": tail})
    return runs, tails


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


@read
def arrived(mark: Mark) -> Steps[Arrived]:
    """What the store holds of what the import brings. Walks every job and run."""
    counts = yield Statement("counted_up_to", {"last": mark.last})
    [(runs,)] = yield Statement("runs_up_to", {"last": mark.last})
    return Arrived({(queue, state): n for queue, state, n in counts}, runs)


@write
def finish_import(mark: Mark, settings: Mapping[str, str], paused: Sequence[str]) -> Steps[None]:
    """Keep the settings, open the queues but for those that are to be paused, and take the mark away.

    Doing it again changes nothing. Raises Refused where the mark is another.
    """
    present = yield from _mark()
    if present is None:
        return
    if present != mark:
        raise Refused("another import into this store goes on", "let it end")
    for key, text in settings.items():
        yield Statement("set_setting", {"key": key, "value": text})
    if settings:
        yield Statement("bump_settings")
    yield from _open_queues({*mark.paused, *paused})
    for queue in paused:
        yield Statement("set_paused", {"queue": queue, "paused": 1})
    yield Statement("unset_setting", {"key": IMPORT_MARK})


def _open_queues(kept: Iterable[str]) -> Steps[None]:
    """Let all queues hand out jobs but those that are kept paused."""
    opened = yield Statement("open_all_but", {"kept": json.dumps(sorted(kept))})
    yield Wake(queues=frozenset(name for (name,) in opened))


@write
def discard_some(mark: Mark, limit: int = JOBS_AT_ONCE) -> Steps[int]:
    """Remove up to `limit` jobs that an unfinished import has brought; how many there were.

    Where none was left, the mark goes, too, and the queues are paused as they were before. Log files are not touched:
    the jobs had no run here, and those of the same numbers may belong to the store that they came from. Raises Refused
    where the import has come to its end meanwhile, or is another by now.
    """
    present = yield from _mark()
    if present is None or (present.last, present.paused) != (mark.last, mark.paused):
        raise Refused("that import is not unfinished any more", "nothing was removed: see 'queuectl status'")
    rows = yield Statement("discard_jobs", {"last": mark.last, "limit": limit})
    if rows:
        # An import that goes on beside us finds that it has brought nothing, and is refused.
        yield from _keep_mark(present._replace(lines=0, digest=""))
    else:
        yield from _open_queues(mark.paused)
        yield Statement("unset_setting", {"key": IMPORT_MARK})
    return len(rows)
