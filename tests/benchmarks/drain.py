"""Jobs that do nothing, drained by two workers, against `xargs -P2` starting the same shells.

Both are measured as whole processes, from their start to their end.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack

from queuectl_core.model.job import JobState
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.statistics import summary
from tests.benchmarks.ground import enqueue_many, new_home, program, spend
from tests.benchmarks.measuring import Goal, Measure, compared, interleave
from tests.benchmarks.options import Options

REPETITIONS = 5


def measure(options: Options) -> Iterator[Measure]:
    """Jobs a second, ours against those of xargs."""
    n = options.jobs
    # All homes stay until the end: for minutes after thousands of files were deleted, ext4 passes over each of
    # their inodes whenever it makes a file, and a log file costs 100 µs or more instead of 25.
    with ExitStack() as homes:
        pairs = interleave(lambda: _drain(homes.enter_context(new_home()), n), lambda: _xargs(n), REPETITIONS)
    yield compared(f"drain {n} × true, 2 workers | xargs -P2", "jobs/s", pairs.rates(n), Goal(0.7, at_least=True))


def _drain(home: Home, n: int) -> float:
    enqueue_many(home, "true", n)
    drain = program(home, "worker", "start", "--count", "2", "--drain")
    seconds = spend(["sh", "-c", f"exec {shlex.join(drain)} 2>/dev/null"]).seconds
    with SqliteStore(home) as store:
        done = store.run(summary()).jobs[JobState.COMPLETED]
    if done != n:
        raise RuntimeError(f"{done} of {n} jobs were completed")
    return seconds


def _xargs(n: int) -> float:
    return spend(["sh", "-c", f"yes true | head -n {n} | xargs -P2 -n1 -d '\\n' sh -c"]).seconds
