"""The awaited SQLite store, for the console: the same transactions, off the event loop by aiosqlite."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self, TypeVar

import aiosqlite

from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home, cannot_use, prepare_home
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.connecting import BUSY_SECONDS, PRAGMAS, QUERIES, configure, make_file, wall_clock
from queuectl_core.store.sqlite.faults import translated
from queuectl_core.store.sqlite.gate import Gate
from queuectl_core.store.sqlite.schema import ensure_schema, hold_schema
from queuectl_core.store.statements import Kind, Many, Play, Rows, Statement, Transaction

T = TypeVar("T")

CHECKPOINT_BUSY_SECONDS = 1.0
"""How long a checkpoint waits for another's write; the caller of `run` waits with it."""


class AsyncSqliteStore:
    """Two connections to the store in a home, one for reads and one for writes, each on its own thread.

    Open it with `await AsyncSqliteStore.open(home)`, and close it. Transactions of one kind follow each
    other; a read never waits for a write. All that a person asks for is durable once it is answered.
    """

    def __init__(
        self, home: Home, reader: aiosqlite.Connection, writer: aiosqlite.Connection, schema: int, gate: Gate
    ) -> None:
        self.home = home
        self.clock: Callable[[], int] = wall_clock
        self._doorbell = Doorbell(home)
        self._lanes = {kind: (reader if kind is Kind.READ else writer) for kind in Kind}
        self._locks = {reader: asyncio.Lock(), writer: asyncio.Lock()}
        self._schema: int | None = schema
        self._commits = 0
        self._gate = gate

    @classmethod
    async def open(
        cls, home: Home, *, clock: Callable[[], int] = wall_clock, busy_seconds: float = BUSY_SECONDS
    ) -> Self:
        """Open the store, making or migrating it where need be. Raises a StoreError where it cannot be used."""
        schema = await asyncio.to_thread(_prepare, home)
        opened: list[aiosqlite.Connection] = []
        try:
            for _ in range(2):
                opened.append(await aiosqlite.connect(home.database, timeout=busy_seconds, isolation_level=None))
                for pragma in PRAGMAS:
                    await opened[-1].execute(pragma)
        except BaseException as error:
            for connection in opened:
                await connection.close()
            os.close(schema)
            if isinstance(error, sqlite3.Error):
                raise translated(error, home.database) from error
            raise
        reader, writer = opened
        store = cls(home, reader, writer, schema, Gate(home, busy_seconds))
        store.clock = clock
        return store

    async def run(self, transaction: Transaction[T]) -> T:
        """Run a transaction and commit it; as `SqliteStore.run`.

        Shielded: a caller that is cancelled leaves no transaction open, which would block every writer.
        """
        return await asyncio.shield(asyncio.ensure_future(self._run(transaction)))

    async def _run(self, transaction: Transaction[T]) -> T:
        connection = self._lanes[transaction.kind]
        async with self._locks[connection]:
            try:
                if transaction.kind is Kind.READ:
                    return (await self._attempt(connection, "BEGIN", transaction)).outcome()
                async with self._through_the_gate():
                    play = await self._attempt(connection, "BEGIN IMMEDIATE", transaction)
            except sqlite3.Error as error:
                raise translated(error, self.home.database) from error
        if play.wakes:
            self._doorbell.ring(play.wakes)
        await self._mind_log()
        return play.outcome()

    @asynccontextmanager
    async def _through_the_gate(self) -> AsyncIterator[None]:
        if not self._gate.is_open():
            for pause in self._gate.pauses():
                if self._gate.is_open():
                    break
                await asyncio.sleep(pause)
        try:
            yield
        finally:
            self._gate.leave()

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

    async def _mind_log(self) -> None:
        self._commits += 1
        if self._commits % wal.COMMITS_A_LOOK == 1 and wal.is_long(self.home.database):
            # What was committed stands: nobody is kept waiting, and no error is raised, for this.
            if not self._gate.is_open():
                return
            try:
                await asyncio.to_thread(_shorten_log, self.home)
            finally:
                self._gate.leave()

    async def data_version(self) -> int:
        """A number that differs once another connection has committed since the last call."""
        reader = self._lanes[Kind.READ]
        async with self._locks[reader]:
            try:
                [(version,)] = await reader.execute_fetchall("PRAGMA data_version")
            except sqlite3.Error as error:
                raise translated(error, self.home.database) from error
        return int(version)

    async def close(self) -> None:
        """Give the connections up; closing twice is harmless."""
        for connection, lock in self._locks.items():
            async with lock:  # what still runs, its caller being gone, comes to its end first
                await connection.close()
        self._gate.close()
        if self._schema is not None:
            os.close(self._schema)
            self._schema = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _prepare(home: Home) -> int:
    """Make the home and schema ready; returns the lock that keeps migrations away."""
    prepare_home(home)
    make_file(home)
    connection = sqlite3.connect(home.database, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        ensure_schema(connection, home)
        return hold_schema(connection, home)
    except sqlite3.Error as error:
        raise translated(error, home.database) from error
    except OSError as error:
        raise cannot_use(home.path, error) from error
    finally:
        connection.close()


def _shorten_log(home: Home) -> None:
    """Checkpoint a long log over a connection of this thread's own."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_checkpointer(home)) as guard:
        configure(guard)
        wal.shorten(guard, home.database, home.lock("checkpoint"))


def _checkpointer(home: Home) -> sqlite3.Connection:
    return sqlite3.connect(home.database, timeout=CHECKPOINT_BUSY_SECONDS, isolation_level=None)
