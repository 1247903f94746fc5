"""Jobs that do nothing, drained by two workers, against `xargs -P2` starting the same shells.

Both are measured as whole processes, from their start to their end.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from queuectl_core.model.job import JobState
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.statistics import summary
from tests.benchmarks.ground import enqueue_many, new_home, program, spend
from tests.benchmarks.measuring import Goal, Measure, compared, interleave
from tests.benchmarks.options import Options

WORKERS = 2
REPETITIONS = 5
GOAL = Goal(0.9, at_least=True, want=1.1)


def measure(options: Options) -> Iterator[Measure]:
    """Jobs a second, ours against those of xargs."""
    n = options.jobs
    pairs = interleave(lambda: drained("true", n, WORKERS), lambda: _xargs(n), REPETITIONS)
    yield compared(f"drain {n} × true, {WORKERS} workers | xargs -P{WORKERS}", "jobs/s", pairs.rates(n), GOAL)


def drained(command: str, n: int, workers: int) -> float:
    """Seconds from the start of a pool until it has done `n` jobs of one command, and is gone."""
    with new_home() as home:
        enqueue_many(home, command, n)
        drain = program(home, "worker", "start", "--count", str(workers), "--drain")
        seconds = spend(["sh", "-c", f"exec {shlex.join(drain)} 2>/dev/null"])
        with SqliteStore(home) as store:
            done = store.run(summary()).jobs[JobState.COMPLETED]
    if done != n:
        raise RuntimeError(f"{done} of {n} jobs were completed")
    return seconds


def _xargs(n: int) -> float:
    return spend(["sh", "-c", f"yes true | head -n {n} | xargs -P{WORKERS} -n1 -d '\\n' sh -c"])
