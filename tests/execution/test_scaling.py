"""More workers, fewer workers, while the pool runs."""

from __future__ import annotations

from queuectl_core.execution.roster import WorkerState
from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.workers import scale
from tests.execution.pools import Gate, LiveQueue
from tests.execution.waiting import eventually


def test_a_pool_grows_while_it_runs_a_job(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.pool()
    job = queue.put(gate.command)
    gate.pid()
    assert queue.run(scale(pool.name, 3))
    eventually(lambda: len(queue.workers()) == 3, what="there are three workers")
    assert {view.state for view in queue.workers()} == {WorkerState.BUSY, WorkerState.IDLE}
    gate.open()
    assert queue.once(job, JobState.COMPLETED).attempts == 1


def test_a_pool_shrinks_once_its_runs_have_ended(queue: LiveQueue) -> None:
    gates = [queue.gate("one"), queue.gate("two")]
    pool = queue.ready_pool(2)
    jobs = [queue.put(gate.command) for gate in gates]
    for gate in gates:
        gate.pid()
    queue.run(scale(pool.name, 1))
    eventually(lambda: [view for view in queue.workers() if view.state is WorkerState.DRAINING])
    assert [queue.job(job).state for job in jobs] == [JobState.PROCESSING] * 2
    for gate in gates:
        gate.open()
    for job in jobs:
        assert queue.once(job, JobState.COMPLETED).runs == 1
    eventually(lambda: [view.id for view in queue.workers()] == [f"{pool.name}-1"], what="one worker is left")
    assert queue.once(queue.put("true"), JobState.COMPLETED).worker == f"{pool.name}-1"


def test_a_pool_that_shrank_grows_again_by_new_workers(queue: LiveQueue) -> None:
    pool = queue.ready_pool(2)
    queue.run(scale(pool.name, 1))
    eventually(lambda: len(queue.workers()) == 1)
    queue.run(scale(pool.name, 2))
    eventually(lambda: [view.id for view in queue.workers()] == [f"{pool.name}-1", f"{pool.name}-3"])
