"""Damaged files: each is named in a line and left as it is, the doctor says what to do, and nothing runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from queuectl_core.cli.home_checks import shell_recovers
from queuectl_core.model.errors import StoreDamaged
from queuectl_core.model.job import JobState, NewJob
from queuectl_core.store.home import Home, prepare_home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import find, page
from queuectl_core.store.transactions.statistics import miscounted
from tests.cli.line import run_program
from tests.crash.storm import Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

PAGE = 4096
COMMANDS = (("enqueue", "--", "true"), ("list",), ("status",), ("worker", "start", "--count", "1"))


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
        (zeroed("jobs", "tallies", "settings", "workers"), "is damaged"),
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

    for arguments in COMMANDS:
        ran = run_program(filled, *arguments)
        assert (ran.status, ran.out) == (1, ""), arguments
        assert ran.err.startswith(f"queuectl: {filled.database} {sentence}"), arguments
        assert ran.err.count("\n") == 1, arguments
    told = run_program(filled, "doctor", "--json")

    assert (told.status, told.err) == (1, "")
    problems = [finding for finding in json.loads(told.out) if finding["status"] == "problem"]
    named = next(found for found in problems if sentence in found["detail"])
    assert filled.database in named["detail"]
    assert ("restore a backup" if sentence == "is damaged" else "move it away") in named["advice"]
    assert Path(filled.database).read_bytes() == before


def test_a_pool_says_of_a_damaged_page_what_it_is_once_a_process_and_runs_nothing(storm: Storm) -> None:
    held = storm.put(storm.ledger.command())
    storm.store.close()
    with SqliteStore(storm.home) as store:
        store.checkpoint()
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


# ---------------------------------------------------------------- what can be saved


def advice_on(home: Home, path: str = os.environ["PATH"]) -> str:
    """What the doctor says is to be done about a damaged store, where programs are looked for in `path`."""
    found = json.loads(run_program(home, "doctor", "--json", PATH=path).out)
    return str(next(finding["advice"] for finding in found if "is damaged" in finding["detail"]))


def put_back(home: Home, copy: str) -> None:
    """Put a copy in the place of the database."""
    for name in (f"{home.database}-wal", f"{home.database}-shm"):
        Path(name).unlink(missing_ok=True)
    os.replace(copy, home.database)


@pytest.mark.skipif(not shell_recovers(), reason="there is no sqlite3 shell whose .recover works")
def test_what_the_doctor_advises_saves_what_can_be_read(filled: Home) -> None:
    zeroed("runs", "tallies", "workers")(filled.database)

    command = advice_on(filled).partition("what can be read, '")[2].partition("' saves")[0]
    subprocess.run(("sh", "-c", command), check=True, capture_output=True, timeout=60)
    put_back(filled, f"{filled.database}.saved")

    assert run_program(filled, "doctor", "--repair").status == 0
    with SqliteStore(filled) as store:
        assert len(store.run(page(limit=1000))) == 100
        assert store.run(miscounted()) == {}
        assert store.run(enqueue(NewJob("true"))).number == 101


def test_where_no_shell_can_recover_the_doctor_advises_no_command_of_one(filled: Home, tmp_path: Path) -> None:
    zeroed("runs")(filled.database)
    (tmp_path / "sqlite3").write_text("#!/bin/sh\necho 'no such table: sqlite_dbpage' >&2\nexit 1\n")
    (tmp_path / "sqlite3").chmod(0o700)

    for path in (str(tmp_path), str(tmp_path / "nothing")):
        advice = advice_on(filled, path)
        assert ".recover |" not in advice
        assert "queuectl export" in advice


def test_a_copy_that_keeps_no_log_is_given_one_when_it_is_put_back(filled: Home, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy")
    with closing(sqlite3.connect(filled.database)) as connection:
        connection.execute("VACUUM INTO ?", (copy,))
    put_back(filled, copy)

    with SqliteStore(filled) as store, closing(sqlite3.connect(filled.database)) as another:
        assert another.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert len(store.run(page(limit=1000))) == 100


# ---------------------------------------------------------------- a database that is empty or gone


def emptied(home: Home) -> None:
    """Nothing is left in it, as some file systems leave a file after a power cut."""
    os.truncate(home.database, 0)


def removed(home: Home) -> None:
    """Somebody removed the file."""
    os.unlink(home.database)


def log_alone(home: Home) -> None:
    """The jobs are in the write-ahead log, as a killed process leaves it, with no output of a run."""
    shutil.rmtree(home.logs)
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("UPDATE jobs SET priority = 1")
        connection.commit()
        kept = Path(f"{home.database}-wal").read_bytes()
    Path(f"{home.database}-wal").write_bytes(kept)
    os.truncate(home.database, 0)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [(emptied, "is empty, but"), (removed, "is gone, but"), (log_alone, "is empty, but")],
    ids=["emptied", "removed", "log-alone"],
)
def test_a_database_that_has_lost_its_jobs_is_not_taken_for_a_new_one(
    filled: Home, damage: Callable[[Home], None], sentence: str
) -> None:
    os.makedirs(os.path.dirname(filled.log(1, 1)))
    Path(filled.log(1, 1)).write_text("output")
    kept = Path(filled.database).read_bytes()
    damage(filled)
    left = left_beside(filled)

    for arguments in COMMANDS:
        ran = run_program(filled, *arguments)
        assert (ran.status, ran.out) == (1, ""), arguments
        assert f"{filled.database} {sentence}" in ran.err, arguments
        assert ran.err.count("\n") == 1, arguments
    for options in ((), ("--repair",)):
        told = run_program(filled, "doctor", "--json", *options)
        assert told.status == 1
        assert sentence in {found["check"]: found for found in json.loads(told.out)}["store"]["detail"]
    assert left_beside(filled) == left

    if damage is not log_alone:  # Its log would not be that of the database put back.
        Path(filled.database).write_bytes(kept)
        with SqliteStore(filled) as store:
            assert len(store.run(page(limit=1000))) == 100


def test_an_emptied_database_is_named_by_its_pool_and_made_anew_by_nobody_who_starts_there(storm: Storm) -> None:
    pool = storm.start_pool(1)
    job = storm.put(storm.ledger.command())
    eventually(lambda: storm.job(job).state is JobState.COMPLETED, what="the job has completed")
    [worker] = storm.all_workers(pool)
    eventually(lambda: "has started" in storm.said(), what="the keeper, too, is there")
    storm.store.close()
    with SqliteStore(storm.home) as store:
        store.checkpoint()
    kept = Path(storm.home.database).read_bytes()

    emptied(storm.home)
    eventually(lambda: f"{storm.home.database} was emptied" in storm.said(), what="the pool says what is wrong")
    storm.strike(worker)
    eventually(lambda: f"{storm.home.database} is empty, but" in storm.said(), what="who takes its place finds it so")
    pool.process.send_signal(signal.SIGTERM)
    assert pool.process.wait(30) == 0
    assert Path(storm.home.database).stat().st_size == 0

    Path(storm.home.database).write_bytes(kept)
    storm.store = SqliteStore(storm.home)
    storm.put(storm.ledger.command())
    storm.drain(1)
    assert [wrong for wrong in storm.wrong() if "cannot go on" not in wrong] == []


def test_who_makes_no_store_makes_none_of_an_empty_file(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    prepare_home(home)
    Path(home.database).touch()

    with pytest.raises(StoreDamaged, match="is empty"):
        SqliteStore(home, makes=False)

    assert left_beside(home) == {"queue.db": 0}


def left_beside(home: Home) -> dict[str, int]:
    """The database and its log: names and lengths."""
    return {path.name: path.stat().st_size for path in Path(home.path).glob("queue.db*")}
