"""`queuectl list` and `queuectl show`: what the store knows of jobs. What they wrote is `logs.py`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import click

from queuectl_core.cli import cells, context, output
from queuectl_core.cli.output import Cell, Column
from queuectl_core.cli.parameters import COUNT, JOB_ID, STATES, json_option, queue_option
from queuectl_core.cli.shapes import job_json, job_with_history_json
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import Attempt, Job, JobState
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions import jobs

FIRST_FEW = 50
"""How many jobs are listed where nobody says how many."""
PAGE = 1000
"""How many are read at a time."""

JOB_COLUMNS = (
    Column("ID"),
    Column("STATE"),
    Column("QUEUE"),
    Column("TRY", right=True),
    Column("AGE", right=True),
    Column("COMMAND", wide=True),
)
RUN_COLUMNS = (
    Column("RUN", right=True),
    Column("OUTCOME"),
    Column("EXIT"),
    Column("STARTED"),
    Column("TOOK", right=True),
    Column("OUTPUT", right=True),
    Column("WORKER"),
    Column("ERROR", wide=True),
)


@click.command("list")
@click.option(
    "--state", "state_groups", multiple=True, type=STATES, metavar="S", help="Only in this state; repeatable."
)
@queue_option
@click.option("--limit", type=COUNT, metavar="N", help=f"The newest N ({FIRST_FEW} by default, all with --json).")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@json_option
def list_jobs(
    state_groups: tuple[tuple[JobState, ...], ...],
    queue: str | None,
    limit: int | None,
    everything: bool,
    as_json: bool,
) -> None:
    """List jobs, the newest first."""
    if everything and limit is not None:
        raise InvalidInput("--all and --limit both say how many", "give one of them")
    states = frozenset(chain.from_iterable(state_groups))
    with context.open_store() as store:
        if as_json:
            output.json_array(map(job_json, _newest(store, states, queue, limit)))
        elif everything or limit is not None:
            job_table(_newest(store, states, queue, limit), store.clock())
        else:
            _list_a_few(store, states, queue)


def _list_a_few(store: Store, states: frozenset[JobState], queue: str | None) -> None:
    few = list(_newest(store, states, queue, FIRST_FEW))
    job_table(iter(few), store.clock())
    more = store.run(jobs.count_matching(states, queue)) - len(few) if len(few) == FIRST_FEW else 0
    if more > 0:
        output.flush()
        output.note(f"{more} more: list them with --all, or some with --limit")
    elif not few and output.at_terminal():
        output.note("no such jobs" if states or queue else "no jobs yet: add one with 'queuectl enqueue'")


def _newest(store: Store, states: frozenset[JobState], queue: str | None, limit: int | None) -> Iterator[Job]:
    """Page by page, each a snapshot of its own, so that a slow reader holds nothing up."""
    return islice(_pages(store, states, queue, PAGE if limit is None else min(limit, PAGE)), limit)


def _pages(store: Store, states: frozenset[JobState], queue: str | None, size: int) -> Iterator[Job]:
    before = jobs.BEYOND_ALL
    while page := store.run(jobs.page(states, queue, before, size)):
        yield from page
        if len(page) < size:
            return
        before = page[-1].number


def job_table(listed: Iterator[Job], now: int) -> None:
    """Jobs as a table; `now` in ms."""
    output.table(JOB_COLUMNS, (_row(job, now) for job in listed))


def _row(job: Job, now: int) -> tuple[Cell | str, ...]:
    return (
        job.id,
        cells.state(job.state),
        job.queue,
        f"{job.attempts}/{job.max_retries + 1}",
        cells.age(job.created_at, now),
        cells.command(job.command),
    )


@click.command("show")
@click.argument("job_id", metavar="ID", type=JOB_ID)
@click.option("--values", "with_values", is_flag=True, help="Show what its variables are set to, too.")
@json_option
def show(job_id: str, with_values: bool, as_json: bool) -> None:
    """Show one job and the history of its runs."""
    with context.open_store() as store:
        job, runs = store.run(jobs.show(job_id))
        now = store.clock()
    if as_json:
        output.json_document(job_with_history_json(job, runs, values=with_values))
    else:
        show_job(job, runs, now, with_values=with_values)


def show_job(job: Job, runs: list[Attempt], now: int, *, with_values: bool = False) -> None:
    """The facts of a job and its runs, for a person; `now` in ms."""
    facts = _facts(job, now, with_values=with_values)
    output.facts((name, value) for name, value in facts if not output.at_terminal() or _is_there(value))
    if runs:
        output.heading("Runs")
        output.table(RUN_COLUMNS, map(_run_row, runs))


def _is_there(value: Cell | str) -> bool:
    return bool(value if isinstance(value, str) else value.seen)


def _facts(job: Job, now: int, *, with_values: bool) -> list[tuple[str, Cell | str]]:
    env = [f"{name}={value}" if with_values else name for name, value in job.env.items()]
    return [
        ("id", job.id),
        ("command", cells.command(job.command)),
        ("state", cells.state(job.state)),
        ("queue", job.queue),
        ("priority", str(job.priority)),
        ("attempts", f"{job.attempts}/{job.max_retries + 1}"),
        ("created", cells.moment(job.created_at)),
        ("updated", cells.moment(job.updated_at)),
        ("next run", _next_run(job, now)),
        ("started", cells.moment(job.started_at)),
        ("finished", cells.moment(job.finished_at)),
        ("timeout", cells.length(job.timeout_ms)),
        ("cwd", job.cwd),
        ("ended with", cells.ending(job.exit_code, job.signal)),
        ("error", job.error or ""),
        ("worker", job.worker or ""),
        ("env", " ".join(env)),
    ]


def _next_run(job: Job, now: int) -> Cell:
    due = cells.moment(job.next_run_at)
    if job.next_run_at is None or job.next_run_at <= now:
        return due
    return due._replace(seen=f"{due.seen} ({cells.age(job.next_run_at, now).seen})")


def _run_row(run: Attempt) -> tuple[Cell | str, ...]:
    return (
        str(run.attempt),
        cells.outcome(run.outcome),
        cells.ending(run.exit_code, run.signal),
        cells.moment(run.started_at),
        cells.length(run.duration_ms),
        "" if run.output_bytes is None else str(run.output_bytes),
        run.worker,
        run.error or "",
    )
