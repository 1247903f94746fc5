"""A store that somebody else keeps busy: what is shown stays, keys are answered, and the wait is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from textual.widgets import Input

from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.jobs import count_matching, find
from queuectl_tui.forms.form import JobForm
from tests.console.consoles import Seat, seat
from tests.store.acts import put


async def test_a_change_that_others_keep_waiting_says_so_and_is_made_in_the_end(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=lambda store: [put(store, id=name) for name in ("a", "b")]) as here:
        await here.shows("b", "a")
        with closing(sqlite3.connect(here.app.session.home.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await here.press("c")
            here.clock.now += 5_000
            await here.until(lambda: "a change has waited 5 s" in here.line("status"), "the wait is told")
            await here.press("j")
            assert here.table.cursor == 1
            other.execute("ROLLBACK")
        await here.until(lambda: here.store.run(find(["b"]))[0].state is JobState.CANCELLED, "b is cancelled")
        await here.until(lambda: "waited" not in here.line("status"), "nothing waits any longer")


async def test_a_change_that_was_given_up_waits_no_longer(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=lambda store: [put(store, id=name) for name in ("a", "b")]) as here:
        await here.shows("b", "a")
        writing = here.app.session._store._writing  # type: ignore[union-attr]  # its patience, which is half a minute
        assert writing is not None
        await writing.connection.execute("PRAGMA busy_timeout = 1500")
        with closing(sqlite3.connect(here.app.session.home.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await here.press("p")
            here.clock.now += 5_000
            await here.press("j")
            await here.until(lambda: "a change has waited 5 s" in here.line("status"), "the wait is told")
            await here.told_of("is held by another process")
            await here.until(lambda: "waited" not in here.line("status"), "nothing waits any longer")


async def test_a_full_disk_is_told_in_one_line_and_nothing_is_lost(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=lambda store: put(store, id="a")) as here:
        await here.shows("a")
        await here.press("n")
        await here.until(lambda: isinstance(here.app.screen, JobForm), "the form is there")
        here.app.screen.query(Input).first(Input).value = "x" * 100_000
        writing = here.app.session._store._writing  # type: ignore[union-attr]  # what a full disk is to SQLite
        assert writing is not None
        await writing.connection.execute("PRAGMA max_page_count = 1")
        await here.press("ctrl+s")
        await here.until(lambda: "no room left" in words(here), "it is told")
        assert isinstance(here.app.screen, JobForm)
        await writing.connection.execute("PRAGMA max_page_count = 1000000")
        await here.press("ctrl+s")
        await here.until(lambda: here.store.run(count_matching()) == 2, "what was typed is stored")


def words(here: Seat) -> str:
    """All that can be read on the screen, and the messages."""
    return " ".join([*here.told(), here.app.export_screenshot()]).replace("&#160;", " ")
