"""Workers that crash at once again and again are replaced with growing pauses, until they no longer do."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.workers import scale
from tests.execution.pools import LiveQueue
from tests.execution.waiting import eventually


def test_workers_that_cannot_start_are_tried_again_with_pauses_and_work_in_the_end(queue: LiveQueue) -> None:
    job = queue.put("echo done")
    gate = Path(queue.home.lock("write"))
    gate.unlink()
    gate.mkdir()  # in the way

    pool = queue.pool(workers=1, drain=True)
    eventually(lambda: len(deaths(pool.notices())) >= 4, what="a worker has died several times")
    assert any("cannot go on" in notice for notice in pool.notices())
    assert queue.job(job).state is JobState.PENDING
    gate.rmdir()

    assert pool.ended() == 0
    assert queue.job(job).state is JobState.COMPLETED
    # Without pauses there would be hundreds.
    assert len(deaths(pool.notices())) < 15


def test_a_pool_that_cannot_register_leaves_no_file_of_its_own(queue: LiveQueue) -> None:
    gate = Path(queue.home.lock("write"))
    gate.unlink(missing_ok=True)
    gate.mkdir()  # in the way
    pool = queue.pool(workers=2)
    try:
        eventually(lambda: len(deaths(pool.notices())) >= 3, what="workers have died")
        eventually(lambda: any("keeper of pool" in notice for notice in pool.notices()), what="a keeper has died")

        pool.signal(signal.SIGTERM)

        assert pool.ended() == 0
        assert queue.left_in_run() == []
    finally:
        gate.rmdir()


def deaths(notices: list[str]) -> list[str]:
    """The notices that tell of a worker's death."""
    return [notice for notice in notices if notice.startswith("worker ") and " died " in notice]


def test_a_pool_without_descriptors_for_all_its_workers_has_a_keeper_for_those_it_has(queue: LiveQueue) -> None:
    gate = queue.gate("held")
    job = queue.put(gate.command, max_retries=1)
    pool = queue.pool(workers=40)
    resource.prlimit(pool.pid, resource.RLIMIT_NOFILE, (64, 64))
    eventually(lambda: any("Too many open files" in notice for notice in pool.notices()), what="it has run out of them")
    queue.once(job, JobState.PROCESSING)

    os.kill(queue.worker_of(job).pid, signal.SIGKILL)
    gate.open()

    assert queue.once(job, JobState.COMPLETED).attempts == 2
    pool.signal(signal.SIGTERM)
    assert pool.ended() == 0


def test_a_pool_that_can_start_no_more_processes_says_so_once(queue: LiveQueue) -> None:
    pool = queue.ready_pool()
    resource.prlimit(pool.pid, resource.RLIMIT_NOFILE, (16, 16))
    [name] = [view.pool for view in queue.workers()]
    queue.run(scale(name, 9))
    eventually(lambda: lacking(pool.notices()), what="it says what it lacks")
    slept = naps_of(pool.pid)
    eventually(lambda: naps_of(pool.pid) > slept + 2, what="it has tried again, which it sleeps between")

    assert lacking(pool.notices()) == [f"pool {name} cannot start a process: Too many open files"]


def lacking(notices: list[str]) -> list[str]:
    """The notices that tell of what a pool lacks."""
    return [notice for notice in notices if "cannot start a process" in notice]


def naps_of(pid: int) -> int:
    """How often a process has gone to sleep by itself."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    [naps] = [line.split()[1] for line in status if line.startswith("voluntary_ctxt_switches:")]
    return int(naps)
