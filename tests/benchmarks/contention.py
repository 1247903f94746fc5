"""Many workers on one store: what they get done together, and how long one of them waits at worst."""

from __future__ import annotations

import time
from collections.abc import Iterator

from queuectl_core.model.job import JobState
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.statistics import summary
from tests.benchmarks.contenders import contend
from tests.benchmarks.filling import fill
from tests.benchmarks.ground import PATIENCE, enqueue_many, new_home, running_pool
from tests.benchmarks.measuring import Goal, Measure, alone, compared, interleave
from tests.benchmarks.options import Options

MANY, FEW = 100, 4
REPETITIONS = 3
JOBS = 20_000
"""More than are done in the time in which they are counted."""

SETTLING, WINDOW = 1.5, 3.0
"""Seconds after the first job that are not measured, and that are."""

CONTENDING = 2.5
"""Seconds in which processes take turns."""

CONTENDED = 100_000
"""Jobs in the store that is contended for; four in ten can be claimed."""

WORST = Goal(250, of_ours=True)


def measure(_: Options) -> Iterator[Measure]:
    """Jobs a second of pools that are at it, and the milliseconds of the longest turn."""
    pairs = interleave(lambda: _rate(MANY), lambda: _rate(FEW), REPETITIONS)
    yield compared(f"rate of true jobs, {MANY} workers | {FEW} workers", "jobs/s", pairs, Goal(0.9, at_least=True))
    for what, command in (("without a pause", ()), ("a shell run between", ("/bin/sh", "-c", "true"))):
        longest = [1000 * _longest_turn(command) for _ in range(REPETITIONS)]
        yield alone(f"longest turn of {MANY} processes, {what}", "ms", longest, WORST)


def _longest_turn(command: tuple[str, ...]) -> float:
    """The seconds that a turn of one of many took at worst."""
    with new_home() as home:
        fill(home, CONTENDED)
        return max(contend(home, MANY, CONTENDING, command))


def _rate(workers: int) -> float:
    """Jobs that a pool completes in a second, by the counts of the store at two instants amid the work."""
    with new_home() as home, running_pool(home, workers):
        enqueue_many(home, "true", JOBS)
        with SqliteStore(home) as store:
            deadline = time.monotonic() + PATIENCE
            while not _completed(store):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"no job was done within {PATIENCE:g} s")
                time.sleep(0.01)
            time.sleep(SETTLING)
            first, began = _completed(store), time.perf_counter()
            time.sleep(WINDOW)
            last, ended = _completed(store), time.perf_counter()
        if last >= JOBS:
            raise RuntimeError(f"{JOBS} jobs were too few")
        return (last - first) / (ended - began)


def _completed(store: SqliteStore) -> int:
    return store.run(summary()).jobs[JobState.COMPLETED]
