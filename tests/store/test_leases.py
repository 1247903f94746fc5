"""What becomes of workers that nothing is heard of, as the server sees it: its clock alone counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, NewJob, Outcome, Result
from queuectl_core.model.settings import Settings
from queuectl_core.store.home import Home
from queuectl_core.store.postgres.leases import give_up, give_up_pools, renew
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.claims import Ask, Held, Report, take_turns
from queuectl_core.store.transactions.jobs import find, history
from queuectl_core.store.transactions.workers import Lease, register_pool, register_worker, roster
from tests.store.acts import fresh_token
from tests.store.engines import Clock, emptied

LEASE_MS = 30_000
VALUES = Settings.from_texts({})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(made_on_server: str, tmp_path: Path, clock: Clock) -> Iterator[PostgresStore]:
    with PostgresStore(Home(str(tmp_path / "home"), emptied(made_on_server)), clock=clock) as opened:
        opened.run(register_pool("a", "host", 1, 1, Lease("there", LEASE_MS)))
        opened.run(register_worker("a-1", "a", "host", 2, (), 0, Lease("there", LEASE_MS)))
        yield opened


def claimed(queue: PostgresStore, jobs: int = 1) -> list[Held]:
    """Jobs that the worker has begun."""
    for _ in range(jobs):
        queue.run(enqueue(NewJob("true", max_retries=1)))
    found = queue.run(take_turns([], [Ask("a-1", fresh_token()) for _ in range(jobs)])).claimed
    assert len(found) == jobs
    return found


def test_a_worker_is_silent_once_its_lease_is_over(queue: PostgresStore, clock: Clock) -> None:
    clock.now += LEASE_MS - 1
    assert not queue.run(roster()).workers[0].silent
    clock.now += 1
    known = queue.run(roster())

    assert known.workers[0].silent
    assert known.pools[0].silent


def test_a_renewal_makes_it_heard_of_and_says_who_is_known(queue: PostgresStore, clock: Clock) -> None:
    clock.now += LEASE_MS
    assert queue.run(renew(1000, ["a-1", "b-1"])) == {"a-1"}
    assert queue.run(renew(1000, [], ["a", "b"])) == {"a"}
    clock.now += 999
    assert not queue.run(roster()).workers[0].silent
    clock.now += 1

    assert queue.run(roster()).workers[0].silent, "it promised less this time"


def test_a_pool_never_shortens_what_its_worker_has_promised(queue: PostgresStore, clock: Clock) -> None:
    queue.run(renew(1000, ["a-1"], ["a"]))
    clock.now += LEASE_MS - 1
    known = queue.run(roster())
    assert (known.workers[0].silent, known.pools[0].silent) == (False, True)
    queue.run(renew(LEASE_MS + 1000, ["a-1"], ["a"]))
    clock.now += LEASE_MS

    assert not queue.run(roster()).workers[0].silent, "it may make it longer"


def test_all_that_a_silent_worker_held_is_lost_and_goes_on(queue: PostgresStore, clock: Clock) -> None:
    held = claimed(queue, 2)
    clock.now += LEASE_MS
    jobs = queue.run(give_up("a-1", VALUES, 0.0))

    assert [job.state for job in jobs] == [JobState.FAILED] * 2
    assert [run.outcome for run in queue.run(history(held[0].job.number))] == [Outcome.LOST]
    assert queue.run(roster()).workers == []


def test_a_worker_that_was_heard_of_in_the_last_instant_keeps_its_job(queue: PostgresStore, clock: Clock) -> None:
    [held] = claimed(queue)
    clock.now += LEASE_MS
    queue.run(renew(LEASE_MS, ["a-1"]))

    assert queue.run(give_up("a-1", VALUES, 0.0)) == []
    assert queue.run(find([held.job.id]))[0].state is JobState.PROCESSING


def test_the_result_of_one_that_was_given_up_is_refused(queue: PostgresStore, clock: Clock) -> None:
    [held] = claimed(queue)
    clock.now += LEASE_MS
    queue.run(give_up("a-1", VALUES, 0.0))
    late = Report(held.job.number, held.token, Result(Outcome.COMPLETED, 0), VALUES)

    assert queue.run(take_turns([late], [])).ended == [None]


def test_pools_that_are_silent_are_struck_off(queue: PostgresStore, clock: Clock) -> None:
    queue.run(give_up_pools())
    assert [pool.id for pool in queue.run(roster()).pools] == ["a"]
    clock.now += LEASE_MS
    queue.run(give_up_pools())

    assert queue.run(roster()).pools == []
