"""What a pool costs that has nothing to do: processor time of all its processes, and memory of its own."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import psutil

from tests.benchmarks.ground import new_home, processor_seconds, running_pool, workers_of
from tests.benchmarks.measuring import Goal, Measure, quartiles
from tests.benchmarks.options import Options

WORKERS = 8
MEMORY = Goal(6, want=4)
SETTLING = 2.0
"""Seconds after the start that are not measured."""

WINDOWS, WINDOW = 5, 2.0
"""How often, and for how many seconds, processor time is measured."""


def measure(_: Options) -> Iterator[Measure]:
    """Percent of one core; private megabytes a worker, by itself and with its share of pool and keeper."""
    with new_home() as home, running_pool(home, WORKERS) as pool:
        time.sleep(SETTLING)
        supervisor = psutil.Process(pool)
        processes = [supervisor, *supervisor.children(recursive=True)]
        shares = list(_shares(processes))
        of_worker = {worker.pid for worker in workers_of(home)}
        private = {process.pid: process.memory_full_info().uss / 1e6 for process in processes}
    alone = [private[pid] for pid in of_worker]
    share = sum(private.values()) / WORKERS
    name = f"idle pool of {WORKERS} workers"
    yield Measure(f"{name}: processor", "%", sum(shares) / WINDOWS, None, quartiles(shares), Goal(0.2, want=0.1))
    yield Measure(f"{name}: private memory", "MB", statistics.median(alone), None, quartiles(alone), MEMORY)
    yield Measure(f"{name}: the same, all processes / {WORKERS}", "MB", share, None, (share, share), MEMORY)


def _shares(processes: list[psutil.Process]) -> Iterator[float]:
    """Percent of one core that the processes took together, window by window."""
    before, began = processor_seconds(processes), time.perf_counter()
    for _ in range(WINDOWS):
        time.sleep(WINDOW)
        after, now = processor_seconds(processes), time.perf_counter()
        yield 100 * (after - before) / (now - began)
        before, began = after, now
