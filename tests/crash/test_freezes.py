"""Processes of a pool that are stopped (SIGSTOP) and go on later: no job runs twice, and nobody's result is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.changes import cancel
from tests.crash.busy import (
    KILL_GRACE,
    PATIENCE,
    STUBBORN,
    at_work,
    closed_gate,
    outcomes,
    runs,
    stopping,
    views_of,
)
from tests.crash.evidence import is_locked
from tests.crash.ledger import Word
from tests.crash.storm import Pool, Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

TIMEOUT = 3.0
"""Seconds, long enough for a worker to be stopped before them on any machine."""


def once(storm: Storm, job: str, state: JobState) -> None:
    """Wait until a job is in a state."""
    eventually(lambda: storm.job(job).state is state, PATIENCE, what=f"job {job} is {state}; {storm.said()[-2000:]}")


def lose_a_worker(storm: Storm, pool: Pool) -> str:
    """Kill a worker at its work, and wait until its job has run again, so that recovery has been there; the job."""
    gate = closed_gate(storm)
    lost = storm.put(storm.ledger.command(gate=gate), max_retries=1, priority=9)
    storm.strike(storm.worker_of(pool, lost))
    gate.touch()
    once(storm, lost, JobState.COMPLETED)
    assert outcomes(storm, lost) == [Outcome.LOST, Outcome.COMPLETED]
    return lost


def test_a_stopped_worker_makes_up_for_every_timer_that_went_off_meanwhile(storm: Storm) -> None:
    storm.queuectl("config", "set", "kill_grace", f"{KILL_GRACE}s")
    pool = storm.start_pool(5)
    storm.all_workers(pool)
    never, gate = closed_gate(storm), closed_gate(storm)
    overdue, probe = (
        storm.put(STUBBORN + storm.ledger.command(gate=never), timeout=TIMEOUT, max_retries=0) for _ in range(2)
    )
    ended = storm.put(storm.ledger.command(gate=gate), timeout=TIMEOUT, max_retries=0)
    unwanted = storm.put(storm.ledger.command(gate=never))
    stopped = {job: storm.worker_of(pool, job) for job in (ended, overdue, unwanted)}
    for worker in stopped.values():
        storm.strike(worker, signal.SIGSTOP)
    storm.store.run(cancel([unwanted]))
    # The same timers elsewhere, where nobody is stopped: of the run, and of its end.
    once(storm, probe, JobState.DEAD)
    gate.touch()
    eventually(lambda: storm.ledger.has(ended, Word.END), what="a command ends while nobody watches it")
    lose_a_worker(storm, pool)
    other = storm.start_pool(1, "--queue=other")
    lose_a_worker(storm, pool)
    assert {storm.job(job).state for job in stopped} == {JobState.PROCESSING}
    for worker in stopped.values():
        storm.strike(worker, signal.SIGCONT)
    once(storm, overdue, JobState.DEAD)
    once(storm, unwanted, JobState.CANCELLED)
    once(storm, ended, JobState.COMPLETED)
    for left in (pool, other):
        left.process.terminate()
        assert left.process.wait(PATIENCE) == 0
    storm.drain(1)
    assert storm.wrong() == []
    assert outcomes(storm, ended) == [Outcome.COMPLETED]
    assert outcomes(storm, unwanted) == [Outcome.CANCELLED]
    for job in (overdue, probe):
        [run] = runs(storm, job)
        assert (run.outcome, run.signal) == (Outcome.TIMED_OUT, signal.SIGKILL)
        assert (run.duration_ms or 0) >= (TIMEOUT + KILL_GRACE) * 1000


def test_a_stop_waits_for_a_stopped_worker_whose_run_is_nobody_elses(storm: Storm) -> None:
    for ends_meanwhile, outcome in [(False, Outcome.RELEASED), (True, Outcome.COMPLETED)]:
        pool = storm.start_pool(4)
        work = at_work(storm, short=20)
        worker = storm.worker_of(pool, work.held)
        storm.strike(worker, signal.SIGSTOP)
        with stopping(storm, "--now") as stop:
            eventually(lambda: [view.pid for view in views_of(storm)] == [worker], what="the others have left")  # noqa: B023
            other = storm.start_pool(2)
            if ends_meanwhile:
                work.gate.touch()
                eventually(lambda: storm.ledger.has(work.held, Word.END), what="its command ends")  # noqa: B023
            lose_a_worker(storm, other)
            assert stop.poll() is None
            assert (storm.job(work.held).state, storm.job(work.held).runs) == (JobState.PROCESSING, 1)
            storm.strike(worker, signal.SIGCONT)
        assert pool.process.wait(PATIENCE) == 0
        assert outcomes(storm, work.held)[0] is outcome
        assert outcomes(storm, work.stubborn)[0] is Outcome.RELEASED
        work.gate.touch()
        other.process.terminate()
        assert other.process.wait(PATIENCE) == 0
    storm.drain(2)
    assert storm.wrong() == []


def test_the_workers_and_the_keeper_of_a_stopped_pool_go_on(storm: Storm) -> None:
    pool = storm.start_pool(4)
    work = at_work(storm, short=20)
    storm.strike(pool.pid, signal.SIGSTOP)
    lose_a_worker(storm, pool)
    eventually(lambda: {storm.job(job).state for job in work.short} == {JobState.COMPLETED}, what="others work on")
    with stopping(storm) as stop:
        work.gate.touch()
        once(storm, work.held, JobState.COMPLETED)
        once(storm, work.stubborn, JobState.COMPLETED)
        assert stop.poll() is None
        storm.strike(pool.pid, signal.SIGCONT)
    assert pool.process.wait(PATIENCE) == 0
    storm.drain(2)
    assert storm.wrong() == []
    assert outcomes(storm, work.held) == outcomes(storm, work.stubborn) == [Outcome.COMPLETED]


@pytest.mark.parametrize("goes_on", [True, False], ids=["goes on", "stays stopped"])
def test_a_stopped_keeper_keeps_neither_its_workers_nor_another_pool_from_their_work(
    storm: Storm, goes_on: bool
) -> None:
    pool, other = storm.start_pool(4), storm.start_pool(1, "--queue=other")
    storm.all_workers(other)
    keeper = eventually(lambda: storm.keeper(pool), what="the pool is whole")
    stop_at_rest(storm, keeper)
    work = at_work(storm, short=20)
    lose_a_worker(storm, pool)
    storm.all_workers(pool)
    work.gate.touch()
    eventually(lambda: not storm.unfinished(), what="all work is done")
    if goes_on:
        storm.strike(keeper, signal.SIGCONT)
    for left in (pool, other):
        left.process.terminate()
        assert left.process.wait(PATIENCE) == 0
    storm.drain(2)
    assert storm.wrong() == []
    assert outcomes(storm, work.held) == outcomes(storm, work.stubborn) == [Outcome.COMPLETED]


def stop_at_rest(storm: Storm, keeper: int) -> None:
    """Stop a keeper while it holds none of the locks that others wait for."""

    def rests() -> bool:
        storm.strike(keeper, signal.SIGSTOP)
        locks = [Path(storm.home.lock(name)) for name in ("recovery", "write", "checkpoint")]
        if not any(is_locked(lock) for lock in locks if lock.exists()):
            return True
        storm.strike(keeper, signal.SIGCONT)
        return False

    eventually(rests, what="the keeper rests")
