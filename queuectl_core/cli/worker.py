"""`queuectl worker`: pools started, and stopped, scaled and listed from any other terminal.

What a pool does is `queuectl_core.execution.pool`; a command reaches it through the store and its doorbell.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import click

from queuectl_core.cli import cells, context, output
from queuectl_core.cli.exit_codes import DONE
from queuectl_core.cli.output import Cell, Column
from queuectl_core.cli.parameters import COUNT, QUEUE, SECONDS, TEXT, json_option
from queuectl_core.cli.shapes import Shape, instant
from queuectl_core.execution.cores import usable_cores
from queuectl_core.model.errors import InvalidInput, NoSuchPool, Refused, StoreFull
from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home
from queuectl_core.store.opening import open_home
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.workers import MOST_WORKERS, Orders, Pool, order, scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from queuectl_core.execution.roster import WorkerView

ARRIVAL = 5.0
"""Seconds that a pool which was just started has to get to where it can be reached."""

GLANCE = 0.05
"""Seconds between two looks at whether a pool has gone."""


@click.group("worker", short_help="Start, stop, scale and list workers.")
def worker() -> None:
    """Start, stop, scale and list workers."""


# ---------------------------------------------------------------- start


@worker.command("start", short_help="Run a pool of workers, in the foreground unless detached.")
@click.option("--count", type=COUNT, metavar="N", help="How many workers (else by the setting, else one a core).")
@click.option("--queue", "queues", type=QUEUE, multiple=True, metavar="Q", help="Serve this queue alone; repeatable.")
@click.option("--detach", is_flag=True, help="Run in the background, and print the pool's id once it runs.")
@click.option("--drain", is_flag=True, help="End once no job of the queues waits or runs.")
@click.option("--grace", type=SECONDS, metavar="D", help="How long a stop waits for runs.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How each event is told on stderr.",
)
def start(
    count: int | None,
    queues: tuple[str, ...],
    detach: bool,
    drain: bool,
    grace: float | None,
    log_format: str,
) -> int:
    """Run a pool of workers, in the foreground unless detached; the first TERM, INT or HUP drains it."""
    home = context.home()
    refuse_too_many(count)

    def run(ready: Callable[[str], None]) -> int:
        from queuectl_core.cli.pool_events import reporter
        from queuectl_core.execution.descriptors import refuse_too_few
        from queuectl_core.execution.events import Notice
        from queuectl_core.execution.pool import PoolOptions, run_pool

        refuse_too_few()
        usual = usual_count(home)
        options = PoolOptions(count or usual, tuple(dict.fromkeys(queues)), drain, grace)
        report = reporter(log_format, coloured=output.stderr_is_colored())

        def told(pool: str) -> None:
            report(Notice(f"pool {pool} has started, workers: {options.workers}"))
            ready(pool)

        return run_pool(home, options, report, told)

    if not detach:
        return run(lambda _: None)
    from queuectl_core.cli.detach import start_detached

    output.data(start_detached(home, run))
    return DONE


def refuse_too_many(count: int | None) -> None:
    """Raise InvalidInput for more workers than a pool may have."""
    if count is not None and count > MOST_WORKERS:
        raise InvalidInput(f"a pool has at most {MOST_WORKERS} workers, not {count}")


def usual_count(home: Home) -> int:
    """How many workers a pool has that was not told: by the setting, else one for each core we may use.

    It opens the store, which is made thereby, and closes it again: a pool holds no connection. Raises Refused while
    an import is unfinished, whose jobs nobody has verified yet.
    """
    with open_home(home) as store:
        stored = store.run(settings())
    if stored.amid_import:
        hint = "import that file again, or see 'queuectl import --help'"
        raise Refused("an import into this store is unfinished", hint)
    wanted = stored.values.workers
    return usable_cores() if wanted is None else wanted


# ---------------------------------------------------------------- stop and scale


def _pool_option(function: Callable[..., int | None]) -> Callable[..., int | None]:
    return click.option("--pool", type=TEXT, metavar="P", help="This pool alone.")(function)


@worker.command("stop", short_help="Drain pools, and return when they are gone.")
@_pool_option
@click.option("--timeout", type=SECONDS, metavar="D", help="End and release runs after that time.")
@click.option("--now", is_flag=True, help="End what runs at once, and release it.")
def stop(pool: str | None, timeout: float | None, now: bool) -> int:
    """Drain every pool unless one is named, and return when they are gone."""
    if now and timeout is not None:
        raise InvalidInput("--now and --timeout both say how long to wait", "give one of them")
    with context.open_store() as store:
        living = _pools_there(store)
        if pool is None and not living:
            output.note("no pool is running")
            return DONE
        meant = living if pool is None else [_named(pool, living)]
        pools = [found.id for found in meant]
        _give(store, meant, Orders.STOP if now else Orders.DRAIN)
        _tell_of_the_deaf(store, pools)
        _tell_what_is_awaited(store, pools)
        if not wait_until_gone(store, pools, timeout):
            _tell_a_person("the time is over: ending what still runs")
            _give(store, meant, Orders.STOP)
            wait_until_gone(store, pools, None)
    return DONE


def _give(store: Store, pools: list[Pool], wished: Orders) -> None:
    """Have pools stop; by signals where the disk has no room for orders."""
    try:
        store.run(order([pool.id for pool in pools], wished))
    except StoreFull:
        if store.home.url is not None:
            raise
        for pool in pools:
            # Each counts once: a pool that drains already stops at any of them, and two of a kind may come as one.
            for number in (signal.SIGTERM, signal.SIGINT)[: 1 + (wished is Orders.STOP)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pool.pid, number)


def _pools_there(store: Store) -> list[Pool]:
    """The pools that run, once those that were started a moment ago can be told of what is wished."""
    from queuectl_core.execution.roster import arriving, living_pools

    deadline = time.monotonic() + ARRIVAL
    while arriving(store) and time.monotonic() < deadline:
        time.sleep(GLANCE)
    return living_pools(store)


def wait_until_gone(store: Store, pools: list[str], seconds: float | None) -> bool:
    """Wait until no pool of these and none of their workers lives; False once `seconds` have passed first."""
    from queuectl_core.execution.roster import names_of_the_living

    deadline = None if seconds is None else time.monotonic() + seconds
    while any(name.partition("-")[0] in pools for name in names_of_the_living(store)):
        if deadline is not None and time.monotonic() >= deadline:
            return False
        time.sleep(GLANCE)
    return True


def _tell_of_the_deaf(store: Store, pools: list[str]) -> None:
    from queuectl_core.execution.roster import stopped_pools

    for pool in stopped_pools(store):
        if pool.id in pools:
            output.note(f"pool {pool.id} is stopped and hears nothing until 'kill -CONT {pool.pid}'")


def _tell_what_is_awaited(store: Store, pools: list[str]) -> None:
    if not sys.stderr.isatty():
        return
    from queuectl_core.execution.roster import worker_views

    jobs = [view.job for view in worker_views(store) if view.pool in pools and view.job is not None]
    named = ", ".join(jobs[:5]) + (" …" if len(jobs) > 5 else "")
    what = f"to finish job {named}" if jobs else "to leave"
    output.note(f"waiting for pool {', '.join(pools)} {what}")


def _tell_a_person(text: str) -> None:
    if sys.stderr.isatty():
        output.note(text)


@worker.command("scale", short_help="Change how many workers a running pool has.")
@click.argument("number", type=COUNT, metavar="N")
@_pool_option
def scale_pool(number: int, pool: str | None) -> None:
    """Change how many workers a running pool has; those too many finish their jobs first."""
    refuse_too_many(number)
    with context.open_store() as store:
        living = _pools_there(store)
        meant = _only(living) if pool is None else _named(pool, living)
        if meant.orders is not Orders.RUN:
            raise NoSuchPool(f"pool {meant.id} is stopping", "start another with 'queuectl worker start'")
        if not store.run(scale(meant.id, number)):
            raise _no_such_pool(meant.id)
        _tell_of_the_deaf(store, [meant.id])


def _named(pool: str, living: list[Pool]) -> Pool:
    for found in living:
        if found.id == pool:
            return found
    raise _no_such_pool(pool)


def _only(living: list[Pool]) -> Pool:
    if len(living) == 1:
        return living[0]
    if not living:
        raise NoSuchPool("no pool is running", "start one with 'queuectl worker start'")
    names = ", ".join(pool.id for pool in living)
    raise NoSuchPool(f"{len(living)} pools are running: {names}", "name one with --pool")


def _no_such_pool(pool: str) -> NoSuchPool:
    return NoSuchPool(f"no pool '{pool}' is running", "see 'queuectl worker list'")


# ---------------------------------------------------------------- list and unit


@worker.command("list", short_help="List workers, what they do and since when.")
@json_option
def list_workers(as_json: bool) -> None:
    """List workers, what they do and since when."""
    from queuectl_core.execution.roster import worker_views

    with context.open_store() as store:
        views = worker_views(store)
        now = store.clock()
    if as_json:
        output.json_array(worker_json(view) for view in views)
    elif views or not output.at_terminal():
        shared = store.home.url is not None
        columns = (*_COLUMNS, *(_HOST if shared else ()))
        output.table(columns, (_row(view, now)[: len(columns)] for view in views))
    else:
        output.note("no worker runs: start some with 'queuectl worker start'")


def worker_json(view: WorkerView) -> Shape:
    """A worker as scripts read it; no queues means that it serves all."""
    return {
        "id": view.id,
        "pool": view.pool,
        "host": view.host,
        "pid": view.pid,
        "state": view.state.value,
        "job": view.job,
        "since": instant(view.since),
        "queues": list(view.queues),
    }


_COLUMNS = (
    Column("WORKER"),
    Column("PID", right=True),
    Column("STATE"),
    Column("SINCE", right=True),
    Column("JOB"),
    Column("QUEUES", wide=True),
)
_HOST = (Column("HOST"),)
"""Where hosts share the queue: a pid says nothing without it. Last, so that a pipe has the others where they were."""

_STYLES = {"idle": "", "busy": "bold blue", "draining": "yellow", "stopped": "yellow", "lost": "bold red"}


def _row(view: WorkerView, now: int) -> list[Cell | str]:
    state = view.state.value
    return [
        view.id,
        str(view.pid),
        Cell(state, state, _STYLES[state]),
        cells.age(view.since, now),
        view.job or "",
        ",".join(view.queues) or "all",
        view.host,
    ]


@worker.command("unit", short_help="Print a systemd user unit for a pool.")
def unit() -> None:
    """Print a systemd user unit for a pool."""
    from queuectl_core.cli.unit import this_program, unit_text

    with context.open_store() as store:
        values = store.run(settings()).values
        home = store.home
    output.lines(unit_text(this_program(), home.path, values, os.environ.get("PATH", os.defpath), home.url))
