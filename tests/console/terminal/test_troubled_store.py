"""A store that is held, removed or replaced: what was read stays in sight, and all is well again by itself."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from tests.console.terminal.conftest import Console
from tests.console.terminal.screen import Screen
from tests.store.acts import look, put
from tests.store.engines import BlockingSqlite

STALE = re.compile(r"○ stale since \d\d:\d\d:\d\d")


@contextmanager
def held(home: Home) -> Iterator[None]:
    """Somebody writes and does not come to an end."""
    with closing(sqlite3.connect(home.database, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield
        holder.execute("ROLLBACK")


_LOCKS_READERS_OUT = """
import fcntl, sys
with open(sys.argv[1], "r+b") as index:
    fcntl.lockf(index, fcntl.LOCK_EX, 8, 120)  # all locks of the log's index, says walformat.html
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def readers_locked_out(home: Home) -> Iterator[None]:
    """Another process holds the locks that a reader needs, as one does that mends the index of the log."""
    command = [sys.executable, "-c", _LOCKS_READERS_OUT, f"{home.database}-shm"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        yield
        holder.stdin.close()


def test_it_starts_while_somebody_holds_the_store(console: Console, store: BlockingSqlite, home: Home) -> None:
    put(store, "echo first-row")
    with held(home), console() as screen:
        screen.shows("echo first-row", "● live")


def test_rows_stay_while_somebody_holds_the_store_and_a_change_waits(
    console: Console, store: BlockingSqlite, home: Home
) -> None:
    job = put(store, "echo first-row", delay=3600)
    with console() as screen:
        screen.shows("echo first-row")
        with held(home):
            screen.press("c")
            screen.press("?")  # keys are answered meanwhile
            screen.shows("scroll")
            screen.press("?")
            screen.shows("echo first-row", "pending", "● live")
            assert look(store, job).state == "pending"

        screen.until(lambda: look(store, job).state == "cancelled", "it is cancelled")
        screen.shows("cancelled")


WAITS = "waiting for a change that the store has not taken yet; Ctrl+C gives it up"
GIVEN_UP = "left without waiting for the store"


def leaves_while_a_change_waits(screen: Screen) -> None:
    """Cancel a job, which the store does not take, and leave."""
    screen.shows("echo first-row", "● live")
    screen.press("c")
    screen.shows("a change has waited")
    screen.press("q")
    screen.shows(WAITS)
    assert screen.left_on() == set()


def test_a_console_that_leaves_says_that_a_change_waits_and_the_store_takes_it(
    console: Console, store: BlockingSqlite, home: Home
) -> None:
    job = put(store, "echo first-row", delay=3600)
    with console() as screen:
        with held(home):
            leaves_while_a_change_waits(screen)

        assert screen.ended() == 0
        screen.assert_restored()
        assert look(store, job).state == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_gives_a_change_up_that_a_console_waits_for_as_it_leaves(
    console: Console, store: BlockingSqlite, home: Home, number: signal.Signals
) -> None:
    job = put(store, "echo first-row", delay=3600)
    with held(home), console() as screen:
        leaves_while_a_change_waits(screen)

        if number is signal.SIGINT:
            screen.press("\x03")
        else:
            screen.send(number)

        assert screen.ended() == 128 + number
        screen.assert_restored()
        assert GIVEN_UP in screen.text
    assert look(store, job).state == "pending"


def test_a_signal_ends_a_console_at_once_while_a_change_waits(
    console: Console, store: BlockingSqlite, home: Home
) -> None:
    put(store, "echo first-row", delay=3600)
    with held(home), console() as screen:
        screen.shows("echo first-row", "● live")
        screen.press("c")
        screen.shows("a change has waited")

        screen.send(signal.SIGTERM)

        assert screen.ended() == 143
        screen.assert_restored()
        assert GIVEN_UP in screen.text


def test_a_store_that_was_removed_is_told_and_its_rows_stay(
    console: Console, store: BlockingSqlite, home: Home, tmp_path: Path
) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row", "● live")

        os.rename(home.database, tmp_path / "aside.db")
        screen.until(lambda: STALE.search(screen.lines[0]), "the badge says since when")
        assert "echo first-row" in screen.text

        os.rename(tmp_path / "aside.db", home.database)
        screen.shows("● live", "echo first-row")


def test_a_store_that_was_replaced_is_read_in_its_place(
    console: Console, store: BlockingSqlite, home: Home, tmp_path: Path
) -> None:
    put(store, "echo of-old")
    other = Home(str(tmp_path / "other"))
    with SqliteStore(other) as made:
        made.run(enqueue(NewJob("echo of-new")))
        made.checkpoint()
    with console() as screen:
        screen.shows("echo of-old")

        for suffix in ("-wal", "-shm"):
            os.unlink(home.database + suffix)
        os.replace(other.database, home.database)

        screen.shows("echo of-new", "● live")
        screen.until(lambda: "of-old" not in screen.text, "the old rows are gone")
        screen.press("q")
        assert screen.ended() == 0


def test_a_store_that_cannot_be_opened_is_told_and_heals(console: Console, store: BlockingSqlite, home: Home) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row", "● live")

        os.rename(home.database, home.database + ".aside")
        os.mkdir(home.database)
        screen.until(lambda: STALE.search(screen.lines[0]), "the badge says since when")
        assert "echo first-row" in screen.text

        os.rmdir(home.database)
        os.rename(home.database + ".aside", home.database)
        screen.shows("● live", "echo first-row")


def test_rows_stay_while_nobody_may_read_the_store(console: Console, store: BlockingSqlite, home: Home) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row", "● live")
        put(store, "echo second-row", delay=3600)

        with readers_locked_out(home):
            screen.until(lambda: STALE.search(screen.lines[0]), "the badge says since when", seconds=60)
            assert "echo first-row" in screen.text

        screen.shows("● live", "echo second-row")
