"""What a job costs the store, in things that can be counted on any machine: statements, commits, flushes, pages.

Nothing is timed here. A bound is what was counted when it was set, rounded up; whoever makes it larger
should know why.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter

import pytest

from queuectl_core.model.job import NewJob, Outcome, Result
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.sqlite.wal import PAGE_BYTES
from queuectl_core.store.transactions.arrivals import enqueue, enqueue_rows, row_of
from queuectl_core.store.transactions.claims import Ask, Held, Report, take_turns
from tests.store.acts import DEFAULTS, fresh_token

FRAME = PAGE_BYTES + 24
"""Bytes of one page in the log, with its header."""

JOBS = 480
NOW = 1_700_000_000_000
"""An instant, in ms: that a minute begins costs some pages of its own."""


class Bill:
    """What a store is asked to do, by the first word of each statement; triggers are not counted."""

    def __init__(self, store: SqliteStore) -> None:
        self.words: Counter[str] = Counter()
        self._connection: sqlite3.Connection = store._connection
        self._connection.set_trace_callback(self._note)

    def _note(self, statement: str) -> None:
        if not statement.startswith("--"):  # what a trigger does
            self.words[statement.split(None, 1)[0].upper()] += 1

    def total(self) -> int:
        """How many statements there were, those that begin and end transactions included."""
        return self.words.total()

    def close(self) -> None:
        """Count no longer."""
        self._connection.set_trace_callback(None)


def filled(home: Home, jobs: int) -> SqliteStore:
    """A store with so many jobs, and two turns taken, so that all that is prepared or made once is there."""
    store = SqliteStore(home, clock=lambda: NOW)
    store.run(enqueue_rows(lambda: [[row_of(NewJob("true"), "/tmp")] * (jobs + 2)], str))
    turns(store, 1, 2)
    return store


def turns(store: SqliteStore, at_once: int, jobs: int) -> None:
    """Claim so many jobs and report each a success, as a worker does that claims `at_once` of them."""
    reports: list[Report] = []
    for _ in range(jobs // at_once):
        asks = [Ask("pool-1", fresh_token()) for _ in range(at_once)]
        claimed = store.run(take_turns(reports, asks)).claimed
        assert len(claimed) == at_once
        reports = [_success(held) for held in claimed]
    store.run(take_turns(reports, []))


def _success(held: Held) -> Report:
    return Report(held.job.number, held.token, Result(Outcome.COMPLETED, 0, duration_ms=1), DEFAULTS)


def log_pages(home: Home) -> int:
    """How many pages the log holds; it has not been begun anew while it was filled."""
    return os.path.getsize(f"{home.database}-wal") // FRAME


@pytest.mark.parametrize(("at_once", "most"), [(1, 18.02), (8, 7.64), (24, 6.56)])
def test_a_job_takes_so_many_statements(home: Home, at_once: int, most: float) -> None:
    with filled(home, JOBS) as store:
        bill = Bill(store)
        turns(store, at_once, JOBS)
        bill.close()

    assert bill.words["COMMIT"] == JOBS // at_once + 1
    assert bill.total() / JOBS <= most


@pytest.mark.parametrize(("at_once", "most"), [(1, 7.4), (8, 1.3), (24, 0.65)])
def test_a_job_writes_so_many_pages_to_the_log(home: Home, at_once: int, most: float) -> None:
    with filled(home, JOBS) as store:
        before = log_pages(home)
        turns(store, at_once, JOBS)
        written = log_pages(home) - before

    assert written / JOBS <= most


def test_one_job_is_stored_by_few_statements_and_pages(home: Home) -> None:
    with filled(home, 1) as store:
        bill, before = Bill(store), log_pages(home)
        store.run(enqueue(NewJob("true")))
        bill.close()
        pages = log_pages(home) - before

    assert (bill.words["COMMIT"], bill.total() <= 7, pages <= 5) == (1, True, True), (bill.words, pages)


def test_many_jobs_are_stored_by_a_statement_each_and_a_page_for_several(home: Home) -> None:
    with filled(home, 1) as store:
        bill, before = Bill(store), log_pages(home)
        store.run(enqueue_rows(lambda: [[row_of(NewJob("true"), "/tmp")] * JOBS], str))
        bill.close()
        pages = log_pages(home) - before

    assert (bill.words["COMMIT"], bill.total() - JOBS <= 8) == (1, True), bill.words
    assert JOBS / pages >= 20
