"""Every store behind one blocking face, so that one suite of tests runs on all of them.

An engine has `run`, which takes a transaction, and a clock that stands still until a test moves it.
A new kind of store is added to `ENGINES`; no test knows which it runs on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import psycopg

from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home
from queuectl_core.store.postgres.async_store import AsyncPostgresStore
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Transaction

T = TypeVar("T")

NOON = 1_700_000_040_000
"""When every test begins: ms since the epoch, and the beginning of a minute."""


class Clock:
    """Milliseconds since the epoch, as a test sets them."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


class Engine(Protocol):
    """A store as the tests see it."""

    clock: Clock

    def run(self, transaction: Transaction[T]) -> T:
        """Run a transaction to its end."""
        ...


class Blocking:
    """A blocking store as it is."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.clock = clock
        self._store = store

    def run(self, transaction: Transaction[T]) -> T:
        return self._store.run(transaction)


class BlockingSqlite(Blocking):
    """`SqliteStore`."""


class BlockingPostgres(Blocking):
    """`PostgresStore`."""


class Awaited:
    """An awaited store, on an event loop of its own."""

    def __init__(self, store: AsyncSqliteStore | AsyncPostgresStore, clock: Clock, loop: asyncio.Runner) -> None:
        self.clock = clock
        self._store = store
        self._loop = loop

    def run(self, transaction: Transaction[T]) -> T:
        return self._loop.run(self._store.run(transaction))


@contextmanager
def blocking_sqlite(folder: Path) -> Iterator[Engine]:
    """The store of commands and workers, in `folder`."""
    clock = Clock()
    with SqliteStore(Home(str(folder)), clock=clock) as store:
        yield BlockingSqlite(store, clock)


@contextmanager
def awaited_sqlite(folder: Path) -> Iterator[Engine]:
    """The store of the console, in `folder`."""
    clock = Clock()
    with asyncio.Runner() as loop:
        store = loop.run(AsyncSqliteStore.open(Home(str(folder)), clock=clock))
        try:
            yield Awaited(store, clock, loop)
        finally:
            loop.run(store.close())


@contextmanager
def blocking_postgres(folder: Path, url: str) -> Iterator[Engine]:
    """The store of commands and workers on the server at `url`."""
    clock = Clock()
    with PostgresStore(Home(str(folder), url), clock=clock) as store:
        yield BlockingPostgres(store, clock)


@contextmanager
def awaited_postgres(folder: Path, url: str) -> Iterator[Engine]:
    """The store of the console on the server at `url`."""
    clock = Clock()
    with asyncio.Runner() as loop:
        store = loop.run(AsyncPostgresStore.open(Home(str(folder), url), clock=clock))
        try:
            yield Awaited(store, clock, loop)
        finally:
            loop.run(store.close())


def emptied(url: str) -> str:
    """The URL of a store on a server, with everything in it gone."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'queuectl'").fetchall()
        listed = ", ".join(f"queuectl.{name}" for (name,) in tables)
        connection.execute(f"TRUNCATE {listed} RESTART IDENTITY".encode())
        connection.execute("INSERT INTO queuectl.versions (only_one, settings) VALUES (1, 0)")
    return url


ON_SERVER: dict[str, Callable[[Path, str], AbstractContextManager[Engine]]] = {
    "postgres": blocking_postgres,
    "asyncpostgres": awaited_postgres,
}

IN_HOME: dict[str, Callable[[Path], AbstractContextManager[Engine]]] = {
    "sqlite": blocking_sqlite,
    "aiosqlite": awaited_sqlite,
}

ENGINES = [*IN_HOME, *ON_SERVER]


Opener = Callable[[Path], AbstractContextManager[Engine]]


def opener(name: str, url: Callable[[], str]) -> Opener:
    """What opens an empty store of that kind in a folder; `url` is asked where it takes a server."""
    if name in IN_HOME:
        return IN_HOME[name]
    return lambda folder: ON_SERVER[name](folder, emptied(url()))
