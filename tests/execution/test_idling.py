"""What wakes an idle worker: the doorbell, a due instant, and, where both fail, its own look.

Pools of these tests mostly have no routine look: what wakes them is what the test says.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from queuectl_core.execution import idling, processes
from queuectl_core.model.job import JobState, NewJob
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of
from queuectl_core.store.transactions.changes import retry
from queuectl_core.store.transactions.queues import pause, resume
from tests.execution.pools import Gate, LiveQueue
from tests.execution.waiting import eventually


def test_an_enqueue_wakes_an_idle_worker(queue: LiveQueue) -> None:
    queue.ready_pool(routine_looks=False)
    for _ in range(5):
        queue.once(queue.put("true"), JobState.COMPLETED)


def test_an_enqueue_wakes_a_worker_of_its_queue(queue: LiveQueue) -> None:
    queue.ready_pool(1, ("other",), routine_looks=False)
    mail = queue.ready_pool(1, ("mail", "news"), routine_looks=False)
    for name in ("mail", "news"):
        job = queue.put("true", queue=name)
        assert queue.once(job, JobState.COMPLETED).worker == f"{mail.name}-1"


def test_several_jobs_at_once_wake_several_workers(queue: LiveQueue, gate: Gate) -> None:
    queue.ready_pool(3, routine_looks=False)
    rows = [row_of(NewJob(gate.command, cwd=str(queue.folder)), "/") for _ in range(3)]
    queue.run(enqueue_rows(lambda: [rows], str))
    eventually(lambda: gate.arrivals() == 3, what="all three run at once")
    gate.open()


def test_one_after_another_wakes_one_worker_after_another(queue: LiveQueue, gate: Gate) -> None:
    queue.ready_pool(3, routine_looks=False)
    for _ in range(3):
        queue.put(gate.command)
    eventually(lambda: gate.arrivals() == 3, what="all three run at once")
    gate.open()


def test_a_delayed_job_starts_when_it_is_due_and_not_before(queue: LiveQueue) -> None:
    queue.ready_pool(2, routine_looks=False)
    job = queue.put("true", delay=0.7)
    done = queue.once(job, JobState.COMPLETED)
    assert done.due == done.created_at + 700
    assert (done.started_at or 0) >= done.due


def test_a_failed_job_starts_again_when_it_is_due_and_not_before(queue: LiveQueue) -> None:
    queue.set(backoff_max=0.4)
    queue.ready_pool(routine_looks=False)
    job = queue.put('test "$QUEUECTL_ATTEMPT" -eq 2')
    queue.once(job, JobState.COMPLETED)
    first, second = queue.runs(job)
    assert second.started_at >= (first.finished_at or 0) + 400


def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(queue: LiveQueue) -> None:
    queue.run(pause(["mail"]))
    job = queue.put("true", queue="mail", priority=9)
    queue.ready_pool(routine_looks=False)
    queue.once(queue.put("true"), JobState.COMPLETED)
    assert queue.job(job).state is JobState.PENDING
    queue.run(resume(["mail"]))
    queue.once(job, JobState.COMPLETED)


def test_a_retry_by_hand_wakes_an_idle_worker(queue: LiveQueue) -> None:
    queue.ready_pool(routine_looks=False)
    job = queue.put('test "$QUEUECTL_ATTEMPT" -eq 2', max_retries=0)
    queue.once(job, JobState.DEAD)
    queue.run(retry([job]))
    queue.once(job, JobState.COMPLETED)


def test_a_worker_whose_doorbell_is_missing_finds_a_job_by_itself(queue: LiveQueue) -> None:
    queue.ready_pool()
    bells = Path(queue.home.run, "bells")
    eventually(lambda: any(path.is_fifo() for path in bells.rglob("*")), what="the worker has hung out its bell")
    shutil.rmtree(bells)
    queue.once(queue.put("true"), JobState.COMPLETED, seconds=10)


@pytest.mark.parametrize(("since_boot", "left"), [(7.25, 0.75), (8.0, 1.0), (0.001, 0.999)])
def test_all_that_look_once_a_second_look_at_the_same_instants(
    monkeypatch: pytest.MonkeyPatch, since_boot: float, left: float
) -> None:
    monkeypatch.setattr(processes, "boot_clock_ns", lambda: round(since_boot * 1e9))
    assert processes.to_next_beat(1.0) == pytest.approx(left)
    assert idling._until(None, math.inf) == pytest.approx(left * 1000)


@pytest.mark.parametrize(("heartbeat", "left"), [(0.25, 250), (5.0, 1000)])
def test_who_has_a_lease_to_renew_does_not_wait_for_an_instant(
    monkeypatch: pytest.MonkeyPatch, heartbeat: float, left: float
) -> None:
    monkeypatch.setattr(processes, "boot_clock_ns", lambda: 7_900_000_000)
    assert idling._until(None, heartbeat) == left
