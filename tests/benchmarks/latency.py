"""From an enqueue that is committed to its command having started, with an idle pool.

The command writes a byte to a FIFO that is read here, so that one clock measures both ends. The other side
is the same command, started from here by fork and exec.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator

from queuectl_core.model.job import NewJob
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Wake
from queuectl_core.store.transactions.arrivals import enqueue
from tests.benchmarks.fifo import Fifo
from tests.benchmarks.ground import new_home, running_pool
from tests.benchmarks.measuring import Goal, Measure, Pairs, interleave, percentile, quartiles
from tests.benchmarks.options import Options

WORKERS = 2
ROUNDS, PAIRS_A_ROUND = 3, 100
PAUSE = 0.02
"""Seconds after each command, in which its worker falls asleep again."""

GOALS = {50: Goal(5, of_ours=True, want=2), 99: Goal(20, of_ours=True, want=5)}
"""Percentile -> milliseconds."""


def measure(_: Options) -> Iterator[Measure]:
    """Milliseconds, at the median and near the worst; the spread is that of rounds of a hundred."""
    with new_home() as home, SqliteStore(home) as store, Fifo(f"{home.path}/fifo") as fifo:
        command = fifo.says("s")
        with running_pool(home, WORKERS):
            rounds = [
                interleave(
                    lambda: _enqueue(store, command, fifo),
                    lambda: _spawn(command, fifo),
                    PAIRS_A_ROUND,
                    3,
                ).scaled(1000)
                for _ in range(ROUNDS)
            ]
    for percent, goal in GOALS.items():
        yield _measure_at(percent, rounds, goal)


def _measure_at(percent: int, rounds: list[Pairs], goal: Goal) -> Measure:
    ours, other = (percentile([value for pairs in rounds for value in pairs[side]], percent) for side in (0, 1))
    spread = quartiles([percentile(pairs.ours, percent) for pairs in rounds])
    return Measure(f"enqueue to start, p{percent} | fork and exec", "ms", ours, other, spread, goal)


def _enqueue(store: SqliteStore, command: str, fifo: Fifo) -> float:
    bell = NotedBell(store.home)
    store._doorbell = bell
    store.run(enqueue(NewJob(command)))
    seconds = fifo.came() - bell.rung_at
    time.sleep(PAUSE)
    return seconds


def _spawn(command: str, fifo: Fifo) -> float:
    began = time.perf_counter()
    process = subprocess.Popen(["/bin/sh", "-c", command], start_new_session=True)
    seconds = fifo.came() - began
    process.wait()
    return seconds


class NotedBell(Doorbell):
    """Notes when it is rung: just after the commit, while `run` may return once the job runs already."""

    rung_at = 0.0

    def ring(self, wakes: Iterable[Wake]) -> None:
        """Ring, noting when."""
        self.rung_at = time.perf_counter()
        super().ring(wakes)
