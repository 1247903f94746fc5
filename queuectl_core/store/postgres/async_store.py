"""The awaited PostgreSQL store, for the console: the same transactions, on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Self, TypeVar, cast

import psycopg

from queuectl_core.model.errors import InvalidInput, StoreError, StoreReadOnly
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home, prepare_folders, prepare_home
from queuectl_core.store.postgres import schema
from queuectl_core.store.postgres.address import Address, parse_address
from queuectl_core.store.postgres.compiling import COPIES, QUERIES, TEST_QUERIES
from queuectl_core.store.postgres.connecting import (
    BACKEND,
    AwaitedBounded,
    arguments,
    as_json,
    begin,
    leave_unprepared,
    set_up,
    was_new,
)
from queuectl_core.store.postgres.faults import (
    CLASHES,
    NoAnswer,
    is_hopeless,
    is_lost,
    may_come_back,
    translating,
)
from queuectl_core.store.postgres.requests import MOST_CLASHES, announced, channel, fresh_key, pauses
from queuectl_core.store.site import place_of
from queuectl_core.store.statements import Kind, Many, Play, Row, Rows, Statement, Transaction, Wake

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds for which the server is tried again: a console shows its trouble, and asks again by itself."""

DOUBT = 20.0
"""The same where a change was perhaps made."""

LIMIT = 30.0
"""Seconds for which one answer is waited for."""


class _Sent(NamedTuple):
    """A change on its way: its key, and its play once that is known."""

    key: bytes
    plays: list[Play[Any]]


class _Line:
    """One connection, made when it is first asked for and whenever it was lost; used by one at a time."""

    def __init__(self, address: Address) -> None:
        self.lock = asyncio.Lock()
        self._address = address
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def connection(self, deadline: float, *, insists: bool = False) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """The connection, fit for use. Raises psycopg.Error once the deadline has passed; or at once where nobody says
        that the server comes back, unless it `insists`."""
        if self._connection is not None and not self._connection.closed:
            return self._connection
        for pause in pauses():
            try:
                self._connection = await self._connected()
                return self._connection
            except psycopg.Error as error:
                if not (insists or may_come_back(error)) or time.monotonic() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("pauses do not end")

    async def _connected(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """A new connection to a store of ours: it may have been migrated since the one before."""
        address = self._address
        connection = await AwaitedBounded.connect(address.conninfo, **arguments(address))
        connection.time_limit = LIMIT
        try:
            set_up(connection, address)
            [(backend,)] = await (await connection.execute(BACKEND)).fetchall()
            leave_unprepared(connection, backend, address)
            rows = await (await connection.execute(schema.LOOK, (address.schema,))).fetchall()
            schema.refuse_unless_current(schema.version_from(rows, address), address)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def drop(self) -> None:
        """Give the connection up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class AsyncPostgresStore:
    """Connections to a store, one for reads, one for writes and one to watch.

    Open it with `await AsyncPostgresStore.open(home)`, and close it. Transactions of one kind follow each other; a read
    never waits for a write.
    """

    def __init__(self, home: Home, *, read_only: bool, clock: Callable[[], int] | None) -> None:
        if home.url is None:
            raise InvalidInput("a PostgreSQL store has a URL", "give one with --store")
        self.home = home
        self._address = parse_address(home.url)
        self._read_only = read_only
        self._given_clock = clock
        self._queries = QUERIES if clock is None else TEST_QUERIES
        self._place = place_of(home)
        self._doorbell = Doorbell(home)
        self._reads, self._writes, self._watch = (_Line(self._address) for _ in range(3))
        self._offset_ms = 0
        self.clock: Callable[[], int] = clock or self._server_time
        self._closed = False

    @classmethod
    async def open(cls, home: Home, *, read_only: bool = False, clock: Callable[[], int] | None = None) -> Self:
        """Open the store, which must have been made. Raises a StoreError where it cannot be used.

        With `read_only` nothing of the store is changed. A transaction that writes raises StoreReadOnly then.
        """
        store = cls(home, read_only=read_only, clock=clock)
        if not read_only:
            await asyncio.to_thread(prepare_home, home)
            await asyncio.to_thread(prepare_folders, home)
        try:
            with store._translating():
                await store._look()
        except BaseException:
            await store.close()
            raise
        return store

    async def _look(self) -> None:
        """Learn how far the server's clock is from ours, over a first connection."""
        connection = await self._reads.connection(time.monotonic() + PATIENCE)
        cursor = await connection.execute("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
        [(now,)] = await cursor.fetchall()
        self._offset_ms = now - time.time_ns() // 1_000_000

    def _server_time(self) -> int:
        """The present instant (ms) by the server's clock, as it stood to ours when the store was opened."""
        return time.time_ns() // 1_000_000 + self._offset_ms

    async def run(self, transaction: Transaction[T]) -> T:
        """Run a transaction and commit it; see `AsyncStore.run`."""
        if transaction.kind is not Kind.READ and self._read_only:
            raise StoreReadOnly(f"{self._address.shown} was opened to be read alone", "open it without --read-only")
        line = self._reads if transaction.kind is Kind.READ else self._writes
        return await asyncio.shield(asyncio.ensure_future(self._run(line, transaction)))

    async def _run(self, line: _Line, transaction: Transaction[T]) -> T:
        async with line.lock:
            self._refuse_closed()
            sent = _Sent(fresh_key(), [])
            with self._translating():
                play: Play[T] = await self._until_done(line, lambda c: self._attempt(c, transaction, sent))
        if transaction.kind is not Kind.READ:
            self._doorbell.ring(play.wakes)
        return play.outcome()

    async def _until_done(
        self, line: _Line, attempt: Callable[[psycopg.AsyncConnection[tuple[Any, ...]]], Awaitable[T]]
    ) -> T:
        """Attempt it until it succeeds, or cannot; over a new connection where the one before was lost."""
        deadline = time.monotonic() + PATIENCE
        clashes = losses = 0
        in_doubt = False
        for pause in pauses():
            if losses > 1:  # As in the store of commands and workers.
                await asyncio.sleep(pause)
            connection = await line.connection(deadline, insists=in_doubt)
            try:
                return await attempt(connection)
            except CLASHES:
                clashes += 1
                if clashes > MOST_CLASHES:
                    raise
                await asyncio.sleep(min(pause, 0.01 * clashes))
            except psycopg.Error as error:
                if isinstance(error, NoAnswer) and not in_doubt:
                    # Whoever is told that it failed does it again: so a server that restarts is waited for.
                    in_doubt, deadline = True, time.monotonic() + DOUBT
                if is_hopeless(error) or not is_lost(error, connection) or time.monotonic() > deadline:
                    raise
                losses += 1
                await line.drop()
        raise AssertionError("pauses do not end")

    async def _attempt(
        self, connection: psycopg.AsyncConnection[tuple[Any, ...]], transaction: Transaction[T], sent: _Sent
    ) -> Play[T]:
        """Begin, play and commit; or roll back and raise. A change that was committed before is not made again."""
        writes = transaction.kind is not Kind.READ
        now = self._given_clock() if self._given_clock is not None else None
        text = begin(transaction.kind, self._address.schema, sent.key if writes else None, now)
        try:
            begun = await connection.execute(text.encode(), prepare=False)
            if writes and not was_new(begun):
                await connection.execute("ROLLBACK")
                return sent.plays[-1]
            play = await self._play(connection, transaction)
            if play.wakes:
                await self._announce(connection, play.wakes)
            sent.plays.append(play)
            await self._commit(connection)
        except BaseException:
            if not connection.closed:
                with contextlib.suppress(psycopg.Error):
                    await connection.execute("ROLLBACK")
            raise
        return play

    @staticmethod
    async def _commit(connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        try:
            await connection.execute("COMMIT")
        except psycopg.Error as error:
            raise NoAnswer(str(error)) if is_lost(error, connection) else error from error

    async def _play(self, connection: psycopg.AsyncConnection[tuple[Any, ...]], transaction: Transaction[T]) -> Play[T]:
        play = Play(transaction)
        request = play.advance(None)
        while request is not None:
            request = play.advance(await self._perform(connection, request))
        return play

    async def _perform(self, connection: psycopg.AsyncConnection[tuple[Any, ...]], request: Statement | Many) -> Rows:
        query = self._queries[request.name]
        if isinstance(request, Many) and query.startswith(COPIES):
            copying = connection.cursor()
            async with copying.copy(query.encode()) as copy:
                for row in request.rows:
                    await copy.write_row(cast(Row, row))
            return [(copying.rowcount,)]
        if isinstance(request, Many):
            cursor = await connection.execute(query, {"rows": as_json(request.rows), "place": self._place})
            return [(cursor.rowcount,)]
        values: dict[str, Any] = dict(request.values)
        if self._given_clock is not None:
            values["now"] = self._given_clock()
        cursor = await connection.execute(query, values)
        return await cursor.fetchall() if cursor.description is not None else []

    async def _announce(self, connection: psycopg.AsyncConnection[tuple[Any, ...]], wakes: Iterable[Wake]) -> None:
        told = (channel(self._address.schema), announced(wakes))
        await connection.execute("SELECT pg_notify(%s, %s)", told)

    async def data_version(self) -> int:
        """A number that differs once anybody has committed since the last call."""
        return await asyncio.shield(asyncio.ensure_future(self._data_version()))

    async def _data_version(self) -> int:
        async def ask(connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> int:
            cursor = await connection.execute(self._queries["data_version"])
            [(version,)] = await cursor.fetchall()
            return int(version)

        async with self._watch.lock:
            self._refuse_closed()
            with self._translating():
                return await self._until_done(self._watch, ask)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreError(f"{self._address.shown} is closed", "open it again")

    def _translating(self) -> AbstractContextManager[None]:
        return translating(self._address.shown)

    async def close(self) -> None:
        """Give the connections up; closing twice is harmless."""
        # What still runs, its caller being gone, comes to its end first.
        async with self._reads.lock, self._writes.lock, self._watch.lock:
            self._closed = True
            for line in (self._reads, self._writes, self._watch):
                await line.drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
