"""A whole queue brought into a store, batch by batch, with all the runs of its jobs.

A store that is half full keeps a mark, in a row of the settings whose key no setting can have; until the mark is gone,
the queues that were brought hand out nothing. How a queue is read out of a store again is `moving.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from queuectl_core.model.errors import Refused
from queuectl_core.model.job import WAITING, Job
from queuectl_core.model.moved import MovedJob
from queuectl_core.store.statements import Many, Statement, Steps, Wake, read, write
from queuectl_core.store.transactions.arrivals import command_columns
from queuectl_core.store.transactions.moving import DISCARD, JOBS_AT_ONCE, stored_head
from queuectl_core.store.transactions.settings import IMPORT_MARK


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
    found = yield from stored_head()
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


@write
def finish_import(mark: Mark, settings: Mapping[str, str], paused: Sequence[str]) -> Steps[None]:
    """Keep the settings, open the queues but for those that are to be paused, and take the mark away.

    Doing it again changes nothing. Raises Refused where the mark is another, or where the settings and paused queues,
    as the store has them then, are not these and no others.
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
    yield from _refuse_others(settings, paused)


def _refuse_others(settings: Mapping[str, str], paused: Sequence[str]) -> Steps[None]:
    """Read back what is small, and raise Refused where it is not this."""
    kept = yield from stored_head()
    differing = {key for key, _ in kept.settings.items() ^ settings.items()}
    if differing:
        found = f"the store keeps other settings than the file: {', '.join(sorted(differing))}"
        raise Refused(found, "unset them with 'queuectl config unset', and import the file again")
    if held := set(kept.paused) ^ set(paused):
        found = f"the store keeps other queues paused than the file: {', '.join(sorted(held)[:5])}"
        raise Refused(found, "import the file again")


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
