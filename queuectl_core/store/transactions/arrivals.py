"""How jobs arrive: one checked job as a row, one enqueued, many enqueued in one transaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from queuectl_core.model.errors import IdTaken, InvalidInput
from queuectl_core.model.job import DEFAULT_MAX_RETRIES, Command, Job, NewJob
from queuectl_core.model.validation import check_cwd, check_job, check_path
from queuectl_core.store.statements import Many, Statement, Steps, Wake, write


class JobRow(NamedTuple):
    """A checked job as a bulk insert takes it; plain values, so that it can be spooled to a file."""

    name: str | None
    command: str
    argv: int
    queue: str
    priority: int
    max_retries: int | None
    timeout_ms: int | None
    cwd: str
    env: str | None
    delay_ms: int
    due: int | None


def row_of(job: NewJob, here: str | Callable[[], str]) -> JobRow:
    """The row of a checked job; seconds become milliseconds, its directory is taken as seen from `here`.

    What can be called for it is called, and may raise, only where the directory depends on it.
    """
    command, argv = command_columns(job.command)
    return JobRow(
        job.id,
        command,
        argv,
        job.queue,
        job.priority,
        job.max_retries,
        milliseconds(job.timeout),
        directory_of(job.cwd, here),
        _text(dict(job.env)) if job.env else None,
        round(job.delay * 1000),
        None if job.run_at is None else round(job.run_at.timestamp() * 1000),
    )


@write
def enqueue(job: NewJob) -> Steps[Job]:
    """Store one job; returns it as stored.

    Raises InvalidInput where a field cannot be meant, IdTaken where a job of that id exists.
    """
    row = row_of(check_job(job), working_directory)
    values = row._asdict()
    if row.max_retries is None:
        values["max_retries"] = yield from default_max_retries()
    rows = yield Statement("insert_job", values)
    if not rows:
        raise id_taken(str(job.id))
    yield from _count_arrivals({row.queue: 1})
    return Job.from_row(rows[0])


def directory_of(cwd: str | None, here: str | Callable[[], str]) -> str:
    """The whole path of a job's directory, as seen from `here`; an absolute one is so from anywhere.

    Raises InvalidInput for one that is too long then.
    """
    if cwd and os.path.isabs(cwd):
        return cwd
    seen_from = here if isinstance(here, str) else here()
    return check_cwd(os.path.join(seen_from, cwd)) if cwd else seen_from


def working_directory() -> str:
    """Where this process is, which is where a job runs that names no directory. Raises InvalidInput."""
    try:
        return check_path(os.getcwd(), "cwd")
    except FileNotFoundError:
        raise InvalidInput(
            "cwd: the current directory is gone", "change to another, or name one by its whole path"
        ) from None


class Stretch(NamedTuple):
    """Numbers that follow each other: the `first`, and how many."""

    first: int
    length: int


def numbers_in(stretches: Iterable[Stretch]) -> Iterator[int]:
    """The numbers of several stretches, in their order."""
    for first, length in stretches:
        yield from range(first, first + length)


@write
def enqueue_rows(
    batches: Callable[[], Iterable[Sequence[JobRow]]], place: Callable[[int], str]
) -> Steps[list[Stretch]]:
    """Store many checked jobs, all or none; returns their numbers, in their order.

    They follow each other, unless others enqueue at the same time on a store that takes both at once.
    `batches()` starts the rows from the beginning, since a store may run a transaction again; `place(n)`
    names the nth job (from 0) in an error, as "line 5". Memory holds one batch at a time.
    Raises IdTaken, naming the place.
    """
    [(now,)] = yield Statement("now")
    retries = yield from default_max_retries()
    arrivals: dict[str, int] = {}
    stored = 0
    numbers: list[Stretch] = []
    for batch in batches():
        yield from _refuse_taken(batch, stored, place)
        given = [Stretch(*row) for row in (yield Statement("new_numbers", {"n": len(batch)}))]
        yield Many("insert_jobs", _numbered(batch, numbers_in(given), now, retries, arrivals))
        numbers = _joined(numbers, given)
        stored += len(batch)
    yield from _count_arrivals(arrivals)
    return numbers


def _joined(numbers: list[Stretch], more: Iterable[Stretch]) -> list[Stretch]:
    """Both, as few stretches as can be: there may be a million numbers."""
    for first, length in more:
        if numbers and sum(numbers[-1]) == first:
            numbers[-1] = Stretch(numbers[-1].first, numbers[-1].length + length)
        else:
            numbers.append(Stretch(first, length))
    return numbers


def _numbered(
    batch: Sequence[JobRow], numbers: Iterable[int], now: int, retries: int, arrivals: dict[str, int]
) -> Iterable[Sequence[Any]]:
    """The batch as rows of `insert_jobs`; adds how many came to each queue to `arrivals`."""
    rows: list[Sequence[Any]] = []
    for number, row in zip(numbers, batch, strict=True):
        name, command, argv, queue, priority, limit, timeout_ms, cwd, env, delay_ms, due_at = row
        due = now + delay_ms if due_at is None else due_at
        if limit is None:
            limit = retries
        ready = int(due <= now)
        rows.append((number, name, command, argv, queue, priority, limit, due, ready, timeout_ms, cwd, env, now, now))
        arrivals[queue] = arrivals.get(queue, 0) + 1
    return rows


def _refuse_taken(batch: Sequence[JobRow], offset: int, place: Callable[[int], str]) -> Steps[None]:
    named = [(index, row[0]) for index, row in enumerate(batch, offset) if row[0] is not None]
    if not named:
        return
    rows = yield Statement("taken_names", {"names": _text([name for _, name in named])})
    seen = {name for (name,) in rows}
    for index, name in named:
        if name in seen:
            raise id_taken(f"{name}", place(index))
        seen.add(name)


def _count_arrivals(arrivals: dict[str, int]) -> Steps[None]:
    for queue, n in arrivals.items():
        yield Statement("add_queue", {"queue": queue})
        yield Statement("add_count", {"queue": queue, "n": n})
    yield Wake(queues=frozenset(arrivals))


def id_taken(name: str, place: str = "") -> IdTaken:
    """The error for an id that a job has already."""
    wrong = f"id '{name}' is taken"
    return IdTaken(f"{place}: {wrong}" if place else wrong, "choose another, or see it with 'queuectl show'")


def default_max_retries() -> Steps[int]:
    """The setting `max_retries`, which a job takes when it is stored."""
    rows = yield Statement("setting", {"key": "max_retries"})
    # Read here and not by the registry of settings, which costs a command as much at import as the rest.
    return int(rows[0][0]) if rows else DEFAULT_MAX_RETRIES


def command_columns(command: Command) -> tuple[str, int]:
    """The columns `command` and `argv`: shell text as it is, an argument vector as JSON."""
    return (command, 0) if isinstance(command, str) else (_text(command), 1)


def _text(value: object) -> str:
    import json  # Here, since a plain command needs none, and pays for each import.

    return json.dumps(value)


def milliseconds(seconds: float | None) -> int | None:
    """Whole milliseconds; a time too short to count is 1 ms, so that a timeout is never none at all."""
    return None if seconds is None else max(round(seconds * 1000), 1 if seconds > 0 else 0)
