"""Every state against every event, on every store: the table's pairs happen, the rest changes nothing."""

from __future__ import annotations

import pytest

from queuectl_core.model.errors import NoSuchJob, WrongState
from queuectl_core.model.job import Changes, Job, JobState
from queuectl_core.model.lifecycle import EVENT_OF_OUTCOME, Event, Transition, decide
from queuectl_core.store.transactions.changes import cancel, delete, edit, retry
from tests.store.acts import Run, end, job_in, look, runs, start
from tests.store.engines import Engine

OUTCOME_OF = {event: outcome for outcome, event in EVENT_OF_OUTCOME.items()}
CASES = [(state, event) for state in JobState for event in Event]
ALLOWED = [(*case, transition) for case in CASES if (transition := decide(*case))]
REFUSED = [case for case in CASES if not decide(*case)]


def happen(store: Engine, event: Event, run: Run) -> bool:
    """Let an event befall the only job of a store; whether it did."""
    ids = [run.job.id]
    try:
        match event:
            case Event.CLAIM:
                store.clock.now = max(store.clock.now, run.job.due)
                return start(store) is not None
            case Event.CANCEL:
                store.run(cancel(ids))
            case Event.RETRY:
                store.run(retry(ids))
            case Event.EDIT:
                store.run(edit(run.job.id, Changes(priority=run.job.priority)))
            case Event.DELETE:
                store.run(delete(ids))
            case _:
                return end(store, run, OUTCOME_OF[event]) is not None
    except WrongState:
        return False
    return True


def expected_attempts(job: Job, transition: Transition) -> int:
    return 0 if transition.reset else job.attempts + transition.charge


@pytest.mark.parametrize(("state", "event", "transition"), ALLOWED)
def test_an_allowed_event_takes_the_job_where_the_table_says(
    store: Engine, state: JobState, event: Event, transition: Transition
) -> None:
    run = job_in(store, state)
    assert run.job.state is state

    assert happen(store, event, run)

    target = transition.target(run.job.attempts, run.job.max_retries)
    if target is None:
        with pytest.raises(NoSuchJob):
            look(store, run.job)
    else:
        job = look(store, run.job)
        assert (job.state, job.attempts) == (target, expected_attempts(run.job, transition))


@pytest.mark.parametrize(("state", "event"), REFUSED)
def test_a_refused_event_leaves_the_job_as_it_was(store: Engine, state: JobState, event: Event) -> None:
    run = job_in(store, state)
    before = look(store, run.job), runs(store, run.job)

    assert not happen(store, event, run)

    assert (look(store, run.job), runs(store, run.job)) == before
