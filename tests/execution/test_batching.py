"""Several short jobs share a transaction; none of them pays for that: not by waiting, not by another's crash."""

from __future__ import annotations

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.jobs import tail
from tests.execution.pools import Gate, LiveQueue
from tests.execution.waiting import eventually

WARM_UP = 24
"""Short jobs after which a worker claims as many at once as it ever does."""


def completed(queue: LiveQueue, jobs: list[str]) -> bool:
    """Whether all of these jobs have completed."""
    return all(queue.job(job).state is JobState.COMPLETED for job in jobs)


def test_no_job_waits_behind_a_long_one_in_the_same_worker(queue: LiveQueue, gate: Gate) -> None:
    before = [queue.put() for _ in range(WARM_UP)]
    long = queue.put(gate.command)
    behind = [queue.put() for _ in range(12)]

    pool = queue.ready_pool(workers=2)

    gate.pid()
    eventually(lambda: completed(queue, [*before, *behind]), what="all others have completed")
    assert queue.job(long).state is JobState.PROCESSING
    gate.open()
    queue.once(long, JobState.COMPLETED)
    assert all(queue.outcomes(job) == [Outcome.COMPLETED] for job in [*before, long, *behind])
    assert not pool.notices() or "came too late" not in " ".join(pool.notices())


@pytest.mark.crash
def test_a_job_that_kills_its_worker_costs_those_around_it_nothing(queue: LiveQueue) -> None:
    queue.set(backoff_max=0)
    before = [queue.put("echo once", max_retries=0) for _ in range(WARM_UP)]
    killer = queue.put("kill -9 $PPID", max_retries=1)
    behind = [queue.put("echo once", max_retries=0) for _ in range(12)]

    queue.drained()

    assert queue.outcomes(killer) == [Outcome.LOST, Outcome.LOST]
    assert queue.job(killer).state is JobState.DEAD
    others = [*before, *behind]
    assert [(queue.job(job).attempts, queue.outcomes(job)) for job in others] == [(1, [Outcome.COMPLETED])] * 36
    assert all(queue.output(job) == b"once\n" for job in others)
    tails = [queue.run(tail(int(job), 1)) for job in others]
    assert tails == [b"once\n"] * 36


def test_results_of_short_jobs_are_stored_while_a_long_one_runs(queue: LiveQueue, gate: Gate) -> None:
    before = [queue.put() for _ in range(WARM_UP)]
    queue.put(gate.command)

    queue.ready_pool()

    gate.pid()
    eventually(lambda: completed(queue, before), what="what ended before is stored")
    gate.open()


def test_what_is_cancelled_before_it_has_begun_never_runs(queue: LiveQueue, gate: Gate) -> None:
    for _ in range(WARM_UP):
        queue.put()
    queue.put(gate.command)
    behind = [queue.put("echo ran") for _ in range(6)]
    queue.ready_pool()
    gate.pid()

    queue.run(cancel(behind))
    gate.open()

    for job in behind:
        queue.once(job, JobState.CANCELLED)
    assert all(queue.runs(job) == [] for job in behind)
