"""The state machine of a job: one table, every state against every event.

`decide` looks up where an event takes a job. The store applies the answer as a compare-and-set,
and CHECK constraints of the schema say the same once more. Nothing here reads a clock or a store.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from queuectl_core.model.job import JobState, Outcome


class Event(StrEnum):
    """What can happen to a job once it is stored."""

    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    TIME_OUT = "time out"
    LOSE = "lose"
    RELEASE = "release"
    CANCEL = "cancel"
    STOP = "stop"
    """The tree of a job that is being cancelled has ended."""
    RETRY = "retry"
    EDIT = "edit"
    DELETE = "delete"


class Transition(NamedTuple):
    """Where an event takes a job: to `to`, or to `exhausted` where no retry is left.

    `to` is None where the event removes the job. `charge` is added to `attempts`; `reset` sets
    them to 0 instead.
    """

    to: JobState | None
    exhausted: JobState | None = None
    charge: int = 0
    reset: bool = False

    def target(self, attempts: int, max_retries: int) -> JobState | None:
        """The state the job moves to, having been charged `attempts` runs since its last reset."""
        if self.exhausted is not None and attempts > max_retries:
            return self.exhausted
        return self.to


P, R, C = JobState.PENDING, JobState.PROCESSING, JobState.COMPLETED
F, D, X = JobState.FAILED, JobState.DEAD, JobState.CANCELLED

_AGAIN = Transition(P, reset=True)
_GONE = Transition(None)
_RETRY_OR_DIE = Transition(F, exhausted=D)

TABLE: dict[tuple[JobState, Event], Transition] = {
    (P, Event.CLAIM): Transition(R, charge=1),
    (F, Event.CLAIM): Transition(R, charge=1),
    (R, Event.SUCCEED): Transition(C),
    (R, Event.FAIL): _RETRY_OR_DIE,
    (R, Event.TIME_OUT): _RETRY_OR_DIE,
    (R, Event.LOSE): _RETRY_OR_DIE,
    (R, Event.RELEASE): Transition(P, charge=-1),
    (P, Event.CANCEL): Transition(X),
    (F, Event.CANCEL): Transition(X),
    (R, Event.CANCEL): Transition(R),
    (R, Event.STOP): Transition(X),
    (C, Event.RETRY): _AGAIN,
    (D, Event.RETRY): _AGAIN,
    (X, Event.RETRY): _AGAIN,
    (P, Event.EDIT): Transition(P),
    (F, Event.EDIT): Transition(F),
    (D, Event.EDIT): Transition(D),
    (C, Event.DELETE): _GONE,
    (D, Event.DELETE): _GONE,
    (X, Event.DELETE): _GONE,
}
"""Every allowed pair; a pair that is not here is refused."""

EVENT_OF_OUTCOME: dict[Outcome, Event] = {
    Outcome.COMPLETED: Event.SUCCEED,
    Outcome.FAILED: Event.FAIL,
    Outcome.TIMED_OUT: Event.TIME_OUT,
    Outcome.LOST: Event.LOSE,
    Outcome.RELEASED: Event.RELEASE,
    Outcome.CANCELLED: Event.STOP,
}
"""What the end of a run means to its job."""


def decide(state: JobState, event: Event) -> Transition | None:
    """The transition that `event` makes from `state`; None where it is refused."""
    return TABLE.get((state, event))


def allowed_from(event: Event) -> tuple[JobState, ...]:
    """The states in which `event` is allowed, in the order of `JobState`."""
    return tuple(state for state in JobState if (state, event) in TABLE)


def after_run(outcome: Outcome, attempts: int, max_retries: int, *, cancelling: bool) -> JobState:
    """The state a job takes when its run ends with `outcome`.

    `attempts` counts this run. A job whose cancellation was asked for ends as cancelled, unless
    it has completed before that could be done.
    """
    transition = TABLE[R, EVENT_OF_OUTCOME[outcome]]
    state = transition.target(attempts, max_retries)
    if state is None:
        raise AssertionError(f"the end of a run cannot remove its job: {outcome}")
    return X if cancelling and state is not C else state
