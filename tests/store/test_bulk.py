"""Many jobs changed at once: what can move moves, the rest is skipped and counted by its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import Job, JobState, NewJob, Outcome
from queuectl_core.store.statements import Transaction, Wake
from queuectl_core.store.transactions.bulk import (
    Moved,
    cancel_each,
    delete_each,
    prioritise_each,
    retry_each,
    run_now_each,
)
from queuectl_core.store.transactions.jobs import find, page
from queuectl_core.store.transactions.statistics import minutes_since
from tests.store.acts import dead, ended, look, put, put_many, ran, runs, start, started
from tests.store.engines import NOON, Engine

EACH: list[Callable[[list[int]], Transaction[Moved]]] = [
    retry_each,
    lambda numbers: cancel_each(numbers, running=False),
    lambda numbers: cancel_each(numbers, running=True),
    delete_each,
    lambda numbers: prioritise_each(numbers, 5),
    run_now_each,
]


@pytest.fixture
def every(store: Engine) -> dict[JobState, Job]:
    """One job in each state, each in a queue of the state's name."""
    jobs = {}
    for state in JobState:
        put(store, queue=state, max_retries=0 if state is JobState.DEAD else 3, delay=60.0 if state == "pending" else 0)
    for state in (JobState.COMPLETED, JobState.DEAD, JobState.FAILED, JobState.PROCESSING):
        run = started(store, state)
        if state is JobState.COMPLETED:
            ended(store, run)
        elif state is not JobState.PROCESSING:
            ended(store, run, Outcome.FAILED, exit_code=1, error="exit status 1")
    [cancelled] = [job for job in store.run(page()) if job.queue == "cancelled"]
    store.run(cancel_each([cancelled.number], running=False))
    for job in store.run(page()):
        jobs[job.state] = job
    assert set(jobs) == set(JobState)
    return jobs


def all_of(jobs: dict[JobState, Job]) -> list[int]:
    return [jobs[state].number for state in JobState]


def wakes(store: Engine, transaction: Transaction[Any], monkeypatch: pytest.MonkeyPatch) -> Wake:
    """Whom a transaction wakes, all together."""
    rung: list[Wake] = []
    monkeypatch.setattr("queuectl_core.store.doorbell.Doorbell.ring", lambda _, wakes: rung.extend(wakes))
    store.run(transaction)
    return Wake(*(frozenset[str]().union(*names) for names in zip(*rung, strict=True))) if rung else Wake()


@pytest.mark.parametrize(
    ("each", "moved", "skipped"),
    [
        (EACH[0], "completed dead cancelled", "pending processing failed"),
        (EACH[1], "pending failed", "processing completed dead cancelled"),
        (EACH[2], "pending processing failed", "completed dead cancelled"),
        (EACH[3], "completed dead cancelled", "pending processing failed"),
        (EACH[4], "pending failed dead", "processing completed cancelled"),
        (EACH[5], "pending failed", "processing completed dead cancelled"),
    ],
    ids=["retry", "cancel", "cancel running", "delete", "prioritise", "run now"],
)
def test_what_can_move_moves_and_the_rest_is_counted_by_its_state(
    store: Engine,
    every: dict[JobState, Job],
    each: Callable[[list[int]], Transaction[Moved]],
    moved: str,
    skipped: str,
) -> None:
    result = store.run(each(all_of(every)))

    assert result.before == [every[state] for state in JobState if state in moved.split()]
    assert result.skipped == {f"is {state}": 1 for state in skipped.split()}
    for state in skipped.split():
        assert look(store, every[JobState(state)]) == every[JobState(state)]
    for job in result.jobs:
        assert look(store, job) == job
    if each is not delete_each:
        assert [job.number for job in result.jobs] == [job.number for job in result.before]


@pytest.mark.parametrize("each", EACH)
def test_what_is_gone_is_skipped(store: Engine, each: Callable[[list[int]], Transaction[Moved]]) -> None:
    assert store.run(each([7, 8])) == ([], [], {"is gone": 2}, ())
    assert store.run(each([])) == ([], [], {}, ())


def test_jobs_move_in_the_order_given_each_once(store: Engine) -> None:
    first, second = dead(store), dead(store)

    moved = store.run(retry_each([second.number, first.number, second.number]))

    assert [job.number for job in moved.jobs] == [second.number, first.number]
    assert (moved.before, moved.skipped) == ([second, first], {})


def test_retried_jobs_begin_again_and_wake_their_queues(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = dead(store, queue="a"), ran(store, queue="b")

    woken = wakes(store, retry_each([one.number, other.number]), monkeypatch)

    assert woken.queues == {"a", "b"}
    assert [(job.state, job.attempts, job.error) for job in store.run(page())] == [("pending", 0, None)] * 2
    assert started(store, "a").job.runs == 2


def test_cancelled_jobs_count_in_the_minute_of_their_queue(store: Engine) -> None:
    waiting = [put(store, queue="a").number, put(store, queue="a").number, put(store, queue="b").number]

    store.run(cancel_each(waiting, running=False))

    assert {minute.queue: minute.ended for minute in store.run(minutes_since(5))} == {"a": 2, "b": 1}
    assert start(store) is None


def test_running_jobs_are_asked_to_end_only_where_that_is_wanted(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)
    run = started(store)

    assert store.run(cancel_each([run.job.number], running=False)).skipped == {"is processing": 1}
    assert not look(store, run.job).cancelling
    woken = wakes(store, cancel_each([run.job.number], running=True), monkeypatch)

    assert woken.workers == {"pool-1"}
    assert look(store, run.job).cancelling
    assert ended(store, run, Outcome.CANCELLED).state is JobState.CANCELLED


def test_deleted_jobs_say_which_logs_there_may_be(store: Engine) -> None:
    job, other = dead(store), put(store)

    moved = store.run(delete_each([job.number, other.number]))

    assert (moved.jobs, moved.before, moved.gone) == ([], [job], ((job.number, 1),))
    assert store.run(page()) == [other]
    assert runs(store, job) == []


def test_a_priority_decides_who_is_next(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store)
    later = put(store)

    woken = wakes(store, prioritise_each([later.number], 9), monkeypatch)

    assert woken.queues == {"default"}
    assert started(store).job.number == later.number


def test_a_priority_out_of_bounds_is_refused(store: Engine) -> None:
    job = put(store)

    with pytest.raises(InvalidInput, match="priority"):
        store.run(prioritise_each([job.number], 1001))
    assert look(store, job) == job


def test_a_job_that_waits_for_an_instant_can_run_now(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    job = put(store, delay=3600.0)
    assert start(store) is None
    store.clock.now += 5

    woken = wakes(store, run_now_each([job.number]), monkeypatch)

    assert woken.queues == {"default"}
    assert look(store, job).due == NOON + 5
    assert started(store).job.number == job.number


def test_a_job_that_is_due_keeps_its_place(store: Engine) -> None:
    job = put(store)
    store.clock.now += 5

    assert store.run(run_now_each([job.number])).skipped == {"is due already": 1}
    assert look(store, job) == job


def test_five_hundred_jobs_move_at_once(store: Engine) -> None:
    first = put_many(store, *[NewJob("true")] * 500, batch=500)

    moved = store.run(cancel_each(range(first, first + 500), running=False))

    assert [job.number for job in moved.jobs] == list(range(first, first + 500))
    assert store.run(find([str(first)]))[0].state is JobState.CANCELLED
