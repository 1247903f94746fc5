"""A store that cannot be used is named in one line, with status 1, and left as it is."""

from __future__ import annotations

import os
import re
import resource
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from queuectl_core.model.errors import StoreFull, StoreReadOnly
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.schema import APPLICATION_ID, VERSION
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from tests.cli.line import CommandLine, Ran, program, run_program


def words(path: Path) -> None:
    """A file that is no database."""
    path.write_text("Dear diary, " * 100)


def foreign(path: Path) -> None:
    """A database of another program."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.commit()


def newer(path: Path) -> None:
    """A store of a version that is yet to come."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        connection.commit()


@pytest.mark.parametrize("arguments", [("enqueue", "--", "true"), ("list",), ("status",), ("worker", "start")])
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (words, "is not a queuectl store"),
        (foreign, "belongs to another program"),
        (newer, "written by a newer queuectl"),
    ],
)
def test_what_is_not_our_store_is_named_and_left_untouched(
    home: Home, make: Callable[[Path], None], sentence: str, arguments: tuple[str, ...]
) -> None:
    os.mkdir(home.path, 0o700)
    make(Path(home.database))
    before = Path(home.database).read_bytes()

    ran = run_program(home, *arguments)

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert home.database in ran.err
    assert sentence in ran.err
    assert Path(home.database).read_bytes() == before
    assert not Path(f"{home.database}-wal").exists()


@pytest.mark.parametrize(
    "words",
    [
        "enqueue -- true",
        "list",
        "init",
        "status",
        "worker start",
        "worker start --detach",
        "worker stop",
        "config list",
    ],
)
def test_a_home_that_is_a_file_is_named_by_every_command(queuectl: CommandLine, home: Home, words: str) -> None:
    Path(home.path).write_text("a letter")
    inside = f"{home.path}/sub"

    ran, within = queuectl(*words.split()), queuectl("--home", inside, *words.split())

    hint = "choose another --home, or set QUEUECTL_HOME\n"
    assert ran == (1, "", f"queuectl: {home.path} is not a directory: {hint}")
    assert within == (1, "", f"queuectl: what leads to {inside} is not a directory: {hint}")
    assert Path(home.path).read_text() == "a letter"


def test_the_doctor_tells_a_home_that_is_a_file_from_one_that_is_missing(queuectl: CommandLine, home: Home) -> None:
    assert f"problem\t{home.path} is not there\trun 'queuectl init', or choose " in queuectl("doctor").out

    Path(home.path).write_text("a letter")

    assert f"problem\t{home.path} is not a directory\tchoose another --home" in queuectl("doctor", "--repair").out
    inside = f"{home.path}/sub"
    assert f"problem\t{inside} cannot be reached: Not a directory\t" in queuectl("--home", inside, "doctor").out


def run_with_little_room(home: Home, room: int, *arguments: str, stdin: str = "") -> Ran:
    """Run a command that may write files of `room` bytes at most, as on a disk that is nearly full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    # Where the disk is full, the bytecode of modules cannot be written either, and need not be.
    done = subprocess.run(
        program(home, *arguments),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=limit,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(("room", "jobs"), [(0, 1), (0, 5000), (4096, 1), (4096, 200), (100_000, 5000)])
def test_a_full_disk_is_one_line_and_nothing_is_stored(home: Home, room: int, jobs: int) -> None:
    assert run_program(home, "init").status == 0
    lines = "".join(f"echo {n} {'x' * 60}\n" for n in range(jobs))

    ran = run_with_little_room(home, room, "enqueue", "--lines", "--from", "-", stdin=lines)

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("queuectl: ")
    assert home.path in ran.err
    assert re.search("nothing was (stored|changed)\n$", ran.err)
    assert ran.err.count("\n") == 1
    with SqliteStore(home) as store:
        assert store.run(page()) == []
        assert store.check_integrity() == []


def test_a_disk_without_room_for_a_new_store_is_one_line(home: Home) -> None:
    ran = run_with_little_room(home, 4096, "enqueue", "--", "true")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1


def fill(store: SqliteStore) -> None:
    """Enqueue more than goes into a file that may not grow."""
    for _ in range(2000):
        store.run(enqueue(NewJob("x" * 10_000)))


@pytest.mark.parametrize(
    ("pragma", "error"),
    [("max_page_count = 1", StoreFull), ("query_only = ON", StoreReadOnly)],
    ids=["full", "read-only"],
)
def test_a_store_without_room_or_right_to_write_says_so_and_keeps_what_it_has(
    home: Home, pragma: str, error: type[Exception]
) -> None:
    with SqliteStore(home) as store:
        kept = store.run(enqueue(NewJob("true")))
        store._connection.execute(f"PRAGMA {pragma}").fetchall()  # as the file system would have it

        with pytest.raises(error, match=r"queue\.db"):
            fill(store)

    with SqliteStore(home) as store:
        assert kept in store.run(page(limit=5000))
        assert store.check_integrity() == []
