"""A queue moved from one store to another: every job, every run, in every state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.model.errors import Refused
from queuectl_core.model.job import JobState, NewJob, Outcome
from queuectl_core.model.moved import MOVED, MovedJob, settled, shortened
from queuectl_core.model.settings import SETTINGS, Settings
from queuectl_core.store.transactions import moving
from queuectl_core.store.transactions.changes import cancel, delete
from queuectl_core.store.transactions.jobs import count_matching
from queuectl_core.store.transactions.moving import chunk, head
from queuectl_core.store.transactions.moving_in import (
    Mark,
    begin_import,
    bring,
    discard_some,
    finish_import,
    unfinished,
)
from queuectl_core.store.transactions.queues import pause, queues
from queuectl_core.store.transactions.settings import IMPORT_MARK, set_setting, settings
from queuectl_core.store.transactions.statistics import miscounted
from tests.store.acts import DEFAULTS, dead, ended, look, put, put_many, ran, runs, start, started
from tests.store.engines import Engine, blocking_sqlite

END = Mark(9, "digest", 100, ())


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Engine]:
    """A store of the plain kind, beside the one under test."""
    with blocking_sqlite(tmp_path / "other") as engine:
        yield engine
        assert engine.run(miscounted()) == {}


def fill(store: Engine) -> None:
    """Jobs in every state, two of them in the midst of a run."""
    job = put(store, ("printf", "é"), id="named", queue="done", env={"A": "ü"}, cwd="/tmp", priority=7, timeout=9.5)
    ended(store, started(store, "done"), Outcome.COMPLETED, tail=b"\xff\0out", output_bytes=5, duration_ms=3)
    assert look(store, job).state is JobState.COMPLETED
    put(store, "later", delay=3600.0)
    again = put(store, "again", queue="again")
    ended(store, started(store, "again"), Outcome.FAILED, exit_code=3, error="exit status 3", tail=b"first")
    store.clock.now = look(store, again).due
    ended(store, started(store, "again"), Outcome.TIMED_OUT, signal=15, error="timed out", tail=b"second")
    dead(store, queue="dead")
    put(store, "cancelled", queue="x", id="gone")
    store.run(cancel(["gone"]))
    put(store, "runs", queue="runs")
    started(store, "runs")
    ending = put(store, "ends", queue="ends")
    started(store, "ends")
    store.run(cancel([ending.id]))


def everything(store: Engine, last: int = 10**6) -> list[MovedJob]:
    """All that is in a store, in order of number."""
    found: list[MovedJob] = []
    while more := store.run(chunk(found[-1].job.number if found else 0, last)):
        found += more
    return found


def begun(store: Engine, last: int = 100) -> Mark:
    return store.run(begin_import(last, {}, []))


def move(source: Engine, target: Engine) -> list[MovedJob]:
    """Move it all; what was meant to arrive."""
    start = source.run(head())
    moved = [settled(one, start.now) for one in everything(source, start.last_number)]
    mark = target.run(begin_import(start.last_number, start.settings, start.paused))
    for one in moved:
        before, mark = mark, mark._replace(lines=mark.lines + 1)
        target.run(bring(before, mark, [one]))
    assert everything(target) == moved
    target.run(finish_import(mark, start.settings, start.paused))
    return moved


def test_what_arrives_is_what_was_there(store: Engine, other: Engine) -> None:
    fill(other)
    other.run(set_setting("workers", "7"))
    other.run(pause(["done", "empty"]))

    moved = move(other, store)

    assert everything(store) == moved
    assert {one.job.state for one in everything(other)} == set(JobState)
    unmoved = {one.job.number: one for one in everything(other) if one.job.state is not JobState.PROCESSING}
    assert unmoved == {one.job.number: one for one in moved if one.job.number in unmoved}
    assert store.run(settings()).texts == {"workers": "7"}
    assert [queue.name for queue in store.run(queues()) if queue.paused] == ["done", "empty"]
    assert store.run(unfinished()) is None


def test_it_goes_the_other_way_too(store: Engine, other: Engine) -> None:
    fill(store)

    moved = move(store, other)

    assert everything(other) == moved
    assert other.run(settings()).version == 0


def test_what_ran_is_given_back_uncharged_and_keeps_its_place(store: Engine, other: Engine) -> None:
    job = put(other, "runs", max_retries=0)
    other.clock.now += 1000
    run = started(other)
    other.clock.now += 1000

    [moved] = move(other, store)

    assert (moved.job.state, moved.job.attempts, moved.job.runs, moved.job.due) == ("pending", 0, 1, job.due)
    [attempt] = runs(store, run.job)
    assert (attempt.outcome, attempt.duration_ms, attempt.error) == (Outcome.RELEASED, 1000, MOVED)
    assert started(store).job.number == job.number


def test_what_was_being_cancelled_is_cancelled(store: Engine, other: Engine) -> None:
    job = put(other)
    started(other)
    other.run(cancel([job.id]))

    move(other, store)

    assert look(store, job).state is JobState.CANCELLED
    assert runs(store, job)[0].outcome is Outcome.RELEASED


def test_what_is_due_can_be_claimed_at_once_and_what_is_not_once_it_is(store: Engine, other: Engine) -> None:
    put(other, "now")
    later = put(other, "later", delay=60.0)
    move(other, store)

    assert started(store).job.command == "now"
    assert start(store) is None
    store.clock.now = later.due
    assert started(store).job.command == "later"


def test_numbers_go_on_above_all_that_were_given(store: Engine, other: Engine) -> None:
    put(other)
    other.run(delete([ran(other, queue="q").id]))

    move(other, store)

    assert put(store).number == 3


def test_nothing_is_claimed_before_the_end(store: Engine, other: Engine) -> None:
    put(other)
    mark = begun(store)
    store.run(bring(mark, END, everything(other)))

    assert start(store) is None
    store.run(finish_import(END, {}, []))
    assert start(store) is not None


def test_jobs_that_come_meanwhile_take_numbers_beyond(store: Engine, other: Engine) -> None:
    put(other)
    mark = begun(store)

    assert put(store, queue="q").number == 101
    store.run(bring(mark, END, everything(other)))
    assert [one.job.number for one in everything(store, END.last)] == [1]


def test_a_batch_that_is_brought_again_changes_nothing(store: Engine, other: Engine) -> None:
    put(other)
    mark, jobs = begun(store), everything(other)
    store.run(bring(mark, END, jobs))

    store.run(bring(mark, END, jobs))

    assert store.run(count_matching()) == 1
    store.run(finish_import(END, {"workers": "2"}, []))
    store.run(finish_import(END, {"workers": "2"}, []))
    assert store.run(settings()).version == 1


def test_two_imports_do_not_mix(store: Engine, other: Engine) -> None:
    put(other)
    mark = begun(store)
    store.run(bring(mark, END, everything(other)))

    with pytest.raises(Refused, match="another import"):
        store.run(bring(mark, END._replace(digest="of another"), everything(other)))
    with pytest.raises(Refused, match="another import"):
        store.run(finish_import(mark, {}, []))


@pytest.mark.parametrize("taken", [None, "named"])
def test_a_number_or_a_name_that_is_taken_refuses_the_whole_batch(
    store: Engine, other: Engine, taken: str | None
) -> None:
    put_many(other, NewJob("free"), NewJob("taken", id=taken))
    free, other_job = everything(other)
    mark = begun(store)
    if taken:
        put(store, "mine", id="named")
    else:
        store.run(bring(mark, mark._replace(lines=1), [other_job]))
        mark = mark._replace(lines=1)

    with pytest.raises(Refused, match="is taken"):
        store.run(bring(mark, END, [free, other_job]))

    assert (store.run(count_matching()), store.run(unfinished())) == (1, mark)


def test_a_store_with_jobs_is_refused(store: Engine) -> None:
    put(store)

    with pytest.raises(Refused, match="holds jobs"):
        begun(store)
    assert store.run(unfinished()) is None


def test_other_settings_and_pauses_are_refused_and_the_same_are_not(store: Engine) -> None:
    store.run(set_setting("workers", "2"))
    store.run(pause(["q"]))

    with pytest.raises(Refused, match="other settings: workers"):
        store.run(begin_import(1, {"workers": "3"}, ["q"]))
    with pytest.raises(Refused, match="other queues paused: q"):
        store.run(begin_import(1, {"workers": "2"}, []))
    store.run(begin_import(1, {"workers": "2"}, ["q"]))


def test_discarding_leaves_the_store_as_it_was(store: Engine, other: Engine) -> None:
    fill(other)
    store.run(pause(["done"]))
    mark = store.run(begin_import(100, {}, ["done"]))
    store.run(bring(mark, mark._replace(lines=1), [settled(one, 0) for one in everything(other)]))
    put(store, "mine", queue="again")

    removed = 0
    while n := store.run(discard_some(mark, 2)):
        removed += n

    assert removed == 7
    assert [one.job.command for one in everything(store)] == ["mine"]
    assert [queue.name for queue in store.run(queues()) if queue.paused] == ["done"]
    assert store.run(unfinished()) is None


def test_the_mark_is_no_setting(store: Engine) -> None:
    begun(store)

    stored = store.run(settings())

    assert IMPORT_MARK not in SETTINGS
    assert IMPORT_MARK in stored.texts
    assert (stored.values, stored.version) == (DEFAULTS, 0)
    assert Settings.from_texts(stored.texts) == DEFAULTS
    with pytest.raises(Refused, match="unfinished"):
        store.run(head())


def test_chunks_tear_no_job_apart(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "RUNS_AT_ONCE", 2)
    for queue in ("a", "b", "c"):
        job = put(store, queue=queue)
        for _ in range(3):
            store.clock.now = look(store, job).due
            ended(store, started(store, queue), Outcome.FAILED)
    put(store)

    chunks = [[len(one.history) for one in store.run(chunk(after, 10))] for after in (0, 1, 2, 3, 4)]

    assert chunks == [[3], [3], [3], [0], []]


def test_chunks_hold_few_bytes_and_one_job_at_least(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "BYTES_AT_ONCE", 5000)
    put(store)
    ended(store, started(store), tail=b"x" * 3000)
    put(store, "x" * 3000)
    put(store, env={"A": "x" * 1000})
    put(store, "x" * 9000)

    chunks = [[one.job.number for one in store.run(chunk(after, 10))] for after in (0, 1, 3, 4)]

    assert chunks == [[1], [2, 3], [4], []]


@pytest.mark.parametrize(
    ("output", "kept"),
    [
        (b"whole", b"whole"),
        (b"longer than that", b"han that"),
        ("1 ééé€".encode(), "éé€".encode()),
        (b"\x80" * 9, b"\x80" * 8),
    ],
)
def test_output_is_cut_to_its_end_between_two_characters(other: Engine, output: bytes, kept: bytes) -> None:
    put(other)
    ended(other, started(other), tail=output)

    [moved] = [shortened(one, 8) for one in everything(other)]

    assert [run.tail for run in moved.history] == [kept]
