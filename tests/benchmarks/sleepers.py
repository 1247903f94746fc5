"""Jobs that sleep, drained by more workers than there are cores, against what no queue could exceed.

The ideal is that each worker always sleeps: neither the start of the pool nor that of a command takes any time.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.drain import drained
from tests.benchmarks.measuring import Goal, Measure, Pairs, compared
from tests.benchmarks.options import Options

WORKERS = 8
JOBS, NAP = 3000, 0.05
REPETITIONS = 2
GOAL = Goal(0.95, at_least=True, want=0.98)


def measure(_: Options) -> Iterator[Measure]:
    """Jobs a second, from the start of the pool until it is gone."""
    seconds = [drained(f"sleep {NAP}", JOBS, WORKERS) for _ in range(REPETITIONS)]
    pairs = Pairs(seconds, [JOBS / WORKERS * NAP] * REPETITIONS).rates(JOBS)
    yield compared(f"drain {JOBS} × sleep {NAP}, {WORKERS} workers | {WORKERS}/{NAP}", "jobs/s", pairs, GOAL)
