"""Looking at jobs page by page: which are shown, in what order. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest

from queuectl_core.model.job import ENDED, WAITING, Job, JobState, Outcome
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.jobs import count_matching, page
from tests.store.acts import ended, put, started
from tests.store.engines import Engine

P, R, C = JobState.PENDING, JobState.PROCESSING, JobState.COMPLETED
F, D, X = JobState.FAILED, JobState.DEAD, JobState.CANCELLED


@pytest.fixture(scope="module")
def store(kept_store: Engine) -> Engine:
    """Each store in turn, with the same jobs for all tests."""
    return kept_store


@pytest.fixture(scope="module")
def mixed(store: Engine) -> Iterator[list[Job]]:
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
    jobs = store.run(page())
    yield jobs
    assert store.run(page()) == jobs


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
