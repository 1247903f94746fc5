"""Short jobs share a transaction, the next is claimed while one runs: none pays for it by a wait or by a crash."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.jobs import tail
from tests.execution.pools import Gate, LiveQueue
from tests.execution.troubles import Trouble
from tests.execution.waiting import eventually

WARM_UP = 24
"""Short jobs after which a worker claims as many at once as it ever does."""


def completed(queue: LiveQueue, jobs: list[str]) -> bool:
    """Whether all of these jobs have completed."""
    return all(queue.job(job).state is JobState.COMPLETED for job in jobs)


def given_back(queue: LiveQueue, job_id: str) -> bool:
    """Whether a job was claimed, and is pending again."""
    job = queue.job(job_id)
    return job.state is JobState.PENDING and job.updated_at > job.created_at


@pytest.mark.parametrize(("usual", "times"), [("true", WARM_UP), ("sleep 0.03", 6)])
def test_no_job_waits_behind_a_long_one_in_the_same_worker(
    queue: LiveQueue, gate: Gate, usual: str, times: int
) -> None:
    before = [queue.put(usual) for _ in range(times)]
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


@pytest.mark.crash
def test_a_run_that_ended_after_a_turn_was_tried_in_vain_is_not_forgotten_with_its_worker(queue: LiveQueue) -> None:
    queue.set(backoff_max=0)
    before = [queue.put("echo once >> began$QUEUECTL_JOB_ID", max_retries=0) for _ in range(6)]
    killer = queue.put("kill -9 $PPID", max_retries=0)

    queue.drained(trouble=Trouble.BUSY_MEANWHILE)

    assert queue.outcomes(killer) == [Outcome.LOST]
    assert [queue.outcomes(job) for job in before] == [[Outcome.COMPLETED]] * 6
    assert [Path(queue.folder, f"began{job}").read_text() for job in before] == ["once\n"] * 6


def test_a_job_that_was_perhaps_given_back_is_not_begun(queue: LiveQueue, gate: Gate) -> None:
    for _ in range(WARM_UP):
        queue.put()
    long = queue.put(gate.command)
    behind = [queue.put("echo once >> began$QUEUECTL_JOB_ID") for _ in range(6)]
    pool = queue.ready_pool(trouble=Trouble.GIVEN_BACK_UNANSWERED, routine_looks=False)
    gate.pid()
    eventually(lambda: given_back(queue, behind[0]), what="the next was claimed, and is pending again")

    gate.open()

    for job in [long, *behind]:
        queue.once(job, JobState.COMPLETED)
    assert [queue.outcomes(job) for job in behind] == [[Outcome.COMPLETED]] * 6
    assert [Path(queue.folder, f"began{job}").read_text() for job in behind] == ["once\n"] * 6
    assert pool.notices() == []


def test_no_job_waits_while_its_worker_looks_whether_a_run_was_ended_by_a_shutdown(queue: LiveQueue) -> None:
    for _ in range(WARM_UP):
        queue.put()
    queue.put("kill -9 $$", max_retries=0)
    behind = queue.put()
    queue.ready_pool(trouble=Trouble.NEWS_TARRIES, routine_looks=False)

    eventually(lambda: given_back(queue, behind), what="the next was claimed, and is pending again")


def test_where_jobs_are_not_long_the_next_is_claimed_ahead_and_given_back_where_one_is(
    queue: LiveQueue, gate: Gate
) -> None:
    for _ in range(4):
        queue.put("sleep 0.03")
    queue.put(gate.command)
    behind = queue.put()
    queue.ready_pool(routine_looks=False)
    gate.pid()

    eventually(lambda: given_back(queue, behind), what="it was claimed, and is pending again")
    assert (queue.job(behind).attempts, queue.runs(behind)) == (0, [])
    gate.open()
    queue.once(behind, JobState.COMPLETED)
    assert queue.outcomes(behind) == [Outcome.COMPLETED]


def test_the_history_tells_when_each_command_began_and_ended(queue: LiveQueue) -> None:
    jobs = [queue.put("sleep 0.03") for _ in range(6)]

    queue.drained()

    runs = [run for job in jobs for run in queue.runs(job)]
    assert [(run.finished_at or 0) - run.started_at for run in runs] == [run.duration_ms for run in runs]
    assert all(later.started_at >= (run.finished_at or 0) - 1 for run, later in pairwise(runs))


def test_what_a_worker_does_while_its_command_runs_makes_no_run_longer(queue: LiveQueue) -> None:
    jobs = [queue.put() for _ in range(2)]

    queue.drained(slowness=2.0)

    # Much longer than a shell takes on any machine, and less than the worker was busy.
    assert all((run.duration_ms or 0) < 1600 for job in jobs for run in queue.runs(job))


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
