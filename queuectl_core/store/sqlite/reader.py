"""A connection of the awaited store that reads, and how one is opened that can do nothing else.

Read-only is SQLite's `mode=ro` with `query_only`: nothing is made or migrated, no lock file or bell of ours is
touched. To read a log safely beside writers, SQLite keeps its two files beside the database (`-wal`, `-shm`) and makes
them, empty, where they are missing and the directory lets it. Where it does not, and no log is there, nobody has the
store open: the file alone is the store, and it is read as `immutable`, which takes no locks. Since that would miss what
somebody commits later, each use first looks whether a log has appeared or the file has changed, and opens it anew then.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from typing import Self
from urllib.parse import quote

import aiosqlite

from queuectl_core.model.errors import StoreError
from queuectl_core.store.home import Home, cannot_use, refuse_link, refuse_network
from queuectl_core.store.sqlite import schema
from queuectl_core.store.sqlite.connecting import PRAGMAS

CANNOT_SHARE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""What SQLite says where it may not make the files by which readers and writers share a log."""


async def connected(database: str, busy_seconds: float, *, pragmas: tuple[str, ...] = PRAGMAS) -> aiosqlite.Connection:
    """A connection to a path or a `file:` URI, set up. Raises sqlite3.Error, leaving none behind."""
    uri = database.startswith("file:")
    connection = await aiosqlite.connect(database, timeout=busy_seconds, isolation_level=None, uri=uri)
    try:
        for pragma in pragmas:
            await connection.execute(pragma)
    except BaseException:
        await connection.close()
        raise
    return connection


class Reader:
    """One connection for reads, opened by `open` or at its first use; once closed it stays so."""

    def __init__(self, home: Home, busy_seconds: float, *, read_only: bool) -> None:
        self.openings = 0
        """How often it was opened: once, and again where a store that was read by itself came into use."""
        self._home = home
        self._busy_seconds = busy_seconds
        self._read_only = read_only
        self._connection: aiosqlite.Connection | None = None
        self._seen: tuple[int, ...] | None = None
        """How the file was when it was opened as `immutable`; None where it was not."""
        self._closed = False

    def another(self) -> Self:
        """A reader of the same store, not open yet."""
        return type(self)(self._home, self._busy_seconds, read_only=self._read_only)

    async def open(self) -> None:
        """Connect. Raises sqlite3.Error, or a StoreError where the store would have to be made or changed first."""
        self.openings += 1
        if not self._read_only:
            self._connection = await connected(self._home.database, self._busy_seconds)
            return
        self._refuse_missing()
        try:
            self._seen = None
            self._connection = await self._connected_read_only("mode=ro")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in CANNOT_SHARE or self._has_log():
                raise
            self._seen = self._look()
            self._connection = await self._connected_read_only("immutable=1")

    async def connection(self) -> aiosqlite.Connection:
        """The connection, fit for use now. Raises as `open`, and StoreError once it was closed."""
        if self._closed:
            raise StoreError(f"{self._home.database} is closed", "open it again")
        if self._seen is not None and (self._has_log() or self._look() != self._seen):
            await self._disconnect()
        if self._connection is None:
            await self.open()
        assert self._connection is not None
        return self._connection

    async def close(self) -> None:
        """Give the connection up for good; closing twice is harmless."""
        self._closed = True
        await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connected_read_only(self, how: str) -> aiosqlite.Connection:
        uri = f"file:{quote(self._home.database)}?{how}"
        await asyncio.to_thread(_refuse_older, uri, self._home)
        return await connected(uri, self._busy_seconds, pragmas=("PRAGMA query_only = ON",))

    def _look(self) -> tuple[int, ...]:
        try:
            found = os.stat(self._home.database)
        except OSError:
            return ()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _has_log(self) -> bool:
        try:
            return os.stat(f"{self._home.database}-wal").st_size > 0
        except OSError:
            return False

    def _refuse_missing(self) -> None:
        """Raise a StoreError where there is no store, or none that can be read safely."""
        try:
            os.stat(self._home.database)
        except (FileNotFoundError, NotADirectoryError):
            hint = "make one with 'queuectl init', or choose another --home"
            raise StoreError(f"there is no store in {self._home.path}", hint) from None
        except OSError as error:
            raise cannot_use(self._home.database, error) from error
        refuse_link(self._home.database)
        refuse_network(self._home.path)


def _refuse_older(uri: str, home: Home) -> None:
    """Raise a StoreError where the schema is not the present one.

    It is also the first time that SQLite touches its files, so this raises sqlite3.Error where they cannot be used.
    """
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        older = schema.needs_migration(connection, home.database, schema.VERSION)
    if older:
        hint = "open it once without --read-only, which brings it up to date"
        raise StoreError(f"{home.database} is empty or of an older version", hint)
