"""The whole state machine, every state against every event, written out once more by hand."""

from __future__ import annotations

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.model.lifecycle import (
    EVENT_OF_OUTCOME,
    TABLE,
    Event,
    Transition,
    after_run,
    allowed_from,
    decide,
)

P, R, C = JobState.PENDING, JobState.PROCESSING, JobState.COMPLETED
F, D, X = JobState.FAILED, JobState.DEAD, JobState.CANCELLED

RUNS_CHARGED, MAX_RETRIES = 2, 3

# One row an event, one column a state: pending processing completed failed dead cancelled.
# "-" is refused, "gone" removes the job.
EXPECTED = {
    Event.CLAIM: "processing - - processing - -",
    Event.SUCCEED: "- completed - - - -",
    Event.FAIL: "- failed - - - -",
    Event.TIME_OUT: "- failed - - - -",
    Event.LOSE: "- failed - - - -",
    Event.RELEASE: "- pending - - - -",
    Event.CANCEL: "cancelled processing - cancelled - -",
    Event.STOP: "- cancelled - - - -",
    Event.RETRY: "- - pending - pending pending",
    Event.EDIT: "pending - - failed dead -",
    Event.DELETE: "- - gone - gone gone",
}
CASES = [
    (state, event, word)
    for event, row in EXPECTED.items()
    for state, word in zip((P, R, C, F, D, X), row.split(), strict=True)
]


def _word(transition: Transition | None) -> str:
    if transition is None:
        return "-"
    return transition.target(RUNS_CHARGED, MAX_RETRIES) or "gone"


def test_every_state_and_event_is_decided_here() -> None:
    assert {(state, event) for state, event, _ in CASES} == {(s, e) for s in JobState for e in Event}


@pytest.mark.parametrize(("state", "event", "word"), CASES)
def test_an_event_takes_a_job_where_the_table_says(state: JobState, event: Event, word: str) -> None:
    assert _word(decide(state, event)) == word


@pytest.mark.parametrize("event", [Event.FAIL, Event.TIME_OUT, Event.LOSE])
def test_a_failure_after_the_last_retry_is_death(event: Event) -> None:
    transition = TABLE[R, event]

    assert transition.target(MAX_RETRIES, MAX_RETRIES) is F
    assert transition.target(MAX_RETRIES + 1, MAX_RETRIES) is D


def test_without_retries_the_first_failure_is_death() -> None:
    assert TABLE[R, Event.FAIL].target(1, 0) is D


def test_only_a_claim_charges_and_only_a_release_gives_back() -> None:
    charges = {event: t.charge for (_, event), t in TABLE.items() if t.charge}

    assert charges == {Event.CLAIM: 1, Event.RELEASE: -1}


def test_only_a_retry_resets_the_count() -> None:
    assert {event for (_, event), t in TABLE.items() if t.reset} == {Event.RETRY}


@pytest.mark.parametrize("event", Event)
def test_the_states_that_allow_an_event_are_those_that_decide_it(event: Event) -> None:
    assert allowed_from(event) == tuple(state for state in JobState if decide(state, event))


def test_every_outcome_means_an_event_of_a_running_job() -> None:
    assert set(EVENT_OF_OUTCOME) == set(Outcome)
    assert all(decide(R, event) for event in EVENT_OF_OUTCOME.values())


@pytest.mark.parametrize(
    ("outcome", "retries_left", "none_left"),
    [
        (Outcome.COMPLETED, C, C),
        (Outcome.FAILED, F, D),
        (Outcome.TIMED_OUT, F, D),
        (Outcome.LOST, F, D),
        (Outcome.RELEASED, P, P),
        (Outcome.CANCELLED, X, X),
    ],
)
def test_the_end_of_a_run_moves_its_job(outcome: Outcome, retries_left: JobState, none_left: JobState) -> None:
    assert after_run(outcome, 1, 1, cancelling=False) is retries_left
    assert after_run(outcome, 2, 1, cancelling=False) is none_left


@pytest.mark.parametrize(
    ("outcome", "retries_left", "none_left"),
    [
        (Outcome.COMPLETED, C, C),
        (Outcome.FAILED, X, X),
        (Outcome.TIMED_OUT, X, X),
        (Outcome.LOST, X, X),
        (Outcome.RELEASED, X, X),
        (Outcome.CANCELLED, X, X),
    ],
)
def test_a_job_that_is_being_cancelled_never_waits_again(
    outcome: Outcome, retries_left: JobState, none_left: JobState
) -> None:
    assert after_run(outcome, 1, 1, cancelling=True) is retries_left
    assert after_run(outcome, 2, 1, cancelling=True) is none_left
