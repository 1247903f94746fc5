"""Upgrades: a store of every older version comes up to date whole, and is left alone while a pool or console has it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import schema
from queuectl_core.store.sqlite.store import SqliteStore
from tests.cli.line import opened_by, run_program
from tests.crash.storm import Storm
from tests.crash.upgraded import ADD_COLUMN, FIXTURES, ROOT, finish, ids_in, sound, unpacked
from tests.execution.waiting import eventually
from tests.store.fixtures.make import CONTENT

pytestmark = pytest.mark.crash


# ---------------------------------------------------------------- stores of older versions


def test_there_is_a_store_of_every_version() -> None:
    assert [fixture.name for fixture in FIXTURES] == [f"v{n}.db.gz" for n in range(1, schema.VERSION + 1)]


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.name)
def test_a_store_of_each_version_is_brought_up_to_date_and_goes_on(fixture: Path, tmp_path: Path) -> None:
    home = unpacked(fixture, tmp_path)

    listed = json.loads(run_program(home, "list", "--json").out)
    assert {job["id"]: JobState(job["state"]) for job in listed} == CONTENT
    assert sound(home.database) == schema.VERSION
    retried = json.loads(run_program(home, "show", "retried", "--json").out)
    assert [(run["outcome"], run["exit_code"]) for run in retried["history"]] == [("failed", 3), ("completed", 0)]
    assert retried["env"] == ["WORD"]
    died = json.loads(run_program(home, "show", "died", "--json").out)
    assert (died["attempts"], died["max_retries"]) == (1, 0)
    assert run_program(home, "config", "get", "backoff_base").out == "1.5\n"
    assert run_program(home, "queue", "list").out.count("mail") == 1
    counts = json.loads(run_program(home, "status", "--json").out)["jobs"]
    assert counts == {state: list(CONTENT.values()).count(state) for state in JobState}

    for arguments in (
        ("queue", "resume", "mail"),
        ("edit", "later", "--delay", "0"),
        ("config", "set", "backoff_max", "0"),
    ):
        assert run_program(home, *arguments).status == 0, arguments
    drained = run_program(home, "worker", "start", "--count", "2", "--drain")

    assert drained.status == 0, drained.err
    ended = {job["id"]: job["state"] for job in json.loads(run_program(home, "list", "--json").out)}
    left = {"died": JobState.DEAD, "gone": JobState.CANCELLED}
    assert ended == {name: left.get(name, JobState.COMPLETED) for name in CONTENT}
    lost = json.loads(run_program(home, "show", "runs", "--json").out)
    assert [run["outcome"] for run in lost["history"]] == ["lost", "completed"]
    problems = [one for one in json.loads(run_program(home, "doctor", "--json").out) if one["status"] == "problem"]
    assert problems == []


def counted(home: Home) -> list[list[tuple[object, ...]]]:
    """What a store has counted, however it keeps that."""
    with closing(sqlite3.connect(home.database)) as connection:
        return [sorted(connection.execute(f"SELECT * FROM {name}")) for name in COUNTED]


COUNTED = ("counts", "minutes", "histograms")
DIFFERENT = """
UPDATE minutes SET ended = 1, completed = 2, failed = 3, timed_out = 4, cancelled = 5, released = 6, lost = 7,
    duration_ms = 8, duration_max_ms = 9, waiting_ms = 10, depth = 11
"""
TABLES_UNTIL = 2
"""The last version in which these were tables."""


@pytest.mark.parametrize("fixture", FIXTURES[:TABLES_UNTIL], ids=lambda fixture: fixture.name)
def test_what_an_older_store_has_counted_stays(fixture: Path, tmp_path: Path) -> None:
    home = unpacked(fixture, tmp_path)
    with closing(sqlite3.connect(home.database)) as connection, connection:
        connection.execute(DIFFERENT)  # So that none stands for another.
    before = counted(home)

    SqliteStore(home).close()

    assert all(before)
    assert counted(home) == before


# ---------------------------------------------------------------- refused


@contextmanager
def console(home: Home) -> Iterator[None]:
    """A console that has the store of a home open, at a terminal of its own."""
    keyboard, terminal = os.openpty()
    command = [sys.executable, "-m", "queuectl_tui", "--home", home.path]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        try:
            eventually(lambda: home.lock("schema") in opened_by(process.pid), what="the schema is held")
            yield
        finally:
            process.kill()
            os.close(keyboard)


def refused(home: Home) -> None:
    """The later version says in one line what to do, and changes nothing."""
    before = Path(home.database).read_bytes()
    order = json.dumps({"steps": [ADD_COLUMN]})
    ran = subprocess.run(
        [sys.executable, "-m", "tests.crash.upgrading", order, "--home", home.path, "list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        f"queuectl: {home.database} needs a migration, but a pool or a console has it open:"
        " stop pools with 'queuectl worker stop' and close consoles\n"
    )
    assert Path(home.database).read_bytes() == before
    assert list(Path(home.path).glob("*.v*")) == []


def test_a_migration_under_a_running_pool_is_refused_and_made_when_it_has_left(storm: Storm) -> None:
    pool = storm.start_pool(2)
    storm.all_workers(pool)
    job = storm.put(storm.ledger.command())
    storm.store.close()
    refused(storm.home)

    storm.queuectl("worker", "stop")
    assert pool.process.wait(30) == 0
    finish(storm.home, [ADD_COLUMN])
    assert ids_in(storm.home.database) == [job]


def test_a_migration_under_an_open_console_is_refused(tmp_path: Path) -> None:
    home = unpacked(FIXTURES[-1], tmp_path)
    with console(home):
        refused(home)
    finish(home, [ADD_COLUMN])
