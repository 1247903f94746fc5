"""Disks that fail us: damaged files are named in a line, and what a pool runs survives a store it cannot write to."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from queuectl_core.execution.processes import look_at
from queuectl_core.model.job import JobState, NewJob, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import find, history
from tests.cli.line import run_program
from tests.crash.ledger import Word
from tests.crash.storm import WRONG_WORDS, Pool, Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

PAGE = 4096
UNLIMITED = resource.RLIM_INFINITY

# ---------------------------------------------------------------- damaged files


def zeroed(*tables: str) -> Callable[[str], None]:
    """A page of zeros where each of these tables begins."""

    def damage(database: str) -> None:
        for root in roots(database, tables):
            overwrite(database, (root - 1) * PAGE, bytes(PAGE))

    return damage


def roots(database: str, tables: tuple[str, ...]) -> list[int]:
    """The pages at which tables begin."""
    with closing(sqlite3.connect(database)) as connection:
        found = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema"))
    return [found[table] for table in tables]


def overwrite(database: str, at: int, content: bytes) -> None:
    """Write to the file itself."""
    with open(database, "r+b") as file:
        file.seek(at)
        file.write(content)


def without_schema(database: str) -> None:
    """Its header alone is left of the first page."""
    overwrite(database, 100, bytes(PAGE - 100))


def truncated(database: str) -> None:
    """Its second half is gone, in the middle of a page."""
    os.truncate(database, os.path.getsize(database) // 2 + 1000)


def stump(database: str) -> None:
    """Less than a header is left."""
    os.truncate(database, 50)


def other_words(database: str) -> None:
    """Its header is that of no database."""
    overwrite(database, 0, b"something else entirely " * 4)


def other_page_size(database: str) -> None:
    """Its header says that pages are of three bytes."""
    overwrite(database, 16, b"\x00\x03")


@pytest.fixture
def filled(tmp_path: Path) -> Home:
    """The home of a store with some jobs, closed; all of it is in the one file."""
    home = Home(str(tmp_path / "home"))
    with SqliteStore(home) as store:
        for _ in range(100):
            store.run(enqueue(NewJob("x" * 500)))
    assert not Path(f"{home.database}-wal").exists()
    return home


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (zeroed("jobs", "counts", "settings", "workers"), "is damaged"),
        (without_schema, "is damaged"),
        (truncated, "is damaged"),
        (stump, "is damaged"),
        (other_words, "is not a queuectl store"),
        (other_page_size, "is not a queuectl store"),
    ],
    ids=["zeroed", "without-schema", "truncated", "stump", "other-words", "other-page-size"],
)
def test_a_damaged_store_is_named_in_one_line_and_left_as_it_is(
    filled: Home, damage: Callable[[str], None], sentence: str
) -> None:
    damage(filled.database)
    before = Path(filled.database).read_bytes()

    for arguments in (("enqueue", "--", "true"), ("list",), ("status",), ("worker", "start", "--count", "1")):
        ran = run_program(filled, *arguments)
        assert (ran.status, ran.out) == (1, ""), arguments
        assert ran.err.startswith(f"queuectl: {filled.database} {sentence}"), arguments
        assert ran.err.count("\n") == 1, arguments
    told = run_program(filled, "doctor", "--json")

    assert (told.status, told.err) == (1, "")
    problems = [finding["detail"] for finding in json.loads(told.out) if finding["status"] == "problem"]
    assert any(filled.database in detail and sentence in detail for detail in problems)
    assert Path(filled.database).read_bytes() == before


def test_a_pool_says_of_a_damaged_page_what_it_is_once_a_process_and_runs_nothing(storm: Storm) -> None:
    held = storm.put(storm.ledger.command())
    storm.store.checkpoint()
    storm.store.close()
    zeroed("runs")(storm.home.database)

    pool = storm.start_pool(2)
    eventually(lambda: storm.said().count("is damaged") >= 2, what="both workers say what is wrong")
    pool.process.send_signal(signal.SIGTERM)

    assert pool.process.wait(30) == 0
    assert storm.said().count("is damaged") <= 3  # each worker, and perhaps the keeper
    assert "Traceback" not in storm.said()
    assert storm.ledger.lines() == []
    with SqliteStore(storm.home) as store:
        [job] = store.run(find([held]))
    assert (job.state, job.attempts) == (JobState.PENDING, 0)


# ---------------------------------------------------------------- no room


def give_room(pool: Pool, room: int) -> None:
    """Let all processes of a pool write files of so many bytes at most, as on a disk that is full."""
    for process in filter(None, (look_at(pool.pid), *pool.children())):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, UNLIMITED))


def test_a_full_disk_charges_no_job_and_is_got_over(storm: Storm) -> None:
    pool = storm.start_pool(2)
    storm.all_workers(pool)
    give_room(pool, PAGE)
    jobs = [storm.put(storm.ledger.command(), max_retries=0) for _ in range(5)]

    eventually(lambda: len(re.findall("worker .*disk I/O error", storm.said())) == 2, what="both workers say it")

    assert pool.process.poll() is None
    assert [(storm.job(job).state, storm.job(job).attempts) for job in jobs] == [(JobState.PENDING, 0)] * 5
    assert storm.ledger.lines() == []
    give_room(pool, UNLIMITED)
    storm.drain(1)
    assert storm.wrong() == []
    assert [storm.job(job).state for job in jobs] == [JobState.COMPLETED] * 5
    assert [storm.job(job).attempts for job in jobs] == [1] * 5


@pytest.mark.parametrize(("then", "state"), [("exit 0", JobState.COMPLETED), ("exit 1", JobState.DEAD)])
def test_a_result_that_finds_no_room_is_kept_until_there_is_some(
    storm: Storm, tmp_path: Path, then: str, state: JobState
) -> None:
    gate = tmp_path / "gate"
    pool = storm.start_pool(1)
    job = storm.put(storm.ledger.command(gate=gate, then=then), max_retries=0)
    storm.worker_of(pool, job)
    give_room(pool, PAGE)
    gate.touch()

    eventually(lambda: "disk I/O error" in storm.said(), what="the worker says that it cannot report")
    assert storm.ledger.has(job, Word.END)
    assert storm.job(job).state is JobState.PROCESSING
    give_room(pool, UNLIMITED)

    storm.drain(1)
    assert storm.wrong() == []
    assert (storm.job(job).state, storm.job(job).attempts) == (state, 1)
    assert len([line for line in storm.ledger.lines() if line.word is Word.START]) == 1


# ---------------------------------------------------------------- a home that goes


def test_a_home_that_is_moved_away_and_put_back_loses_nothing_and_runs_nothing_twice(
    storm: Storm, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    pool = storm.start_pool(1)
    job = storm.put(storm.ledger.command(gate=gate))
    storm.worker_of(pool, job)
    storm.store.close()

    moved = Home(str(tmp_path / "moved"))
    os.rename(storm.home.path, moved.path)
    eventually(lambda: storm.home.path in storm.said(), what="the pool says that something is wrong with its home")
    gate.touch()
    with SqliteStore(moved) as store:
        eventually(lambda: store.run(find([job]))[0].state is JobState.COMPLETED, what="the run is recorded there")
    assert not os.path.lexists(storm.home.path)  # Or it could not be put back.
    os.rename(moved.path, storm.home.path)
    storm.store = SqliteStore(storm.home)
    later = storm.put(storm.ledger.command())

    storm.drain(1)
    assert storm.wrong() == []
    assert [line.word for line in storm.ledger.lines()] == [Word.START, Word.END] * 2
    assert [run.outcome for run in storm.store.run(history(storm.job(later).number))] == [Outcome.COMPLETED]


def test_a_pool_whose_home_is_removed_says_so_once_makes_no_other_and_leaves_when_told(storm: Storm) -> None:
    pool = storm.start_pool(2)
    storm.all_workers(pool)
    storm.store.close()

    shutil.rmtree(storm.home.path)
    eventually(lambda: storm.home.path in storm.said(), what="the pool says that something is wrong with its home")
    pool.process.send_signal(signal.SIGTERM)

    assert pool.process.wait(30) == 0
    assert storm.said().count(storm.home.path) == 1
    assert not any(word in storm.said() for word in WRONG_WORDS)
    assert not os.path.lexists(storm.home.path)
