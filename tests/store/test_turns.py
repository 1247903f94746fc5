"""Turns that report and claim several jobs at once, and claims that are given back."""

from __future__ import annotations

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.claims import Ask, Held, take_turns, unclaim
from queuectl_core.store.transactions.statistics import minutes_since, summary
from queuectl_core.store.transactions.workers import register_worker
from tests.store.acts import Run, ended, fresh_token, look, put, report, runs, started
from tests.store.engines import Engine


def claim(store: Engine, most: int) -> list[Held]:
    """Claim up to so many jobs in one transaction."""
    return store.run(take_turns([], [Ask("pool-1", fresh_token()) for _ in range(most)])).claimed


def test_several_jobs_are_claimed_in_order_each_with_a_token_of_its_own(store: Engine) -> None:
    low, high, later = put(store), put(store, priority=5), put(store)

    held = claim(store, 8)

    assert [job.number for _, job in held] == [high.number, low.number, later.number]
    assert len({token for token, _ in held}) == 3


@pytest.mark.parametrize(("workers", "share"), [(1, 6), (2, 3), (3, 2), (7, 1)])
def test_no_worker_claims_more_than_its_share(store: Engine, workers: int, share: int) -> None:
    for number in range(workers):
        store.run(register_worker(f"pool-{number}", "pool", "host", 1, (), 0))
    for _ in range(6):
        put(store)

    assert len(claim(store, 8)) == share


@pytest.mark.parametrize(("waiting", "granted"), [(2, 0), (3, 1), (5, 1)])
def test_a_worker_that_is_busy_claims_ahead_only_what_leaves_a_job_for_each(
    store: Engine, waiting: int, granted: int
) -> None:
    for number in range(3):
        store.run(register_worker(f"pool-{number}", "pool", "host", 1, (), 0))
    for _ in range(waiting):
        put(store)

    claimed = store.run(take_turns([], [Ask("pool-1", fresh_token())], ahead=True)).claimed

    assert len(claimed) == granted
    assert len(claim(store, 1)) == 1


def test_several_results_are_taken_each_by_its_own_token(store: Engine) -> None:
    for _ in range(3):
        put(store)
    first, second, third = (Run(job, token) for token, job in claim(store, 3))
    forged = Run(second.job, "forged")

    turns = store.run(
        take_turns(
            [report(first, Outcome.COMPLETED), report(forged, Outcome.COMPLETED), report(third, Outcome.FAILED)], []
        )
    )

    assert [job and job.state for job in turns.ended] == [JobState.COMPLETED, None, JobState.FAILED]
    assert look(store, second.job).state is JobState.PROCESSING


def test_what_a_turn_releases_it_can_claim_again_though_its_queue_held_nothing_else(store: Engine) -> None:
    job = put(store, queue="alone")
    run = started(store)

    turns = store.run(take_turns([report(run, Outcome.RELEASED)], [Ask("pool-1", fresh_token(), ("alone",))]))

    assert [held.job.number for held in turns.claimed] == [job.number]


def test_a_result_that_is_told_twice_in_a_turn_counts_once(store: Engine) -> None:
    put(store)
    said = report(started(store), Outcome.COMPLETED, duration_ms=5)

    first, second = store.run(take_turns([said, said], [])).ended

    assert (first and first.state, second) == (JobState.COMPLETED, None)
    assert store.run(summary()).duration == (0.005, 0.005, 0.005, 0.005)


def test_the_best_jobs_of_several_queues_are_claimed_in_one_order(store: Engine) -> None:
    wanted = [
        put(store, queue=queue, priority=priority) for priority, queue in ((3, "b"), (2, "a"), (1, "c"), (0, "b"))
    ]
    put(store, queue="d", priority=-1)

    assert [job.number for _, job in claim(store, 4)] == [job.number for job in wanted]


def test_a_result_that_is_reported_late_tells_when_its_run_ended(store: Engine) -> None:
    put(store)
    run = started(store)
    store.clock.now += 500

    store.run(take_turns([report(run, Outcome.COMPLETED, duration_ms=480)._replace(late_ms=15)], []))

    job = look(store, run.job)
    assert job.finished_at == store.clock.now - 15
    [attempt] = runs(store, job)
    assert attempt.finished_at == store.clock.now - 15


def test_a_result_that_had_to_wait_for_the_store_is_dated_by_the_try_that_stored_it(store: Engine) -> None:
    job = put(store)
    run = started(store)
    store.clock.now += 12_500
    ended = report(run, Outcome.COMPLETED, duration_ms=480)._replace(late_ms=5, since_ms=485)

    store.run(take_turns([ended], [], age=lambda: 12_000))

    [attempt] = runs(store, job)
    assert attempt.finished_at == look(store, job).finished_at == store.clock.now - 12_005
    assert attempt.started_at == look(store, job).started_at == store.clock.now - 12_485


def test_a_job_that_was_claimed_ahead_has_started_when_its_command_did(store: Engine) -> None:
    job = put(store)
    run = started(store)
    store.clock.now += 500

    told = store.run(take_turns([report(run, Outcome.COMPLETED, duration_ms=80)._replace(late_ms=15, since_ms=95)], []))

    began_at = store.clock.now - 95
    [attempt] = runs(store, job)
    assert (attempt.started_at, attempt.finished_at) == (began_at, began_at + 80)
    assert look(store, job).started_at == began_at
    assert told.ended == [look(store, job)]
    assert [minute.waiting_ms for minute in store.run(minutes_since(1))] == [405]


def test_a_run_that_seems_to_have_started_before_its_claim_still_took_as_long_as_it_did(store: Engine) -> None:
    job = put(store)
    run = started(store)
    claimed_at = store.clock.now
    store.clock.now += 79

    store.run(take_turns([report(run, Outcome.COMPLETED, duration_ms=80)._replace(since_ms=80)], []))

    [attempt] = runs(store, job)
    assert (attempt.started_at, attempt.finished_at) == (claimed_at, claimed_at + 80)
    assert look(store, job).finished_at == claimed_at + 80


def test_no_run_has_started_before_it_was_claimed(store: Engine) -> None:
    job = put(store)
    run = started(store)
    claimed_at = store.clock.now
    store.clock.now += 10

    store.run(take_turns([report(run, Outcome.FAILED, duration_ms=80)._replace(since_ms=80)], []))

    assert [attempt.started_at for attempt in runs(store, job)] == [claimed_at]
    assert look(store, job).started_at == claimed_at


def test_a_claim_that_is_given_back_leaves_no_trace(store: Engine) -> None:
    job = put(store)
    put(store)
    held = claim(store, 1)

    store.run(unclaim(held))

    back = look(store, job)
    assert (back.state, back.attempts, back.runs, back.due, back.started_at) == (
        JobState.PENDING,
        0,
        0,
        job.due,
        None,
    )
    assert runs(store, back) == []
    again = started(store)
    assert (again.job.number, again.job.runs) == (job.number, 1)


def test_a_retry_that_is_given_back_keeps_what_it_was_charged_before(store: Engine) -> None:
    put(store)
    ended(store, started(store), Outcome.FAILED)
    store.clock.now += 10_000
    held = claim(store, 1)

    store.run(unclaim(held))

    back = look(store, held[0].job)
    assert (back.state, back.attempts, back.runs) == (JobState.PENDING, 1, 1)
    assert [attempt.outcome for attempt in runs(store, back)] == [Outcome.FAILED]


def test_a_claim_that_was_lost_meanwhile_cannot_be_given_back(store: Engine) -> None:
    put(store)
    held = claim(store, 1)
    ended(store, Run(held[0].job, held[0].token))

    store.run(unclaim(held))

    assert look(store, held[0].job).state is JobState.COMPLETED
    assert len(runs(store, held[0].job)) == 1


def test_a_job_that_is_cancelled_before_it_begins_is_cancelled_when_it_is_given_back(store: Engine) -> None:
    put(store)
    held = claim(store, 1)
    store.run(cancel([held[0].job.id]))

    store.run(unclaim(held))

    job = look(store, held[0].job)
    assert (job.state, job.attempts, runs(store, job)) == (JobState.CANCELLED, 0, [])
    assert store.run(summary()).throughput["1m"] == pytest.approx(1 / 60)


def test_what_is_given_back_is_claimed_before_what_came_later(store: Engine) -> None:
    first = put(store)
    held = claim(store, 1)
    put(store)

    store.run(unclaim(held))

    assert started(store).job.number == first.number


def test_asking_for_several_where_nothing_waits_gives_nothing(store: Engine) -> None:
    assert claim(store, 8) == []
