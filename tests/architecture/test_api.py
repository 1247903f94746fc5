"""The Python API: every name is there, typed, and does the same on the blocking and the awaited store."""

from __future__ import annotations

from pathlib import Path

import pytest

import queuectl_core
from queuectl_core import (
    Changes,
    IdTaken,
    Job,
    JobState,
    NewJob,
    WrongState,
    cancel,
    delete,
    edit,
    enqueue,
    find,
    history,
    open_async_store,
    open_store,
    page,
    retry,
    show,
)


@pytest.mark.parametrize("name", queuectl_core.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(queuectl_core, name).__doc__


def test_all_names_are_listed_and_no_other_is_there() -> None:
    assert set(dir(queuectl_core)) == set(queuectl_core.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(queuectl_core, "no_such_name")  # noqa: B009 - the name is meant to be looked up


def test_a_job_goes_through_its_life_by_the_api_alone(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "home")) as store:
        job: Job = store.run(enqueue(NewJob("true", id="mine", delay=60.0, timeout=1.5)))
        assert (job.id, job.state, job.timeout_ms) == ("mine", JobState.PENDING, 1500)
        assert store.run(edit("mine", Changes(priority=7))).priority == 7
        assert store.run(page()) == store.run(find(["mine"]))
        with pytest.raises(WrongState):
            store.run(retry(["mine"]))
        assert store.run(cancel(["mine"]))[0].state is JobState.CANCELLED
        assert store.run(retry(["mine"]))[0].state is JobState.PENDING
        store.run(cancel(["mine"]))
        assert store.run(history(job.number)) == []
        store.run(delete(["mine"]))
        assert store.run(page()) == []


async def test_the_awaited_store_runs_the_same_transactions(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    async with await open_async_store(home) as store:
        job = await store.run(enqueue(NewJob(("echo", "hi"), id="mine")))
        with pytest.raises(IdTaken):
            await store.run(enqueue(NewJob("true", id="mine")))
        assert (await store.run(show("mine"))) == (job, [])
    with open_store(home) as store_too:
        assert store_too.run(find(["mine"])) == [job]
