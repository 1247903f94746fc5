"""Claiming a job and what a run leaves behind: order, queues, turns."""

from __future__ import annotations

from typing import Any

from queuectl_core.model.job import JobState, NewJob, Outcome
from queuectl_core.store.transactions.claims import Ask, processing, take_turn, token_of_run
from queuectl_core.store.transactions.jobs import tail
from queuectl_core.store.transactions.queues import pause, resume
from queuectl_core.store.transactions.settings import set_setting
from queuectl_core.store.transactions.workers import register_worker, roster
from tests.store.acts import (
    ask,
    ended,
    fresh_token,
    look,
    put,
    put_many,
    report,
    runs,
    start,
    started,
)
from tests.store.engines import NOON, Engine

SECOND = 1000
CHARGED = [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST]


def claim_all(store: Engine, *queues: str) -> list[str]:
    claimed = []
    while run := start(store, *queues):
        claimed.append(run.job.id)
    return claimed


# ------------------------------------------------------------------ order


def test_an_empty_store_hands_out_nothing(store: Engine) -> None:
    turn = ask(store)

    assert (turn.job, turn.ended, turn.next_due_ms) == (None, None, None)


def test_without_priorities_the_first_to_arrive_goes_first(store: Engine) -> None:
    for name in "abc":
        put(store, id=name)

    assert claim_all(store) == ["a", "b", "c"]


def test_a_claim_that_began_before_others_found_its_job_due_is_dated_when_it_was(store: Engine) -> None:
    put(store, delay=1.0)
    store.clock.now += SECOND
    assert start(store, "another") is None  # who asks for any queue finds what is due in all
    store.clock.now -= 29

    run = started(store)

    assert run.job.started_at == NOON + SECOND
    assert [one.started_at for one in runs(store, run.job)] == [NOON + SECOND]


def test_a_higher_priority_goes_first(store: Engine) -> None:
    for name, priority in [("low", -1), ("none", 0), ("high", 1000), ("higher-than-none", 1)]:
        put(store, id=name, priority=priority)

    assert claim_all(store) == ["high", "higher-than-none", "none", "low"]


def test_among_equals_the_first_to_become_due_goes_first(store: Engine) -> None:
    put(store, id="later", delay=2)
    put(store, id="sooner", delay=1)
    store.clock.now += 2 * SECOND
    put(store, id="now")

    assert claim_all(store) == ["sooner", "later", "now"]


def test_queues_are_merged_by_the_same_order(store: Engine) -> None:
    put(store, id="first", queue="z")
    put(store, id="second", queue="a")
    put(store, id="urgent", queue="m", priority=1)
    put(store, id="third", queue="z")

    assert claim_all(store) == ["urgent", "first", "second", "third"]


def test_across_queues_the_first_to_become_due_goes_first(store: Engine) -> None:
    put(store, id="later", queue="a", delay=2)
    put(store, id="sooner", queue="b", delay=1)
    store.clock.now += 2 * SECOND

    assert claim_all(store) == ["sooner", "later"]


def test_a_job_is_handed_out_once(store: Engine) -> None:
    put(store)

    assert start(store)
    assert start(store) is None


def test_a_job_is_not_handed_out_before_it_is_due(store: Engine) -> None:
    put(store, delay=5)
    store.clock.now += 5 * SECOND - 1

    assert ask(store).next_due_ms == 1
    assert look(store, put(store, queue="else", delay=9)).next_run_at == store.clock.now + 9 * SECOND
    store.clock.now += 1
    assert ask(store).job


def test_more_overdue_jobs_than_one_claim_promotes_are_all_handed_out_in_the_end(store: Engine) -> None:
    put_many(store, *[NewJob("true", delay=1)] * 1001, batch=1001)
    put(store, id="urgent", priority=1, delay=1.5)
    store.clock.now += 2 * SECOND

    started(store)
    assert started(store).job.id == "urgent"


def test_a_worker_takes_jobs_of_its_queues_alone(store: Engine) -> None:
    for queue in ("mail", "video", "other"):
        put(store, id=f"of-{queue}", queue=queue, priority=int(queue == "other"))

    assert claim_all(store, "mail", "video") == ["of-mail", "of-video"]
    assert claim_all(store, "nowhere") == []
    assert claim_all(store) == ["of-other"]


def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(store: Engine) -> None:
    put(store, id="held", queue="mail", priority=9)
    put(store, id="free")
    store.run(pause(["mail"]))

    assert claim_all(store) == ["free"]
    assert start(store, "mail") is None
    store.run(resume(["mail"]))
    assert claim_all(store) == ["held"]


def test_what_runs_when_its_queue_is_paused_runs_on(store: Engine) -> None:
    put(store)
    run = started(store)
    store.run(pause(["default"]))

    assert ended(store, run).state is JobState.COMPLETED


# ------------------------------------------------------------------ a run


def test_a_claimed_job_tells_who_runs_it_since_when(store: Engine) -> None:
    put(store)
    store.clock.now += 7
    run = start(store, worker="pool-3")

    assert run
    job = look(store, run.job)
    assert (job.state, job.worker, job.started_at, job.finished_at) == (
        "processing",
        "pool-3",
        NOON + 7,
        None,
    )
    [attempt] = runs(store, job)
    assert (attempt.attempt, attempt.outcome, attempt.started_at) == (1, None, NOON + 7)
    assert attempt.worker == "pool-3"


def test_a_result_is_kept_with_job_and_run(store: Engine) -> None:
    put(store)
    run = started(store)
    store.clock.now += 900
    facts: dict[str, Any] = {"exit_code": None, "signal": 9, "error": "killed", "duration_ms": 870}

    job = ended(store, run, Outcome.FAILED, output_bytes=12, tail=b"no\xff\0", **facts)

    assert job == look(store, job)
    assert (job.exit_code, job.signal, job.error) == (None, 9, "killed")
    [attempt] = runs(store, job)
    assert attempt == (1, "failed", None, 9, "killed", NOON, NOON + 900, 870, "pool-1", 12)
    assert store.run(tail(job.number, 1)) == b"no\xff\0"
    assert store.run(tail(job.number, 2)) == b""


def test_a_new_run_clears_what_the_one_before_left(store: Engine) -> None:
    put(store)
    ended(store, started(store), Outcome.FAILED, exit_code=3, error="it failed")
    store.clock.now += 2 * SECOND

    job = started(store).job

    assert (job.exit_code, job.signal, job.error, job.finished_at) == (None, None, None, None)
    assert runs(store, job)[0].exit_code == 3


def test_a_lost_run_lasted_from_its_start_to_its_discovery(store: Engine) -> None:
    put(store)
    run = started(store)
    store.clock.now += 4 * SECOND

    job = ended(store, run, Outcome.LOST, error="its worker died")

    assert runs(store, job)[0].duration_ms == 4 * SECOND


def test_a_clock_that_went_back_makes_no_negative_duration(store: Engine) -> None:
    put(store)
    run = started(store)
    store.clock.now -= 60 * SECOND

    assert runs(store, ended(store, run, Outcome.LOST))[0].duration_ms == 0


def test_reporting_and_claiming_are_one_turn(store: Engine) -> None:
    put(store, id="a")
    put(store, id="b")
    run = started(store)

    turn = store.run(take_turn(report(run, Outcome.COMPLETED), Ask("pool-1", fresh_token())))

    assert turn.ended
    assert turn.job
    assert (turn.ended.id, turn.ended.state, turn.job.id) == ("a", "completed", "b")


def test_a_turn_that_finds_nothing_notes_that_the_worker_is_idle(store: Engine) -> None:
    store.run(register_worker("pool-1", "pool", "host", 1, (), 0))
    put(store)
    run = started(store)
    store.clock.now += SECOND

    store.run(take_turn(report(run, Outcome.COMPLETED), Ask("pool-1", fresh_token())))

    [worker] = store.run(roster()).workers
    assert worker.idle_since == NOON + SECOND


def test_a_turn_tells_the_version_of_the_settings(store: Engine) -> None:
    before = ask(store).settings_version
    store.run(set_setting("kill_grace", "3"))

    assert ask(store).settings_version > before


def test_what_runs_now_is_listed_with_its_tokens(store: Engine) -> None:
    put(store)
    put(store)
    put(store)
    first, second = started(store), started(store)

    assert [(held.token, held.job.number) for held in store.run(processing())] == [
        (first.token, first.job.number),
        (second.token, second.job.number),
    ]


def test_the_token_of_a_run_stays_known(store: Engine) -> None:
    put(store)
    run = started(store)
    ended(store, run)

    assert store.run(token_of_run(run.job.number, 1)) == run.token
    assert store.run(token_of_run(run.job.number, 2)) is None
