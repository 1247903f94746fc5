"""Counts, roll-ups and what is read off them."""

from __future__ import annotations

import pytest

from queuectl_core.model.histogram import bucket_of
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.statements import Statement, Steps, write
from queuectl_core.store.transactions.changes import cancel, delete
from queuectl_core.store.transactions.queues import pause
from queuectl_core.store.transactions.statistics import (
    KEEP_MINUTES,
    Ahead,
    Minute,
    buckets_since,
    minutes_since,
    miscounted,
    put_off_ahead,
    recount,
    summary,
    tidy,
    waiting_for,
)
from tests.store.acts import dead, end, ended, put, ran, started
from tests.store.engines import NOON, Engine

MINUTE = 60_000


def only_minute(store: Engine) -> Minute:
    [minute] = store.run(minutes_since(1))
    return minute


# ------------------------------------------------------------------ roll-ups


@pytest.mark.parametrize("outcome", Outcome)
def test_a_run_is_counted_once_by_its_outcome(store: Engine, outcome: Outcome) -> None:
    ran(store, outcome)

    minute = only_minute(store)

    names = [each.value for each in Outcome]
    assert {name: getattr(minute, name) for name in names} == {name: int(name == outcome) for name in names}


@pytest.mark.parametrize(
    ("outcome", "retries", "jobs"),
    [
        (Outcome.COMPLETED, 3, 1),
        (Outcome.FAILED, 3, 0),
        (Outcome.FAILED, 0, 1),
        (Outcome.LOST, 0, 1),
        (Outcome.RELEASED, 3, 0),
        (Outcome.CANCELLED, 3, 1),
    ],
)
def test_a_job_counts_as_ended_when_it_is(store: Engine, outcome: Outcome, retries: int, jobs: int) -> None:
    ran(store, outcome, max_retries=retries)

    assert only_minute(store).ended == jobs


def test_a_job_cancelled_while_it_waits_has_ended_without_a_run(store: Engine) -> None:
    store.run(cancel([put(store).id]))

    minute = only_minute(store)
    assert (minute.ended, minute.cancelled) == (1, 0)


def test_a_late_result_is_not_counted(store: Engine) -> None:
    put(store)
    run = started(store)
    ended(store, run)
    before = store.run(minutes_since(5)), store.run(buckets_since(5))

    assert end(store, run) is None

    assert (store.run(minutes_since(5)), store.run(buckets_since(5))) == before


def test_durations_and_waiting_times_add_up_by_minute_and_queue(store: Engine) -> None:
    for waited, lasted in ((10, 500), (30, 1500)):
        put(store, queue="mail")
        store.clock.now += waited
        ended(store, started(store), duration_ms=lasted)

    minute = only_minute(store)
    assert (minute.minute, minute.queue, minute.completed) == (NOON // MINUTE, "mail", 2)
    assert (minute.duration_ms, minute.duration_max_ms, minute.waiting_ms) == (2000, 1500, 40)
    buckets = {(b.measure, b.bucket): b.n for b in store.run(buckets_since(1))}
    assert buckets == {
        ("duration", bucket_of(500)): 1,
        ("duration", bucket_of(1500)): 1,
        ("waiting", bucket_of(10)): 1,
        ("waiting", bucket_of(30)): 1,
    }


def test_a_retry_has_waited_since_it_was_due(store: Engine) -> None:
    job = ran(store, Outcome.FAILED)
    store.clock.now = job.due + 25

    ended(store, started(store))

    assert sum(minute.waiting_ms for minute in store.run(minutes_since(1))) == 25


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.RELEASED, Outcome.CANCELLED])
def test_runs_that_were_cut_short_tell_nothing_of_durations(store: Engine, outcome: Outcome) -> None:
    put(store)
    store.clock.now += 10
    ended(store, started(store), outcome, duration_ms=1234)

    minute = only_minute(store)
    assert (minute.duration_ms, minute.duration_max_ms, minute.waiting_ms) == (0, 0, 0)
    assert store.run(buckets_since(1)) == []


def test_each_minute_and_queue_is_apart(store: Engine) -> None:
    ran(store, queue="a")
    ran(store, queue="b")
    store.clock.now += MINUTE
    ran(store, queue="a")

    first = NOON // MINUTE
    seen = [(m.minute, m.queue) for m in store.run(minutes_since(5))]
    assert seen == [(first, "a"), (first, "b"), (first + 1, "a")]
    assert [m.minute for m in store.run(minutes_since(1))] == [first + 1]


def test_tidying_samples_how_many_wait(store: Engine) -> None:
    put(store)
    put(store, delay=9)
    ran(store, Outcome.FAILED, queue="mail")
    ran(store, queue="done")

    store.run(tidy())

    assert {m.queue: m.depth for m in store.run(minutes_since(1))} == {"default": 2, "mail": 1, "done": None}


def test_tidying_drops_roll_ups_that_are_too_old(store: Engine) -> None:
    ran(store)
    store.clock.now += KEEP_MINUTES * MINUTE
    store.run(tidy())
    assert store.run(minutes_since(2 * KEEP_MINUTES))
    assert store.run(buckets_since(2 * KEEP_MINUTES))

    store.clock.now += MINUTE
    store.run(tidy())
    assert store.run(minutes_since(2 * KEEP_MINUTES)) == []
    assert store.run(buckets_since(2 * KEEP_MINUTES)) == []


def test_tidying_keeps_every_count_that_is_not_nothing(store: Engine) -> None:
    job = ran(store, queue="gone")
    put(store)
    store.run(delete([job.id]))

    store.run(tidy())

    assert store.run(summary()).jobs[JobState.PENDING] == 1
    assert started(store)


# ------------------------------------------------------------------ the summary


def test_an_empty_store_has_a_summary(store: Engine) -> None:
    summed = store.run(summary())

    assert summed.jobs == dict.fromkeys(JobState, 0)
    assert (summed.oldest_pending_ms, summed.success_rate, summed.duration) == (None, None, None)
    assert summed.throughput == {"1m": 0, "5m": 0, "15m": 0}


def test_the_summary_counts_jobs_of_all_queues_by_state(store: Engine) -> None:
    ran(store, queue="a")
    ran(store, queue="b")
    dead(store)
    put(store)
    started(store)
    put(store)

    jobs = store.run(summary()).jobs

    assert jobs == {
        JobState.PENDING: 1,
        JobState.PROCESSING: 1,
        JobState.COMPLETED: 2,
        JobState.FAILED: 0,
        JobState.DEAD: 1,
        JobState.CANCELLED: 0,
    }


def test_the_success_rate_is_of_runs_that_had_their_chance(store: Engine) -> None:
    outcomes = [Outcome.COMPLETED] * 3 + [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST]
    for outcome in [*outcomes, Outcome.CANCELLED, Outcome.RELEASED]:
        put(store)
        ended(store, started(store), outcome)

    assert store.run(summary()).success_rate == 0.5


def test_runs_of_more_than_an_hour_ago_are_out_of_the_summary(store: Engine) -> None:
    ran(store)
    store.clock.now += 59 * MINUTE
    assert store.run(summary()).success_rate == 1.0

    store.clock.now += MINUTE
    summed = store.run(summary())
    assert (summed.success_rate, summed.duration) == (None, None)


def test_durations_are_in_seconds_and_quantiles_within_a_fifth(store: Engine) -> None:
    for lasted in range(100, 2100, 100):
        put(store)
        ended(store, started(store), duration_ms=lasted)

    duration = store.run(summary()).duration

    assert duration
    assert (duration.mean, duration.max) == (1.05, 2.0)
    assert duration.p50 == pytest.approx(1.0, rel=0.2)
    assert duration.p95 == pytest.approx(1.9, rel=0.2)
    assert duration.p95 <= duration.max


def test_throughput_is_jobs_ended_a_second_in_each_window(store: Engine) -> None:
    for _ in range(6):
        ran(store)
    store.clock.now += MINUTE
    for _ in range(3):
        ran(store)
    store.clock.now += MINUTE // 2

    throughput = store.run(summary()).throughput

    # Half of the last minute, and all of this one.
    assert throughput == {"1m": (3 + 6 / 2) / 60, "5m": 9 / 300, "15m": 9 / 900}
    store.clock.now += 13 * MINUTE + MINUTE // 2
    assert store.run(summary()).throughput == {"1m": 0, "5m": 0, "15m": 9 / 900}
    store.clock.now += MINUTE // 2
    assert store.run(summary()).throughput["15m"] == (6 / 2 + 3) / 900


def test_a_retry_that_fails_again_is_no_throughput(store: Engine) -> None:
    ran(store, Outcome.FAILED)

    assert store.run(summary()).throughput["1m"] == 0


def test_the_oldest_waiting_job_is_the_one_due_longest(store: Engine) -> None:
    put(store, delay=1, queue="slow")
    store.clock.now += 500
    put(store, priority=5)
    put(store, priority=-5, queue="paused")
    store.run(pause(["paused"]))
    store.clock.now += 300
    put(store, priority=9)
    assert store.run(summary()).oldest_pending_ms == 300

    store.clock.now += 5000
    assert store.run(summary()).oldest_pending_ms == 5300
    started(store, "default")
    assert store.run(summary()).oldest_pending_ms == 5300


def test_a_job_that_came_due_unseen_counts_as_waiting(store: Engine) -> None:
    put(store, delay=1)
    assert store.run(summary()).oldest_pending_ms is None

    store.clock.now += 1700
    assert store.run(summary()).oldest_pending_ms == 700


def test_among_priorities_the_oldest_is_found(store: Engine) -> None:
    for age, priority in ((3, 0), (2, 7), (1, -7)):
        put(store, priority=priority)
        store.clock.now += age

    assert store.run(summary()).oldest_pending_ms == 6


# ------------------------------------------------------------------ counts


def test_what_has_not_ended_is_counted_by_queue(store: Engine) -> None:
    ran(store, queue="a")
    ran(store, Outcome.FAILED, queue="a")
    put(store, queue="a")
    put(store, queue="b")
    started(store, "b")

    none = {JobState.PENDING: 0, JobState.FAILED: 0, JobState.PROCESSING: 0}
    of_a = {**none, JobState.PENDING: 1, JobState.FAILED: 1}
    assert store.run(waiting_for(("a",))) == of_a
    assert store.run(waiting_for(("a", "b"))) == {**of_a, JobState.PROCESSING: 1}
    assert store.run(waiting_for(())) == {**of_a, JobState.PROCESSING: 1}
    assert store.run(waiting_for(("c",))) == none


@write
def _miscount() -> Steps[None]:
    for queue, n in (("default", 2), ("ghost", 3)):
        yield Statement("add_count", {"queue": queue, "n": n})


def test_counts_that_are_wrong_are_named_and_mended(store: Engine) -> None:
    put(store)
    store.run(_miscount())
    assert store.run(miscounted()) == {("default", "pending"): (3, 1), ("ghost", "pending"): (3, 0)}

    store.run(recount())

    assert store.run(miscounted()) == {}
    assert store.run(summary()).jobs[JobState.PENDING] == 1


def test_jobs_that_a_clock_put_off_before_it_was_set_back_are_told(store: Engine) -> None:
    put(store, delay=3600)
    put(store)
    assert store.run(put_off_ahead(2000)) is None

    store.clock.now += 60_000
    first, _ = put(store, delay=10), put(store)  # one that does not wait for its time is not held up
    store.clock.now += 30_000
    put(store, delay=10)
    store.clock.now -= 90_000

    assert store.run(put_off_ahead(2000)) == Ahead(2, 90_000, first.number)
    assert store.run(put_off_ahead(60_000)) == Ahead(1, 90_000, first.number + 2)
