"""What others changed meanwhile: the transaction is run again, what it does happens once, and nobody is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from queuectl_core.model.errors import StoreError
from queuectl_core.model.job import Job, JobState, Outcome
from queuectl_core.store.postgres import async_store
from queuectl_core.store.postgres import store as blocking_store
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.claims import Ask, take_turn, take_turns
from queuectl_core.store.transactions.jobs import page
from queuectl_core.store.transactions.statistics import miscounted
from tests.execution.waiting import PATIENCE, eventually
from tests.postgres.raising import (
    DEADLOCK_DETECTED,
    SERIALIZATION_FAILURE,
    UNIQUE_VIOLATION,
    When,
    raising,
)
from tests.postgres.server import with_parameter
from tests.store.acts import fresh_token, look, put, report, runs, started
from tests.store.engines import ON_SERVER, Engine

CLASHES = [SERIALIZATION_FAILURE, DEADLOCK_DETECTED, UNIQUE_VIOLATION]
FEW = 5
"""How many clashes are put up with in the tests that use them up; each costs a pause."""

AT_ONCE = "options=-c%20deadlock_timeout%3D50ms"
"""How soon the server looks whether those who wait do so for each other."""

NEVER = "options=-c%20deadlock_timeout%3D1h"


@pytest.fixture(params=ON_SERVER)
def engine(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[Engine]:
    """The blocking and the awaited store in turn; of several that wait for each other it is the one to give in."""
    with ON_SERVER[request.param](tmp_path / "home", with_parameter(url, AT_ONCE)) as opened:
        yield opened
        assert opened.run(miscounted()) == {}


@pytest.mark.parametrize("code", CLASHES)
@pytest.mark.parametrize("when", list(When), ids=["at once", "at the commit"])
def test_a_change_that_clashes_is_made_again_and_once(engine: Engine, url: str, when: When, code: str) -> None:
    with raising(url, code, "INSERT ON queuectl.jobs", 2, when) as raised:
        job = put(engine)
        assert raised.tries() == 3

    assert engine.run(page()) == [job]


@pytest.mark.parametrize("code", CLASHES)
def test_a_turn_that_clashes_ends_one_run_once_and_begins_another(engine: Engine, url: str, code: str) -> None:
    first, second = put(engine), put(engine)
    run = started(engine)
    ask = Ask("pool-1", fresh_token())

    with raising(url, code, "UPDATE ON queuectl.runs", 2) as raised:
        turn = engine.run(take_turn(report(run, Outcome.COMPLETED), ask))
        assert raised.tries() == 3

    assert turn.ended is not None
    assert turn.job is not None
    assert (turn.ended.state, turn.job.id) == (JobState.COMPLETED, second.id)
    assert [one.outcome for one in runs(engine, first)] == [Outcome.COMPLETED]
    assert [one.outcome for one in runs(engine, second)] == [None]
    assert look(engine, second).attempts == 1


@pytest.mark.parametrize("code", [SERIALIZATION_FAILURE, DEADLOCK_DETECTED])
def test_clashes_without_end_end_in_one_line(
    engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    for module in (blocking_store, async_store):
        monkeypatch.setattr(module, "MOST_CLASHES", FEW)

    with raising(url, code, "INSERT ON queuectl.jobs", 3 * FEW) as raised:
        with pytest.raises(StoreError, match=r"^postgresql://\S+ is busy: made up: try again$"):
            put(engine)
        assert raised.tries() == FEW + 1

    assert engine.run(page()) == []
    assert put(engine).state is JobState.PENDING, "the next change goes well"


class Others(NamedTuple):
    """Two sessions that hold what a store wants, and threads for those who wait."""

    one: psycopg.Connection
    gate: psycopg.Connection
    threads: ThreadPoolExecutor


@contextmanager
def others_at(url: str) -> Iterator[Others]:
    """Sessions that look for no deadlock by themselves, so that it is always the store that is made to give in."""
    patient = with_parameter(url, NEVER)
    # The gate is closed first: then nobody waits any more.
    with ThreadPoolExecutor(2) as threads, psycopg.connect(patient) as one, psycopg.connect(patient) as gate:
        yield Others(one, gate, threads)


def hold(session: psycopg.Connection, job: Job) -> None:
    """Lock a job, once nobody else does."""
    session.execute("SELECT 1 FROM queuectl.jobs WHERE number = %s FOR UPDATE", (job.number,))


def so_many_wait(url: str, count: int) -> None:
    """Wait until so many sessions of the database wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url, autocommit=True) as ruler:
        eventually(lambda: ruler.execute(query).fetchall() == [(count,)], what=f"{count} wait for a lock")


def test_a_job_that_another_changed_meanwhile_is_changed_as_it_is_then(engine: Engine, url: str) -> None:
    job = put(engine)
    with raising(url, "", "UPDATE ON queuectl.jobs", 0) as counted, others_at(url) as others:
        others.one.execute("UPDATE queuectl.jobs SET priority = 7 WHERE number = %s", (job.number,))
        before = counted.tries()
        cancelling = others.threads.submit(engine.run, cancel([job.id]))
        so_many_wait(url, 1)
        others.one.commit()

        [cancelled] = cancelling.result(PATIENCE)
        assert counted.tries() == before + 2

    assert (cancelled.state, cancelled.priority) == (JobState.CANCELLED, 7)
    assert engine.run(page()) == [cancelled]


def test_a_change_in_a_deadlock_gives_in_and_is_made_once_the_others_are_through(engine: Engine, url: str) -> None:
    first, between, last = (put(engine) for _ in range(3))
    with others_at(url) as others:
        hold(others.one, last)
        hold(others.gate, between)
        cancelling = others.threads.submit(engine.run, cancel([first.id, between.id, last.id]))
        so_many_wait(url, 1)
        held = others.threads.submit(hold, others.one, first)
        so_many_wait(url, 2)
        others.gate.rollback()

        held.result(PATIENCE)  # The store had it, and gave it up.
        others.one.rollback()
        cancelled = cancelling.result(PATIENCE)

    assert [job.state for job in cancelled] == [JobState.CANCELLED] * 3
    assert [look(engine, job) for job in (first, between, last)] == cancelled


def test_so_does_a_turn(engine: Engine, url: str) -> None:
    first, between, last = (put(engine) for _ in range(3))
    held = [started(engine) for _ in range(3)]
    with others_at(url) as others:
        hold(others.one, last)
        hold(others.gate, between)
        turn = take_turns([report(run, Outcome.COMPLETED) for run in held], [])
        taken = others.threads.submit(engine.run, turn)
        so_many_wait(url, 1)
        got = others.threads.submit(hold, others.one, first)
        so_many_wait(url, 2)
        others.gate.rollback()

        got.result(PATIENCE)
        others.one.rollback()
        ended = taken.result(PATIENCE).ended

    assert [job.state for job in ended if job] == [JobState.COMPLETED] * 3
    assert [[run.outcome for run in runs(engine, job)] for job in (first, between, last)] == [[Outcome.COMPLETED]] * 3
