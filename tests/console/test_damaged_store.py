"""A store that is damaged in one place: the pane that cannot be read says so, and the others are live."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from queuectl_tui.actions import Place
from tests.console.consoles import seat
from tests.store.acts import put


@contextmanager
def damaged(home: Home, table: str) -> Iterator[None]:
    """The root of a table is overwritten, for a while."""
    with closing(sqlite3.connect(home.database, isolation_level=None)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(size,)] = store.execute("PRAGMA page_size")
        [(root,)] = store.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
    where = (root - 1) * size
    file = os.open(home.database, os.O_RDWR)
    try:
        was = os.pread(file, size, where)
        os.pwrite(file, b"\xff" * size, where)
        yield
        os.pwrite(file, was, where)
    finally:
        os.close(file)


@pytest.mark.parametrize(("key", "place", "table"), [("4", Place.CONFIG, "settings"), ("3", Place.WORKERS, "pools")])
async def test_a_pane_that_cannot_be_read_does_not_pass_for_live(
    tmp_path: Path, key: str, place: Place, table: str
) -> None:
    async with seat(tmp_path, size=(140, 30), fill=put) as here:
        with damaged(here.app.session.home, table):
            await here.press(key)
            await here.until(lambda: here.app.shown is place, "the pane is in sight")
            await here.until(lambda: "stale since" in here.line("header"), "the badge says so")
            assert "is damaged" in here.line("status")
            await here.press("1")
            await here.until(lambda: "live" in here.line("header"), "the jobs are live")
            await here.press(key)
            await here.until(lambda: "stale since" in here.line("header"), "the badge says so again")
        put(here.store)
        await here.until(lambda: "live" in here.line("header"), "it is live again")
        assert "damaged" not in here.line("status")
