"""From a home or a URL to an open store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from queuectl_core.model.errors import InvalidInput
from queuectl_core.store.home import find_home
from queuectl_core.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from queuectl_core.store.sqlite.async_store import AsyncSqliteStore


def open_store(home: str | None = None, url: str | None = None, *, holds_schema: bool = False) -> SqliteStore:
    """Open the store for blocking use, making it where there is none; a context manager.

    `home` is a directory; None means QUEUECTL_HOME or the platform's. `url` is that of a PostgreSQL store;
    None means QUEUECTL_STORE. Raises InvalidInput for a URL we cannot use, or a StoreError.
    """
    refuse_url(url)
    return SqliteStore(find_home(home), holds_schema=holds_schema)


async def open_async_store(
    home: str | None = None, url: str | None = None, *, read_only: bool = False
) -> AsyncSqliteStore:
    """Open the store for awaited use; as `open_store`.

    With `read_only` nothing is made, migrated or written: a store that is missing or of an older version is a
    StoreError then, and so is whatever would change it.
    """
    from queuectl_core.store.sqlite.async_store import AsyncSqliteStore

    refuse_url(url)
    return await AsyncSqliteStore.open(find_home(home), read_only=read_only)


def refuse_url(url: str | None) -> None:
    """Raise InvalidInput for a store URL: this version keeps its queue in a home alone."""
    chosen = url or os.environ.get("QUEUECTL_STORE")
    if not chosen:
        return
    scheme = chosen.partition("://")[0] if "://" in chosen else ""
    if scheme in ("postgresql", "postgres"):
        raise InvalidInput("this version has no PostgreSQL store yet", "leave --store and QUEUECTL_STORE unset")
    raise InvalidInput("--store takes a postgresql:// URL alone", "name a directory with --home")
