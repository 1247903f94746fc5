"""What a worker remembers of where first jobs stand, while looking is dear: what it may miss, and what it may not."""

from __future__ import annotations

import pytest

from queuectl_core.model.job import Job
from queuectl_core.store.transactions import places
from queuectl_core.store.transactions.claims import Ask, take_turns, unclaim
from queuectl_core.store.transactions.places import Places
from queuectl_core.store.transactions.queues import pause
from tests.store.acts import fresh_token, put
from tests.store.engines import Engine


@pytest.fixture
def dear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look that tells how long it took is worth remembering for as long as any."""
    monkeypatch.setattr(places, "CHEAP_US", -1)
    monkeypatch.setattr(places, "WORTH", 10**9)


def claim(store: Engine, known: Places, most: int = 1, *queues: str) -> list[int]:
    """Claim as a worker that remembers; the numbers of the jobs."""
    asks = [Ask("pool-1", fresh_token(), queues) for _ in range(most)]
    return [held.job.number for held in store.run(take_turns([], asks, places=known)).claimed]


def numbers(*jobs: Job) -> list[int]:
    return [job.number for job in jobs]


@pytest.mark.usefixtures("dear")
def test_jobs_are_claimed_in_their_order_from_where_the_first_was_found(store: Engine) -> None:
    known = Places()
    jobs = [put(store) for _ in range(6)]

    claimed = [claim(store, known), claim(store, known, 2), claim(store, known, 3)]

    assert [number for some in claimed for number in some] == numbers(*jobs)


@pytest.mark.usefixtures("dear")
def test_a_job_of_a_higher_priority_is_found_in_a_queue_that_is_known(store: Engine) -> None:
    known = Places()
    first, later = put(store), put(store)
    assert claim(store, known) == numbers(first)

    urgent = put(store, priority=7)

    assert [claim(store, known), claim(store, known)] == [numbers(urgent), numbers(later)]


@pytest.mark.usefixtures("dear")
def test_jobs_of_lower_priority_follow_in_a_queue_that_is_known(store: Engine) -> None:
    known = Places()
    low, *high = put(store), put(store, priority=3), put(store, priority=3)

    assert [claim(store, known) for _ in range(3)] == [numbers(high[0]), numbers(high[1]), numbers(low)]


@pytest.mark.usefixtures("dear")
def test_where_too_little_is_found_every_queue_is_looked_at(store: Engine) -> None:
    known = Places()
    first, last = put(store), put(store)
    assert claim(store, known) == numbers(first)

    other = put(store, queue="other", priority=1)

    assert claim(store, known, 2) == numbers(other, last)


@pytest.mark.usefixtures("dear")
@pytest.mark.parametrize("later_ms", [places.LONGEST_MS, -1])
def test_what_is_remembered_is_so_for_a_second_and_not_after_a_clock_was_set_back(store: Engine, later_ms: int) -> None:
    known = Places()
    first, *_, last = (put(store) for _ in range(4))
    [held] = store.run(take_turns([], [Ask("pool-1", fresh_token())], places=known)).claimed
    assert claim(store, known, 2)
    store.run(unclaim([held]))

    store.clock.now += later_ms

    # Until then, one that came back to a place before the first may be passed over.
    assert [claim(store, known), claim(store, known)] == [numbers(first), numbers(last)]


@pytest.mark.usefixtures("dear")
def test_a_queue_that_is_known_may_be_paused(store: Engine) -> None:
    known = Places()
    first, _ = put(store), put(store)
    assert claim(store, known) == numbers(first)

    store.run(pause(["default"]))

    assert claim(store, known) == []


def test_a_look_that_was_cheap_is_not_remembered(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "CHEAP_US", 10**9)
    known = Places()
    first, _ = put(store), put(store)
    assert claim(store, known) == numbers(first)

    other = put(store, queue="other", priority=1)

    assert claim(store, known) == numbers(other)
