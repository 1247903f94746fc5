"""Queues: which there are, what they hold, and how they are paused."""

from __future__ import annotations

import pytest

from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.changes import delete
from queuectl_core.store.transactions.queues import pause, queues, resume
from queuectl_core.store.transactions.statistics import tidy
from tests.store.acts import put, ran, start
from tests.store.engines import Engine


def test_a_queue_is_there_while_it_holds_jobs(store: Engine) -> None:
    assert store.run(queues()) == []
    job = ran(store, queue="mail")
    ran(store, Outcome.FAILED, queue="default")
    put(store)

    assert store.run(queues()) == [
        ("default", False, {JobState.FAILED: 1, JobState.PENDING: 1}),
        ("mail", False, {JobState.COMPLETED: 1}),
    ]
    store.run(delete([job.id]))
    assert [queue.name for queue in store.run(queues())] == ["default"]


def test_a_queue_can_be_paused_before_it_has_a_job(store: Engine) -> None:
    store.run(pause(["mail"]))
    store.run(tidy())

    assert store.run(queues()) == [("mail", True, {})]
    put(store, queue="mail")
    assert start(store) is None
    store.run(resume(["mail"]))
    assert store.run(queues()) == [("mail", False, {JobState.PENDING: 1})]


def test_pausing_and_resuming_twice_is_harmless(store: Engine) -> None:
    store.run(pause(["a", "a"]))
    store.run(pause(["a"]))
    assert [queue.paused for queue in store.run(queues())] == [True]

    store.run(resume(["a", "unknown"]))
    store.run(resume(["a"]))
    assert store.run(queues()) == []


def test_one_bad_name_pauses_none(store: Engine) -> None:
    with pytest.raises(InvalidInput, match="queue must be"):
        store.run(pause(["mail", "no/slash"]))
    assert store.run(queues()) == []
