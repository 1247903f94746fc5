"""From an enqueue on one host to its command having started on another, which is idle.

The command writes a byte to a FIFO that is read here, so that one clock measures both ends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import NamedTuple

from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.transactions.arrivals import enqueue
from tests.benchmarks.fifo import Fifo
from tests.benchmarks.latency import NotedBell
from tests.benchmarks.measuring import Goal, Measure, percentile, quartiles
from tests.benchmarks.options import Options
from tests.benchmarks.pg_ground import host, new_store, running_hosts
from tests.benchmarks.pg_server import durable_server

ROUNDS, JOBS_A_ROUND = 2, 60
WARM_UP = 3
PAUSE = 0.05, 0.15
"""Seconds, at least and at most, after each command: its worker falls asleep, and its looks by the clock are met at any
instant."""

GOAL = Goal(20, of_ours=True)


class Waited(NamedTuple):
    """Milliseconds until a command had started: since its enqueue began, and since it was committed."""

    from_call: float
    from_commit: float


def measure(_: Options) -> Iterator[Measure]:
    """Milliseconds, at the median and near the worst; the spread is that of the rounds."""
    with durable_server() as server:
        yield server.described()
        with new_store(server) as url, running_hosts(url, 1):
            rounds = _rounds(host(url))
    for percent, goal in ((50, GOAL), (99, None)):
        for at, what in enumerate(("enqueue called", "enqueue committed")):
            every = [waited[at] for one in rounds for waited in one]
            spread = quartiles([percentile([waited[at] for waited in one], percent) for one in rounds])
            name = f"{what} to start on another host, p{percent}"
            yield Measure(name, "ms", percentile(every, percent), None, spread, goal)


def _rounds(home: Home) -> list[list[Waited]]:
    with PostgresStore(home) as store, Fifo(f"{home.path}/fifo") as fifo:
        command = fifo.says("s")
        for _ in range(WARM_UP):
            _enqueue(store, command, fifo)
        return [[_enqueue(store, command, fifo) for _ in range(JOBS_A_ROUND)] for _ in range(ROUNDS)]


def _enqueue(store: PostgresStore, command: str, fifo: Fifo) -> Waited:
    bell = NotedBell(store.home)
    store._doorbell = bell
    began = time.perf_counter()
    store.run(enqueue(NewJob(command)))
    started = fifo.came()
    time.sleep(random.uniform(*PAUSE))
    return Waited(1000 * (started - began), 1000 * (started - bell.rung_at))
