"""`queuectl dlq`: the Dead Letter Queue, looked at, sent back and cleared.

How one dead job is shown is `queuectl show` and its output; here it has to be dead.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from queuectl_core.cli import cells, context, output
from queuectl_core.cli.exit_codes import DONE, FAILED
from queuectl_core.cli.listing import FIRST_FEW, show_job
from queuectl_core.cli.output import Cell, Column
from queuectl_core.cli.parameters import COUNT, DEAD_ID, SECONDS, json_option, queue_option, yes_option
from queuectl_core.cli.purge import forget_with_consent
from queuectl_core.cli.shapes import Shape, instant, job_json, job_with_history_json
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import Job, JobState
from queuectl_core.store.transactions import jobs
from queuectl_core.store.transactions.dead_letters import (
    Cause,
    causes,
    dead_page,
    refuse_living,
    retry_all_dead,
    retry_dead,
)

if TYPE_CHECKING:
    from queuectl_core.store.contract import Store

LAST_LINES = 20
"""How many lines of output a dead job is shown with."""

CHUNK = 500
"""How many jobs one transaction reads, sends back or removes."""


@click.group("dlq", short_help="Look into the dead letter queue, and send jobs back from it.")
def dlq() -> None:
    """Look into the dead letter queue, send jobs back from it, clear it."""


# ---------------------------------------------------------------- list


@dlq.command("list", short_help="List dead jobs, the latest to die first.")
@click.option("--limit", type=COUNT, metavar="N", help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="However many there are.")
@click.option("--by-cause", is_flag=True, help="Group them by how they died, the commonest cause first.")
@queue_option
@json_option
def list_dead(limit: int | None, everything: bool, by_cause: bool, queue: str | None, as_json: bool) -> None:
    """List dead jobs, the latest to die first; the newest 50 unless told otherwise, all with --json."""
    if everything and limit is not None:
        raise InvalidInput("--all and --limit both say how many", "give one of them")
    if limit is None and not everything and not as_json:
        limit = FIRST_FEW
    with context.open_store() as store:
        (_list_causes if by_cause else _list_jobs)(store, queue, limit, as_json)


def _list_jobs(store: Store, queue: str | None, limit: int | None, as_json: bool) -> None:
    dead = islice(dead_jobs(store, queue, CHUNK if limit is None else min(limit, CHUNK)), limit)
    if as_json:
        output.json_array(job_json(job) for job in dead)
        return
    total = store.run(jobs.count_matching((JobState.DEAD,), queue))
    if not total:
        _tell_that_none_is_dead(queue)
        return
    now = store.clock()
    output.table(_JOBS, (_job_row(job, now) for job in dead))
    _tell_of_the_rest(total, limit, "dead jobs")


def dead_jobs(store: Store, queue: str | None, at_once: int) -> Iterator[Job]:
    """Every dead job, the latest to die first, read so many at once."""
    finished, number = jobs.BEYOND_ALL, jobs.BEYOND_ALL
    while page := store.run(dead_page(queue, finished, number, at_once)):
        yield from page
        finished, number = page[-1].finished_at or 0, page[-1].number


_JOBS = (
    Column("ID"),
    Column("QUEUE"),
    Column("TRIES", right=True),
    Column("DIED", right=True),
    Column("CAUSE", wide=True),
    Column("COMMAND", wide=True),
)


def _job_row(job: Job, now: int) -> list[Cell | str]:
    return [
        job.id,
        job.queue,
        str(job.attempts),
        cells.age(job.finished_at, now),
        cause_of(job.error, job.exit_code, job.signal),
        cells.command(job.command),
    ]


def cause_of(error: str | None, exit_code: int | None, signal: int | None) -> str:
    """How a job died, in a few words."""
    return error or cells.ending(exit_code, signal) or "unknown"


def _list_causes(store: Store, queue: str | None, limit: int | None, as_json: bool) -> None:
    found = store.run(causes(queue))
    shown = found[:limit]
    ids = store.run(jobs.ids_of(cause.newest for cause in shown))
    if as_json:
        output.json_array(cause_json(cause, ids.get(cause.newest)) for cause in shown)
        return
    if not found:
        _tell_that_none_is_dead(queue)
        return
    now = store.clock()
    output.table(_CAUSES, (_cause_row(cause, ids.get(cause.newest, ""), now) for cause in shown))
    _tell_of_the_rest(len(found), limit, "causes")


def cause_json(cause: Cause, newest: str | None) -> Shape:
    """Jobs that died alike, as scripts read it; `newest` is the id of one of them."""
    return {
        "error": cause.error,
        "exit_code": cause.exit_code,
        "signal": cause.signal,
        "jobs": cause.jobs,
        "first_at": instant(cause.first_at),
        "last_at": instant(cause.last_at),
        "newest": newest,
    }


_CAUSES = (
    Column("JOBS", right=True),
    Column("FIRST", right=True),
    Column("LAST", right=True),
    Column("FOR ONE"),
    Column("CAUSE", wide=True),
)


def _cause_row(cause: Cause, newest: str, now: int) -> list[Cell | str]:
    return [
        Cell(str(cause.jobs), f"{cause.jobs:,}"),
        cells.age(cause.first_at, now),
        cells.age(cause.last_at, now),
        newest,
        cause_of(cause.error, cause.exit_code, cause.signal),
    ]


def _tell_that_none_is_dead(queue: str | None) -> None:
    if output.at_terminal():
        output.note(f"no dead job in queue {queue}" if queue else "no job is dead")


def _tell_of_the_rest(total: int, limit: int | None, what: str) -> None:
    if limit is not None and total > limit:
        output.flush()
        output.note(f"{total - limit} more {what}: list them with --all, or some with --limit")


# ---------------------------------------------------------------- show


@dlq.command("show", short_help="Show a dead job, the history of its runs, and the end of its output.")
@click.argument("job_id", metavar="ID", type=DEAD_ID)
@click.option("--values", "with_values", is_flag=True, help="Show what its variables are set to, too.")
@json_option
def show(job_id: str, with_values: bool, as_json: bool) -> None:
    """Show a dead job, the history of its runs, and the end of its last one's output."""
    with context.open_store() as store:
        job, runs = store.run(jobs.show(job_id))
        refuse_living([job])
        tail = store.run(jobs.tail(job.number, job.runs)).decode("utf-8", "replace")
        now = store.clock()
    if as_json:
        output.json_document({**job_with_history_json(job, runs, values=with_values), "tail": tail})
        return
    show_job(job, runs, now, with_values=with_values)
    if tail:
        output.heading("Last output")
        output.lines("\n".join(tail.splitlines()[-LAST_LINES:]))


# ---------------------------------------------------------------- retry and purge


@dlq.command("retry", short_help="Send dead jobs back to their queues.")
@click.argument("ids", nargs=-1, type=DEAD_ID, metavar="[ID...]")
@click.option("--all", "everything", is_flag=True, help="Every dead job; asks first.")
@queue_option
@yes_option
def retry(ids: tuple[str, ...], everything: bool, queue: str | None, yes: bool) -> int:
    """Send dead jobs back to their queues with no attempts charged, and print their ids."""
    if ids and (everything or queue is not None):
        raise InvalidInput("--all and --queue choose among all dead jobs", "give ids or these, not both")
    if not ids and not everything:
        raise InvalidInput("which jobs to retry is missing", "give their ids, or --all")
    with context.open_store() as store:
        if everything:
            return _retry_all(store, queue, yes=yes)
        output.values(job.id for job in store.run(retry_dead(list(ids))))
    return DONE


def _retry_all(store: Store, queue: str | None, *, yes: bool) -> int:
    output.need_an_answer(yes=yes)
    until = store.clock()
    total = store.run(jobs.count_matching((JobState.DEAD,), queue))
    if not total:
        output.note("no job is dead" if queue is None else f"no dead job in queue {queue}")
        return DONE
    what = f"{total} dead job{'' if total == 1 else 's'}" + (f" of queue {queue}" if queue else "")
    if not output.confirm(f"Retry {what}?", yes=yes):
        output.note("nothing was retried")
        return FAILED
    with output.progress("retrying", total) as advance:
        for ids in _sent_back(store, until, queue):
            output.values(ids)
            advance(len(ids))
    return DONE


def _sent_back(store: Store, until: int, queue: str | None) -> Iterator[list[str]]:
    """Send all back in chunks, so that workers get their turns between; those that die meanwhile stay."""
    while ids := store.run(retry_all_dead(until, queue, CHUNK)):
        yield ids
        if len(ids) < CHUNK:
            return


@dlq.command("purge", short_help="Forget dead jobs, their history and their logs.")
@click.option("--older-than", type=SECONDS, default="0", metavar="D", help="Only those that died so long ago.")
@queue_option
@yes_option
def purge(older_than: float, queue: str | None, yes: bool) -> int:
    """Forget dead jobs, their history and their logs; asks first, and prints how many."""
    with context.open_store() as store:
        if not forget_with_consent(store, [JobState.DEAD], older_than, queue, yes=yes):
            output.note("nothing was purged")
            return FAILED
    return DONE
