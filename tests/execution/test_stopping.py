"""How a pool stops: what runs may finish, is released, or is cut short, and who is charged."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.workers import Orders, order, roster, scale
from tests.execution.pools import Gate, LiveQueue, Pool, lives, pids_in
from tests.execution.troubles import Trouble
from tests.execution.waiting import eventually

STOP_SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


def hears_of_stopping(pool: Pool) -> None:
    """Wait until the pool has begun to drain."""
    eventually(lambda: f"pool {pool.name} is stopping: what runs may finish" in pool.notices(), what="it drains")


def assert_released(queue: LiveQueue, job_id: str) -> None:
    """The job is where it was before its only run, which is not charged."""
    job = queue.job(job_id)
    assert (job.state, job.attempts, job.runs) == (JobState.PENDING, 0, 1)
    assert queue.outcomes(job_id) == [Outcome.RELEASED]


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_the_first_signal_lets_runs_finish_and_starts_nothing(
    queue: LiveQueue, gate: Gate, number: signal.Signals
) -> None:
    pool = queue.pool()
    running, waiting = queue.put(gate.command), queue.put("true")
    gate.pid()
    pool.signal(number)
    hears_of_stopping(pool)
    gate.open()
    assert pool.ended() == 0
    assert queue.job(running).state is JobState.COMPLETED
    assert queue.job(waiting).state is JobState.PENDING


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_the_second_signal_ends_runs_and_releases_them(queue: LiveQueue, gate: Gate, number: signal.Signals) -> None:
    pool = queue.pool()
    job = queue.put(gate.command)
    command = gate.pid()
    pool.signal(signal.SIGTERM)
    hears_of_stopping(pool)
    pool.signal(number)
    assert pool.ended() == 0
    assert not lives(command)
    assert_released(queue, job)
    assert queue.left_in_run() == []
    assert queue.run(roster()) == ([], [])


def test_an_idle_pool_leaves_at_the_first_signal(queue: LiveQueue) -> None:
    pool = queue.ready_pool(2)
    pool.signal(signal.SIGTERM)
    assert pool.ended() == 0
    assert queue.left_in_run() == []
    assert queue.run(roster()) == ([], [])


def test_runs_are_released_when_the_grace_runs_out(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.pool(grace=0.2)
    job = queue.put(gate.command)
    gate.pid()
    pool.signal(signal.SIGTERM)
    assert pool.ended() == 0
    assert_released(queue, job)


def test_the_grace_of_the_settings_holds_where_a_pool_has_none(queue: LiveQueue, gate: Gate) -> None:
    queue.set(shutdown_grace=0.2)
    pool = queue.ready_pool()
    job = queue.put(gate.command)
    gate.pid()
    # What the keeper told before is heard before.
    queue.run(scale(pool.name, 2))
    eventually(lambda: len(queue.workers()) == 2)
    pool.signal(signal.SIGTERM)
    assert pool.ended() == 0
    assert_released(queue, job)


def test_an_interrupt_at_the_terminal_reaches_neither_workers_nor_jobs(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool(2)
    job = queue.put(gate.command)
    gate.pid()
    os.killpg(pool.pid, signal.SIGINT)
    hears_of_stopping(pool)
    gate.open()
    assert pool.ended() == 0
    assert queue.outcomes(job) == [Outcome.COMPLETED]


def test_a_run_that_ends_well_within_the_grace_is_completed(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.pool(grace=20)
    job = queue.put(gate.command)
    gate.pid()
    pool.signal(signal.SIGTERM)
    hears_of_stopping(pool)
    gate.open()
    assert pool.ended() == 0
    assert queue.outcomes(job) == [Outcome.COMPLETED]


def test_a_run_that_ends_well_when_told_to_end_is_completed(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pool = queue.pool(grace=0)
    job = queue.put(f"trap 'exit 0' TERM; echo $$ > {pids}; while :; do sleep 0.05; done")
    pids_in(pids)
    pool.signal(signal.SIGTERM)
    assert pool.ended() == 0
    assert queue.outcomes(job) == [Outcome.COMPLETED]
    assert queue.job(job).state is JobState.COMPLETED


def test_a_run_that_does_not_go_is_killed_after_its_grace_and_released(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    queue.set(kill_grace=0.2)
    pool = queue.pool(grace=0)
    job = queue.put(f"trap '' TERM; echo $$ > {pids}; while :; do sleep 0.1; done")
    [pid] = pids_in(pids)
    pool.signal(signal.SIGTERM)
    assert pool.ended() == 0
    assert not lives(pid)
    assert_released(queue, job)


def test_the_order_to_drain_is_the_first_signal(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool(keeper_steps=False)
    running, waiting = queue.put(gate.command), queue.put("true")
    gate.pid()
    queue.run(order([pool.name], Orders.DRAIN))
    hears_of_stopping(pool)
    gate.open()
    assert pool.ended() == 0
    assert (queue.job(running).state, queue.job(waiting).state) == (JobState.COMPLETED, JobState.PENDING)


def test_a_pool_that_drains_leaves_soon_after_another_has_done_the_last_job(queue: LiveQueue, gate: Gate) -> None:
    queue.ready_pool()
    job = queue.put(gate.command)
    gate.pid()
    pool = queue.ready_pool(drain=True, keeper_steps=False, routine_looks=False)
    bells = Path(queue.home.run, "bells", "any")
    eventually(lambda: len(os.listdir(bells)) == 2, what="its worker has nothing to do, and says so")

    gate.open()

    assert pool.ended() == 0
    assert queue.job(job).state is JobState.COMPLETED


@pytest.mark.parametrize("drains", [False, True], ids=["told to stop", "drains"])
def test_a_keeper_that_can_do_nothing_else_hears_orders_and_sees_that_all_is_done(
    queue: LiveQueue, drains: bool
) -> None:
    job = queue.put("true")
    pool = queue.pool(drain=drains, trouble=Trouble.STEPS_IN_VAIN)
    queue.once(job, JobState.COMPLETED)
    if not drains:
        queue.run(order([pool.name], Orders.DRAIN))

    assert pool.ended() == 0
    assert sum("keeper of pool" in notice for notice in pool.notices()) == 1


def test_the_order_to_stop_ends_runs_and_releases_them(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool(keeper_steps=False)
    job = queue.put(gate.command)
    gate.pid()
    queue.run(order([pool.name], Orders.STOP))
    assert pool.ended() == 0
    assert_released(queue, job)


def test_an_order_to_stop_overtakes_one_to_drain(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.pool()
    job = queue.put(gate.command)
    gate.pid()
    queue.run(order([pool.name], Orders.DRAIN))
    hears_of_stopping(pool)
    queue.run(order([pool.name], Orders.STOP))
    assert pool.ended() == 0
    assert_released(queue, job)


def test_an_order_reaches_the_pool_that_is_meant_alone(queue: LiveQueue) -> None:
    kept, stopped = queue.ready_pool(), queue.ready_pool()
    queue.run(order([stopped.name], Orders.DRAIN))
    assert stopped.ended() == 0
    job = queue.put("true")
    assert queue.once(job, JobState.COMPLETED).worker == f"{kept.name}-1"


@pytest.mark.crash
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_a_signal_ends_while_its_pool_is_stopping_is_released(
    queue: LiveQueue, gate: Gate, number: signal.Signals
) -> None:
    pool = queue.pool()
    job = queue.put(gate.command)
    command = gate.pid()
    pool.signal(signal.SIGTERM)
    hears_of_stopping(pool)
    os.kill(command, number)
    assert pool.ended() == 0
    assert_released(queue, job)


def test_a_run_that_exits_as_one_that_a_signal_ended_is_released_too(queue: LiveQueue, tmp_path: Path) -> None:
    pool = queue.pool()
    ready = tmp_path / "ready"
    job = queue.put(f"trap 'exit 143' TERM; echo $$ > {ready}; while :; do sleep 0.01; done", max_retries=0)
    [command] = pids_in(ready)
    pool.signal(signal.SIGTERM)
    hears_of_stopping(pool)
    os.kill(command, signal.SIGTERM)
    assert pool.ended() == 0
    assert_released(queue, job)


@pytest.mark.crash
def test_a_shutdown_that_reaches_the_command_before_its_worker_charges_nothing(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.pool()
    job = queue.put(gate.command)
    command, worker = gate.pid(), queue.worker_of(job).pid
    os.kill(worker, signal.SIGSTOP)
    os.kill(command, signal.SIGTERM)
    eventually(lambda: not lives(command))
    os.kill(worker, signal.SIGTERM)
    pool.signal(signal.SIGTERM)
    os.kill(worker, signal.SIGCONT)
    assert pool.ended() == 0
    assert_released(queue, job)


@pytest.mark.crash
def test_a_run_that_a_signal_ends_otherwise_is_charged(queue: LiveQueue, gate: Gate) -> None:
    queue.pool()
    job = queue.put(gate.command, max_retries=0)
    os.kill(gate.pid(), signal.SIGTERM)
    dead = queue.once(job, JobState.DEAD)
    assert (dead.attempts, dead.signal, dead.error) == (1, 15, "killed by signal 15 (SIGTERM)")
    assert queue.outcomes(job) == [Outcome.FAILED]


@pytest.mark.crash
def test_a_worker_that_is_told_to_leave_by_itself_is_replaced(queue: LiveQueue) -> None:
    pool = queue.ready_pool()
    os.kill(queue.workers()[0].pid, signal.SIGTERM)
    eventually(lambda: [view.id for view in queue.workers()] == [f"{pool.name}-2"], what="another took its place")
    assert pool.notices() == []
