"""How jobs arrive: what is stored of them, ids that are taken, all or nothing in bulk."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from queuectl_core.model.errors import IdTaken, InvalidInput
from queuectl_core.model.job import JobState, NewJob
from queuectl_core.store.transactions.arrivals import enqueue, enqueue_rows
from queuectl_core.store.transactions.changes import delete
from queuectl_core.store.transactions.jobs import page
from queuectl_core.store.transactions.settings import set_setting
from tests.store.acts import look, put, put_many, ran, started
from tests.store.engines import NOON, Engine


def test_a_job_is_stored_as_it_was_asked_for(store: Engine) -> None:
    job = put(
        store,
        "echo 'ünï' \"$HOME\"\nexit",
        id="nightly:1",
        queue="7",
        priority=-5,
        max_retries=9,
        timeout=1.5,
        delay=2.25,
        cwd="/srv/x",
        env={"A": "1", "B": "ü"},
    )

    assert job == look(store, job)
    assert (job.command, job.id, job.queue, job.priority) == (
        "echo 'ünï' \"$HOME\"\nexit",
        "nightly:1",
        "7",
        -5,
    )
    assert (job.max_retries, job.timeout_ms, job.cwd, job.env) == (9, 1500, "/srv/x", {"A": "1", "B": "ü"})
    assert (job.state, job.attempts, job.runs, job.cancelling) == (JobState.PENDING, 0, 0, False)
    assert (job.created_at, job.updated_at, job.next_run_at) == (NOON, NOON, NOON + 2250)
    assert (job.started_at, job.finished_at, job.worker, job.error) == (None, None, None, None)


def test_an_argument_vector_stays_one(store: Engine) -> None:
    job = store.run(enqueue(NewJob(("echo", "a b", "", "*"))))

    assert look(store, job).command == ("echo", "a b", "", "*")


def test_a_job_without_a_name_is_called_by_its_number(store: Engine) -> None:
    job = put(store)

    assert (job.name, job.id) == (None, str(job.number))
    assert look(store, job) == job


def test_a_job_runs_where_it_was_enqueued(store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert put(store).cwd == os.getcwd()
    assert put(store, cwd="sub").cwd == os.path.join(os.getcwd(), "sub")


def test_a_directory_that_is_gone_is_refused(store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with pytest.raises(InvalidInput, match="current directory is gone"):
        put(store)


def test_an_instant_to_run_at_is_kept(store: Engine) -> None:
    job = put(store, run_at=datetime.fromtimestamp(NOON / 1000 + 60, UTC))

    assert job.next_run_at == NOON + 60_000
    assert store.run(page()) == [job]


def test_an_instant_in_the_past_is_due_now(store: Engine) -> None:
    put(store, run_at=datetime(2001, 1, 1, tzinfo=UTC))

    assert started(store)


def test_a_job_takes_the_retries_set_when_it_is_stored(store: Engine) -> None:
    before = put(store)
    store.run(set_setting("max_retries", "7"))

    assert (before.max_retries, put(store).max_retries, put(store, max_retries=0).max_retries) == (3, 7, 0)
    assert look(store, before).max_retries == 3
    number = put_many(store, NewJob("a"), NewJob("b", max_retries=1))
    assert [job.max_retries for job in store.run(page(before=number + 2, limit=2))] == [1, 7]


def test_an_id_that_is_taken_is_refused(store: Engine) -> None:
    put(store, "echo one", id="a")

    with pytest.raises(IdTaken, match="id 'a' is taken"):
        put(store, "echo two", id="a")
    assert [job.command for job in store.run(page())] == ["echo one"]


def test_the_id_of_an_ended_job_is_still_taken(store: Engine) -> None:
    ran(store, id="a")

    with pytest.raises(IdTaken):
        put(store, id="a")


def test_ids_that_differ_in_case_are_different(store: Engine) -> None:
    assert put(store, id="a").number != put(store, id="A").number


@pytest.mark.parametrize("job", [NewJob(""), NewJob("x", queue="no/slash"), NewJob("x", priority=1001)])
def test_a_job_that_cannot_be_meant_is_refused(store: Engine, job: NewJob) -> None:
    with pytest.raises(InvalidInput):
        store.run(enqueue(job))
    assert store.run(page()) == []


def test_many_jobs_arrive_in_their_order(store: Engine) -> None:
    put(store)
    first = put_many(store, *[NewJob(f"echo {n}", id=f"j{n}", queue="ab"[n % 2]) for n in range(5)])

    jobs = store.run(page(limit=5))[::-1]

    assert [(job.number, job.id, job.command) for job in jobs] == [(first + n, f"j{n}", f"echo {n}") for n in range(5)]
    assert [job.queue for job in jobs] == ["a", "b", "a", "b", "a"]


def test_jobs_that_arrive_together_are_as_those_that_arrive_alone(store: Engine) -> None:
    asked = NewJob(("a", "b"), "n", "q", 3, 4, 5.0, 6.0, None, "/seven", {"EIGHT": "9"})
    alone = store.run(enqueue(asked))
    put_many(store, asked._replace(id="m"))

    [together] = store.run(page(limit=1))

    assert together == alone._replace(number=together.number, name="m")


def test_many_delayed_jobs_wait(store: Engine) -> None:
    put_many(store, NewJob("true", delay=5), NewJob("true", run_at=datetime.fromtimestamp(NOON / 1000 + 9, UTC)))

    assert [job.next_run_at for job in store.run(page())] == [NOON + 9000, NOON + 5000]


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_one_taken_id_refuses_them_all_and_names_its_place(store: Engine, batch: int) -> None:
    put(store, id="taken")

    with pytest.raises(IdTaken, match="line 4: id 'taken' is taken"):
        put_many(store, *[NewJob("true", id=name) for name in ("a", "b", "c", "taken", "d")], batch=batch)
    assert [job.id for job in store.run(page())] == ["taken"]


@pytest.mark.parametrize("batch", [1, 100])
def test_an_id_that_comes_twice_refuses_them_all(store: Engine, batch: int) -> None:
    with pytest.raises(IdTaken, match="line 3: id 'a' is taken"):
        put_many(store, NewJob("true", id="a"), NewJob("true"), NewJob("true", id="a"), batch=batch)
    assert store.run(page()) == []


def test_no_jobs_at_all_are_stored_too(store: Engine) -> None:
    assert store.run(enqueue_rows(list, str)) == []
    assert store.run(page()) == []


def test_an_error_between_batches_stores_nothing(store: Engine) -> None:
    def batches() -> list[list[object]]:
        raise OSError("the spool is gone")

    with pytest.raises(OSError, match="the spool is gone"):
        store.run(enqueue_rows(batches, str))  # type: ignore[arg-type]  # never gives a row
    assert put(store).number == 1


def test_a_number_never_comes_back(store: Engine) -> None:
    newest = ran(store)
    store.run(delete([newest.id]))

    assert put(store).number == newest.number + 1
    assert put_many(store, NewJob("true"), NewJob("true")) == newest.number + 2
    assert put(store).number == newest.number + 4
