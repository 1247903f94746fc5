"""Storms of kill -9 on real pools, drawn from a seed that is printed; afterwards every invariant must hold.

QUEUECTL_CRASH_SEED chooses another storm than the usual one. The moments of the kills are the machine's, so
a seed gives the same storm, not the same race.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.jobs import history
from tests.crash.ledger import Ledger, Word
from tests.crash.storm import Pool, Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("QUEUECTL_CRASH_SEED", "1"))
POOLS = 5
"""How many pools a storm starts and kills; each takes few blows, since it pauses longer with each child that dies."""

WORKER_KILLS = 4
Blow = Callable[[Pool, random.Random], object]

FEWEST_UNFINISHED = 30
"""Below so many unfinished jobs, more are enqueued."""


@pytest.mark.parametrize("nth", [0, 1])
def test_a_storm_of_kills_breaks_no_promise(storm: Storm, nth: int) -> None:
    rng = random.Random(SEED * 2 + nth)
    print(f"QUEUECTL_CRASH_SEED={SEED}, storm {nth}")  # noqa: T201 — shown where the test fails
    for _ in range(POOLS):
        pool = storm.start_pool(rng.randint(2, 4))
        for blow in blows(storm, rng):
            top_up(storm, rng)
            blow(pool, rng)
        storm.thaw()
        storm.kill_pool(pool, with_children=rng.random() < 0.5)
    storm.drain(3)
    assert storm.wrong() == []
    # Two storms in all: 40 workers, 10 keepers, 10 pools at the least.
    assert storm.struck["worker"] >= POOLS * WORKER_KILLS
    assert storm.struck["keeper"] == POOLS


def blows(storm: Storm, rng: random.Random) -> list[Blow]:
    """What befalls one pool, in a random order."""
    chosen: list[Blow] = [*[storm.kill_worker] * WORKER_KILLS, storm.kill_keeper, storm.freeze_worker]
    if rng.random() < 0.6:
        chosen.append(storm.kill_worker_and_heir)
    rng.shuffle(chosen)
    return chosen


def top_up(storm: Storm, rng: random.Random) -> None:
    """Enqueue more, so that the storm never beats on idle workers."""
    if storm.unfinished() < FEWEST_UNFINISHED:
        storm.put_many([any_job(storm.ledger, rng) for _ in range(FEWEST_UNFINISHED)])


def any_job(ledger: Ledger, rng: random.Random) -> dict[str, Any]:
    """A job: most are short, some longer, a few always fail, and some may not be run twice."""
    beats = rng.choice((0, 0, 0, 0, 0, 0, 1, 10, 40))
    then = "exit 1" if rng.random() < 0.1 else "exit 0"
    # Longer ones go first, when they run again too: at once, where a process of the lost run may still live.
    return {
        "command": ledger.command(beats, 0.03, then),
        "priority": int(beats > 1),
        "max_retries": rng.choice((0, 1, 3, 10)),
    }


def test_the_job_of_a_worker_that_is_stopped_for_a_while_is_not_run_twice(storm: Storm, tmp_path: Path) -> None:
    gate, other_gate = tmp_path / "gate", tmp_path / "other-gate"
    pool = storm.start_pool(2)
    kept = storm.put(storm.ledger.command(gate=gate))
    stopped = storm.worker_of(pool, kept)
    storm.strike(stopped, signal.SIGSTOP)
    gate.touch()
    eventually(lambda: storm.ledger.has(kept, Word.END), what="the command ends without its worker")
    # Meanwhile another worker dies, and recovery gives its job on.
    lost = storm.put(storm.ledger.command(gate=other_gate), max_retries=1)
    storm.strike(storm.worker_of(pool, lost))
    other_gate.touch()
    eventually(lambda: storm.job(lost).state is JobState.COMPLETED, what="recovery has been there")
    assert storm.job(kept).state is JobState.PROCESSING
    storm.strike(stopped, signal.SIGCONT)
    storm.drain(1)
    assert storm.wrong() == []
    assert outcomes(storm, kept) == [Outcome.COMPLETED]
    assert outcomes(storm, lost) == [Outcome.LOST, Outcome.COMPLETED]


def test_a_job_that_kills_its_worker_takes_no_other_with_it(storm: Storm) -> None:
    # Enough before a killer that the worker claims several at once, and some behind it among them.
    killers, others = [], []
    for _ in range(2):
        others += storm.put_many([{"command": storm.ledger.command(), "max_retries": 2} for _ in range(26)])
        killers.append(storm.put(storm.ledger.command(then="kill -9 $PPID; sleep 60"), max_retries=1))
    others += storm.put_many([{"command": storm.ledger.command(), "max_retries": 2} for _ in range(20)])
    storm.drain(1)
    assert storm.wrong() == []
    assert [storm.job(job).state for job in killers] == [JobState.DEAD] * 2
    assert [outcomes(storm, job) for job in killers] == [[Outcome.LOST] * 2] * 2
    assert [job for job in others if storm.job(job).state is not JobState.COMPLETED] == []
    assert charged_without_a_start(storm, others) == []


def charged_without_a_start(storm: Storm, jobs: list[str]) -> list[tuple[str, int]]:
    """The runs that were charged as lost though they were claimed and never begun: job and attempt."""
    begun = {(line.job, line.attempt) for line in storm.ledger.lines() if line.word is Word.START}
    lost = [(job, n) for job in jobs for n, outcome in enumerate(outcomes(storm, job), 1) if outcome is Outcome.LOST]
    return [run for run in lost if run not in begun]


def outcomes(storm: Storm, job: str) -> list[Outcome | None]:
    """How the runs of a job ended, in order."""
    return [run.outcome for run in storm.store.run(history(storm.job(job).number))]
