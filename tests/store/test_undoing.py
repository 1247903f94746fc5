"""Changes that are taken back: each job as it was, where nothing has happened to it since."""

from __future__ import annotations

import pytest

from queuectl_core.model.job import Changes, JobState, Outcome
from queuectl_core.store.statements import Wake
from queuectl_core.store.transactions.bulk import (
    Moved,
    cancel_each,
    delete_each,
    prioritise_each,
    retry_each,
    run_now_each,
)
from queuectl_core.store.transactions.changes import edit, retry
from queuectl_core.store.transactions.undoing import undo_each
from tests.store.acts import dead, ended, look, put, ran, runs, start, started
from tests.store.engines import NOON, Engine


def undone(store: Engine, moved: Moved) -> Moved:
    """Take back what was done."""
    return store.run(undo_each(list(zip(moved.before, moved.jobs, strict=True))))


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.FAILED])
def test_a_retried_job_goes_back_to_how_it_had_ended(store: Engine, outcome: Outcome) -> None:
    put(store, max_retries=0)
    store.clock.now += 10
    facts = {"exit_code": 3, "error": "exit status 3"} if outcome is Outcome.FAILED else {}
    job = ended(store, started(store), outcome, **facts)
    moved = store.run(retry_each([job.number]))
    store.clock.now += 10

    result = undone(store, moved)

    assert (result.jobs, result.before, result.skipped) == ([look(store, job)], moved.jobs, {})
    assert look(store, job) == job
    assert start(store) is None
    assert len(runs(store, job)) == 1


def test_a_job_that_was_cancelled_and_retried_is_cancelled_again(store: Engine) -> None:
    [cancelled] = store.run(cancel_each([put(store).number], running=False)).jobs

    undone(store, store.run(retry_each([cancelled.number])))

    assert look(store, cancelled) == cancelled
    assert start(store) is None


def test_a_cancelled_job_waits_again(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    job = put(store, queue="a")
    moved = store.run(cancel_each([job.number], running=False))
    rung: list[Wake] = []
    monkeypatch.setattr("queuectl_core.store.doorbell.Doorbell.ring", lambda _, wakes: rung.extend(wakes))

    undone(store, moved)

    assert rung == [Wake(queues=frozenset({"a"}))]
    assert look(store, job) == job
    assert started(store).job.number == job.number


def test_a_cancelled_job_waits_for_its_own_instant(store: Engine) -> None:
    job = put(store, delay=60.0)

    undone(store, store.run(cancel_each([job.number], running=False)))

    assert start(store) is None
    store.clock.now = NOON + 60_000
    assert started(store).job.number == job.number


def test_a_job_whose_instant_passed_while_it_was_cancelled_is_due(store: Engine) -> None:
    job = put(store, delay=60.0)
    moved = store.run(cancel_each([job.number], running=False))
    store.clock.now += 120_000

    undone(store, moved)

    assert look(store, job).due == job.due
    assert started(store).job.number == job.number


def test_a_failed_job_that_was_cancelled_keeps_what_it_used(store: Engine) -> None:
    job = ran(store, Outcome.FAILED)
    assert job.state is JobState.FAILED

    undone(store, store.run(cancel_each([job.number], running=False)))

    assert look(store, job) == job
    store.clock.now = job.due
    assert started(store).job.attempts == 2


def test_a_priority_and_an_instant_are_put_back_the_latest_first(store: Engine) -> None:
    job = put(store, delay=60.0, priority=1)
    raised = store.run(prioritise_each([job.number], 7))
    store.clock.now += 10
    hurried = store.run(run_now_each([job.number]))
    store.clock.now += 10

    undone(store, hurried)

    assert (look(store, job).priority, look(store, job).due) == (7, job.due)
    assert start(store) is None
    undone(store, raised)
    assert look(store, job) == job


@pytest.mark.parametrize("what", ["ran", "was edited", "was retried again"])
def test_what_has_moved_on_is_left_as_it_is(store: Engine, what: str) -> None:
    job, other = dead(store), dead(store)
    moved = store.run(retry_each([job.number, other.number]))
    store.clock.now += 1
    match what:
        case "ran":
            ended(store, started(store))
        case "was edited":
            store.run(edit(job.id, Changes(priority=3)))
        case _:
            store.run(cancel_each([job.number], running=False))
            store.run(retry([job.id]))
    now = look(store, job)

    result = undone(store, moved)

    assert result.skipped == {"has moved on": 1}
    assert look(store, job) == now
    assert [back.number for back in result.jobs] == [other.number]


def test_a_job_that_is_running_since_is_left_to_its_worker(store: Engine) -> None:
    moved = store.run(retry_each([dead(store).number]))
    run = started(store)

    assert undone(store, moved).skipped == {"has moved on": 1}
    assert ended(store, run).state is JobState.COMPLETED


def test_a_run_that_was_asked_to_end_is_not_given_back(store: Engine) -> None:
    put(store)
    run = started(store)
    moved = store.run(cancel_each([run.job.number], running=True))

    assert undone(store, moved).skipped == {"is processing": 1}
    assert look(store, run.job).cancelling


def test_what_is_gone_does_not_come_back(store: Engine) -> None:
    job = dead(store)
    moved = store.run(retry_each([job.number]))
    store.run(cancel_each([job.number], running=False))
    store.run(delete_each([job.number]))

    assert undone(store, moved).skipped == {"is gone": 1}


def test_what_was_undone_can_be_undone(store: Engine) -> None:
    job = dead(store)
    moved = store.run(retry_each([job.number]))

    again = undone(store, undone(store, moved))

    assert again.jobs[0] == moved.jobs[0]
    assert started(store).job.number == job.number


def test_a_change_is_undone_once(store: Engine) -> None:
    job = dead(store)
    moved = store.run(retry_each([job.number]))
    pair = (moved.before[0], moved.jobs[0])

    result = store.run(undo_each([pair, pair]))

    assert (len(result.jobs), result.skipped) == (1, {"has moved on": 1})


def test_nothing_to_undo_is_nothing_done(store: Engine) -> None:
    assert store.run(undo_each([])) == ([], [], {}, ())
