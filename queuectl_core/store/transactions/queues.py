"""Queues: which there are, what they hold, pausing and resuming them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from queuectl_core.model.job import JobState
from queuectl_core.model.validation import check_queue
from queuectl_core.store.statements import Statement, Steps, Wake, read, write


class Queue(NamedTuple):
    """A queue and how many of its jobs are in each state; states that hold none are left out."""

    name: str
    paused: bool
    jobs: dict[JobState, int]


@read
def queues() -> Steps[list[Queue]]:
    """Every queue that holds jobs or is paused, by name."""
    rows = yield Statement("queues")
    counts = yield Statement("counts")
    paused = {name: bool(flag) for name, flag in rows}
    held: dict[str, dict[JobState, int]] = {}
    for queue, state, n in counts:
        held.setdefault(queue, {})[JobState(state)] = n
    names = sorted({name for name in paused if paused[name]} | held.keys())
    return [Queue(name, paused.get(name, False), held.get(name, {})) for name in names]


@write
def pause(names: Iterable[str]) -> Steps[None]:
    """Hand out nothing of these queues until they are resumed; what runs, runs on."""
    for name in [check_queue(name) for name in names]:
        yield Statement("set_paused", {"queue": name, "paused": 1})


@write
def resume(names: Iterable[str]) -> Steps[None]:
    """Hand out jobs of these queues again."""
    checked = [check_queue(name) for name in names]
    for name in checked:
        yield Statement("set_paused", {"queue": name, "paused": 0})
    yield Wake(queues=frozenset(checked))
