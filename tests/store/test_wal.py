"""The write-ahead log: it stays short, and nothing but our own guarded checkpoint shortens it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from queuectl_core.model.errors import StoreError
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import schema, wal
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Kind
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from tests.store.log_lengths import BIG, PAGE, head_of_log, log_bytes, minded_closely
from tests.store.probing import asking

Version = tuple[int, int, int]


@pytest.mark.parametrize(
    "version",
    [
        (3, 7, 0),
        (3, 37, 2),
        (3, 40, 1),
        (3, 43, 2),
        (3, 44, 5),
        (3, 45, 0),
        (3, 50, 6),
        (3, 51, 0),
        (3, 51, 2),
    ],
)
def test_versions_with_the_reset_bug_are_known(version: Version) -> None:
    assert wal.has_reset_bug(version)


@pytest.mark.parametrize("version", [(3, 6, 23), (3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 52, 0), (4, 0, 0)])
def test_versions_without_the_reset_bug_are_known(version: Version) -> None:
    assert not wal.has_reset_bug(version)


# ------------------------------------------------------------------ who checkpoints


def test_no_connection_checkpoints_by_itself(
    sqlite_store: SqliteStore, unminded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sqlite_store.run(asking(monkeypatch, Kind.READ, "PRAGMA wal_autocheckpoint")) == 0
    before = os.stat(sqlite_store.home.database).st_size

    for _ in range(150):  # 1,500 pages, half as many again as SQLite would let stand
        sqlite_store.run(enqueue(BIG))

    assert os.stat(sqlite_store.home.database).st_size == before


async def test_no_awaited_connection_checkpoints_by_itself(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await AsyncSqliteStore.open(home) as store:
        for kind in Kind:
            assert await store.run(asking(monkeypatch, kind, "PRAGMA wal_autocheckpoint")) == 0


def test_no_connection_that_has_written_would_checkpoint_by_itself(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opened it: what each says as it is closed, by the file it had open."""
    said: list[tuple[str, int]] = []

    class Asked(sqlite3.Connection):
        def close(self) -> None:
            if self.total_changes:
                [(_, _, path)] = self.execute("PRAGMA database_list").fetchall()
                said.append((path, self.execute("PRAGMA wal_autocheckpoint").fetchone()[0]))
            super().close()

    connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **options: connect(*given, **options, factory=Asked))
    minded_closely(monkeypatch)

    async def as_console() -> None:
        async with await AsyncSqliteStore.open(home) as console:
            for _ in range(20):
                await console.run(enqueue(BIG))

    with SqliteStore(home) as store:
        for _ in range(20):
            store.run(enqueue(BIG))
        asyncio.run(as_console())
    steps = schema.migrations() | {schema.VERSION + 1: "CREATE TABLE x (y INTEGER) STRICT; INSERT INTO x VALUES (1);"}
    monkeypatch.setattr(schema, "migrations", lambda: steps)
    monkeypatch.setattr(schema, "VERSION", max(steps))
    SqliteStore(home).close()

    of_store = [pages for path, pages in said if path == home.database]
    assert len(of_store) >= 3  # the blocking store, the console's writer, and who migrated
    assert set(of_store) == {0}


@pytest.mark.parametrize("kind", ["blocking", "awaited"])
async def test_thousands_of_small_commits_leave_the_file_and_the_head_of_the_log_as_they_were(
    home: Home, unminded: None, kind: str
) -> None:
    with closing(SqliteStore(home)) as bystander:
        bystander.run(enqueue(NewJob("true")))
        before = head_of_log(home), os.stat(home.database).st_mtime_ns
        if kind == "blocking":
            with SqliteStore(home) as store:
                for _ in range(2000):
                    store.run(enqueue(NewJob("true")))
        else:
            async with await AsyncSqliteStore.open(home) as console:
                for _ in range(2000):
                    await console.run(enqueue(NewJob("true")))

        assert (head_of_log(home), os.stat(home.database).st_mtime_ns) == before
        assert log_bytes(home) > 2000 * PAGE
        bystander.checkpoint()
        bystander.run(enqueue(NewJob("true")))
        assert head_of_log(home) != before[0]


def test_a_checkpoint_copies_the_log_and_the_next_commit_begins_it_anew(
    sqlite_store: SqliteStore, unminded: None
) -> None:
    before = os.stat(sqlite_store.home.database).st_size
    for _ in range(3):
        sqlite_store.run(enqueue(BIG))
    length = log_bytes(sqlite_store.home)

    assert sqlite_store.checkpoint()

    assert os.stat(sqlite_store.home.database).st_size > before
    sqlite_store.run(enqueue(NewJob("true")))
    assert log_bytes(sqlite_store.home) == length
    assert [len(job.command) for job in sqlite_store.run(page())] == [4, 40_000, 40_000, 40_000]


def test_nobody_can_commit_while_a_checkpoint_is_made(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    kept_out = []

    def connect_and_try_to_write(database: str, **options: Any) -> sqlite3.Connection:
        with closing(connect(database, timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                kept_out.append(str(error))
        return connect(database, **options)

    monkeypatch.setattr(sqlite3, "connect", connect_and_try_to_write)

    assert sqlite_store.checkpoint()
    assert kept_out == ["database is locked"]


def test_a_checkpoint_leaves_no_transaction_open(sqlite_store: SqliteStore) -> None:
    assert sqlite_store.checkpoint()

    with SqliteStore(sqlite_store.home, busy_seconds=0) as other:
        other.run(enqueue(NewJob("true")))
    assert sqlite_store.checkpoint()


def test_a_checkpoint_is_left_to_whom_is_at_it(sqlite_store: SqliteStore) -> None:
    lock = os.open(sqlite_store.home.lock("checkpoint"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert not sqlite_store.checkpoint()
    finally:
        os.close(lock)

    assert sqlite_store.checkpoint()


def test_a_checkpoint_waits_for_no_writer_that_stays(home: Home) -> None:
    with SqliteStore(home, busy_seconds=0) as store, closing(sqlite3.connect(home.database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert not store.checkpoint()
        writer.rollback()
        assert store.checkpoint()


def test_a_lock_that_cannot_be_opened_is_named(sqlite_store: SqliteStore) -> None:
    os.mkdir(sqlite_store.home.lock("checkpoint"))

    with pytest.raises(StoreError, match=r"checkpoint\.lock"):
        sqlite_store.checkpoint()


# ------------------------------------------------------------------ how long it is


def test_a_log_that_was_reset_is_not_long_however_big_its_file(
    sqlite_store: SqliteStore, unminded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "LONG_LOG_PAGES", 20)
    database = sqlite_store.home.database
    sqlite_store.checkpoint()
    sqlite_store.run(enqueue(NewJob("true")))
    assert not wal.is_long(database)
    for _ in range(5):
        sqlite_store.run(enqueue(BIG))
    assert wal.is_long(database)

    sqlite_store.checkpoint()
    sqlite_store.run(enqueue(NewJob("true")))

    assert log_bytes(sqlite_store.home) > 20 * PAGE
    assert not wal.is_long(database)


def test_a_log_is_long_from_its_first_page_beyond_the_limit(
    sqlite_store: SqliteStore, unminded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_store.run(enqueue(BIG))
    pages = (log_bytes(sqlite_store.home) - 32) // PAGE

    monkeypatch.setattr(wal, "LONG_LOG_PAGES", pages)
    assert not wal.is_long(sqlite_store.home.database)
    monkeypatch.setattr(wal, "LONG_LOG_PAGES", pages - 1)
    assert wal.is_long(sqlite_store.home.database)


def test_a_store_without_a_log_has_no_long_one(home: Home) -> None:
    assert not wal.is_long(home.database)


def test_the_log_stays_bounded_under_many_commits(sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = minded_closely(monkeypatch)
    for _ in range(100):
        sqlite_store.run(enqueue(BIG))
        assert log_bytes(sqlite_store.home) < bound

    assert len(sqlite_store.run(page(limit=200))) == 100


async def test_the_log_stays_bounded_under_many_awaited_commits(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = minded_closely(monkeypatch)
    async with await AsyncSqliteStore.open(home) as store:
        for _ in range(100):
            await store.run(enqueue(BIG))
            assert log_bytes(home) < bound

        jobs = await store.run(page(limit=200))

    assert len(jobs) == 100


def test_the_log_stays_bounded_over_many_short_lives(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = minded_closely(monkeypatch)
    with SqliteStore(home):  # so that none of them is the last to leave
        for _ in range(40):
            with SqliteStore(home) as store:
                store.run(enqueue(BIG))
            assert log_bytes(home) < bound


# ------------------------------------------------------------------ when it fails


def block_lock(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkdir(home.lock("checkpoint"))


def block_copy(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(wal, "copy_log", fail)


Block = Callable[[Home, pytest.MonkeyPatch], None]


@pytest.mark.parametrize("block", [block_lock, block_copy])
def test_a_commit_stands_where_minding_the_log_fails(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch, block: Block
) -> None:
    minded_closely(monkeypatch)
    block(sqlite_store.home, monkeypatch)

    for _ in range(9):
        sqlite_store.run(enqueue(BIG))
    assert len(sqlite_store.run(page())) == 9


@pytest.mark.parametrize("block", [block_lock, block_copy])
async def test_an_awaited_commit_stands_where_minding_the_log_fails(
    home: Home, monkeypatch: pytest.MonkeyPatch, block: Block
) -> None:
    minded_closely(monkeypatch)
    async with await AsyncSqliteStore.open(home) as store:
        block(home, monkeypatch)
        for _ in range(9):
            await store.run(enqueue(BIG))
        jobs = await store.run(page())

    assert len(jobs) == 9
