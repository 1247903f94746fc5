"""Looking jobs up: by id, by page, by prefix, with their history."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from queuectl_core.model.errors import NoSuchJob
from queuectl_core.model.job import ENDED, WAITING, Job, JobState, Outcome
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.jobs import count_matching, find, ids_of, ids_starting_with, page, show
from tests.store.acts import ended, put, started
from tests.store.engines import Engine

P, R, C = JobState.PENDING, JobState.PROCESSING, JobState.COMPLETED
F, D, X = JobState.FAILED, JobState.DEAD, JobState.CANCELLED


def test_jobs_are_found_by_name_and_by_number_in_the_order_asked(store: Engine) -> None:
    numbered, named = put(store), put(store, id="a")

    assert store.run(find(["a", numbered.id])) == [named, numbered]


@pytest.mark.parametrize("job_id", ["nobody", "", "2", "-1", "1.0", "٣", "9" * 40])
def test_an_unknown_id_is_named(store: Engine, job_id: str) -> None:
    put(store)

    with pytest.raises(NoSuchJob, match=f"no job '{job_id}'"):
        store.run(find([job_id]))


def test_a_job_with_a_name_is_not_found_by_its_number(store: Engine) -> None:
    job = put(store, id="a")

    with pytest.raises(NoSuchJob):
        store.run(find([str(job.number)]))


def test_ids_are_told_by_number_of_jobs_that_are_there(store: Engine) -> None:
    numbered, named = put(store), put(store, id="a")

    assert store.run(ids_of([named.number, 99, numbered.number])) == {numbered.number: "1", named.number: "a"}


def test_a_job_is_shown_with_its_runs_oldest_first(store: Engine) -> None:
    put(store)
    job = ended(store, started(store), Outcome.RELEASED)
    job = ended(store, started(store))

    shown, attempts = store.run(show(job.id))

    assert shown == job
    assert [(a.attempt, a.outcome) for a in attempts] == [(1, Outcome.RELEASED), (2, Outcome.COMPLETED)]


@pytest.fixture
def mixed(store: Engine) -> list[Job]:
    """Jobs of two queues in every state, newest first."""
    for queue in ("a", "b"):
        for retries in (0, 3, 3):
            put(store, queue=queue, max_retries=retries)
        ended(store, started(store, queue), Outcome.FAILED)
        ended(store, started(store, queue), Outcome.FAILED)
        ended(store, started(store, queue))
        put(store, queue=queue)
        started(store, queue)
        put(store, queue=queue)
        store.run(cancel([put(store, queue=queue).id]))
        put(store, queue=queue)
    return store.run(page())


def test_a_page_shows_the_newest_first(mixed: list[Job]) -> None:
    assert [job.number for job in mixed] == list(range(14, 0, -1))
    assert {job.state for job in mixed} == set(JobState)


@pytest.mark.parametrize("states", [(), (P,), (D, C), WAITING, ENDED, (R,), tuple(JobState)])
@pytest.mark.parametrize("queue", [None, "a", "b", "nowhere"])
def test_a_page_shows_what_matches_and_nothing_else(
    store: Engine, mixed: list[Job], states: Collection[JobState], queue: str | None
) -> None:
    def matches(job: Job) -> bool:
        return queue in (None, job.queue) and (not states or job.state in states)

    expected = [job for job in mixed if matches(job)]

    assert store.run(page(states, queue)) == expected
    assert store.run(page(states, queue, limit=2)) == expected[:2]
    assert store.run(page(states, queue, before=9)) == [job for job in expected if job.number < 9]
    assert store.run(count_matching(states, queue)) == len(expected)


def test_pages_follow_each_other_across_queues_and_states(store: Engine, mixed: list[Job]) -> None:
    walked = store.run(page(WAITING, limit=3))
    while more := store.run(page(WAITING, before=walked[-1].number, limit=3)):
        walked += more

    assert walked == [job for job in mixed if job.state in WAITING]


def test_ids_are_completed_from_their_beginning(store: Engine) -> None:
    for name in ("night-2", "night-1", "nightly", "day", "n."):
        put(store, id=name)

    assert store.run(ids_starting_with("night-")) == ["night-1", "night-2"]
    assert store.run(ids_starting_with("n", limit=3)) == ["n.", "night-1", "night-2"]
    assert store.run(ids_starting_with("n.")) == ["n."]
    assert store.run(ids_starting_with("x")) == []


def test_numbers_are_completed_newest_first(store: Engine) -> None:
    for n in range(12):
        put(store, id="named" if n == 10 else None)

    assert store.run(ids_starting_with("1")) == ["12", "10", "1"]
    assert store.run(ids_starting_with("", limit=3)) == ["named", "12", "10"]
