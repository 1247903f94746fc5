"""What is particular to the awaited store: cancellation, two lanes, one writer at a time."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
import pytest_asyncio

from queuectl_core.model.errors import IdTaken, StoreBusy, StoreError
from queuectl_core.model.job import Job, NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Statement, Steps, read, write
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page

ENQUEUE = enqueue(NewJob("true"))


@pytest_asyncio.fixture
async def awaited(home: Home) -> AsyncIterator[AsyncSqliteStore]:
    """The awaited store."""
    async with await AsyncSqliteStore.open(home) as store:
        yield store


def names(store: SqliteStore) -> list[str]:
    return [job.id for job in store.run(page())][::-1]


@write
def enqueue_and_cancel(name: str, caller: list[asyncio.Task[Job]]) -> Steps[Job]:
    """Enqueue a job, and have the caller cancelled while the transaction is open."""
    job: Job = yield from enqueue(NewJob("true", id=name)).steps()
    caller[0].cancel()
    for _ in range(50):
        yield Statement("now")
    return job


async def test_a_cancelled_await_leaves_no_transaction_open(awaited: AsyncSqliteStore) -> None:
    callers: list[asyncio.Task[Job]] = []
    callers.append(asyncio.create_task(awaited.run(enqueue_and_cancel("a", callers))))
    with pytest.raises(asyncio.CancelledError):
        await callers[0]

    await awaited.run(enqueue(NewJob("true", id="b")))

    with SqliteStore(awaited.home, busy_seconds=0) as other:
        other.run(enqueue(NewJob("true", id="c")))
        assert names(other) == ["a", "b", "c"]


async def test_closing_lets_a_transaction_end_whose_caller_has_gone(home: Home) -> None:
    callers: list[asyncio.Task[Job]] = []
    async with await AsyncSqliteStore.open(home) as store:
        callers.append(asyncio.create_task(store.run(enqueue_and_cancel("a", callers))))
        with pytest.raises(asyncio.CancelledError):
            await callers[0]

    with SqliteStore(home, busy_seconds=0) as other:
        assert names(other) == ["a"]


async def test_a_read_does_not_wait_for_a_write(awaited: AsyncSqliteStore) -> None:
    before = [await awaited.run(ENQUEUE)]
    with closing(sqlite3.connect(awaited.home.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        held_up = asyncio.create_task(awaited.run(ENQUEUE))
        for _ in range(3):
            assert await awaited.run(page()) == before
        assert not held_up.done()
        holder.execute("ROLLBACK")

    after = await held_up
    assert await awaited.run(page()) == [after, *before]


@write
def note_down(name: str, notes: list[str]) -> Steps[None]:
    """Say when the transaction begins and ends, with some statements in between."""
    notes.append(f"{name} begins")
    for _ in range(3):
        yield Statement("now")
    notes.append(f"{name} ends")


async def test_writes_follow_each_other(awaited: AsyncSqliteStore) -> None:
    notes: list[str] = []

    await asyncio.gather(*(awaited.run(note_down(name, notes)) for name in "abc"))

    assert notes == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


async def test_a_refused_write_is_rolled_back_and_the_next_goes_on(awaited: AsyncSqliteStore) -> None:
    taken = enqueue(NewJob("true", id="a"))
    results = await asyncio.gather(awaited.run(taken), awaited.run(taken), awaited.run(ENQUEUE), return_exceptions=True)

    assert [type(result) for result in results] == [Job, IdTaken, Job]
    with SqliteStore(awaited.home, busy_seconds=0) as other:
        assert names(other) == ["a", "2"]


async def test_a_store_that_is_held_too_long_says_so_and_comes_back(home: Home) -> None:
    async with await AsyncSqliteStore.open(home, busy_seconds=0) as store:
        with closing(sqlite3.connect(home.database, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusy, match="held by another process"):
                await store.run(ENQUEUE)
            holder.execute("ROLLBACK")

        assert (await store.run(ENQUEUE)).number == 1


async def test_the_data_version_tells_of_commits_of_its_own_and_of_others(awaited: AsyncSqliteStore) -> None:
    versions = [await awaited.data_version(), await awaited.data_version()]
    assert versions[0] == versions[1]

    await awaited.run(ENQUEUE)
    versions.append(await awaited.data_version())
    with SqliteStore(awaited.home) as other:
        other.run(ENQUEUE)
    versions.append(await awaited.data_version())

    assert len(set(versions)) == 3


async def test_closing_twice_is_harmless(home: Home) -> None:
    store = await AsyncSqliteStore.open(home)
    await store.close()
    await store.close()


# ------------------------------------------------------------------ watching


@read
def look_on(seen: asyncio.Event, go_on: asyncio.Event) -> Steps[None]:
    """A read that takes until it is told to end."""
    seen.set()
    while not go_on.is_set():
        yield Statement("now")


async def test_a_watcher_does_not_wait_for_a_read(awaited: AsyncSqliteStore) -> None:
    seen, go_on = asyncio.Event(), asyncio.Event()
    reading = asyncio.create_task(awaited.run(look_on(seen, go_on)))
    await seen.wait()

    try:
        async with asyncio.timeout(10):
            before = await awaited.data_version()
            with SqliteStore(awaited.home) as other:
                other.run(ENQUEUE)
            assert await awaited.data_version() != before
        assert not reading.done()
    finally:
        go_on.set()
        await reading


def connections(home: Home) -> int:
    """How many connections to a database this process has open."""
    open_files = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return sum(os.path.exists(file) and os.path.realpath(file) == home.database for file in open_files)


async def test_a_watcher_has_a_connection_only_once_it_is_asked_and_until_the_store_is_closed(home: Home) -> None:
    store = await AsyncSqliteStore.open(home)
    opened = connections(home)
    await store.data_version()

    assert connections(home) == opened + 1
    await store.close()
    await store.close()
    assert connections(home) == 0


async def test_a_closed_store_is_not_opened_again_by_its_watcher(home: Home) -> None:
    store = await AsyncSqliteStore.open(home)
    await store.close()

    with pytest.raises(StoreError, match="is closed"):
        await store.data_version()
    with pytest.raises(StoreError, match="is closed"):
        await store.run(page())
    with pytest.raises(StoreError, match="is closed"):
        await store.run(ENQUEUE)
