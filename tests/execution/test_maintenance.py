"""What a keeper does on the side: retention with its logs, samples of depth, checkpoints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.execution import maintenance
from queuectl_core.execution.logs import make_log
from queuectl_core.execution.maintenance import Maintenance
from queuectl_core.model.errors import NoSuchJob
from queuectl_core.model.job import Job, JobState, NewJob, Outcome, Result
from queuectl_core.model.settings import Settings
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.store import EARLY_CHECKPOINT_PAGES, SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.claims import Ask, Report, take_turn
from queuectl_core.store.transactions.jobs import find
from queuectl_core.store.transactions.settings import set_setting
from queuectl_core.store.transactions.statistics import minutes_since
from tests.store.engines import Clock

DAY_MS = 86_400_000
DEFAULTS = Settings.from_texts({})


@pytest.fixture
def clock() -> Clock:
    """The clock of the store; a test moves it."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    """A store whose clock stands still."""
    with SqliteStore(Home(str(tmp_path / "home")), clock=clock) as opened:
        yield opened


def ended(store: SqliteStore, state: JobState) -> Job:
    """A job that has just ended in a state, with the log of its run where it had one."""
    job = store.run(enqueue(NewJob("true", max_retries=0)))
    if state is JobState.CANCELLED:
        [job] = store.run(cancel([job.id]))
        return job
    claimed = store.run(take_turn(None, Ask("pool-1", f"token-{job.number}"))).job
    assert claimed is not None
    os.close(make_log(store.home, claimed.number, claimed.runs))
    outcome = Outcome.COMPLETED if state is JobState.COMPLETED else Outcome.FAILED
    result = Result(outcome, exit_code=0 if state is JobState.COMPLETED else 1)
    done = store.run(take_turn(Report(claimed.number, f"token-{job.number}", result, DEFAULTS), None)).ended
    assert done is not None
    assert done.state is state
    return done


def is_kept(store: SqliteStore, job: Job) -> bool:
    """Whether the store still has the job; its log must be there where the job is, and only there."""
    try:
        store.run(find([job.id]))
    except NoSuchJob:
        kept = False
    else:
        kept = True
    if job.runs:
        assert os.path.exists(store.home.log(job.number, 1)) is kept
    return kept


def steps(store: SqliteStore, count: int = 5) -> None:
    """Steps of a keeper that has just started."""
    keeper = Maintenance(store)
    for _ in range(count):
        assert keeper.step() == []


def test_completed_and_cancelled_jobs_are_forgotten_after_a_month_and_dead_ones_never(
    store: SqliteStore, clock: Clock
) -> None:
    jobs = {state: ended(store, state) for state in (JobState.COMPLETED, JobState.CANCELLED, JobState.DEAD)}
    clock.now += 30 * DAY_MS - 1
    steps(store)
    assert all(is_kept(store, job) for job in jobs.values())
    clock.now += 1
    steps(store)
    assert [state for state, job in jobs.items() if is_kept(store, job)] == [JobState.DEAD]


def test_retention_keeps_what_the_settings_say(store: SqliteStore, clock: Clock) -> None:
    for key, value in (("keep_completed", "none"), ("keep_cancelled", "2d"), ("keep_dead", "1d")):
        store.run(set_setting(key, value))
    jobs = {state: ended(store, state) for state in (JobState.COMPLETED, JobState.CANCELLED, JobState.DEAD)}
    clock.now += DAY_MS
    steps(store)
    assert [state for state, job in jobs.items() if is_kept(store, job)] == [JobState.COMPLETED, JobState.CANCELLED]
    clock.now += 400 * DAY_MS
    steps(store)
    assert [state for state, job in jobs.items() if is_kept(store, job)] == [JobState.COMPLETED]


def test_retention_leaves_jobs_that_have_not_ended(store: SqliteStore, clock: Clock) -> None:
    waiting = store.run(enqueue(NewJob("true")))
    clock.now += 1000 * DAY_MS
    steps(store)
    assert is_kept(store, waiting)


def test_retention_removes_a_few_jobs_a_step(store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "FORGET_AT_ONCE", 2)
    jobs = [ended(store, JobState.COMPLETED) for _ in range(5)]
    clock.now += 31 * DAY_MS
    keeper = Maintenance(store)
    left = []
    for _ in range(3):
        keeper.step()
        left.append(sum(is_kept(store, job) for job in jobs))
    assert left == [3, 1, 0]


def test_a_keeper_notes_how_deep_each_queue_is(store: SqliteStore) -> None:
    for queue in ("mail", "mail", "other"):
        store.run(enqueue(NewJob("true", queue=queue)))
    ended(store, JobState.CANCELLED)
    steps(store, 1)
    depths = {minute.queue: minute.depth for minute in store.run(minutes_since(5)) if minute.depth is not None}
    assert depths == {"mail": 2, "other": 1}


def test_a_long_log_is_checkpointed(store: SqliteStore) -> None:
    big = NewJob("true", env={"FILLING": "x" * 60_000})
    while not wal.is_long(store.home.database, EARLY_CHECKPOINT_PAGES):
        store.run(enqueue(big))
    before = os.stat(store.home.database).st_size
    steps(store, 1)
    assert os.stat(store.home.database).st_size > before
    store.run(enqueue(NewJob("true")))
    assert not wal.is_long(store.home.database, EARLY_CHECKPOINT_PAGES)
