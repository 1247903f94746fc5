"""Storms of kill -9 on real pools, drawn from a seed that is printed; afterwards every invariant must hold.

QUEUECTL_CRASH_SEED chooses another storm than the usual one. The moments of the kills are the machine's, so
a seed gives the same storm, not the same race.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.jobs import history
from queuectl_core.store.transactions.settings import set_setting
from tests.crash.blows import Gale, Kind, drawn, start_enqueue, what_it_said
from tests.crash.ledger import KILLS_ITS_WORKER, Word
from tests.crash.storm import HINDERED, PROGRAM, Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("QUEUECTL_CRASH_SEED", "1"))

BACKOFF = 0.3
"""Seconds that a failed job waits in one of the storms."""

ENQUEUES = 15
"""How many commands are killed while they enqueue."""


@pytest.mark.parametrize(("backoff", "program"), [(0.0, PROGRAM), (BACKOFF, HINDERED)])
def test_a_storm_of_kills_breaks_no_promise(storm: Storm, backoff: float, program: tuple[str, ...]) -> None:
    print(f"QUEUECTL_CRASH_SEED={SEED}")  # noqa: T201 — shown where the test fails
    rng = random.Random(f"{SEED} {backoff}")
    blows = drawn(rng)
    storm.store.run(set_setting("backoff_max", str(backoff)))
    storm.program = program
    gale = Gale(storm, rng)
    for blow in blows:
        gale.deal(blow)
    gale.calm()
    storm.drain(3)
    assert storm.wrong() == []
    # Of two storms: 200 workers, 30 keepers and 50 pools, while they work.
    assert storm.struck[Kind.WORKER] >= 100
    assert storm.struck[Kind.KEEPER] >= 15
    assert storm.struck[Kind.POOL_ALONE] + storm.struck[Kind.WHOLE_POOL] >= 25
    for kind in (Kind.HEIR, Kind.FREEZE, Kind.CANCEL, Kind.RETRY, Kind.ENQUEUE, Kind.KILLED_ENQUEUE):
        assert storm.struck[kind] >= 2, storm.struck


def test_a_seed_draws_the_same_blows_again() -> None:
    assert drawn(random.Random(SEED)) == drawn(random.Random(SEED))
    assert drawn(random.Random(SEED)) != drawn(random.Random(SEED + 1))


def test_an_enqueue_that_is_killed_has_stored_what_it_printed_and_all_or_nothing(storm: Storm) -> None:
    print(f"QUEUECTL_CRASH_SEED={SEED}")  # noqa: T201 — shown where the test fails
    rng = random.Random(SEED)

    def begin(n: int) -> subprocess.Popen[str]:
        return start_enqueue(storm, [{"id": f"{n}-{at}", "command": storm.ledger.command()} for at in range(20)])

    began = time.monotonic()
    storm.acknowledged += what_it_said(begin(0))
    usual = time.monotonic() - began
    for n in range(1, 3 * ENQUEUES):
        process, began = begin(n), time.monotonic()
        try:
            # Most of its time it only reads itself in.
            process.wait(rng.uniform(0.6, 1.05) * usual)
            usual = time.monotonic() - began  # The machine is less busy now.
        except subprocess.TimeoutExpired:
            storm.struck["enqueue"] += storm.strike(process.pid)
        storm.acknowledged += what_it_said(process)
        if storm.struck["enqueue"] == ENQUEUES:
            break
    storm.drain(2)
    assert storm.wrong() == []
    assert storm.struck["enqueue"] == ENQUEUES


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
        killers.append(storm.put(storm.ledger.command(then=KILLS_ITS_WORKER), max_retries=1))
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
