"""How soon a pool works that is started, and how soon one is gone that is told to stop.

The other side is a Python that imports what no such command can do without.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from tests.benchmarks.enqueue_process import python_imports
from tests.benchmarks.fifo import Fifo
from tests.benchmarks.ground import PATIENCE, end, new_home, program, spend, start, wait_until_idle
from tests.benchmarks.measuring import Goal, Measure, Pairs, compared
from tests.benchmarks.options import Options

WORKERS = 2
REPETITIONS = 10


def measure(_: Options) -> Iterator[Measure]:
    """Milliseconds from the start of a process: to a command's first byte; until it has ended, and the pool too."""
    starts, stops, imports = [], [], []
    with new_home() as home, Fifo(f"{home.path}-fifo") as fifo:
        for _repetition in range(REPETITIONS):
            with SqliteStore(home) as store:
                store.run(enqueue(NewJob(fifo.says("b"))))
            began = time.perf_counter()
            pool = start(program(home, "worker", "start", "--count", str(WORKERS)))
            try:
                starts.append(1000 * (fifo.came() - began))
                wait_until_idle(home, WORKERS)
                stops.append(1000 * _stop(home, pool))
            finally:
                end(pool)
            imports.append(1000 * python_imports())
    what = f"pool of {WORKERS}: process start to first command | python imports"
    yield compared(what, "ms", Pairs(starts, imports), Goal(250, of_ours=True))
    what = f"worker stop, idle pool of {WORKERS}, to its end | python imports"
    yield compared(what, "ms", Pairs(stops, imports), Goal(200, of_ours=True))


def _stop(home: Home, pool: subprocess.Popen[bytes]) -> float:
    began = time.perf_counter()
    spend(program(home, "worker", "stop"))
    pool.wait(PATIENCE)
    return time.perf_counter() - began
