"""A pid that now belongs to somebody else: the kernel is made to give the pid of a dead command away."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from queuectl_core.execution.processes import look_at
from queuectl_core.execution.recovery import recover_lost, stuck
from queuectl_core.model.job import JobState
from tests.execution.pools import Gate, LiveQueue, kill_whole_pool, lives
from tests.execution.waiting import eventually

LAST_PID = "/proc/sys/kernel/ns_last_pid"

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists(LAST_PID), reason="only root may choose a pid"),
]


@contextmanager
def somebody_with_pid(pid: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any queue, leads a session of its own, and has this very pid."""
    with ExitStack() as others:

        def tried() -> subprocess.Popen[bytes] | None:
            with open(LAST_PID, "w", encoding="ascii") as last:
                last.write(str(pid - 1))
            process = subprocess.Popen(["sleep", "1000"], env={}, start_new_session=True)
            others.callback(process.wait)
            others.callback(process.kill)
            return process if process.pid == pid else None

        yield eventually(tried, what=f"somebody gets pid {pid}")


def test_whoever_has_the_pid_of_a_dead_command_now_is_not_signalled(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool()
    job = queue.put(gate.command, max_retries=0)
    command = gate.pid()
    kill_whole_pool(queue, pool)
    os.kill(command, signal.SIGKILL)
    eventually(lambda: look_at(command) is None, what="the pid is free")
    with somebody_with_pid(command) as innocent:
        assert stuck(queue.store) == []
        assert [found.id for found in recover_lost(queue.store)] == [job]
        assert innocent.poll() is None
        assert lives(command)
    assert queue.job(job).state is JobState.DEAD


def test_whoever_has_the_pid_of_a_dead_worker_now_does_not_pass_for_it(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.ready_pool()
    job = queue.put(gate.command, max_retries=0)
    gate.pid()
    [worker] = queue.workers()
    kill_whole_pool(queue, pool)
    eventually(lambda: look_at(worker.pid) is None, what="the pid is free")
    with somebody_with_pid(worker.pid) as innocent:
        assert [found.id for found in recover_lost(queue.store)] == [job]
        assert innocent.poll() is None
        assert queue.workers() == []
