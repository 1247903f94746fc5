"""What users and machines do to a running pool: files removed, homes moved, orphans, closed terminals."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from queuectl_core.execution.recovery import recover_lost
from queuectl_core.model.job import JobState, NewJob, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.connecting import wall_clock
from queuectl_core.store.sqlite.gate import Gate as WriteGate
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from tests.execution.pools import Gate, LiveQueue
from tests.execution.troubles import Trouble
from tests.execution.waiting import eventually

OUTAGE = 1.5
"""Seconds for which the store is out of reach: far more than it takes a worker to notice the end of a run."""


def test_an_orphan_that_ends_is_gone_while_its_job_still_runs(queue: LiveQueue) -> None:
    stop = "(sleep 100 & echo $! > orphan); kill $(cat orphan)"
    job = queue.put(f"{stop}; while kill -0 $(cat orphan) 2>/dev/null; do sleep 0.05; done", timeout=20)

    queue.drained()

    assert queue.outcomes(job) == [Outcome.COMPLETED]


def test_files_removed_from_run_condemn_no_job(queue: LiveQueue, gate: Gate) -> None:
    queue.ready_pool(workers=2)
    job = queue.put(gate.command)
    gate.pid()
    name = queue.worker_of(job).id
    for path in Path(queue.home.run).glob("*.lock"):
        path.unlink()

    # Nor does a clock that is a day off.
    with SqliteStore(queue.home, clock=lambda: wall_clock() + 86_400_000) as store:
        assert recover_lost(store) == []
    eventually(lambda: os.path.exists(queue.home.lock(name)), what="the worker has made its lock file anew")
    gate.open()

    queue.once(job, JobState.COMPLETED)
    assert queue.outcomes(job) == [Outcome.COMPLETED]


def test_no_second_queue_appears_where_a_home_was_moved_away(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool()
    job = queue.put(gate.command)
    gate.pid()
    away = f"{queue.home.path}-away"
    os.rename(queue.home.path, away)

    eventually(lambda: any("keeper" in notice for notice in pool.notices()), what="the keeper complains")
    gate.open()
    with SqliteStore(Home(away)) as store:
        eventually(lambda: store.run(page())[0].state is JobState.COMPLETED, what="the job has completed")
    assert not os.path.exists(queue.home.database)

    shutil.rmtree(queue.home.path, ignore_errors=True)
    os.rename(away, queue.home.path)
    after = queue.put("true")
    queue.once(after, JobState.COMPLETED)
    assert queue.outcomes(job) == [Outcome.COMPLETED]


def test_the_two_hangups_of_a_closing_terminal_are_one(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool()
    job = queue.put(gate.command)
    gate.pid()

    pool.signal(signal.SIGHUP)
    eventually(lambda: any("is stopping" in notice for notice in pool.notices()), what="the pool drains")
    pool.signal(signal.SIGHUP)
    gate.open()

    assert pool.ended() == 0
    assert queue.outcomes(job) == [Outcome.COMPLETED]


def test_a_commit_stands_whatever_becomes_of_the_look_at_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(str(tmp_path / "home"))
    with SqliteStore(home, busy_seconds=0.05) as store:
        other = WriteGate(home, 1.0)
        # Found long, and by then another writer is through the gate, and stays.
        monkeypatch.setattr(wal, "is_long", lambda *_: other.is_open())
        job = store.run(enqueue(NewJob("true")))
        other.close()

        assert store.run(page()) == [job]


def test_a_pool_whose_keepers_die_before_they_register_leaves_no_doorbell(queue: LiveQueue) -> None:
    pool = queue.pool(keeper_dies=True)
    job = queue.put("true")
    queue.once(job, JobState.COMPLETED)
    eventually(lambda: any("keeper of pool" in notice for notice in pool.notices()), what="a keeper has died")
    assert any(Path(queue.home.run, "control").iterdir())

    pool.signal(signal.SIGTERM)

    assert pool.ended() == 0
    assert queue.left_in_run() == []


def test_a_run_that_ended_while_the_store_was_out_of_reach_is_dated_by_when_it_did(
    queue: LiveQueue, gate: Gate
) -> None:
    ended = Path(queue.home.path, "ended")
    job = queue.put(f"{gate.command}; touch {ended}")
    queue.ready_pool()
    gate.pid()

    with closing(sqlite3.connect(queue.home.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        gate.open()
        at = eventually(lambda: ended.exists() and ended.stat().st_mtime, what="its command ended")
        eventually(lambda: time.time() > at + OUTAGE, what="the outage is over")
        other.execute("ROLLBACK")

    queue.once(job, JobState.COMPLETED)
    [run] = queue.runs(job)
    assert run.finished_at is not None
    assert abs(run.finished_at / 1000 - at) < OUTAGE / 2
    assert run.finished_at - run.started_at == run.duration_ms


def test_a_worker_leaves_that_cannot_know_what_it_claimed_and_its_jobs_run_uncharged(queue: LiveQueue) -> None:
    jobs = [queue.put() for _ in range(3)]

    pool = queue.drained(trouble=Trouble.CLAIM_FORGOTTEN)

    assert [queue.outcomes(job) for job in jobs] == [[Outcome.COMPLETED]] * 3
    assert any("gave no answer" in notice for notice in pool.notices())
