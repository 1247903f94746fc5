"""A home of which something goes while a pool works in it: the pool says so once, keeps its jobs, and goes on after."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from queuectl_core.execution.locks import alive
from queuectl_core.execution.recovery import recover_lost, stuck
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.jobs import find, history
from tests.cli.line import run_program
from tests.crash.ledger import Word
from tests.crash.storm import WRONG_WORDS, Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash


def sweep_away(folder: str, aside: Path) -> None:
    """Remove a folder at one blow, so that nobody makes a file in it meanwhile."""
    os.rename(folder, aside / "swept")
    shutil.rmtree(aside / "swept")


def test_a_home_that_is_moved_away_and_put_back_loses_nothing_and_runs_nothing_twice(
    storm: Storm, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    pool = storm.start_pool(1)
    job = storm.put(storm.ledger.command(gate=gate))
    storm.worker_of(pool, job)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    storm.store.close()

    moved = Home(str(tmp_path / "moved"))
    os.rename(storm.home.path, moved.path)
    eventually(lambda: storm.home.path in storm.said(), what="the pool says that something is wrong with its home")
    gate.touch()
    with SqliteStore(moved) as store:
        eventually(
            lambda: store.run(find([job]))[0].state is JobState.COMPLETED,
            what="the run is recorded there",
        )
    assert not os.path.lexists(storm.home.path)  # Or it could not be put back.
    os.rename(moved.path, storm.home.path)
    storm.store = SqliteStore(storm.home)
    later = storm.put(storm.ledger.command())

    storm.drain(1)
    assert storm.wrong() == []
    assert [line.word for line in storm.ledger.lines()] == [Word.START, Word.END] * 2
    assert [run.outcome for run in storm.store.run(history(storm.job(later).number))] == [Outcome.COMPLETED]


def test_a_pool_whose_home_is_removed_says_so_once_makes_no_other_and_leaves_when_told(
    storm: Storm, tmp_path: Path
) -> None:
    pool = storm.start_pool(2)
    storm.all_workers(pool)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    storm.store.close()

    sweep_away(storm.home.path, tmp_path)
    eventually(lambda: storm.home.path in storm.said(), what="the pool says that something is wrong with its home")
    pool.process.send_signal(signal.SIGTERM)

    assert pool.process.wait(30) == 0
    assert storm.said().count(storm.home.path) == 1
    assert f"stop the pool (kill {pool.pid})" in storm.said()
    assert not any(word in storm.said() for word in WRONG_WORDS)
    assert not os.path.lexists(storm.home.path)


def test_a_pool_in_a_copy_of_a_home_ends_nothing_of_the_original(storm: Storm, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pool = storm.start_pool(1)
    job = storm.put(storm.ledger.command(gate=gate), max_retries=0)
    storm.worker_of(pool, job)
    copy = Home(str(tmp_path / "copy"))
    subprocess.run(["cp", "-a", storm.home.path, copy.path], check=True)

    with SqliteStore(copy) as store:
        assert stuck(store) == []
        assert recover_lost(store) == []
        assert store.run(find([job]))[0].state is JobState.PROCESSING

    gate.touch()
    storm.drain(1)
    assert storm.wrong() == []
    assert [run.outcome for run in storm.store.run(history(storm.job(job).number))] == [Outcome.COMPLETED]
    with SqliteStore(copy) as store:  # It is lost there, once nobody has it.
        assert [lost.id for lost in recover_lost(store)] == [job]


# ---------------------------------------------------------------- the database


FILES = ("queue.db", "queue.db-wal", "queue.db-shm")


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_database_that_is_taken_away_is_missed_at_once_and_found_again(
    storm: Storm, tmp_path: Path, replaced: bool
) -> None:
    gate, aside = tmp_path / "gate", tmp_path / "aside"
    aside.mkdir()
    pool = storm.start_pool(1)
    job = storm.put(storm.ledger.command(gate=gate), max_retries=0)
    storm.worker_of(pool, job)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    taken = FILES if replaced else FILES[:1]
    if (
        replaced
    ):  # At one instant, so that nobody can find it gone; its log after it, since the keeper looks there last.
        other = Home(str(tmp_path / "other"))
        SqliteStore(other).close()
        os.link(storm.home.database, aside / FILES[0])
        os.replace(other.database, storm.home.database)
    for name in taken[replaced:]:
        os.rename(f"{storm.home.path}/{name}", aside / name)

    missed = f"{storm.home.database} {'was replaced' if replaced else 'is gone'}"
    eventually(lambda: missed in storm.said(), what="the pool says what is wrong")
    if not replaced:  # What would be made now would be lost when it is put back.
        assert run_program(storm.home, "enqueue", "--", "true").status == 1
    gate.touch()
    eventually(lambda: storm.ledger.has(job, Word.END), what="what runs may finish")
    for name in taken:
        os.rename(aside / name, f"{storm.home.path}/{name}")
    storm.store = SqliteStore(storm.home)
    later = storm.put(storm.ledger.command(), max_retries=0)

    eventually(lambda: storm.job(later).state is JobState.COMPLETED, what="the pool goes on by itself")
    assert storm.said().count(missed) == 1
    storm.drain(1)
    assert storm.wrong() == []
    assert [(storm.job(one).state, storm.job(one).attempts) for one in (job, later)] == [(JobState.COMPLETED, 1)] * 2


BRIEFLY = """
from queuectl_core.cli.main import main
from queuectl_core.execution import keeper
keeper.PUT_BACK_SECONDS = 0.5
main()
"""
"""A program whose pools wait but a moment for a store to be put back."""


def test_a_pool_whose_database_was_replaced_for_good_claims_nothing_more_of_it_and_leaves(
    storm: Storm, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    storm.program = ("-c", BRIEFLY)
    pool = storm.start_pool(1)
    running, waiting = (storm.put(storm.ledger.command(gate=gate), max_retries=0) for _ in range(2))
    storm.worker_of(pool, running)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    other = Home(str(tmp_path / "other"))
    SqliteStore(other).close()
    os.replace(other.database, storm.home.database)
    eventually(lambda: f"{storm.home.database} was replaced" in storm.said(), what="the pool has missed it")
    gate.touch()

    assert pool.process.wait(30) == 1
    assert storm.said().count("another store is in the place of its own") == 1
    assert storm.ledger.has(running, Word.END)
    assert not storm.ledger.has(waiting, Word.START)
    assert storm.store.run(find([waiting]))[0].state is JobState.PENDING


def test_a_log_that_is_removed_under_a_pool_is_saved_by_stopping_it(storm: Storm, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pool = storm.start_pool(2)
    jobs = [storm.put(storm.ledger.command(gate=gate), max_retries=0) for _ in range(4)]
    storm.worker_of(pool, jobs[1])
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    os.unlink(f"{storm.home.database}-wal")
    eventually(lambda: "queue.db-wal is gone" in storm.said(), what="the pool says what is wrong, and what to do")
    refused = run_program(storm.home, "list")
    assert (refused.status, refused.err.count("\n")) == (1, 1)

    gate.touch()
    storm.store.close()
    pool.process.send_signal(signal.SIGTERM)
    assert pool.process.wait(30) == 0
    assert storm.said().count("queue.db-wal is gone") == 1
    storm.store = SqliteStore(storm.home)
    storm.drain(1)
    assert storm.wrong() == []
    assert [(storm.job(job).state, storm.job(job).attempts) for job in jobs] == [(JobState.COMPLETED, 1)] * 4


# ---------------------------------------------------------------- the folders


def test_a_pool_makes_anew_what_is_removed_of_run(storm: Storm, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pool = storm.start_pool(2)
    job = storm.put(storm.ledger.command(gate=gate), max_retries=0)
    storm.worker_of(pool, job)
    storm.all_workers(pool)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")

    sweep_away(storm.home.run, tmp_path)
    later = storm.put(storm.ledger.command(), max_retries=0)

    eventually(lambda: storm.job(later).state is JobState.COMPLETED, what="the other worker works on")
    eventually(lambda: sum("-" in name for name in alive(storm.home)) == 2, what="both workers hold locks again")
    eventually(lambda: any("-" not in name for name in alive(storm.home)), what="the pool holds its lock again")
    gate.touch()
    eventually(lambda: storm.job(job).state is JobState.COMPLETED, what="its run is not taken for lost")
    storm.queuectl("worker", "stop")
    assert pool.process.wait(30) == 0
    storm.drain(1)
    assert storm.wrong() == []
    assert [storm.job(one).attempts for one in (job, later)] == [1, 1]


IMPATIENT = """
from queuectl_core.cli.main import main
from queuectl_core.execution import worker
worker.STORE_PATIENCE = (0.05, 0.2)
main()
"""


def put_file_in_place_of(folder: str) -> bool:
    """Put a file where a folder was, in which root, too, can make none; False where somebody makes it anew first."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        Path(folder).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def test_a_run_whose_log_cannot_be_made_waits_uncharged(storm: Storm) -> None:
    pool = storm.start_pool(1, program=("-c", IMPATIENT))
    storm.all_workers(pool)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    eventually(lambda: put_file_in_place_of(storm.home.logs), what="it is there before the pool makes the folder anew")
    job = storm.put(storm.ledger.command(), max_retries=0)

    eventually(lambda: storm.job(job).runs > 1, what="it is tried again")
    eventually(lambda: "log file cannot be made" in storm.said(), what="the pool says why")
    assert storm.ledger.lines() == []
    os.unlink(storm.home.logs)

    eventually(lambda: storm.job(job).state is JobState.COMPLETED, what="it runs once there is a place for its log")
    storm.drain(1)
    assert storm.wrong() == []
    assert storm.job(job).attempts == 1
    outcomes = [run.outcome for run in storm.store.run(history(storm.job(job).number))]
    assert outcomes == [Outcome.RELEASED] * (len(outcomes) - 1) + [Outcome.COMPLETED]
