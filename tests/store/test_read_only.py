"""The awaited store opened to be read alone: it shows all there is, and leaves everything as it is."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from queuectl_core.model.errors import NewerSchema, NotAStore, StoreError, StoreReadOnly
from queuectl_core.model.job import NewJob
from queuectl_core.store.contract import AsyncStore
from queuectl_core.store.home import Home
from queuectl_core.store.opening import open_async_store
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.claims import Ask, take_turn
from queuectl_core.store.transactions.jobs import page
from tests.store.acts import fresh_token


@pytest.fixture
def writer(home: Home) -> Iterator[SqliteStore]:
    """Somebody who has the store open and writes; it holds one job."""
    with SqliteStore(home) as store:
        store.run(enqueue(NewJob("true", id="first")))
        yield store


@pytest_asyncio.fixture
async def reader(home: Home, writer: SqliteStore) -> AsyncIterator[AsyncSqliteStore]:
    """The same store, opened to be read."""
    async with await AsyncSqliteStore.open(home, read_only=True) as store:
        yield store


async def ids(store: AsyncStore) -> list[str]:
    return [job.id for job in await store.run(page())]


def execute(home: Home, statement: str) -> None:
    with closing(sqlite3.connect(home.database, isolation_level=None)) as connection:
        connection.execute(statement)


def contents(home: Home) -> dict[str, bytes]:
    """Every file of a home but those by which SQLite shares its log."""
    files = (path for path in Path(home.path).rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if not path.name.endswith(("-shm", "-wal"))}


async def test_what_others_commit_is_seen(writer: SqliteStore, reader: AsyncSqliteStore) -> None:
    before = await reader.data_version()
    writer.run(enqueue(NewJob("true", id="second")))

    assert await ids(reader) == ["second", "first"]
    assert await reader.data_version() != before


async def test_whatever_would_write_is_refused_before_it_begins(reader: AsyncSqliteStore) -> None:
    with pytest.raises(StoreReadOnly, match="was opened to be read alone"):
        await reader.run(enqueue(NewJob("true")))
    with pytest.raises(StoreReadOnly, match="was opened to be read alone"):
        await reader.run(take_turn(None, Ask("pool-1", fresh_token())))

    assert await ids(reader) == ["first"]


async def test_nothing_is_made_or_changed(home: Home) -> None:
    with SqliteStore(home) as store:
        store.run(enqueue(NewJob("true", id="first")))
    for folder in ("run", "logs"):
        for file in Path(home.path, folder).iterdir():
            file.unlink()
        os.rmdir(f"{home.path}/{folder}")
    before = contents(home)

    async with await AsyncSqliteStore.open(home, read_only=True) as opened:
        assert await ids(opened) == ["first"]
        await opened.data_version()

    assert contents(home) == before
    assert not os.path.exists(home.run)


async def test_a_missing_store_is_not_made(home: Home) -> None:
    with pytest.raises(StoreError, match=r"there is no store in .*: make one with 'queuectl init'"):
        await AsyncSqliteStore.open(home, read_only=True)

    assert not os.path.exists(home.path)


@pytest.mark.parametrize(
    ("statement", "error", "why"),
    [
        ("PRAGMA user_version = 0", StoreError, "of an older version: open it once without --read-only"),
        ("PRAGMA user_version = 99", NewerSchema, "newer queuectl"),
        ("PRAGMA application_id = 7", NotAStore, "another program"),
    ],
)
async def test_a_store_of_another_version_is_not_touched(
    home: Home, statement: str, error: type[StoreError], why: str
) -> None:
    SqliteStore(home).close()
    execute(home, statement)
    before = contents(home)

    with pytest.raises(error, match=why):
        await AsyncSqliteStore.open(home, read_only=True)

    assert contents(home) == before


@pytest.mark.parametrize(("content", "error"), [(b"", StoreError), (b"no database " * 100, NotAStore)])
async def test_what_is_no_store_is_not_touched(home: Home, content: bytes, error: type[StoreError]) -> None:
    os.mkdir(home.path)
    Path(home.database).write_bytes(content)

    with pytest.raises(error):
        await AsyncSqliteStore.open(home, read_only=True)

    assert contents(home) == {home.database: content}


async def test_a_path_with_signs_of_a_uri_is_opened(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "a?b#c%20d e"))
    SqliteStore(home).close()

    async with await open_async_store(home.path, read_only=True) as opened:
        assert await ids(opened) == []


# ------------------------------------------------------------------ homes that may not be written to

READER = """
import asyncio, sys
from queuectl_core.model.errors import StoreError
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.transactions.jobs import page

async def main():
    async with await AsyncSqliteStore.open(Home(sys.argv[1]), read_only=True) as store:
        before = None
        for _ in range(int(sys.argv[2])):
            version = await store.data_version()
            jobs = await store.run(page())
            print(version != before, *(job.id for job in jobs), flush=True)
            before = version
            sys.stdin.readline()

try:
    asyncio.run(main())
except StoreError as error:
    print(error)
"""
"""Prints whether the store has changed, and its jobs, so many times; between them it waits for a line."""


restricted = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write anywhere, and setpriv is missing"
)


def unprivileged() -> list[str]:
    """What to put before a command so that permissions hold for it; empty where they do anyhow."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]


@contextmanager
def reading(home: Home, times: int) -> Iterator[subprocess.Popen[str]]:
    """A process that reads a home as somebody to whom permissions apply."""
    command = [*unprivileged(), sys.executable, "-c", READER, home.path, str(times)]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


@contextmanager
def locked_down(home: Home) -> Iterator[None]:
    """Nobody may write to the home or its database; undone at the end, so that it can be removed."""
    os.chmod(home.database, 0o400)
    os.chmod(home.path, 0o500)
    try:
        yield
    finally:
        os.chmod(home.path, 0o700)
        os.chmod(home.database, 0o600)


def put(home: Home, name: str) -> SqliteStore:
    """Somebody who may write opens the home, and enqueues a job."""
    os.chmod(home.path, 0o700)
    os.chmod(home.database, 0o600)
    store = SqliteStore(home)
    store.run(enqueue(NewJob("true", id=name)))
    return store


@restricted
def test_a_home_that_may_not_be_written_to_is_read(home: Home) -> None:
    SqliteStore(home).close()
    put(home, "first").close()

    with locked_down(home), reading(home, 1) as process:
        assert told(process) == "True first"
        assert sorted(os.listdir(home.path)) == ["logs", "queue.db", "run"]


@restricted
def test_who_comes_to_write_to_it_is_noticed(home: Home) -> None:
    SqliteStore(home).close()
    put(home, "first").close()

    with locked_down(home), reading(home, 3) as process:
        assert told(process) == "True first"
        put(home, "second").close()  # whose closing leaves no log
        go_on(process)
        assert told(process) == "True second first"
        with put(home, "third"):
            go_on(process)
            assert told(process) == "True third second first"


@restricted
def test_a_log_without_its_index_cannot_be_read_where_none_may_be_made(home: Home) -> None:
    with SqliteStore(home) as store:
        store.run(enqueue(NewJob("true")))
        os.unlink(f"{home.database}-shm")
        with locked_down(home), reading(home, 1) as process:
            assert "cannot be" in told(process)
