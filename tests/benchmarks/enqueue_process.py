"""`queuectl enqueue` as a process, against a Python that only imports what no such command can do without."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext

from queuectl_core.store.home import Home
from tests.benchmarks.ground import new_home, program, running_pool, spend
from tests.benchmarks.measuring import Goal, Measure, compared, interleave
from tests.benchmarks.options import Options

REPETITIONS = 20
GOAL = Goal(1.4, want=1.2)
IMPORTS = [sys.executable, "-c", "import click, sqlite3, dataclasses"]
PAUSE = 0.05
"""Seconds after each enqueue, in which a pool that runs has done the job."""


def measure(_: Options) -> Iterator[Measure]:
    """Milliseconds a process, while nobody works and while a pool does."""
    for where, workers in (("idle store", 0), ("pool running", 2)):
        with new_home() as home:
            spend(program(home, "init"))
            with running_pool(home, workers) if workers else nullcontext():
                pairs = interleave(lambda: _enqueue(home), python_imports, REPETITIONS, warm_up=2)
        yield compared(f"enqueue -- true, {where} | python imports", "ms", pairs.scaled(1000), GOAL)


def _enqueue(home: Home) -> float:
    seconds = spend(program(home, "enqueue", "--", "true"))
    time.sleep(PAUSE)
    return seconds


def python_imports() -> float:
    """Seconds of that Python, from its start to its end."""
    return spend(IMPORTS)
