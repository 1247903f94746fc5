"""Workers that crash at once again and again are replaced with growing pauses, until they no longer do."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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


# A keeper whose doorbell is taken down as soon as it hangs.
UNHEARD = """
import os, sys
from queuectl_core.execution.children import _keep
from queuectl_core.execution.orders import Inbox, KeeperOptions
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home

Doorbell.control_of = lambda bell, name: os.path.join(sys.argv[1], "gone")
told, pool = os.pipe()
if sys.argv[2] == "dead":
    os.close(pool)
_keep(Home(sys.argv[1]), KeeperOptions("a1b2", os.getpid(), 1, (), False), Inbox(told), 1, print)
"""


@pytest.mark.parametrize(("pool", "status"), [("dead", 0), ("alive", 1)])
def test_a_keeper_that_is_not_there_to_anybody_leaves_without_a_word_where_its_pool_has_died(
    queue: LiveQueue, pool: str, status: int
) -> None:
    command = [sys.executable, "-c", UNHEARD, queue.home.path, pool]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert ("FileNotFoundError" in ended.stderr) == (pool == "alive")
