"""From a home, and perhaps the URL of a server, to an open store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queuectl_core.store.home import Home, find_home

if TYPE_CHECKING:
    from queuectl_core.store.contract import AsyncStore, Store


def open_store(home: str | None = None, url: str | None = None, *, holds_schema: bool = False) -> Store:
    """Open the store for blocking use, making it in its home where there is none; a context manager.

    `home` is a directory; None means QUEUECTL_HOME or the platform's. `url` is that of a PostgreSQL store, None means
    QUEUECTL_STORE. Raises InvalidInput for a URL we cannot use, or a StoreError.
    """
    return open_home(find_home(home, url), holds_schema=holds_schema)


async def open_async_store(home: str | None = None, url: str | None = None, *, read_only: bool = False) -> AsyncStore:
    """Open the store for awaited use; as `open_store`.

    With `read_only` nothing is made, migrated or written: a store that is missing or of an older version is a
    StoreError then, and so is whatever would change it.
    """
    return await open_async_home(find_home(home, url), read_only=read_only)


def open_home(home: Home, *, holds_schema: bool = False, makes: bool = True, listens: bool = False) -> Store:
    """Open the store of a home for blocking use. Raises a StoreError.

    `holds_schema` is for those who stay: it keeps migrations away while it is open. Without `makes` a store that is not
    there is an error. One that `listens` hears what is announced on other hosts.
    """
    # Here, since a plain command needs one of the two, and pays for each import.
    if home.url is not None:
        from queuectl_core.store.postgres.store import PostgresStore

        return PostgresStore(home, stays=holds_schema, listens=listens)
    from queuectl_core.store.sqlite.store import SqliteStore

    return SqliteStore(home, holds_schema=holds_schema, makes=makes)


def make_home(home: Home) -> None:
    """Make the store of a home, or bring it up to date. Raises a StoreError."""
    if home.url is not None:
        from queuectl_core.store.postgres.store import make_store

        make_store(home)
    open_home(home).close()


async def open_async_home(home: Home, *, read_only: bool = False) -> AsyncStore:
    """Open the store of a home for awaited use. Raises a StoreError."""
    if home.url is not None:
        from queuectl_core.store.postgres.async_store import AsyncPostgresStore

        return await AsyncPostgresStore.open(home, read_only=read_only)
    from queuectl_core.store.sqlite.async_store import AsyncSqliteStore

    return await AsyncSqliteStore.open(home, read_only=read_only)
