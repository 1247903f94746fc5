"""The awaited SQLite store, for the console: the same transactions, off the event loop by aiosqlite."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple, Self, TypeVar

import aiosqlite

from queuectl_core.model.errors import StoreError, StoreReadOnly
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home, cannot_use, prepare_home
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.connecting import BUSY_SECONDS, QUERIES, configure, make_file, wall_clock
from queuectl_core.store.sqlite.faults import translated
from queuectl_core.store.sqlite.gate import Gate
from queuectl_core.store.sqlite.reader import Reader, connected
from queuectl_core.store.sqlite.schema import ensure_schema, hold_schema
from queuectl_core.store.statements import Kind, Many, Play, Rows, Statement, Transaction

T = TypeVar("T")

CHECKPOINT_BUSY_SECONDS = 1.0
"""How long a checkpoint waits for another's write; the caller of `run` waits with it."""


class _Writing(NamedTuple):
    """What it takes to write: a connection, the gate, and the lock that keeps migrations away."""

    connection: aiosqlite.Connection
    gate: Gate
    schema: int


class AsyncSqliteStore:
    """Connections to the store in a home, one for reads and one for writes, each on its own thread.

    Open it with `await AsyncSqliteStore.open(home)`, and close it. Transactions of one kind follow each
    other; a read never waits for a write. All that a person asks for is durable once it is answered.
    """

    def __init__(self, home: Home, reader: Reader, writing: _Writing | None) -> None:
        self.home = home
        self.clock: Callable[[], int] = wall_clock
        self._doorbell = Doorbell(home)
        self._reader = reader
        self._watcher = reader.another()
        self._writing = writing
        self._read_lock, self._write_lock, self._watch_lock = (asyncio.Lock() for _ in range(3))
        self._commits = 0
        self._closed = False

    @classmethod
    async def open(
        cls,
        home: Home,
        *,
        clock: Callable[[], int] = wall_clock,
        busy_seconds: float = BUSY_SECONDS,
        read_only: bool = False,
    ) -> Self:
        """Open the store, making or migrating it where need be. Raises a StoreError where it cannot be used.

        With `read_only` nothing is made, migrated or written, no lock of ours is taken and no bell rung; see
        `reader.py`. A transaction that writes raises StoreReadOnly then, before it begins.
        """
        schema = None if read_only else await asyncio.to_thread(_prepare, home)
        reader, writing = Reader(home, busy_seconds, read_only=read_only), None
        try:
            await reader.open()
            if schema is not None:
                writing = await _ready_to_write(home, busy_seconds, schema)
        except BaseException as error:
            await reader.close()
            if schema is not None:
                os.close(schema)
            if isinstance(error, sqlite3.Error):
                raise translated(error, home.database) from error
            raise
        store = cls(home, reader, writing)
        store.clock = clock
        return store

    async def run(self, transaction: Transaction[T]) -> T:
        """Run a transaction and commit it; as `SqliteStore.run`.

        Shielded: a caller that is cancelled leaves no transaction open, which would block every writer.
        """
        run = self._read if transaction.kind is Kind.READ else self._write
        return await asyncio.shield(asyncio.ensure_future(run(transaction)))

    async def _read(self, transaction: Transaction[T]) -> T:
        async with self._read_lock:
            with self._translating():
                connection = await self._reader.connection()
                return (await self._attempt(connection, "BEGIN", transaction)).outcome()

    async def _write(self, transaction: Transaction[T]) -> T:
        writing = self._writing
        if writing is None:
            raise StoreReadOnly(f"{self.home.database} was opened to be read alone", "open it without --read-only")
        async with self._write_lock:
            if self._closed:
                raise StoreError(f"{self.home.database} is closed", "open it again")
            with self._translating():
                async with _through(writing.gate):
                    play = await self._attempt(writing.connection, "BEGIN IMMEDIATE", transaction)
        if play.wakes:
            self._doorbell.ring(play.wakes)
        await self._mind_log(writing.gate)
        return play.outcome()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise translated(error, self.home.database) from error

    async def _attempt(self, connection: aiosqlite.Connection, begin: str, transaction: Transaction[T]) -> Play[T]:
        """Begin, play and commit; or roll back and raise."""
        try:
            await connection.execute(begin)
            play = await self._play(connection, transaction)
            await connection.commit()
        except BaseException:
            await connection.rollback()
            raise
        return play

    async def _play(self, connection: aiosqlite.Connection, transaction: Transaction[T]) -> Play[T]:
        play = Play(transaction)
        now = self.clock()
        request = play.advance(None)
        while request is not None:
            request = play.advance(await self._perform(connection, request, now))
        return play

    @staticmethod
    async def _perform(connection: aiosqlite.Connection, request: Statement | Many, now: int) -> Rows:
        if isinstance(request, Many):
            cursor = await connection.executemany(QUERIES[request.name], request.rows)
            return [(cursor.rowcount,)]
        return list(await connection.execute_fetchall(QUERIES[request.name], {**request.values, "now": now}))

    async def _mind_log(self, gate: Gate) -> None:
        self._commits += 1
        if self._commits % wal.COMMITS_A_LOOK == 1 and wal.is_long(self.home.database):
            # What was committed stands: nobody is kept waiting, and no error is raised, for this.
            if not gate.is_open():
                return
            try:
                await asyncio.to_thread(_shorten_log, self.home)
            finally:
                gate.leave()

    async def data_version(self) -> int:
        """A number that differs once another connection, the writing one included, has committed since the last call.

        It is read on a connection of its own, opened by the first call, so that a watcher waits for nobody.
        """
        return await asyncio.shield(asyncio.ensure_future(self._data_version()))

    async def _data_version(self) -> int:
        async with self._watch_lock:
            with self._translating():
                connection = await self._watcher.connection()
                [(version,)] = await connection.execute_fetchall("PRAGMA data_version")
        return int(version) + (self._watcher.openings << 32)

    async def close(self) -> None:
        """Give the connections up; closing twice is harmless."""
        # What still runs, its caller being gone, comes to its end first.
        async with self._read_lock, self._write_lock, self._watch_lock:
            if self._closed:
                return
            self._closed = True
            await self._watcher.close()
            await self._reader.close()
            if self._writing is not None:
                await self._writing.connection.close()
                self._writing.gate.close()
                os.close(self._writing.schema)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _ready_to_write(home: Home, busy_seconds: float, schema: int) -> _Writing:
    return _Writing(await connected(home.database, busy_seconds), Gate(home, busy_seconds), schema)


@asynccontextmanager
async def _through(gate: Gate) -> AsyncIterator[None]:
    """Pass the gate, waiting for it without a thread, and leave it at the end."""
    if not gate.is_open():
        for pause in gate.pauses():
            if gate.is_open():
                break
            await asyncio.sleep(pause)
    try:
        yield
    finally:
        gate.leave()


def _prepare(home: Home) -> int:
    """Make the home and schema ready; returns the lock that keeps migrations away."""
    prepare_home(home)
    make_file(home)
    try:
        with contextlib.closing(
            sqlite3.connect(home.database, timeout=BUSY_SECONDS, isolation_level=None)
        ) as connection:
            ensure_schema(connection, home)
            return hold_schema(connection, home)
    except sqlite3.Error as error:
        raise translated(error, home.database) from error
    except OSError as error:
        raise cannot_use(home.path, error) from error


def _shorten_log(home: Home) -> None:
    """Checkpoint a long log over a connection of this thread's own."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_checkpointer(home)) as guard:
        configure(guard)
        wal.shorten(guard, home.database, home.lock("checkpoint"))


def _checkpointer(home: Home) -> sqlite3.Connection:
    return sqlite3.connect(home.database, timeout=CHECKPOINT_BUSY_SECONDS, isolation_level=None)
