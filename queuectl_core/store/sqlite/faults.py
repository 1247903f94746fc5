"""What SQLite's errors mean to the person who meets them: one sentence, and what to do."""

from __future__ import annotations

import os
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
            return _busy(path)
        case sqlite3.SQLITE_FULL:
            return StoreFull(f"no room left for {path}", "free some space and try again; nothing was changed")
        case sqlite3.SQLITE_READONLY:
            return StoreReadOnly(f"{path} cannot be written to", "mend its permissions or choose another --home")
        case sqlite3.SQLITE_CANTOPEN:
            return StoreError(f"{path} cannot be opened", _to_open(path))
        case sqlite3.SQLITE_CORRUPT:
            return StoreDamaged(f"{path} is damaged ({error})", "restore a backup; 'queuectl doctor' tells more")
        case sqlite3.SQLITE_NOTADB:
            return NotAStore(f"{path} is not a queuectl store", "move it away or choose another --home")
        case sqlite3.SQLITE_IOERR:
            return StoreError(f"{path}: {error}", "check the disk: it may be full or failing; nothing was changed")
        case _:
            return StoreError(f"{path}: {error}", "run 'queuectl doctor'")


def _to_open(path: str) -> str:
    """What to do about a database that is there and cannot be opened."""
    folder = os.path.dirname(path)
    if os.access(path, os.R_OK) and not os.access(folder, os.W_OK):
        return f"{folder} cannot be written to; look at its jobs with 'queuectl-tui --read-only'"
    return "check that it is a readable file in a writable directory"


def _busy(path: str) -> StoreBusy:
    """The error that somebody holds the store for too long; it says who, where the kernel does."""
    from queuectl_core.store.home import Home
    from queuectl_core.store.sqlite.holders import writer

    what, found = f"{path} is held by another process", writer(Home(os.path.dirname(path)))
    if found is None:
        return StoreBusy(what, "try again, or see who with 'queuectl doctor'")
    if found.stopped:
        hint = f"let it go on with 'kill -CONT {found.pid}', or end it, which undoes what it was about to change"
        return StoreBusy(f"{what}, which is stopped (pid {found.pid})", hint)
    return StoreBusy(f"{what} (pid {found.pid})", "try again once it is done")
