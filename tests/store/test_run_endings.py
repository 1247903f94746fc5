"""How a run ends for its job: the fence, charges and delays, release, cancellation."""

from __future__ import annotations

from typing import Any

import pytest

from queuectl_core.model.job import Attempt, JobState, Outcome
from queuectl_core.model.settings import Settings
from queuectl_core.store.statements import Many, Steps, work
from queuectl_core.store.transactions.changes import cancel, retry
from queuectl_core.store.transactions.claims import Ask, cancel_wanted, take_turn
from queuectl_core.store.transactions.jobs import find, history, tail
from tests.store.acts import (
    Run,
    ask,
    dead,
    end,
    ended,
    fresh_token,
    look,
    put,
    report,
    runs,
    start,
    started,
)
from tests.store.engines import NOON, Engine

SECOND = 1000
CHARGED = [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST]


# ------------------------------------------------------------------ the fence


@pytest.mark.parametrize("outcome", Outcome)
def test_a_report_with_another_token_changes_nothing(store: Engine, outcome: Outcome) -> None:
    put(store)
    run = started(store)
    before = look(store, run.job), runs(store, run.job)

    assert end(store, Run(run.job, "forged"), outcome, tail=b"late") is None

    assert (look(store, run.job), runs(store, run.job)) == before
    assert store.run(tail(run.job.number, 1)) == b""


@work
def set_ended(number: int, token: str) -> Steps[tuple[int, list[Attempt]]]:
    """The statements that end a run, without the look that precedes them; how many jobs they changed."""
    values = {
        "number": number,
        "attempt": 1,
        "token": token,
        "state": "completed",
        "outcome": "completed",
        "charge": 0,
        "delay_ms": 0,
        "exit_code": 0,
        "signal": None,
        "error": None,
        "duration_ms": 0,
        "began_at": NOON,
        "ended_at": NOON,
        "output_bytes": 0,
    }
    for name in ("end_jobs", "put_off_jobs", "release_jobs", "end_runs"):
        yield Many(name, [{**values, "now": NOON}])
    attempts: list[Attempt] = yield from history(number).steps()
    [job] = yield from find([str(number)]).steps()
    if job.state is not JobState.PROCESSING:
        yield Many("move_counts", [(job.queue, "processing", -1), (job.queue, job.state, 1)])
    return int(job.state is not JobState.PROCESSING), attempts


@pytest.mark.parametrize(("right", "jobs"), [(False, 0), (True, 1)])
def test_the_statements_that_end_a_run_are_fenced_themselves(store: Engine, right: bool, jobs: int) -> None:
    put(store)
    run = started(store)

    changed, [attempt] = store.run(set_ended(run.job.number, run.token if right else "forged"))

    assert (changed, attempt.outcome is None) == (jobs, not right)


def test_the_late_result_of_a_lost_run_changes_nothing(store: Engine) -> None:
    put(store)
    stale = started(store)
    ended(store, stale, Outcome.LOST)
    store.clock.now += 2 * SECOND
    current = started(store)
    before = look(store, current.job), runs(store, current.job)

    assert end(store, stale) is None

    assert (look(store, current.job), runs(store, current.job)) == before
    assert ended(store, current).state is JobState.COMPLETED


def test_a_result_counts_once(store: Engine) -> None:
    put(store)
    run = started(store)

    assert ended(store, run, Outcome.FAILED).attempts == 1
    assert end(store, run, Outcome.FAILED) is None


def test_a_worker_whose_report_is_late_gets_its_next_job(store: Engine) -> None:
    put(store, id="a")
    put(store, id="b")
    stale = started(store)

    turn = store.run(take_turn(report(Run(stale.job, "old"), Outcome.COMPLETED), Ask("pool-1", fresh_token())))

    assert turn.ended is None
    assert turn.job
    assert turn.job.id == "b"


# ------------------------------------------------------------------ charges and delays


@pytest.mark.parametrize("outcome", CHARGED)
def test_a_job_dies_after_as_many_retries_as_it_has(store: Engine, outcome: Outcome) -> None:
    job = put(store, max_retries=2)
    seen = []
    for _ in range(3):
        job = ended(store, started(store), outcome)
        seen.append((job.state.value, job.attempts))
        store.clock.now = max(store.clock.now, job.due)

    assert seen == [("failed", 1), ("failed", 2), ("dead", 3)]
    assert start(store) is None
    assert (job.finished_at, job.next_run_at) == (store.clock.now, None)


def test_a_job_without_retries_dies_of_its_first_failure(store: Engine) -> None:
    assert dead(store).attempts == 1


def test_a_failed_job_waits_base_to_the_attempts(store: Engine) -> None:
    job = put(store)
    waits = []
    for _ in range(3):
        job = ended(store, started(store), Outcome.FAILED)
        waits.append(job.due - store.clock.now)
        assert ask(store).next_due_ms == waits[-1]
        store.clock.now = job.due

    assert waits == [2 * SECOND, 4 * SECOND, 8 * SECOND]


def test_the_delay_follows_the_settings_of_the_failure(store: Engine) -> None:
    put(store)
    settings = Settings.from_texts({"backoff_base": "10", "backoff_max": "25"})
    first = ended(store, started(store), Outcome.FAILED, settings=settings)
    store.clock.now = first.due
    second = ended(store, started(store), Outcome.FAILED, settings=settings)

    assert (first.due - NOON, second.due - store.clock.now) == (10 * SECOND, 25 * SECOND)


def test_jitter_moves_the_delay_by_the_number_that_was_drawn(store: Engine) -> None:
    put(store)
    settings = Settings.from_texts({"backoff_jitter": "0.5"})

    job = ended(store, started(store), Outcome.FAILED, settings=settings, spread=0.0)

    assert job.due == NOON + 1 * SECOND


def test_without_a_delay_a_failed_job_is_due_at_once(store: Engine) -> None:
    put(store)
    settings = Settings.from_texts({"backoff_max": "0"})

    assert ended(store, started(store), Outcome.FAILED, settings=settings).state is JobState.FAILED
    assert started(store).job.attempts == 2


# ------------------------------------------------------------------ release


def test_a_released_job_is_not_charged_and_keeps_its_place(store: Engine) -> None:
    put(store, id="first")
    store.clock.now += 1
    put(store, id="second")
    run = started(store)
    store.clock.now += 5 * SECOND

    job = ended(store, run, Outcome.RELEASED)

    assert (job.state, job.attempts, job.runs, job.due) == ("pending", 0, 1, NOON)
    again = started(store)
    assert (again.job.id, again.job.attempts, again.job.runs) == ("first", 1, 2)
    assert [attempt.outcome for attempt in runs(store, job)] == [Outcome.RELEASED, None]


def test_a_released_retry_keeps_the_failures_before_it(store: Engine) -> None:
    put(store)
    job = ended(store, started(store), Outcome.FAILED)
    store.clock.now = job.due

    assert ended(store, started(store), Outcome.RELEASED).attempts == 1


# ------------------------------------------------------------------ cancelling what runs


def cancelling(store: Engine, **fields: Any) -> Run:
    put(store, **fields)
    run = started(store)
    [job] = store.run(cancel([run.job.id]))
    assert (job.state, job.cancelling) == (JobState.PROCESSING, True)
    return run


def test_a_run_is_told_that_its_job_is_being_cancelled(store: Engine) -> None:
    put(store)
    run = started(store)
    assert not store.run(cancel_wanted(run.job.number, run.token))

    store.run(cancel([run.job.id]))

    assert store.run(cancel_wanted(run.job.number, run.token))


def test_a_run_that_lost_its_job_is_told_to_end(store: Engine) -> None:
    put(store)
    run = started(store)
    ended(store, run, Outcome.LOST)

    assert store.run(cancel_wanted(run.job.number, run.token))


@pytest.mark.parametrize("outcome", [*CHARGED, Outcome.RELEASED, Outcome.CANCELLED])
def test_a_job_that_is_being_cancelled_goes_back_to_no_queue(store: Engine, outcome: Outcome) -> None:
    run = cancelling(store)
    store.clock.now += 9

    job = ended(store, run, outcome)

    assert (job.state, job.cancelling, job.finished_at) == (JobState.CANCELLED, False, NOON + 9)
    assert start(store) is None


def test_a_job_that_ends_with_success_while_it_is_being_cancelled_has_completed(store: Engine) -> None:
    job = ended(store, cancelling(store), Outcome.COMPLETED)

    assert (job.state, job.cancelling) == (JobState.COMPLETED, False)


def test_a_cancelled_run_can_be_retried_like_any_other(store: Engine) -> None:
    job = ended(store, cancelling(store), Outcome.CANCELLED, signal=15)
    store.run(retry([job.id]))

    assert ended(store, started(store)).state is JobState.COMPLETED
    assert [attempt.outcome for attempt in runs(store, job)] == [Outcome.CANCELLED, Outcome.COMPLETED]
