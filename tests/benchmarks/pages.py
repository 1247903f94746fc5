"""How many pages a job's claim and end write to the log: by a real pool, and by turns of one job each.

A reader holds the log, so that it is never begun anew and its length counts every page written.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.sqlite.wal import PAGE_BYTES
from tests.benchmarks.ground import enqueue_many, new_home, program, spend
from tests.benchmarks.measuring import Goal, Measure, alone
from tests.benchmarks.options import Options
from tests.benchmarks.turns import Claimant

JOBS = 500
REPETITIONS = 3
FRAME = PAGE_BYTES + 24
"""Bytes of a page in the log, with its header."""

GOAL = Goal(8, want=6)


def measure(_: Options) -> Iterator[Measure]:
    """Pages a job; what a pool writes to come and go is counted too."""
    for what, work in (("drain by 2 workers", _drain), ("claimed and reported one by one", _take_turns)):
        yield alone(f"pages to the log a job, {what}", "pages", [_pages(work) for _ in range(REPETITIONS)], GOAL)


def _pages(work: Callable[[Home], None]) -> float:
    with new_home() as home:
        enqueue_many(home, "true", JOBS)
        with closing(sqlite3.connect(home.database, isolation_level=None)) as reader:
            reader.execute("PRAGMA wal_autocheckpoint = 0")
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM jobs").fetchall()
            before = _length(home)
            work(home)
            return (_length(home) - before) / JOBS


def _length(home: Home) -> int:
    return os.path.getsize(f"{home.database}-wal") // FRAME


def _drain(home: Home) -> None:
    spend(program(home, "worker", "start", "--count", "2", "--drain"))


def _take_turns(home: Home) -> None:
    with SqliteStore(home) as store:
        claimant = Claimant(store)
        for _ in range(JOBS):
            claimant.turn()
        claimant.finish()
