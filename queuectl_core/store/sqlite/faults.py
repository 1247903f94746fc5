"""What SQLite's errors mean to the person who meets them: one sentence, and what to do."""

from __future__ import annotations

import sqlite3

from queuectl_core.model.errors import (
    NotAStore,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreReadOnly,
)


def translated(error: sqlite3.Error, path: str) -> StoreError:
    """The store error that says what an SQLite error on the file at `path` means."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy(f"{path} is held by another process", "try again, or see who with 'queuectl doctor'")
        case sqlite3.SQLITE_FULL:
            return StoreFull(f"no room left for {path}", "free some space and try again; nothing was changed")
        case sqlite3.SQLITE_READONLY:
            return StoreReadOnly(f"{path} cannot be written to", "mend its permissions or choose another --home")
        case sqlite3.SQLITE_CANTOPEN:
            return StoreError(f"{path} cannot be opened", "check that it is a readable file in a writable directory")
        case sqlite3.SQLITE_CORRUPT:
            return StoreDamaged(f"{path} is damaged ({error})", "restore a backup; 'queuectl doctor' tells more")
        case sqlite3.SQLITE_NOTADB:
            return NotAStore(f"{path} is not a queuectl store", "move it away or choose another --home")
        case sqlite3.SQLITE_IOERR:
            return StoreError(f"{path}: {error}", "check the disk: it may be full or failing; nothing was changed")
        case _:
            return StoreError(f"{path}: {error}", "run 'queuectl doctor'")
