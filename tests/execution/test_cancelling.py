"""Cancelling a job that runs: its whole tree is ended, and only then is it cancelled."""

from __future__ import annotations

import os
from pathlib import Path

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.changes import cancel
from tests.execution.pools import Gate, LiveQueue, lives, pids_in
from tests.execution.trees import SIZE, tree


def test_a_cancelled_run_is_ended_with_all_that_it_started(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    queue.set(kill_grace=0.2)
    queue.pool()
    job = queue.put(f"{tree(pids)} wait")
    tree_pids = pids_in(pids, SIZE)
    assert queue.run(cancel([job]))[0].state is JobState.PROCESSING
    ended = queue.once(job, JobState.CANCELLED)
    assert not [pid for pid in tree_pids if lives(pid)]
    assert queue.outcomes(job) == [Outcome.CANCELLED]
    assert ended.error == "cancelled"


def test_a_cancelled_run_that_ignores_the_request_is_killed(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    queue.set(kill_grace=0.2)
    queue.pool()
    job = queue.put(f"trap '' TERM; echo $$ > {pids}; while :; do sleep 0.1; done")
    [pid] = pids_in(pids)
    queue.run(cancel([job]))
    queue.once(job, JobState.CANCELLED)
    assert not lives(pid)


def test_a_cancelled_run_that_ends_well_is_cancelled_all_the_same(queue: LiveQueue, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    queue.pool()
    job = queue.put(f"trap 'exit 0' TERM; echo $$ > {pids}; while :; do sleep 0.05; done")
    pids_in(pids)
    queue.run(cancel([job]))
    queue.once(job, JobState.CANCELLED)


def test_the_doorbell_alone_tells_a_worker_of_a_cancellation(queue: LiveQueue, gate: Gate) -> None:
    queue.ready_pool(routine_looks=False)
    job = queue.put(gate.command)
    gate.pid()
    queue.run(cancel([job]))
    queue.once(job, JobState.CANCELLED)


def test_a_worker_whose_doorbell_is_missing_sees_a_cancellation_by_itself(queue: LiveQueue, gate: Gate) -> None:
    queue.pool()
    job = queue.put(gate.command)
    gate.pid()
    worker = queue.worker_of(job)
    os.unlink(f"{queue.home.run}/control/{worker.id}")
    queue.run(cancel([job]))
    queue.once(job, JobState.CANCELLED, seconds=10)


def test_a_worker_goes_on_after_a_cancellation(queue: LiveQueue, gate: Gate) -> None:
    queue.pool()
    job = queue.put(gate.command)
    gate.pid()
    queue.run(cancel([job]))
    other = queue.put("true")
    assert queue.once(other, JobState.COMPLETED).worker == queue.job(job).worker
