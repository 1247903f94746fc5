"""Every way to stop a pool that is in the midst of its work: what runs ends or is released, and nobody is left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from queuectl_core.execution.processes import all_processes, send
from queuectl_core.model.job import JobState, Outcome
from tests.crash.busy import (
    KILL_GRACE,
    PATIENCE,
    assert_finished,
    assert_nobody_is_left,
    assert_released,
    at_work,
    command_line,
    environment_of_ours,
    hears,
    outcomes,
    pool_at_work,
    starts,
    stopping,
    views_of,
)
from tests.crash.evidence import processes_of
from tests.crash.storm import ROOT, WRONG_WORDS, Pool, Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

Stop = Callable[[Storm, Pool], None]


def by(number: signal.Signals) -> Stop:
    """The stop by a signal to the pool."""
    return lambda _, pool: pool.process.send_signal(number)


def to_the_group(storm: Storm, pool: Pool) -> None:
    """The stop by TERM to the process group of the pool."""
    os.killpg(pool.pid, signal.SIGTERM)


# ---------------------------------------------------------------- politely


def test_a_first_signal_lets_what_runs_finish_and_starts_nothing_more(storm: Storm) -> None:
    for stop, options in [
        (by(signal.SIGTERM), ()),
        (by(signal.SIGINT), ("--drain",)),
        (by(signal.SIGHUP), ("--grace=60",)),
        (to_the_group, ()),
    ]:
        pool, work = pool_at_work(storm, *options)
        stop(storm, pool)
        hears(storm, work)
        begun = starts(storm)
        work.gate.touch()
        assert pool.process.wait(PATIENCE) == 0
        assert starts(storm) == begun
        assert_finished(storm, work)
        assert_nobody_is_left(storm)
    storm.drain(2)
    assert storm.wrong() == []


def test_worker_stop_returns_once_what_runs_has_finished(storm: Storm) -> None:
    for options in ((), ("--timeout=60",)):
        pool = storm.start_pool(4)
        work = at_work(storm)
        with stopping(storm, *options) as stop:
            hears(storm, work)
            assert stop.poll() is None
            work.gate.touch()
        assert pool.process.wait(PATIENCE) == 0
        assert_finished(storm, work)
        assert_nobody_is_left(storm)
    storm.drain(2)
    assert storm.wrong() == []


def test_a_pool_in_the_background_is_stopped_like_any_other(storm: Storm) -> None:
    environment = environment_of_ours(storm)
    start = command_line(storm, "worker", "start", "--count=4", "--detach")
    for options in ((), ("--now",)):
        subprocess.run(start, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, timeout=PATIENCE, check=True)
        work = at_work(storm)
        with stopping(storm, *options):
            if not options:
                hears(storm, work)
                work.gate.touch()
        eventually(lambda: not processes_of(storm.home), what="the pool itself has gone, too")
        assert_nobody_is_left(storm)
        assert_released(storm, work) if options else assert_finished(storm, work)
        work.gate.touch()
    storm.drain(2)
    assert storm.wrong() == []
    log = Path(storm.home.logs, "pool.log").read_text()
    assert [word for word in WRONG_WORDS if word in log] == []


def test_workers_that_are_too_many_finish_what_they_run_while_the_others_go_on(storm: Storm) -> None:
    pool = storm.start_pool(4)
    work = at_work(storm)
    storm.queuectl("worker", "scale", "1")
    eventually(lambda: len(views_of(storm)) <= 3, what="who runs nothing long has left")
    assert {work.held, work.stubborn} <= {view.job for view in views_of(storm)}
    work.gate.touch()
    eventually(lambda: len(views_of(storm)) == 1 and not storm.unfinished(), what="one does what there is to do")
    assert_finished(storm, work)
    later = at_later_work(storm)
    pool.process.terminate()
    assert pool.process.wait(PATIENCE) == 0
    assert outcomes(storm, later) == [Outcome.COMPLETED]
    assert_nobody_is_left(storm)
    storm.drain(2)
    assert storm.wrong() == []


def at_later_work(storm: Storm) -> str:
    """A job that was enqueued and has completed meanwhile."""
    job = storm.put(storm.ledger.command())
    eventually(lambda: storm.job(job).state is JobState.COMPLETED, what="the worker that is left works on")
    return job


# ---------------------------------------------------------------- at once


def test_a_second_signal_ends_what_runs_and_charges_nothing(storm: Storm) -> None:
    for first, second in [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGHUP, signal.SIGHUP),
        (signal.SIGHUP, signal.SIGINT),
    ]:
        pool = storm.start_pool(4)
        work = at_work(storm)
        pool.process.send_signal(first)
        hears(storm, work)
        told = ended_and_released(storm)
        began = time.monotonic()
        # Hangups close to each other are those of one terminal; so it is sent until it counts.
        eventually(lambda: told() or strike_again(pool, second), 10, what="the second signal counts")  # noqa: B023
        assert pool.process.wait(PATIENCE) == 0
        assert time.monotonic() - began >= KILL_GRACE
        assert_released(storm, work)
        assert_nobody_is_left(storm)
        work.gate.touch()
    storm.drain(2)
    assert storm.wrong() == []


def strike_again(pool: Pool, number: signal.Signals) -> bool:
    """Signal a pool once more; False, since nobody knows yet whether it has heard."""
    pool.process.send_signal(number)
    return False


def ended_and_released(storm: Storm) -> Callable[[], bool]:
    """Whether another pool has said, after now, that it does not wait any more."""
    words = "what runs is ended and released"
    before = storm.said().count(words)
    return lambda: storm.said().count(words) > before


def test_a_stop_whose_time_is_over_ends_what_runs_and_charges_nothing(storm: Storm) -> None:
    for waits, start, stop in [
        (0.3, ("--grace=0.3",), None),
        (0, ("--grace=0", "--drain"), None),
        (0, (), ("--now",)),
        (0.3, (), ("--timeout=0.3",)),
    ]:
        pool, work = pool_at_work(storm, *start)
        began = time.monotonic()
        if stop is None:
            pool.process.terminate()
        else:
            with stopping(storm, *stop):
                pass
        assert pool.process.wait(PATIENCE) == 0
        assert time.monotonic() - began >= waits + KILL_GRACE
        assert_released(storm, work)
        assert_nobody_is_left(storm)
        work.gate.touch()
    storm.drain(2)
    assert storm.wrong() == []


# ---------------------------------------------------------------- the machine goes down


@pytest.mark.parametrize("backwards", [False, True], ids=["pool first", "commands first"])
def test_a_shutdown_of_the_machine_charges_nothing_that_goes_at_its_first_wish(storm: Storm, backwards: bool) -> None:
    """All get TERM; what ignores it is killed by its worker in time."""
    pool = storm.start_pool(4, "--grace=0.2")
    # A short one whose shell outlives its child for an instant would say what is not so.
    work = at_work(storm, short=0 if backwards else 80)
    to_all(storm, signal.SIGTERM, backwards)
    assert pool.process.wait(PATIENCE) == 0
    assert_released(storm, work)
    assert_nobody_is_left(storm)
    work.gate.touch()
    storm.drain(2)
    assert storm.wrong() == []


@pytest.mark.parametrize("backwards", [False, True], ids=["pool first", "commands first"])
def test_a_shutdown_that_kills_what_is_left_charges_that_alone(storm: Storm, backwards: bool) -> None:
    """The worker of a job that ignores TERM is killed with it, and then that run is lost, as in any crash."""
    pool = storm.start_pool(4)
    work = at_work(storm, short=0 if backwards else 80)
    to_all(storm, signal.SIGTERM, backwards)
    eventually(lambda: {view.job for view in views_of(storm)} == {work.stubborn}, what="one alone runs on")
    assert outcomes(storm, work.held) == [Outcome.RELEASED]
    eventually(lambda: not to_all(storm, signal.SIGKILL, backwards), what="everything is gone")
    pool.process.wait(PATIENCE)
    work.gate.touch()
    storm.drain(2)
    assert storm.wrong() == []
    assert outcomes(storm, work.held) == [Outcome.RELEASED, Outcome.COMPLETED]
    first, *rest = outcomes(storm, work.stubborn)
    assert first in (Outcome.RELEASED, Outcome.LOST)
    assert rest == [Outcome.COMPLETED]
    assert Outcome.LOST not in [outcome for job in work.short for outcome in outcomes(storm, job)]


def to_all(storm: Storm, number: signal.Signals, backwards: bool) -> int:
    """Signal every process of the home, the oldest first or last; how many there were."""
    marked = set(processes_of(storm.home))
    found = sorted((process for process in all_processes() if process.pid in marked), key=lambda process: process.pid)
    for process in reversed(found) if backwards else found:
        send(process, number)
    return len(found)
