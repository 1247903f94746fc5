"""The Dead Letter Queue: its order, its causes, and the way back."""

from __future__ import annotations

import pytest

from queuectl_core.model.errors import InvalidInput, WrongState
from queuectl_core.model.job import Changes, Job, Outcome
from queuectl_core.store.transactions.dead_letters import (
    causes,
    dead_page,
    edit_and_retry,
    retry_all_dead,
    retry_dead,
)
from tests.store.acts import dead, ended, look, put, ran, start, started
from tests.store.engines import NOON, Engine


def died(store: Engine, queue: str = "default", **facts: object) -> Job:
    put(store, queue=queue, max_retries=0)
    return ended(store, started(store, queue), Outcome.FAILED, **facts)


def test_the_latest_to_die_comes_first(store: Engine) -> None:
    early, late = put(store, max_retries=0), put(store, max_retries=0)
    first, second = started(store), started(store)
    ended(store, second, Outcome.FAILED)
    store.clock.now += 1
    ended(store, first, Outcome.FAILED)

    assert [job.number for job in store.run(dead_page())] == [early.number, late.number]


def test_pages_follow_each_other_without_gap_or_overlap(store: Engine) -> None:
    for n in range(7):
        store.clock.now += n % 2
        dead(store)
    whole = store.run(dead_page())
    walked: list[Job] = []

    while page := store.run(
        dead_page(None, walked[-1].finished_at or 0, walked[-1].number, limit=2) if walked else dead_page(limit=2)
    ):
        walked += page

    assert walked == whole
    assert len(whole) == 7
    assert whole == sorted(whole, key=lambda job: (job.finished_at, job.number), reverse=True)


def test_the_page_of_a_queue_shows_dead_jobs_of_it_alone(store: Engine) -> None:
    dead(store, queue="mail")
    job = dead(store, queue="video")
    ran(store, queue="video")

    assert store.run(dead_page("video")) == [job]


def test_jobs_that_died_alike_are_one_cause(store: Engine) -> None:
    died(store, exit_code=1, error="exit status 1")
    died(store, signal=9, error="killed")
    store.clock.now += 10
    newest = died(store, exit_code=1, error="exit status 1")
    died(store, "mail", exit_code=1, error="exit status 1")

    first, second = store.run(causes("default"))

    assert first == ("exit status 1", 1, None, 2, NOON, NOON + 10, newest.number)
    assert (second.error, second.signal, second.jobs) == ("killed", 9, 1)
    assert store.run(causes())[0].jobs == 3


def test_no_dead_jobs_have_no_causes(store: Engine) -> None:
    ran(store)

    assert store.run(causes()) == []


def test_a_dead_job_is_sent_back(store: Engine) -> None:
    job = dead(store)

    [back] = store.run(retry_dead([job.id]))

    assert (back.state, back.attempts, back.runs) == ("pending", 0, 1)
    assert store.run(dead_page()) == []


def test_an_ended_job_that_is_not_dead_is_not_sent_back_from_here(store: Engine) -> None:
    job = ran(store)

    with pytest.raises(WrongState, match="is completed, not dead"):
        store.run(retry_dead([job.id]))
    assert look(store, job) == job


def test_all_dead_jobs_are_sent_back_in_chunks_first_to_die_first(store: Engine) -> None:
    ids = []
    for n in range(5):
        store.clock.now += 1
        ids.append(dead(store, id=f"d{n}").id)

    chunks = [store.run(retry_all_dead(store.clock.now, limit=2)) for _ in range(4)]

    assert chunks == [ids[:2], ids[2:4], ids[4:], []]
    assert [started(store).job.attempts for _ in ids] == [1] * 5


def test_jobs_that_die_meanwhile_are_left_where_they_are(store: Engine) -> None:
    before = dead(store)
    until = store.clock.now
    store.clock.now += 1
    after = dead(store)

    assert store.run(retry_all_dead(until)) == [before.id]
    assert store.run(dead_page()) == [after]


def test_all_dead_jobs_of_one_queue_are_sent_back(store: Engine) -> None:
    kept = dead(store, queue="mail")
    job = dead(store, queue="video")

    assert store.run(retry_all_dead(store.clock.now, "video")) == [job.id]
    assert store.run(dead_page()) == [kept]


def test_a_dead_job_is_edited_and_sent_back_at_once(store: Engine) -> None:
    job = dead(store, queue="mail", env={"KEY": "old"})

    back = store.run(edit_and_retry(job.id, Changes(command="better", queue="video", env={"KEY": "new"})))

    assert (back.state, back.attempts, back.command, back.queue) == ("pending", 0, "better", "video")
    assert dict(back.env) == {"KEY": "new"}
    assert start(store, "mail") is None
    assert started(store, "video").job.number == job.number


def test_a_dead_job_can_be_sent_back_for_a_later_time_and_with_fewer_retries(store: Engine) -> None:
    job = ran(store, Outcome.FAILED, max_retries=1)
    store.clock.now += 3_600_000
    job = ended(store, started(store), Outcome.FAILED)
    assert (job.state, job.attempts) == ("dead", 2)

    back = store.run(edit_and_retry(job.id, Changes(delay=60.0, max_retries=0)))

    assert (back.due, back.max_retries) == (store.clock.now + 60_000, 0)
    assert start(store) is None
    store.clock.now += 60_000
    assert started(store).job.number == job.number


def test_what_is_not_dead_or_not_right_is_not_edited_and_not_sent_back(store: Engine) -> None:
    job, living = dead(store), put(store, queue="mail")

    with pytest.raises(InvalidInput, match="queue must be"):
        store.run(edit_and_retry(job.id, Changes(queue="no queue")))
    with pytest.raises(WrongState, match="is pending, not dead"):
        store.run(edit_and_retry(living.id, Changes(command="better")))

    assert [look(store, job), look(store, living)] == [job, living]
