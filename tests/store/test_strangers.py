"""Another program that writes to the database, and stands in no line for it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from queuectl_core.model.errors import StoreError
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page

PATIENCE = 5.0


def test_who_is_impatient_waits_hardly_at_all_for_it_and_others_as_long_as_they_did(home: Home) -> None:
    with SqliteStore(home, busy_seconds=PATIENCE) as store:
        with closing(sqlite3.connect(home.database, isolation_level=None)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            with store.impatient(), pytest.raises(StoreError):
                store.run(enqueue(NewJob("true")))
            assert time.monotonic() - began < PATIENCE / 2

        assert store._connection.execute("PRAGMA busy_timeout").fetchone() == (PATIENCE * 1000,)
        job = store.run(enqueue(NewJob("true")))
        assert store.run(page()) == [job]
