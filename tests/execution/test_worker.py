"""What a worker claims, in which order, and what becomes of jobs that fail."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.workers import roster
from tests.execution.pools import Gate, LiveQueue
from tests.execution.waiting import eventually


def test_a_worker_runs_jobs_of_its_queues_alone(queue: LiveQueue) -> None:
    mail, other = queue.put("true", queue="mail"), queue.put("true", queue="other")
    queue.drained(1, ("mail", "images"))
    assert queue.job(mail).state is JobState.COMPLETED
    assert queue.job(other).state is JobState.PENDING


def test_jobs_start_by_priority_then_in_order_of_arrival(queue: LiveQueue) -> None:
    low, first, second, high = (queue.put("true", priority=p) for p in (-5, 0, 0, 7))
    pool = queue.drained()
    assert pool.order_of_starts() == [high, first, second, low]


def test_a_draining_pool_leaves_when_nothing_is_left_whatever_became_of_its_jobs(queue: LiveQueue) -> None:
    good, bad = queue.put("true"), queue.put("false", max_retries=0)
    pool = queue.pool(2, drain=True)
    assert pool.ended() == 0
    assert queue.job(good).state is JobState.COMPLETED
    assert queue.job(bad).state is JobState.DEAD


def test_a_draining_pool_waits_for_jobs_that_are_to_run_later(queue: LiveQueue) -> None:
    job = queue.put("true", delay=2)
    pool = queue.drained()
    assert queue.job(job).state is JobState.COMPLETED
    assert f"pool {pool.name} " not in " ".join(pool.notices())
    assert "draining: waiting for 1 pending" in pool.notices()


def test_a_pool_that_has_left_leaves_nothing_behind(queue: LiveQueue) -> None:
    queue.put("true")
    queue.drained(3)
    assert queue.left_in_run() == []
    assert queue.run(roster()) == ([], [])


def test_a_failing_job_waits_as_failed_and_dies_after_its_last_retry(queue: LiveQueue) -> None:
    queue.set(backoff_max=0.3)
    job = queue.put("echo no; exit 3", max_retries=2)
    queue.pool()
    waiting = queue.once(job, JobState.FAILED)
    assert waiting.next_run_at == waiting.updated_at + 300
    assert (waiting.exit_code, waiting.error) == (3, "exit status 3")
    dead = queue.once(job, JobState.DEAD)
    assert (dead.attempts, dead.runs, dead.error) == (3, 3, "exit status 3")
    assert [run.attempt for run in queue.runs(job)] == [1, 2, 3]
    assert queue.outcomes(job) == [Outcome.FAILED] * 3
    assert queue.output(job, 3) == b"no\n"


def test_a_job_may_succeed_on_its_third_try(queue: LiveQueue) -> None:
    queue.set(backoff_max=0)
    job = queue.put('test "$QUEUECTL_ATTEMPT" -eq 3', max_retries=5)
    pool = queue.drained()
    done = queue.job(job)
    assert (done.state, done.attempts, done.error) == (JobState.COMPLETED, 3, None)
    assert queue.outcomes(job) == [Outcome.FAILED, Outcome.FAILED, Outcome.COMPLETED]
    assert [(event["attempt"], event["state"], event["retry_in_ms"]) for event in pool.events("RunEnded")] == [
        (1, "failed", 0),
        (2, "failed", 0),
        (3, "completed", None),
    ]


def test_a_running_pool_takes_up_settings_that_are_changed(queue: LiveQueue) -> None:
    queue.set(backoff_base=500)
    queue.ready_pool()
    slow = queue.once(queue.put("false"), JobState.FAILED)
    assert slow.due - slow.updated_at == 500_000
    queue.set(backoff_base=3, shell="/bin/false", job_timeout=5)
    fast = queue.once(queue.put("true"), JobState.FAILED)
    assert fast.due - fast.updated_at == 3000


def test_a_job_whose_directory_is_gone_fails_and_says_so(queue: LiveQueue) -> None:
    job = queue.put("true", cwd="/no/such/directory", max_retries=0)
    queue.drained()
    [run] = queue.runs(job)
    assert (run.outcome, run.exit_code, run.error) == (
        Outcome.FAILED,
        None,
        "working directory is gone: /no/such/directory",
    )


def test_a_command_inherits_no_open_file(queue: LiveQueue) -> None:
    job = queue.put("ls /proc/$$/fd")
    queue.drained(inherited=9)
    assert queue.output(job) == b"0\n1\n2\n"


def test_workers_run_side_by_side(queue: LiveQueue, gate: Gate) -> None:
    jobs = [queue.put(gate.command) for _ in range(3)]
    queue.pool(3)
    eventually(lambda: gate.arrivals() == 3, what="all three run")
    assert len({queue.worker_of(job).id for job in jobs}) == 3
    gate.open()
    for job in jobs:
        queue.once(job, JobState.COMPLETED)


def test_a_pool_tells_what_it_runs_and_how_it_ended(queue: LiveQueue) -> None:
    job = queue.put("exit 4", queue="mail", max_retries=0)
    pool = queue.drained()
    [began], [ended] = pool.events("RunStarted"), pool.events("RunEnded")
    worker = f"{pool.name}-1"
    assert began == {
        "kind": "RunStarted", "worker": worker, "job": job, "attempt": 1, "queue": "mail", "command": "exit 4",
    }  # fmt: skip
    assert ended.pop("duration_ms") >= 0
    assert ended == {
        "kind": "RunEnded", "worker": worker, "job": job, "attempt": 1, "queue": "mail", "outcome": "failed",
        "state": "dead", "exit_code": 4, "signal": None, "error": "exit status 4", "retry_in_ms": None,
    }  # fmt: skip


@pytest.mark.crash
def test_a_run_that_no_longer_holds_its_job_is_ended_and_its_result_dropped(queue: LiveQueue, gate: Gate) -> None:
    pool = queue.pool()
    job = queue.put(gate.command, max_retries=0)
    gate.pid()
    with closing(sqlite3.connect(queue.home.database, isolation_level=None)) as database:
        database.execute("UPDATE jobs SET token = 'of another run'")
    [notice] = eventually(pool.notices, what="the late result is noticed")
    assert notice == f"worker {pool.name}-1: the result of job 1 came too late and was dropped"
    assert queue.job(job).state is JobState.PROCESSING
    assert queue.outcomes(job) == [None]
