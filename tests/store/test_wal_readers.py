"""The write-ahead log beside readers: short ones do not keep it from being copied, and one that stays is known."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.sqlite.wal import Copied
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from tests.store.log_lengths import BIG, PAGE, log_bytes, minded_closely


def test_a_checkpoint_under_a_reader_tells_that_it_could_not_copy_all(
    sqlite_store: SqliteStore, unminded: None
) -> None:
    lock = sqlite_store.home.lock("checkpoint")
    with closing(sqlite3.connect(sqlite_store.home.database, isolation_level=None)) as reader:
        guard = sqlite3.connect(sqlite_store.home.database, isolation_level=None)
        reader.execute("BEGIN").execute("SELECT count(*) FROM jobs").fetchall()
        sqlite_store.run(enqueue(BIG))
        with closing(guard):
            part = wal.copy_log(guard, sqlite_store.home.database, lock)
            reader.execute("ROLLBACK")
            whole = wal.copy_log(guard, sqlite_store.home.database, lock)

    assert part is not None
    assert not part.whole
    assert whole is not None
    assert whole.whole


def test_writers_leave_a_log_alone_for_a_moment_that_a_reader_holds_up(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "RETRY_SECONDS", 3600)
    minded_closely(monkeypatch)
    copy, copies = wal.copy_log, list[Copied | None]()

    def noted_copy(guard: sqlite3.Connection, database: str, lock: str) -> Copied | None:
        copies.append(copy(guard, database, lock))
        return copies[-1]

    monkeypatch.setattr(wal, "copy_log", noted_copy)
    with closing(sqlite3.connect(sqlite_store.home.database, isolation_level=None)) as reader:
        reader.execute("BEGIN").execute("SELECT count(*) FROM jobs").fetchall()
        for _ in range(60):
            sqlite_store.run(enqueue(BIG))
    assert [copied and copied.whole for copied in copies] == [False, False]  # the second came no further

    monkeypatch.setattr(wal, "RETRY_SECONDS", 0)
    for _ in range(4):
        sqlite_store.run(enqueue(BIG))
    assert [copied and copied.whole for copied in copies] == [False, False, True]


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "idle"])
async def test_the_log_stays_bounded_beside_a_console_that_is_open(home: Home, reads: bool) -> None:
    longest, done = 0, asyncio.Event()

    def write() -> None:
        nonlocal longest
        with SqliteStore(home) as store:
            for _ in range(2500):  # 120 MB
                store.run(enqueue(BIG))
                longest = max(longest, log_bytes(home))

    async with await AsyncSqliteStore.open(home) as console:
        await console.run(page())
        writing = asyncio.create_task(asyncio.to_thread(write))
        writing.add_done_callback(lambda _: done.set())
        while reads and not done.is_set():
            await console.run(page(limit=5))
            with suppress(TimeoutError):  # ten times as often as a console looks
                await asyncio.wait_for(done.wait(), 0.025)
        await writing

    assert longest < wal.HELD_UP_PAGES * PAGE
