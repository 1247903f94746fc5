"""Deaths by kill -9: of a worker, of a pool, of both, of the keeper; and what becomes of the jobs."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from queuectl_core.execution import recovery
from queuectl_core.execution.locks import any_worker
from queuectl_core.execution.recovery import recover_lost, stuck
from queuectl_core.execution.roster import WorkerState, living_pools
from queuectl_core.execution.survivors import find_survivors
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.workers import Orders, order, roster
from tests.execution.pools import Gate, LiveQueue, Pool, kill_whole_pool, lives, pids_in
from tests.execution.trees import SIZE, tree
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash


def kill(*pids: int) -> None:
    """Kill processes, and see them gone."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(lives(pid) for pid in pids), what="they are dead")


def alone_at(gate: Gate, mark: Path) -> str:
    """A job that waits at the gate, and ends with 9 where a run of it before still lives."""
    # One that has ended is no matter, though nobody may have collected it: its parents are dead.
    lives = f"grep -qs '^State:.[^ZX]' /proc/$(cat {mark})/status"
    guard = f"[ -e {mark} ] && {lives} && exit 9; echo $$ > {mark}"
    return f"{guard}; {gate.command}"


def test_the_job_of_a_killed_worker_is_charged_and_runs_again(queue: LiveQueue, gate: Gate, tmp_path: Path) -> None:
    queue.set(backoff_max=0)
    pool = queue.ready_pool(keeper_steps=False)
    job = queue.put(alone_at(gate, tmp_path / "mark"))
    command = gate.pid()
    kill(queue.worker_of(job).pid)
    eventually(lambda: gate.arrivals() == 2, what="it runs again")
    assert not lives(command)
    gate.open()
    done = queue.once(job, JobState.COMPLETED)
    assert (done.attempts, done.runs, done.worker) == (2, 2, f"{pool.name}-2")
    assert queue.outcomes(job) == [Outcome.LOST, Outcome.COMPLETED]
    assert queue.runs(job)[0].error == "the worker died"
    assert pool.notices() == [
        f"worker {pool.name}-1 died (signal 9)",
        f"job {job} was lost with worker {pool.name}-1: retry in 0s",
    ]


def test_the_whole_tree_of_a_killed_workers_command_is_ended(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    queue.ready_pool()
    job = queue.put(f"{tree(pids)} wait", max_retries=0)
    tree_pids = pids_in(pids, SIZE)
    kill(queue.worker_of(job).pid)
    queue.once(job, JobState.DEAD)
    assert not [pid for pid in tree_pids if lives(pid)]


def test_the_other_runs_of_a_pool_go_on_when_one_worker_is_killed(queue: LiveQueue) -> None:
    gates = [queue.gate("one"), queue.gate("two")]
    queue.ready_pool(2)
    lost, other = [queue.put(gate.command, max_retries=0) for gate in gates]
    command = gates[1].pid()
    gates[0].pid()
    kill(queue.worker_of(lost).pid)
    queue.once(lost, JobState.DEAD)
    assert lives(command)
    gates[1].open()
    assert queue.once(other, JobState.COMPLETED).runs == 1


def test_a_job_that_is_being_cancelled_is_cancelled_when_its_worker_dies(
    queue: LiveQueue, gate: Gate, tmp_path: Path
) -> None:
    queue.ready_pool()
    job = queue.put(f"trap '' TERM; {gate.command}")
    gate.pid()
    worker = queue.worker_of(job).pid
    os.kill(worker, signal.SIGSTOP)
    queue.run(cancel([job]))
    kill(worker)
    queue.once(job, JobState.CANCELLED)
    assert queue.outcomes(job) == [Outcome.LOST]


def test_a_stopped_worker_keeps_its_job(queue: LiveQueue, gate: Gate) -> None:
    queue.ready_pool()
    job = queue.put(gate.command)
    gate.pid()
    worker = queue.worker_of(job)
    os.kill(worker.pid, signal.SIGSTOP)
    eventually(lambda: queue.worker_of(job).state is WorkerState.STOPPED)
    gate.open()
    assert recover_lost(queue.store) == []
    assert queue.job(job).state is JobState.PROCESSING
    os.kill(worker.pid, signal.SIGCONT)
    done = queue.once(job, JobState.COMPLETED)
    assert (done.worker, done.attempts) == (worker.id, 1)


def test_the_workers_of_a_killed_pool_finish_what_they_run_and_leave(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool()
    running, waiting = queue.put(gate.command), queue.put("true")
    gate.pid()
    workers = queue.workers()
    keeper = pool.keeper(workers)
    pool.signal(signal.SIGKILL)
    pool.process.wait()
    eventually(lambda: not lives(keeper), what="the keeper leaves")
    assert living_pools(queue.store) == []
    assert any_worker(queue.home)
    gate.open()
    assert queue.once(running, JobState.COMPLETED).attempts == 1
    eventually(lambda: not lives(workers[0].pid), what="the worker leaves")
    assert queue.job(waiting).state is JobState.PENDING
    assert not any_worker(queue.home)
    assert recover_lost(queue.store) == []
    assert queue.left_in_run() == []
    assert queue.run(roster()) == ([], [])


def test_what_a_killed_pool_left_running_is_ended_by_whoever_looks(queue: LiveQueue, gate: Gate) -> None:
    queue.set(backoff_base=7)
    pool = queue.ready_pool()
    job = queue.put(gate.command)
    command = gate.pid()
    kill_whole_pool(queue, pool)
    assert lives(command)
    [lost] = queue.workers()
    assert (lost.state, lost.job) == (WorkerState.LOST, job)
    [found] = stuck(queue.store)
    assert (found.job.id, command in found.pids) == (job, True)
    [recovered] = recover_lost(queue.store)
    assert not lives(command)
    assert (recovered.id, recovered.state, recovered.attempts) == (job, JobState.FAILED, 1)
    assert recovered.due - recovered.updated_at == 7000
    assert queue.outcomes(job) == [Outcome.LOST]
    assert queue.left_in_run() == []
    assert queue.run(roster()) == ([], [])
    assert recover_lost(queue.store) == []


def test_the_next_pool_ends_what_a_killed_one_left_before_the_job_runs_again(
    queue: LiveQueue, gate: Gate, tmp_path: Path
) -> None:
    queue.set(backoff_max=0)
    pool = queue.ready_pool()
    job = queue.put(alone_at(gate, tmp_path / "mark"))
    command = gate.pid()
    kill_whole_pool(queue, pool)
    queue.pool()
    eventually(lambda: gate.arrivals() == 2, what="it runs again")
    assert not lives(command)
    gate.open()
    queue.once(job, JobState.COMPLETED)
    assert queue.outcomes(job) == [Outcome.LOST, Outcome.COMPLETED]


def test_a_command_that_hides_its_token_is_found_by_its_session(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pool = queue.ready_pool()
    job = queue.put(f"exec env -i /bin/sh -c 'echo $$ >> {pids}; while :; do sleep 0.1; done'", max_retries=0)
    [command] = pids_in(pids)
    kill_whole_pool(queue, pool)
    try:
        assert [found.id for found in recover_lost(queue.store)] == [job]
        assert not lives(command)
    finally:
        if lives(command):
            os.kill(command, signal.SIGKILL)


@pytest.mark.parametrize("spawn", ["", "env -i", "setsid", "env -i setsid"])
def test_a_daemon_that_lost_all_its_parents_is_ended_before_its_job_runs_again(
    queue: LiveQueue, gate: Gate, tmp_path: Path, spawn: str
) -> None:
    queue.set(backoff_max=0)
    pids = tmp_path / "pids"
    daemon = f"{spawn} sh -c 'exec >/dev/null 2>&1 </dev/null; (sleep 1000 & echo $! >> {pids}) &'"
    pool = queue.ready_pool()
    job = queue.put(f"{daemon}; {gate.command}", max_retries=1)
    gate.pid()
    [first] = pids_in(pids)
    kill_whole_pool(queue, pool)
    assert lives(first)
    queue.pool()
    eventually(lambda: gate.arrivals() == 2, what="it runs again")
    assert not lives(first)
    kill_whole_pool(queue, queue.pools[-1])
    queue.drained()
    assert [lives(pid) for pid in pids_in(pids, 2)] == [False, False]
    assert queue.outcomes(job) == [Outcome.LOST] * 2


def test_another_pool_recovers_what_a_killed_one_left(queue: LiveQueue, gate: Gate) -> None:
    queue.set(backoff_max=0)
    first = queue.ready_pool(1, ("mail",))
    job = queue.put(gate.command, queue="mail", max_retries=0)
    command = gate.pid()
    workers = queue.workers()
    other = queue.ready_pool(1, ("other",))
    keeper = first.keeper(workers)
    kill(keeper, first.pid, workers[0].pid)
    assert queue.once(job, JobState.DEAD, seconds=10).error == "the worker died"
    assert not lives(command)
    eventually(lambda: [pool.id for pool in queue.run(roster()).pools] == [other.name])


def test_a_job_that_kills_its_worker_dies_of_it_while_others_go_on(queue: LiveQueue) -> None:
    queue.set(backoff_max=0)
    killer = queue.put("kill -9 $PPID; sleep 1000", max_retries=1, priority=1)
    others = [queue.put("true") for _ in range(4)]
    queue.drained(2)
    assert queue.job(killer).state is JobState.DEAD
    assert queue.outcomes(killer) == [Outcome.LOST] * 2
    assert [queue.job(other).state for other in others] == [JobState.COMPLETED] * 4
    assert queue.left_in_run() == []


def test_a_killed_keeper_is_replaced_and_takes_up_its_work(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool()
    job = queue.put(gate.command, max_retries=0)
    gate.pid()
    first = pool.keeper(queue.workers())
    kill(first)
    second = eventually(lambda: keeper_of(queue, pool), what="there is a keeper again")
    assert second != first
    assert pool.notices() == [f"keeper of pool {pool.name} died (signal 9)"]
    kill(queue.worker_of(job).pid)
    queue.once(job, JobState.DEAD)
    queue.run(order([pool.name], Orders.DRAIN))
    assert pool.ended() == 0
    assert len(pool.events("Ready")) == 1


def keeper_of(queue: LiveQueue, pool: Pool) -> int:
    """The pid of a pool's keeper, 0 while it has none."""
    try:
        return pool.keeper(queue.workers())
    except ValueError:
        return 0


def test_recovery_leaves_all_to_another_that_is_at_it(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool()
    job = queue.put(gate.command)
    gate.pid()
    kill_whole_pool(queue, pool)
    with recovering(queue):
        assert recover_lost(queue.store) == []
        assert queue.job(job).state is JobState.PROCESSING
    assert [found.id for found in recover_lost(queue.store)] == [job]


@contextmanager
def recovering(queue: LiveQueue) -> Iterator[None]:
    """Hold the lock of recovery, as a process does that is at it."""
    lock = os.open(queue.home.lock("recovery"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def test_what_cannot_be_ended_keeps_its_job_from_running_again(
    queue: LiveQueue, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = queue.ready_pool()
    job = queue.put(gate.command)
    command = gate.pid()
    kill_whole_pool(queue, pool)
    with monkeypatch.context() as patched:
        patched.setattr(recovery, "end_survivors", lambda trail, _: find_survivors(trail))
        assert recover_lost(queue.store) == []
    assert queue.job(job).state is JobState.PROCESSING
    assert [(found.job.id, command in found.pids) for found in stuck(queue.store)] == [(job, True)]
    assert queue.workers()[0].state is WorkerState.LOST
    assert [found.id for found in recover_lost(queue.store)] == [job]
    assert stuck(queue.store) == []
