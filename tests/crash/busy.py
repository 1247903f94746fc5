"""A pool in the midst of all kinds of work, as stops and freezes find it, and what a polite stop may leave of that."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from queuectl_core.execution.roster import WorkerView, worker_views
from queuectl_core.model.job import Attempt, JobState, Outcome
from queuectl_core.store.transactions.jobs import history
from queuectl_core.store.transactions.workers import roster
from tests.crash.evidence import left_in_run, processes_of
from tests.crash.ledger import Word
from tests.crash.storm import PROGRAM, ROOT, Pool, Storm
from tests.execution.waiting import eventually

PATIENCE = 60
"""Seconds after which a pool that was stopped should have left, whatever else the machine does."""

KILL_GRACE = 0.4
"""Seconds from TERM to KILL, as the tests of stops set it."""

STUBBORN = "trap '' TERM; "
"""Shell text after which a command, and what it starts, ignores the wish that it end."""

_numbers = itertools.count(1)


class Work(NamedTuple):
    """What a pool has to do: one job that waits at `gate`, one that also ignores TERM, and many that are short."""

    held: str
    stubborn: str
    short: list[str]
    gate: Path


def at_work(storm: Storm, short: int = 80) -> Work:
    """Enqueue work for a pool of four workers, and wait until it is in the midst of it."""
    return _in_the_midst(storm, _long_work(storm), short)


def pool_at_work(storm: Storm, *options: str) -> tuple[Pool, Work]:
    """Start a pool, once there is work that keeps one that drains from leaving; wait until it is in the midst of it."""
    work = _long_work(storm)
    pool = storm.start_pool(4, *options)
    return pool, _in_the_midst(storm, work, 80)


def _long_work(storm: Storm) -> Work:
    storm.queuectl("config", "set", "kill_grace", f"{KILL_GRACE}s")
    gate = closed_gate(storm)
    command = storm.ledger.command(gate=gate)
    return Work(storm.put(command, priority=2), storm.put(STUBBORN + command, priority=2), [], gate)


def _in_the_midst(storm: Storm, long: Work, short: int) -> Work:
    for job in (long.held, long.stubborn):
        eventually(
            lambda job=job: storm.ledger.has(job, Word.START),  # type: ignore[misc]
            what=f"job {job} has started; {storm.said()[-2000:]}",
        )
    work = long._replace(short=storm.put_many([{"command": storm.ledger.command()}] * short))
    eventually(
        lambda: not short or any(storm.ledger.has(job, Word.END) for job in work.short),
        what=f"short jobs are run; {storm.said()[-2000:]}",
    )
    return work


def closed_gate(storm: Storm) -> Path:
    """A file that is not there yet, for commands of the ledger to wait for."""
    return Path(storm.home.path).parent / f"gate-{next(_numbers)}"


def hears(storm: Storm, work: Work) -> None:
    """Wait until all that a stopping pool still does is to finish what runs."""

    def finishing() -> bool:
        views = worker_views(storm.store)
        draining = all(view.state.value == "draining" for view in views)
        return draining and {view.job for view in views} == {work.held, work.stubborn}

    eventually(
        finishing, what=f"{work.held} and {work.stubborn} alone run on; {views_of(storm)}; {storm.said()[-2000:]}"
    )


def views_of(storm: Storm) -> list[WorkerView]:
    """The workers as they really are."""
    return worker_views(storm.store)


def starts(storm: Storm) -> int:
    """How many runs have started so far."""
    return sum(line.word is Word.START for line in storm.ledger.lines())


def runs(storm: Storm, job: str) -> list[Attempt]:
    """The history of a job."""
    return storm.store.run(history(storm.job(job).number))


def outcomes(storm: Storm, job: str) -> list[Outcome | None]:
    """How the runs of a job ended, in order."""
    return [run.outcome for run in runs(storm, job)]


def assert_nobody_is_left(storm: Storm) -> None:
    """No process of a pool or job, no file of theirs, no row on the roster."""
    assert processes_of(storm.home) == []
    assert left_in_run(storm.home) == []
    assert storm.store.run(roster()) == ([], [])


def assert_finished(storm: Storm, work: Work) -> None:
    """What ran when the stop came has completed, and what had not begun waits on, uncharged."""
    for job in (work.held, work.stubborn):
        assert (storm.job(job).state, outcomes(storm, job)) == (JobState.COMPLETED, [Outcome.COMPLETED])
    for job in work.short:
        _assert_done_or_untouched(storm, job, [Outcome.COMPLETED])


def assert_released(storm: Storm, work: Work) -> None:
    """What ran when the stop came is where it was before, uncharged; of the short ones, some had completed."""
    for job in (work.held, work.stubborn):
        found = storm.job(job)
        assert (found.state, found.attempts, outcomes(storm, job)) == (JobState.PENDING, 0, [Outcome.RELEASED])
    for job in work.short:
        _assert_done_or_untouched(storm, job, [Outcome.COMPLETED, Outcome.RELEASED])


def _assert_done_or_untouched(storm: Storm, job: str, allowed: list[Outcome]) -> None:
    found, ended = storm.job(job), outcomes(storm, job)
    assert found.state in (JobState.PENDING, JobState.COMPLETED), found
    assert [outcome for outcome in ended if outcome not in allowed] == []
    assert found.attempts == ended.count(Outcome.COMPLETED) == (found.state is JobState.COMPLETED)


def command_line(storm: Storm, *arguments: str) -> list[str]:
    """The command line of a process of ours."""
    return [sys.executable, *PROGRAM, "--home", storm.home.path, *arguments]


def environment_of_ours(storm: Storm) -> dict[str, str]:
    """The environment by which a process of ours, and what comes of it, is found and ended with the test."""
    return {**os.environ, "QUEUECTL_HOME": storm.home.path}


@contextmanager
def stopping(storm: Storm, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`worker stop` under way; afterwards it has ended with 0."""
    environment = environment_of_ours(storm)
    with subprocess.Popen(command_line(storm, "worker", "stop", *options), cwd=ROOT, env=environment) as process:
        yield process
        assert process.wait(PATIENCE) == 0
