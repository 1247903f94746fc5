"""Looking jobs up: by id, by prefix, with their history. Pages of them are in `test_pages.py`."""

from __future__ import annotations

import pytest

from queuectl_core.model.errors import NoSuchJob
from queuectl_core.model.job import Outcome
from queuectl_core.store.transactions.jobs import find, ids_of, ids_starting_with, show
from tests.store.acts import ended, put, started
from tests.store.engines import Engine


def test_jobs_are_found_by_name_and_by_number_in_the_order_asked(store: Engine) -> None:
    numbered, named = put(store), put(store, id="a")

    assert store.run(find(["a", numbered.id])) == [named, numbered]


@pytest.mark.parametrize("job_id", ["nobody", "", "2", "-1", "1.0", "٣", "9" * 40])
def test_an_unknown_id_is_named(store: Engine, job_id: str) -> None:
    put(store)

    with pytest.raises(NoSuchJob, match=f"no job '{job_id}'"):
        store.run(find([job_id]))


def test_a_job_with_a_name_is_not_found_by_its_number(store: Engine) -> None:
    job = put(store, id="a")

    with pytest.raises(NoSuchJob):
        store.run(find([str(job.number)]))


def test_ids_are_told_by_number_of_jobs_that_are_there(store: Engine) -> None:
    numbered, named = put(store), put(store, id="a")

    assert store.run(ids_of([named.number, 99, numbered.number])) == {numbered.number: "1", named.number: "a"}


def test_a_job_is_shown_with_its_runs_oldest_first(store: Engine) -> None:
    put(store)
    job = ended(store, started(store), Outcome.RELEASED)
    job = ended(store, started(store))

    shown, attempts = store.run(show(job.id))

    assert shown == job
    assert [(a.attempt, a.outcome) for a in attempts] == [(1, Outcome.RELEASED), (2, Outcome.COMPLETED)]


def test_ids_are_completed_from_their_beginning(store: Engine) -> None:
    for name in ("night-2", "night-1", "nightly", "day", "n."):
        put(store, id=name)

    assert store.run(ids_starting_with("night-")) == ["night-1", "night-2"]
    assert store.run(ids_starting_with("n", limit=3)) == ["n.", "night-1", "night-2"]
    assert store.run(ids_starting_with("n.")) == ["n."]
    assert store.run(ids_starting_with("x")) == []


def test_numbers_are_completed_newest_first(store: Engine) -> None:
    for n in range(12):
        put(store, id="named" if n == 10 else None)

    assert store.run(ids_starting_with("1")) == ["12", "10", "1"]
    assert store.run(ids_starting_with("", limit=3)) == ["named", "12", "10"]
