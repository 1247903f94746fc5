"""What people change: cancel, retry, delete, edit, forget; for several ids all or none."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from queuectl_core.model.errors import InvalidInput, NoSuchJob, WrongState
from queuectl_core.model.job import Changes, JobState, NewJob, Outcome
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.changes import cancel, count_ended, delete, edit, forget, retry
from queuectl_core.store.transactions.dead_letters import retry_dead
from queuectl_core.store.transactions.jobs import find, page, tail
from queuectl_core.store.transactions.queues import queues
from tests.store.acts import dead, ended, look, put, put_many, ran, runs, start, started
from tests.store.engines import NOON, Engine

# ------------------------------------------------------------------ cancel


def test_a_waiting_job_is_cancelled_at_once(store: Engine) -> None:
    job = put(store)
    store.clock.now += 5

    [cancelled] = store.run(cancel([job.id]))

    assert cancelled == look(store, job)
    assert (cancelled.state, cancelled.finished_at, cancelled.next_run_at) == ("cancelled", NOON + 5, None)
    assert start(store) is None


def test_a_job_that_waits_for_its_retry_is_cancelled_at_once(store: Engine) -> None:
    job = ran(store, Outcome.FAILED)

    [cancelled] = store.run(cancel([job.id]))

    assert (cancelled.state, cancelled.attempts) == ("cancelled", 1)


def test_asking_twice_to_cancel_what_runs_is_harmless(store: Engine) -> None:
    put(store)
    run = started(store)

    store.run(cancel([run.job.id]))
    store.run(cancel([run.job.id]))

    assert ended(store, run, Outcome.CANCELLED).state is JobState.CANCELLED


# ------------------------------------------------------------------ retry


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.FAILED])
def test_a_retried_job_begins_again_and_keeps_its_history(store: Engine, outcome: Outcome) -> None:
    job = ran(store, outcome, max_retries=0)
    store.clock.now += 60_000

    [again] = store.run(retry([job.id]))

    assert again == look(store, job)
    assert (again.state, again.attempts, again.runs, again.next_run_at) == ("pending", 0, 1, NOON + 60_000)
    assert (again.finished_at, again.exit_code, again.signal, again.error) == (None, None, None, None)
    run = started(store)
    assert (run.job.attempts, run.job.runs) == (1, 2)
    ended(store, run)
    assert [(a.attempt, a.outcome) for a in runs(store, job)] == [(1, outcome), (2, Outcome.COMPLETED)]


def test_a_retried_job_has_all_its_retries_again(store: Engine) -> None:
    job = dead(store)
    for _ in range(2):
        store.run(retry([job.id]))
        assert ended(store, started(store), Outcome.FAILED).state is JobState.DEAD

    assert look(store, job).runs == 3


# ------------------------------------------------------------------ several ids


Change = Callable[[list[str]], Transaction[Any]]


@pytest.mark.parametrize("change", [cancel, retry, delete, retry_dead])
def test_one_unknown_id_leaves_them_all_as_they_were(store: Engine, change: Change) -> None:
    job = put(store) if change is cancel else dead(store)

    with pytest.raises(NoSuchJob, match="no job 'nobody'"):
        store.run(change([job.id, "nobody"]))
    assert look(store, job) == job


@pytest.mark.parametrize("change", [cancel, retry, delete, retry_dead])
def test_one_job_in_a_wrong_state_leaves_them_all_as_they_were(store: Engine, change: Change) -> None:
    wrong = ran(store, id="wrong") if change in (cancel, retry_dead) else put(store, id="wrong", delay=9)
    job = put(store) if change is cancel else dead(store)

    with pytest.raises(WrongState, match="job wrong is"):
        store.run(change([job.id, "wrong"]))
    assert look(store, job) == job
    assert look(store, wrong) == wrong


@pytest.mark.parametrize("change", [cancel, retry, delete, retry_dead])
def test_an_id_given_twice_counts_once(store: Engine, change: Change) -> None:
    job = put(store, id="a") if change is cancel else dead(store, id="a")

    assert len(store.run(change([job.id, "a"]))) == 1


# ------------------------------------------------------------------ delete and forget


def test_a_deleted_job_takes_its_runs_and_their_output_along(store: Engine) -> None:
    job = put(store, id="a", max_retries=1)
    for _ in range(2):
        job = ended(store, started(store), Outcome.FAILED, tail=b"out")
        store.clock.now = max(store.clock.now, job.due)

    assert store.run(delete(["a"])) == [(job.number, 2)]

    with pytest.raises(NoSuchJob):
        store.run(find(["a"]))
    assert runs(store, job) == []
    assert [store.run(tail(job.number, attempt)) for attempt in (1, 2)] == [b"", b""]


def test_the_name_of_a_deleted_job_is_free(store: Engine) -> None:
    ran(store, id="a")
    store.run(delete(["a"]))

    assert put(store, id="a").runs == 0


def test_old_jobs_are_forgotten_oldest_first_in_chunks(store: Engine) -> None:
    jobs = []
    for _ in range(3):
        jobs.append(dead(store))
        store.clock.now += 1000
    fresh = dead(store)

    assert store.run(count_ended(JobState.DEAD, 1000)) == 3
    assert store.run(forget(JobState.DEAD, 1000, limit=2)) == [(job.number, 1) for job in jobs[:2]]
    assert store.run(forget(JobState.DEAD, 1000, limit=2)) == [(jobs[2].number, 1)]
    assert store.run(forget(JobState.DEAD, 1000)) == []
    assert store.run(page()) == [fresh]
    assert runs(store, jobs[0]) == []


def test_only_jobs_of_the_state_and_queue_are_forgotten(store: Engine) -> None:
    kept = [dead(store, queue="mail"), ran(store)]
    gone = dead(store)

    assert store.run(count_ended(JobState.DEAD, 0, "default")) == 1
    assert store.run(forget(JobState.DEAD, 0, "default")) == [(gone.number, 1)]
    assert store.run(page()) == kept[::-1]


@pytest.mark.parametrize("state", ["pending", "failed", "processing"])
def test_what_has_not_ended_is_never_forgotten(store: Engine, state: str) -> None:
    put(store)
    if state != "pending":
        run = started(store)
        if state == "failed":
            ended(store, run, Outcome.FAILED)
    store.clock.now += 10**12

    assert store.run(count_ended(JobState(state), 0)) == 0
    assert store.run(forget(JobState(state), 0)) == []


# ------------------------------------------------------------------ edit


def test_every_field_of_a_waiting_job_can_be_edited(store: Engine) -> None:
    job = put(store, "echo a", timeout=5)
    store.clock.now += 1

    edited = store.run(edit(job.id, Changes(("echo", "b"), "mail", 7, 9, 2.5, delay=3, cwd="/x", env={"A": "b"})))

    assert edited == look(store, job)
    assert (edited.command, edited.queue, edited.priority, edited.max_retries) == (
        ("echo", "b"),
        "mail",
        7,
        9,
    )
    assert (edited.timeout_ms, edited.cwd, edited.env) == (2500, "/x", {"A": "b"})
    assert (edited.next_run_at, edited.created_at, edited.updated_at) == (NOON + 3001, NOON, NOON + 1)


def test_what_an_edit_does_not_name_stays(store: Engine) -> None:
    job = put(store, ("a", "b"), queue="q", priority=1, max_retries=2, timeout=3, delay=4, cwd="/x", env={"A": "b"})

    assert store.run(edit(job.id, Changes())) == job


def test_a_timeout_and_variables_can_be_taken_away(store: Engine) -> None:
    job = put(store, timeout=3, env={"A": "b"})

    edited = store.run(edit(job.id, Changes(no_timeout=True, env={})))

    assert (edited.timeout_ms, edited.env) == (None, {})


def test_a_relative_directory_is_taken_as_in_enqueue(store: Engine) -> None:
    job = put(store)

    assert store.run(edit(job.id, Changes(cwd="sub"))).cwd == os.path.join(os.getcwd(), "sub")


def test_a_delay_of_nothing_makes_a_job_due_now(store: Engine) -> None:
    put(store, id="delayed", delay=3600)
    failed = ran(store, Outcome.FAILED)

    for job_id in ("delayed", failed.id):
        assert store.run(edit(job_id, Changes(delay=0))).next_run_at == NOON

    assert {started(store).job.id, started(store).job.id} == {"delayed", failed.id}


def test_a_job_that_is_due_can_be_put_off(store: Engine) -> None:
    job = put(store)
    store.run(edit(job.id, Changes(run_at=datetime.fromtimestamp(NOON / 1000 + 1, UTC))))

    assert start(store) is None
    store.clock.now += 1000
    assert start(store)


def test_a_new_priority_changes_the_order(store: Engine) -> None:
    put(store, id="a")
    put(store, id="b")
    store.run(edit("b", Changes(priority=1)))

    assert started(store).job.id == "b"


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.DEAD])
def test_a_job_that_moves_is_counted_in_its_new_queue(store: Engine, state: JobState) -> None:
    job = put(store, queue="old") if state is JobState.PENDING else dead(store, queue="old")

    store.run(edit(job.id, Changes(queue="new")))

    assert [(queue.name, queue.jobs) for queue in store.run(queues())] == [("new", {state: 1})]


def test_a_dead_job_can_be_mended_before_it_is_sent_back(store: Engine) -> None:
    job = dead(store, queue="q")

    edited = store.run(edit(job.id, Changes(command="false || true", max_retries=5)))

    assert (edited.state, edited.finished_at, edited.next_run_at) == (JobState.DEAD, job.finished_at, None)
    assert start(store) is None
    store.run(retry_dead([job.id]))
    assert started(store).job.command == "false || true"


def test_a_dead_job_may_be_allowed_fewer_retries_than_it_used(store: Engine) -> None:
    job = put(store, max_retries=1)
    for _ in range(2):
        job = ended(store, started(store), Outcome.FAILED)
        store.clock.now = max(store.clock.now, job.due)

    assert store.run(edit(job.id, Changes(max_retries=0))).max_retries == 0


@pytest.mark.parametrize("changes", [Changes(delay=0), Changes(run_at=datetime(2001, 1, 1, tzinfo=UTC))])
def test_a_dead_job_is_given_no_time(store: Engine, changes: Changes) -> None:
    job = dead(store)

    with pytest.raises(WrongState, match="is dead and waits for nothing"):
        store.run(edit(job.id, changes))
    assert look(store, job) == job


def test_a_failed_job_keeps_at_least_the_attempts_it_used(store: Engine) -> None:
    put(store)
    first = ended(store, started(store), Outcome.FAILED)
    store.clock.now = first.due
    job = ended(store, started(store), Outcome.FAILED)

    with pytest.raises(WrongState, match="has used 2 attempts"):
        store.run(edit(job.id, Changes(max_retries=1)))

    store.run(edit(job.id, Changes(max_retries=2)))
    store.clock.now = job.due
    assert ended(store, started(store), Outcome.FAILED).state is JobState.DEAD


def test_an_edit_that_cannot_be_meant_changes_nothing(store: Engine) -> None:
    job = put(store)

    with pytest.raises(InvalidInput):
        store.run(edit(job.id, Changes(command="echo", priority=1001)))
    assert look(store, job) == job


def test_an_edit_of_nobody_is_refused(store: Engine) -> None:
    with pytest.raises(NoSuchJob):
        store.run(edit("nobody", Changes()))


def test_a_bulk_of_jobs_is_counted_through_every_change(store: Engine) -> None:
    put_many(store, *[NewJob("true", id=f"j{n}", queue="abc"[n % 3]) for n in range(9)])
    store.run(cancel(["j0", "j1"]))
    store.run(retry(["j1"]))
    store.run(delete(["j0"]))
    store.run(edit("j4", Changes(queue="a")))
    ended(store, started(store, "c"))
    started(store, "c")

    counted = {queue.name: queue.jobs for queue in store.run(queues())}
    assert counted == {
        "a": {JobState.PENDING: 3},
        "b": {JobState.PENDING: 2},
        "c": {JobState.PENDING: 1, JobState.COMPLETED: 1, JobState.PROCESSING: 1},
    }
