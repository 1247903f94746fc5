"""`queuectl queue`: which queues there are and what they hold; pausing and resuming them."""

from __future__ import annotations

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.output import Cell, Column
from queuectl_core.cli.parameters import QUEUE, json_option
from queuectl_core.cli.shapes import Shape
from queuectl_core.model.job import JobState
from queuectl_core.store.transactions import queues as store_queues
from queuectl_core.store.transactions.queues import Queue


@click.group("queue", short_help="List, pause and resume queues.")
def queue() -> None:
    """List, pause and resume queues."""


@queue.command("list", short_help="List every queue that holds jobs or is paused.")
@json_option
def list_queues(as_json: bool) -> None:
    """List every queue that holds jobs or is paused, with how many jobs are in each state."""
    with context.open_store() as store:
        found = store.run(store_queues.queues())
    if as_json:
        output.json_array(queue_json(one) for one in found)
    elif found or not output.at_terminal():
        output.table(_COLUMNS, (_row(one) for one in found))
    else:
        output.note("no queue holds a job, and none is paused")


@queue.command("pause", short_help="Let queues hand out nothing; what runs, runs on.")
@click.argument("queues", nargs=-1, required=True, type=QUEUE, metavar="Q...")
def pause(queues: tuple[str, ...]) -> None:
    """Let queues hand out nothing until they are resumed; what runs, runs on."""
    with context.open_store() as store:
        store.run(store_queues.pause(queues))


@queue.command("resume", short_help="Let paused queues hand out jobs again.")
@click.argument("queues", nargs=-1, required=True, type=QUEUE, metavar="Q...")
def resume(queues: tuple[str, ...]) -> None:
    """Let paused queues hand out jobs again."""
    with context.open_store() as store:
        store.run(store_queues.resume(queues))


def queue_json(one: Queue) -> Shape:
    """A queue as scripts read it."""
    return {
        "name": one.name,
        "paused": one.paused,
        "jobs": {state.value: one.jobs.get(state, 0) for state in JobState},
        "total": sum(one.jobs.values()),
    }


_COLUMNS = (
    Column("QUEUE", wide=True),
    Column("HANDS OUT"),
    *(Column(state.value.upper(), right=True) for state in JobState),
)


def _row(one: Queue) -> list[Cell | str]:
    hands_out = Cell("paused", "paused", "bold yellow") if one.paused else Cell("open", "open")
    return [one.name, hands_out, *(_count(one.jobs.get(state, 0)) for state in JobState)]


def _count(n: int) -> Cell:
    return Cell(str(n), f"{n:,}", "" if n else "dim")
